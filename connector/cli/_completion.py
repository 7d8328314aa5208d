"""What a shell completes after an option: names from the configuration that the line names before it, and fixed words.

Called on each press of the tab key: imports little, and says nothing rather than why a file cannot be read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

# What bash would read as something else than a part of a word.
_NOT_PLAIN = re.compile(r"[^\w@%+=:,./#-]")

Complete = Callable[[typer.Context, str], list[str]]


def sinks(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the sinks of the configuration whose names begin so."""
    return _beginning(incomplete, _section(ctx, "sinks"))


def topics(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the topics of the configuration whose names begin so; a pattern is no topic's name."""
    return _beginning(incomplete, [name for name in _section(ctx, "topics") if not name.startswith("^")])


def routes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the routes of the configuration whose names begin so."""
    from connector.config.routes import route_names

    return _beginning(incomplete, [name for name in route_names(_routes(ctx)) if name])


def methods(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the vendors' methods that a route of the configuration leads to, if their names begin so."""
    from connector.config.lenient import mapping

    return _beginning(incomplete, [str(mapping(route).get("to", "")).rpartition(".")[2] for route in _routes(ctx)])


def reasons(ctx: typer.Context, incomplete: str) -> list[str]:  # noqa: ARG001 - one signature with the others
    """Return the reasons of dead letters that begin so."""
    from connector.model import Reason

    return _beginning(incomplete, Reason)


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    found = dict.fromkeys(str(name) for name in names if name.startswith(incomplete))
    if os.environ.get("_CONNECTOR_COMPLETE") == "complete_bash":  # it puts a word into the line as it is
        return [_NOT_PLAIN.sub(r"\\\g<0>", name) for name in found]
    return list(found)


def _section(ctx: typer.Context, key: str) -> list[str]:
    from connector.config.lenient import mapping

    return list(mapping(_tree(ctx).get(key)))


def _routes(ctx: typer.Context) -> list[Any]:
    from connector.config.lenient import elements

    return elements(_tree(ctx).get("routes"))


def _tree(ctx: typer.Context) -> Mapping[str, Any]:
    """Return the configuration that the line names so far; empty if it names none that can be read."""
    from connector.config.yaml_file import read_tree
    from connector.errors import ConfigError

    file = ctx.params.get("config")
    if file is None:
        return {}
    try:
        return read_tree(Path(file).expanduser())[0]
    except ConfigError:
        return {}
