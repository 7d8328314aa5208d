"""What the dlq commands share: the filters, the configuration they work on, progress, how times are shown."""

from __future__ import annotations

import functools
import inspect
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from connector.clock import SystemClock

if TYPE_CHECKING:
    from connector.deadletters.cause import FailureCause
    from connector.deadletters.filters import LetterFilters
    from connector.deadletters.scan import ReadProgress
    from connector.settings.values import Settings

_FILTERS = "Filters (each may be given several times; - means that a letter has none)"
_TIMES = "Filters by the time of the failure"


def _filter(name: str, text: str, metavar: str) -> Any:
    return Annotated[list[str] | None, typer.Option(f"--{name}", metavar=metavar, help=text, rich_help_panel=_FILTERS)]


def _moment(name: str, text: str) -> Any:
    return Annotated[str | None, typer.Option(f"--{name}", metavar="WHEN", help=text, rich_help_panel=_TIMES)]


_OPTIONS: Mapping[str, Any] = {
    "sink": _filter("sink", "The sink that could not be sent to.", "NAME"),
    "method": _filter("method", "The vendor's method, such as customEvent.", "NAME"),
    "route": _filter("route", "The route that failed.", "NAME"),
    "reason": _filter("reason", "Why it failed, such as unmappable or refused.", "WORD"),
    "message": _filter("message", "What was said, values aside; * stands for any text.", "TEXT"),
    "type": _filter("type", "The event's type or event_type.", "TEXT"),
    "topic": _filter("topic", "The topic that the event came from.", "NAME"),
    "status": _filter("status", "The vendor's HTTP status.", "NUMBER"),
    "since": _moment("since", "At this time or later: 2h (so long ago), or an ISO time such as 2025-01-31T00:00:00Z."),
    "until": _moment("until", "Before this time, written likewise."),
}


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `selection` is made from a filter option by each column."""

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        selection = make_selection({name: arguments.pop(name) for name in _OPTIONS})
        command(selection=selection, **arguments)

    # Selection is imported for type checkers alone, so that --help loads nothing.
    hints = get_type_hints(command, localns={"LetterFilters": Any}, include_extras=True)
    own = [
        each.replace(annotation=hints[each.name])
        for each in inspect.signature(command).parameters.values()
        if each.name != "selection"
    ]
    required = [each for each in own if each.default is inspect.Parameter.empty]
    others = [each for each in own if each.default is not inspect.Parameter.empty]
    filters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=annotation)
        for name, annotation in _OPTIONS.items()
    ]
    signature = inspect.Signature([*required, *filters, *others])
    with_options.__signature__ = signature  # type: ignore[attr-defined] # functions take any attribute
    with_options.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    return with_options


def make_selection(given: Mapping[str, Any]) -> LetterFilters:
    """The selection that the options name. Raises ConfigError for a reason or time that is none."""
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
            times[name] = None if given[name] is None else _time(given[name])
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


def _time(text: str) -> float:
    """`2h` (so long ago) or an ISO time with a zone → seconds since the epoch. Raises ValueError."""
    from connector.settings import units

    words = text.removesuffix(" ago")
    if words[:1].isdigit() and "-" not in words:
        return SystemClock.now() - units.duration(words)
    return units.moment(text, "time: 2h (so long ago), or one").timestamp()


@dataclass(frozen=True, slots=True)
class Context:
    """A configuration, and librdkafka's settings with every secret read."""

    settings: Settings
    conf: Mapping[str, Any]
    file: Path


def open_config(config: Path) -> Context:
    """Load the configuration and reach its brokers.

    Raises ConfigError for its mistakes, ConnectorError where a secret of Kafka's is missing or no broker lets us in.
    """
    from connector.cli._brokers import reach
    from connector.config.kafka_settings import resolve_kafka
    from connector.config.load import load
    from connector.operations.logs import configure_logs

    settings = load(config)
    configure_logs(level="error" if sys.stderr.isatty() else "warning")
    # Until an event loop takes over, SIGTERM ends a command as Ctrl-C does: locks and clients are let go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    conf = resolve_kafka(settings)
    reach(conf)
    return Context(settings, conf, config)


@contextmanager
def reading_progress() -> Iterator[ReadProgress]:
    """Shows on standard error how far the reading of a topic is, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("reading {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total, rate="")
            speed = bar.tasks[tasks[what]].speed
            bar.update(tasks[what], completed=done, rate=f"{speed:,.0f}/s" if speed else "")

        yield show


def replay_command(context: Context, cause: FailureCause) -> str | None:
    """The command that replays the letters of one cause and no others, ready to paste; None if none would."""
    if not cause.replayable:
        return None
    return shlex.join(["connector", "dlq", "replay", "--config", str(context.file), *cause.filters])


def clock_time(seconds: float) -> str:
    """A time as the commands show it, and as --since takes it: ISO 8601 in UTC, to the second."""
    return _on_the_calendar(seconds) or f"{seconds:.0f} s from 1970, beyond the calendar"


def record_time(milliseconds: int) -> str | None:
    """A record's timestamp as the commands show it: as the number it is beyond the calendar, which its producer may
    choose; None if it has none."""
    return None if milliseconds == -1 else _on_the_calendar(milliseconds / 1000) or f"{milliseconds} ms"


def _on_the_calendar(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None
