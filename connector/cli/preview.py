"""`connector preview`: what would be sent for an event, and why not."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli import _completion
from connector.cli._options import AsJson, Config

if TYPE_CHECKING:
    from connector.model import Record
    from connector.service.preview import FileRecord, Previewer, RoutePreview
    from connector.service.preview_summary import FileSummary
    from connector.settings.values import Settings


def preview(
    config: Config,
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="FILE", help="The event, or many of them as NDJSON; - reads them from stdin."),
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option(
            "--topic",
            metavar="T",
            help="Where --event is from; may be left out where one topic fits.",
            autocompletion=_completion.topics,
        ),
    ] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="TEXT", help="The key of --event's record.")] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="NAME=VALUE", help="A header of --event's record; any number of them."),
    ] = None,
    timestamp: Annotated[
        str | None,
        typer.Option("--timestamp", metavar="TIME", help="Kafka's time of --event's record, ISO 8601; default: now."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="T/P/O", help="A record in Kafka: topic/partition/offset. It is only read."),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask SailPlay what it calls the events that would be fired; fires none.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what each route makes of an event: the mapped body and its size, or why it is not sent. Sends nothing.

    All mistakes of a route are said at once, with the reason why fields came out null.

    What the configuration's `redact` names is hidden, and so is every field that depends on it.

    An event from a file has no key and no headers but those that --key and --header give.

    Of a file with an event a line, a summary says what becomes of them all.

    Exit status 0: sent or rightly skipped; 1: a dead letter, or it cannot be read; 2: wrong configuration or arguments.

    Example: connector preview --config connector.yaml --event order.json
    """
    from connector.cli._preview_text import file_text, record_text
    from connector.config.load import load
    from connector.service.preview import Previewer
    from connector.service.preview_summary import FileSummary

    settings = load(config)
    previewer = Previewer(settings)
    if (event is None) == (source is None):
        raise _mistake(
            "--event", "give the event: --event FILE, --event - or --from TOPIC/PARTITION/OFFSET, one of them"
        )
    given = None
    found: Record | FileSummary
    if source is not None:
        _refuse_beside_from({"--topic": topic, "--key": key, "--header": header, "--timestamp": timestamp})
        found = previewer.read_record(source)
    else:
        given = _given(key, header or [], timestamp)
        found = _read_file(previewer, event or "", topic, given, live=live)
    content: dict[str, Any]
    if isinstance(found, FileSummary):
        content, text, failed = found.as_json(), file_text(found, _source(event)), found.dead_letters > 0
    else:
        previews = previewer.preview(found, given)
        previews = _with_vendor_names(settings, previews) if live else previews
        content = {"topic": found.topic, "routes": [each.as_json() for each in previews]}
        text = record_text(found, _source(event), previews)
        failed = any(each.outcome == "dead_letter" for each in previews)
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False) if as_json else text)
    if failed:
        raise typer.Exit(1)


def _read_file(
    previewer: Previewer, file: str, topic: str | None, given: FileRecord, *, live: bool
) -> Record | FileSummary:
    """Return the record that a file's one event would be; of several events what becomes of them all."""
    from connector.clock import SystemClock
    from connector.service.event_file import split_events
    from connector.service.preview_file import summarise

    now = int(SystemClock.now() * 1000)
    with _opened(file) as lines:
        events = split_events(lines)
        if isinstance(events, bytes):
            return previewer.record_from_events([events], topic, now, given)
        if live:
            raise _mistake("--live", "the names are asked for one event, not for a file of many")
        return summarise(previewer, events, topic, now, given)


@contextmanager
def _opened(file: str) -> Iterator[Iterable[bytes]]:
    """Open the file of --event, - for standard input, and yield its lines."""
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as lines:
            yield lines
    except OSError as error:
        raise _mistake("--event", f"{file} cannot be read: {error.strerror}") from error


def _given(key: str | None, headers: Sequence[str], timestamp: str | None) -> FileRecord:
    """Return what the options say of the record. Raises ConfigError where one cannot be read."""
    from connector.service.preview import FileRecord
    from connector.settings import units

    pairs = [text.partition("=") for text in headers]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise _mistake("--header", f"{name!r} is no header: NAME=VALUE, such as ce_type=order.paid")
    try:
        time = None if timestamp is None else units.moment(timestamp, "time").timestamp()
    except ValueError as error:
        raise _mistake("--timestamp", str(error)) from None
    return FileRecord(
        None if key is None else os.fsencode(key),
        tuple((name, os.fsencode(value)) for name, _, value in pairs),
        None if time is None else round(time * 1000),
    )


def _refuse_beside_from(options: Mapping[str, object]) -> None:
    for option, value in options.items():
        if value is not None and value != []:
            what = "the topic already" if option == "--topic" else "a record of Kafka, which has its own"
            raise _mistake(option, f"--from names {what}")


def _mistake(option: str, message: str) -> Exception:
    from connector.errors import ConfigError, Mistake

    return ConfigError([Mistake(option, message)])


def _source(event: str | None) -> str | None:
    return "standard input" if event == "-" else event


def _with_vendor_names(settings: Settings, previews: list[RoutePreview]) -> list[RoutePreview]:
    """Return the previews with the vendor's name of each event, where it has any."""
    from connector.service.vendor_events import describe_events

    names = iter(describe_events(settings, [(each.sink, each.body) for each in previews if each.body is not None]))
    return [each if each.body is None else each._replace(vendor_event=next(names)) for each in previews]
