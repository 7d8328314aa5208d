"""Options that several commands have: the configuration, JSON output, and the filters of the dlq commands."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from connector.cli import _completion
from connector.clock import SystemClock

if TYPE_CHECKING:
    from connector.deadletters.filters import LetterFilters

Config = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]

_FILTERS = "Filters (each may be given several times; - means that a letter has none)"
_TIMES = "Filters by the time of the failure"


def _filter(name: str, text: str, metavar: str, complete: _completion.Complete | None = None) -> Any:
    option = typer.Option(f"--{name}", metavar=metavar, help=text, rich_help_panel=_FILTERS, autocompletion=complete)
    return Annotated[list[str] | None, option]


def _time_filter(name: str, text: str) -> Any:
    return Annotated[str | None, typer.Option(f"--{name}", metavar="WHEN", help=text, rich_help_panel=_TIMES)]


_FILTER_OPTIONS: Mapping[str, Any] = {
    "sink": _filter("sink", "The sink that could not be sent to.", "NAME", _completion.sinks),
    "method": _filter("method", "The vendor's method, such as customEvent.", "NAME", _completion.methods),
    "route": _filter("route", "The route that failed.", "NAME", _completion.routes),
    "reason": _filter("reason", "Why it failed, such as unmappable or refused.", "WORD", _completion.reasons),
    "message": _filter("message", "The failure's message, whatever values it has; * matches any text.", "TEXT"),
    "type": _filter("type", "The event's type or event_type.", "TEXT"),
    "topic": _filter("topic", "The topic that the event came from.", "NAME", _completion.topics),
    "status": _filter("status", "The vendor's HTTP status.", "NUMBER"),
    "since": _time_filter(
        "since", "At this time or later: 2h (so long ago), or an ISO time such as 2025-01-31T00:00:00Z."
    ),
    "until": _time_filter("until", "Before this time, written likewise."),
}


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command: its parameter `filters` is made from one option for each column."""

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        filters = make_filters({name: arguments.pop(name) for name in _FILTER_OPTIONS})
        command(filters=filters, **arguments)

    # LetterFilters is imported for type checkers alone, so that --help loads nothing.
    hints = get_type_hints(command, localns={"LetterFilters": Any}, include_extras=True)
    own = [
        each.replace(annotation=hints[each.name])
        for each in inspect.signature(command).parameters.values()
        if each.name != "filters"
    ]
    required = [each for each in own if each.default is inspect.Parameter.empty]
    others = [each for each in own if each.default is not inspect.Parameter.empty]
    filters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=annotation)
        for name, annotation in _FILTER_OPTIONS.items()
    ]
    signature = inspect.Signature([*required, *filters, *others])
    with_options.__signature__ = signature  # type: ignore[attr-defined] # functions take any attribute
    with_options.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    return with_options


def make_filters(given: Mapping[str, Any]) -> LetterFilters:
    """Return the filters that the options name. Raises ConfigError for an unknown reason and an unreadable time."""
    from connector.deadletters.filters import LetterFilters
    from connector.errors import ConfigError, Mistake
    from connector.model import Reason

    mistakes = [
        Mistake("--reason", f"{reason!r} is no reason of a dead letter: one of {', '.join(Reason)}")
        for reason in given["reason"] or ()
        if reason not in tuple(Reason)
    ]
    times: dict[str, float | None] = {}
    for name in ("since", "until"):
        try:
            times[name] = None if given[name] is None else _parse_time(given[name])
        except ValueError as error:
            mistakes.append(Mistake(f"--{name}", str(error)))
    if mistakes:
        raise ConfigError(mistakes)
    return LetterFilters(
        sinks=given["sink"] or (),
        methods=given["method"] or (),
        routes=given["route"] or (),
        reasons=given["reason"] or (),
        messages=given["message"] or (),
        types=given["type"] or (),
        topics=given["topic"] or (),
        statuses=given["status"] or (),
        since=times["since"],
        until=times["until"],
    )


def _parse_time(text: str) -> float:
    """Return the seconds since the epoch of `2h` (so long ago) or an ISO time with a zone. Raises ValueError."""
    from connector.settings import units

    words = text.removesuffix(" ago")
    if words[:1].isdigit() and "-" not in words:
        return SystemClock.now() - units.duration(words)
    return units.moment(text, "time: 2h (so long ago), or one").timestamp()
