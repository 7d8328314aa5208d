"""`connector check`: every mistake of a configuration at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from connector.cli._options import AsJson, Config
from connector.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from connector.config.settings import Settings


def check(config: Config, as_json: AsJson = False) -> None:
    """Say what is wrong in a configuration file, all of it at once, and what would be right.

    Exit status 0: it can be run (what is missing here, such as a secret, is a warning); 2: it cannot.

    Example: connector check --config connector.yaml
    """
    from connector.config.load import load
    from connector.config.warnings import warnings

    settings: Settings | None = None
    mistakes: Sequence[Mistake] = ()
    found: Sequence[Mistake] = ()
    try:
        settings = load(config)
        found = warnings(settings)
    except ConfigError as error:
        mistakes = error.mistakes
    if as_json:
        typer.echo(_json(mistakes, found))
    else:
        _say(settings, mistakes, found)
    if mistakes:
        raise typer.Exit(2)


def _json(mistakes: Sequence[Mistake], warnings: Sequence[Mistake]) -> str:
    return json.dumps(
        {
            "ok": not mistakes,
            "mistakes": [{"path": mistake.path, "message": mistake.message} for mistake in mistakes],
            "warnings": [{"path": warning.path, "message": warning.message} for warning in warnings],
        },
        indent=2,
        ensure_ascii=False,
    )


def _say(settings: Settings | None, mistakes: Sequence[Mistake], warnings: Sequence[Mistake]) -> None:
    for mistake in mistakes:
        typer.echo(mistake)
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    if settings is None:
        typer.echo(_counted(len(mistakes), "mistake"))
        return
    typer.echo(summary(settings))
    typer.echo(f"no mistakes, {_counted(len(warnings), 'warning')}")


def summary(settings: Settings) -> str:
    """The configuration on one screen: what is read, where it goes and as what."""
    lines = [f"group {settings.group}, dead letters in {settings.dead_letters}", "sinks:"]
    lines += [
        f"  {name} ({sink.kind}, {sink.base_url}), consuming as {settings.group}.{name}"
        for name, sink in settings.sinks.items()
    ]
    lines.append("topics:")
    lines += [
        f"  {topic.name}" + (f", checked by {topic.schema.name}" if topic.schema else "")
        for topic in settings.topics.values()
    ]
    lines.append("routes:")
    for route in settings.routes:
        condition = f" when {route.when}" if route.when else ""
        lines.append(f"  {route.name}: {', '.join(route.topics)}{condition} → {route.sink}.{route.method}")
    return "\n".join(lines)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
