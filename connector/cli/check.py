"""`connector check`: every mistake of a configuration at once; with `--live` the answers of brokers and vendors too."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.cli._options import AsJson, Config
from connector.errors import ConfigError, Mistake
from connector.operations.formatting import counted
from connector.service.preflight.findings import Finding, Severity

if TYPE_CHECKING:
    from connector.settings.values import Settings

Live = Annotated[
    bool,
    typer.Option("--live", help="Also ask the brokers, topics and vendors, for at most 30 s. Changes nothing there."),
]

_MARKS = {Severity.OK: ("✓", "green"), Severity.WARN: ("!", "yellow"), Severity.FAIL: ("✗", "bold red")}


def check(
    config: Config,
    live: Live = False,
    sample: Annotated[
        str | None,
        typer.Option(
            "--sample",
            metavar="FILE",
            help="Events to hold the routes against: one JSON event, or one a line, without key and headers; - reads "
            "stdin.",
        ),
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option("--topic", metavar="T", help="Where --sample is from; may be left out where the routes read one."),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Count warnings as mistakes: all but secrets and files that are missing on this machine, and what "
            "--live warns of.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong in a configuration file, all of it at once, and what would be right.

    Warnings are about what can be run and is seldom meant. A route silences one by its name, under accept.

    Exit status 0: it can be run (what is missing here, such as a secret, is a warning); 1: with --live, something out
    there fails; 2: the file is wrong, or with --strict has warnings.

    Example: connector check --config connector.yaml --strict --sample events.ndjson
    """
    settings, mistakes, found = _read(config, sample, topic, strict=strict)
    if not as_json:
        _print_result(settings, mistakes, found)
    findings = _ask(settings) if live and settings is not None else None
    failed = findings is not None and any(finding.severity == "failed" for finding in findings)
    if as_json:
        typer.echo(_json(mistakes, found, findings, ok=not mistakes and not failed))
    elif findings is not None:
        print_findings(findings)
    if mistakes:
        raise typer.Exit(2)
    if failed:
        raise typer.Exit(1)


def _read(
    config: Path, sample: str | None, topic: str | None, *, strict: bool
) -> tuple[Settings | None, Sequence[Mistake], Sequence[Mistake]]:
    """Return the settings (None: the file cannot be run), its mistakes and its warnings.

    Raises ConfigError where the sample cannot be read.
    """
    from connector.config.findings import unaccepted
    from connector.config.load import load
    from connector.config.sample import read_sample, sample_findings
    from connector.config.warnings import OF_THIS_MACHINE, refusals, warnings, warnings_of_file

    if topic is not None and sample is None:
        raise ConfigError([Mistake("--topic", "says where --sample is from: give --sample, too")])
    content = None if sample is None else _read_sample(sample)
    try:
        settings = load(config)
    except ConfigError as error:
        return None, error.mistakes, ()
    mistakes, found = refusals(settings), [*warnings(settings), *warnings_of_file(settings, config)]
    if sample is not None and content is not None:
        found += sample_findings(settings, read_sample(settings, _named(sample), content, topic))
    found = unaccepted(settings, found)
    if strict:
        mistakes += [each for each in found if each.name not in OF_THIS_MACHINE]
        found = [each for each in found if each.name in OF_THIS_MACHINE]
    return settings, mistakes, found


def _read_sample(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ConfigError([Mistake("--sample", f"{file} cannot be read: {error.strerror}")]) from error


def _named(file: str) -> str:
    return "standard input" if file == "-" else file


def _ask(settings: Settings) -> list[Finding]:
    import asyncio

    from connector.clock import SystemClock
    from connector.service.preflight.check import check_live

    with Console(stderr=True).status("Asking the brokers and vendors …"):
        return asyncio.run(check_live(settings, SystemClock()))


def _json(
    mistakes: Sequence[Mistake], warnings: Sequence[Mistake], findings: Sequence[Finding] | None, *, ok: bool
) -> str:
    live = {} if findings is None else {"live": [finding.as_json() for finding in findings]}
    return json.dumps(
        {
            "ok": ok,
            "mistakes": [_as_json(mistake) for mistake in mistakes],
            "warnings": [_as_json(warning) for warning in warnings],
            **live,
        },
        indent=2,
        ensure_ascii=False,
    )


def _as_json(mistake: Mistake) -> dict[str, str]:
    return {"path": mistake.path, "message": mistake.message, "name": mistake.name}


def _print_result(settings: Settings | None, mistakes: Sequence[Mistake], warnings: Sequence[Mistake]) -> None:
    for mistake in mistakes:
        typer.echo(mistake)
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    if any(each.name for each in (*mistakes, *warnings)):
        typer.echo("docs/mistakes.md explains the names in brackets")
    if settings is None:
        typer.echo(counted(len(mistakes), "mistake"))
        return
    typer.echo(summary(settings))
    typer.echo(
        f"{counted(len(mistakes), 'mistake') if mistakes else 'no mistakes'}, {counted(len(warnings), 'warning')}"
    )


def summary(settings: Settings) -> str:
    """Return the configuration on one screen: what is read, where it goes and as what."""
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


def print_findings(findings: Sequence[Finding], console: Console | None = None) -> None:
    """Print a table of the findings, one block for each section, and how many fail or warn."""
    console = console or Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, expand=False)
    table.add_column(width=1)
    table.add_column(max_width=34, overflow="fold")
    table.add_column(overflow="fold")
    section = ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            table.add_row("", "", "")
            table.add_row("", Text(section, style="bold"), "")
        table.add_row(*_finding_row(finding))
    console.print(table)
    console.print(_findings_total(findings))


def _finding_row(finding: Finding) -> tuple[Text, Text, Text]:
    mark, style = _MARKS[finding.severity]
    says = Text(finding.says)
    if finding.todo:
        says.append(f"\n→ {finding.todo}", style=style)
    return Text(mark, style=style), Text(finding.subject), says


def _findings_total(findings: Sequence[Finding]) -> Text:
    counts = {severity: sum(finding.severity is severity for finding in findings) for severity in Severity}
    worst = next((severity for severity in (Severity.FAIL, Severity.WARN) if counts[severity]), Severity.OK)
    parts = [f"{counts[severity]} {_MARKS[severity][0]}" for severity in Severity]
    return Text("\n" + "   ".join(parts), style=_MARKS[worst][1])
