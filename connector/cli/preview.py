"""`connector preview`: what would be sent for an event, and why not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli._options import AsJson, Config

if TYPE_CHECKING:
    from connector.model import Record
    from connector.service.preview import Previewer, RoutePreview
    from connector.settings.values import Settings


def preview(
    config: Config,
    event: Annotated[
        str | None, typer.Option("--event", metavar="FILE", help="The event; - reads it from stdin.")
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option("--topic", metavar="T", help="Where --event is from; may be left out where one topic fits."),
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

    What the configuration's `redact` names is hidden, and so is every field that depends on it.

    An event from a file has no key and no headers: routes that use those are seen with --from.

    Exit status 0: sent or rightly skipped; 1: a dead letter, or it cannot be read; 2: wrong configuration or arguments.

    Example: connector preview --config connector.yaml --event order.json
    """
    from connector.config.load import load
    from connector.service.preview import Previewer

    settings = load(config)
    previewer = Previewer(settings)
    record = _record(previewer, event, topic, source)
    previews = previewer.preview(record)
    if live:
        previews = _with_vendor_names(settings, previews)
    if as_json:
        content = {"topic": record.topic, "routes": [each._asdict() for each in previews]}
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        heading = f"{_described(record, event)}, {len(record.value or b''):,} bytes"
        typer.echo("\n\n".join([heading, *map(_text, previews)]))
    if any(each.outcome == "dead_letter" for each in previews):
        raise typer.Exit(1)


def _record(previewer: Previewer, event: str | None, topic: str | None, source: str | None) -> Record:
    """Return the record that the options name. Raises ConfigError where they name none, or more than one."""
    from connector.clock import SystemClock

    if (event is None) == (source is None):
        raise _mistake(
            "--event", "give the event: --event FILE, --event - or --from TOPIC/PARTITION/OFFSET, one of them"
        )
    if source is None:
        return previewer.record_from_event(_read_event(event or ""), topic, int(SystemClock.now() * 1000))
    if topic is not None:
        raise _mistake("--topic", "--from names the topic already")
    return previewer.read_record(source)


def _read_event(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise _mistake("--event", f"{file} cannot be read: {error.strerror}") from error


def _mistake(option: str, message: str) -> Exception:
    from connector.errors import ConfigError, Mistake

    return ConfigError([Mistake(option, message)])


def _with_vendor_names(settings: Settings, previews: list[RoutePreview]) -> list[RoutePreview]:
    """Return the previews with the vendor's name of each event, where it has any."""
    from connector.service.vendor_events import describe_events

    names = iter(describe_events(settings, [(each.sink, each.body) for each in previews if each.body is not None]))
    return [each if each.body is None else each._replace(vendor_event=next(names)) for each in previews]


def _described(record: Record, event: str | None) -> str:
    if event is None:
        return record.address
    return f"{'standard input' if event == '-' else event} as a record of {record.topic}"


def _text(preview: RoutePreview) -> str:
    target = f"{preview.sink}.{preview.method}" if preview.method else preview.sink
    if preview.route and preview.route != target:
        target += f" ({preview.route})"
    if preview.element is not None:
        target += f", item {preview.element}"
    if preview.outcome == "sent":
        body = json.dumps(preview.body, indent=2, ensure_ascii=False)
        name = "" if preview.vendor_event is None else f"\n  fires: {preview.vendor_event}"
        return f"{target}: sent, {preview.size:,} bytes of at most {preview.limit:,}{name}\n{body}"
    if preview.outcome == "dead_letter":
        return f"{target}: a dead letter, {preview.reason}\n  {preview.why}"
    return f"{target}: skipped\n  {preview.why}"
