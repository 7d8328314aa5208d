"""`connector preview`: what would be sent for an event, and why not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from connector.cli._options import AsJson, Config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.model import Failure, Record
    from connector.routing import Router, Verdict
    from connector.settings.values import Settings


class Shown(NamedTuple):
    """What one route, or a sink before any route, makes of an event.

    `outcome` is sent, dead_letter or skipped; `why` says why it is not sent. `size` is the item's, `limit` a request's,
    in bytes. `vendor_event` is what the vendor calls the event that is fired, where it was asked.
    """

    sink: str
    route: str | None
    method: str | None
    outcome: str
    reason: str | None
    why: str
    size: int | None
    limit: int
    body: Mapping[str, Any] | None
    vendor_event: str | None = None


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
    from connector.clock import SystemClock
    from connector.config.load import load
    from connector.service.assembly import build_router

    settings = load(config)
    routers = {
        name: build_router(settings, name)
        for name in settings.sinks
        if any(route.sink == name for route in settings.routes)
    }
    record = _record(settings, routers, event, topic, source, int(SystemClock.now() * 1000))
    shown = [each for name, router in routers.items() for each in explained(settings, name, router, record)]
    if live:
        shown = _with_names(settings, shown)
    if as_json:
        content = {"topic": record.topic, "routes": [each._asdict() for each in shown]}
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        typer.echo(
            "\n\n".join([f"{_described(record, event)}, {len(record.value or b''):,} bytes", *map(_text, shown)])
        )
    if any(each.outcome == "dead_letter" for each in shown):
        raise typer.Exit(1)


def explained(settings: Settings, sink: str, router: Router, record: Record) -> list[Shown]:
    """What a sink makes of a record, a line a route of its topic."""
    from connector.service.assembly import limits_of

    explanation = router.explain(record)
    limit = limits_of(settings.sinks[sink]).max_bytes
    shown = [_verdict(settings, sink, verdict, record, limit) for verdict in explanation.verdicts]
    failure = explanation.failure
    if failure is not None:
        shown.append(_failed(sink, failure, limit))
    elif not shown:
        why = "a tombstone (no value) is skipped" if record.value is None else "no route of this sink reads the topic"
        shown.append(Shown(sink, None, None, "skipped", None, why, None, limit, None))
    return shown


def _with_names(settings: Settings, shown: list[Shown]) -> list[Shown]:
    """The same with the vendor's names, where `redact` does not hide the key."""
    from connector.cli._vendor_events import called_by_vendor, list_events
    from connector.redaction.payloads import MASK

    listed = list_events(settings, dict.fromkeys(each.sink for each in shown if each.body is not None))
    return [
        each._replace(vendor_event=called_by_vendor(each.body, listed[each.sink]))
        if each.body is not None and each.sink in listed and each.body.get("event_key") != MASK
        else each
        for each in shown
    ]


def _verdict(settings: Settings, sink: str, verdict: Verdict, record: Record, limit: int) -> Shown:
    from connector.model import Item
    from connector.routing.decode import decode
    from connector.service.readable_items import readable

    result = verdict.result
    if result is None:
        why = f"not taken: {verdict.when} does not hold"
        return Shown(sink, verdict.route, verdict.method, "skipped", None, why, None, limit, None)
    if not isinstance(result, Item):
        return _failed(sink, result, limit)
    body = readable(settings, result, decode(record.value or b""), record)
    return Shown(sink, verdict.route, verdict.method, "sent", None, "", len(result.body), limit, body)


def _failed(sink: str, failure: Failure, limit: int) -> Shown:
    return Shown(sink, failure.route, failure.method, "dead_letter", failure.reason, failure.message, None, limit, None)


def _text(shown: Shown) -> str:
    where = f"{shown.sink}.{shown.method}" if shown.method else shown.sink
    if shown.route and shown.route != where:
        where += f" ({shown.route})"
    if shown.outcome == "sent":
        body = json.dumps(shown.body, indent=2, ensure_ascii=False)
        name = "" if shown.vendor_event is None else f"\n  fires: {shown.vendor_event}"
        return f"{where}: sent, {shown.size:,} bytes of at most {shown.limit:,}{name}\n{body}"
    if shown.outcome == "dead_letter":
        return f"{where}: a dead letter, {shown.reason}\n  {shown.why}"
    return f"{where}: skipped\n  {shown.why}"


def _described(record: Record, event: str | None) -> str:
    if event is None:
        return record.address
    return f"{'standard input' if event == '-' else event} as a record of {record.topic}"


# --- the event --------------------------------------------------------------------------------------------------------


def _record(
    settings: Settings,
    routers: Mapping[str, Router],
    event: str | None,
    topic: str | None,
    source: str | None,
    now: int,
) -> Record:
    from connector.model import Record
    from connector.routing.plan import applies

    if (event is None) == (source is None):
        raise _mistaken(
            "--event", "give the event: --event FILE, --event - or --from TOPIC/PARTITION/OFFSET, one of them"
        )
    if source is not None:
        if topic is not None:
            raise _mistaken("--topic", "--from names the topic already")
        return _from_kafka(settings, source)
    value = _value(event or "")
    record = Record(topic or "", 0, 0, now, None, value, ())
    if topic is None:
        return record._replace(topic=_fitting(settings, routers, record))
    if not applies(_named(settings), topic):
        raise _mistaken("--topic", f"no route reads {topic}: the routes read {', '.join(_named(settings))}")
    return record


def _value(event: str) -> bytes:
    if event == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(event).read_bytes()
    except OSError as error:
        raise _mistaken("--event", f"{event} cannot be read: {error.strerror}") from error


def _fitting(settings: Settings, routers: Mapping[str, Router], record: Record) -> str:
    """The one topic that the routes read, or the one of them from which some route would send the event."""
    from connector.model import Item

    named = _named(settings)
    if len(named) == 1 and not named[0].startswith("^"):
        return named[0]
    fitting = [
        topic
        for topic in named
        if not topic.startswith("^")
        and any(
            isinstance(result, Item)
            for router in routers.values()
            for result in router.route(record._replace(topic=topic))
        )
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise _mistaken("--topic", f"the event would be sent from {' and from '.join(fitting)}: say which it is")
    raise _mistaken("--topic", f"no route would send the event; say which topic it is from: {', '.join(named)}")


def _named(settings: Settings) -> list[str]:
    return list(dict.fromkeys(topic for route in settings.routes for topic in route.topics))


def _from_kafka(settings: Settings, source: str) -> Record:
    from connector.cli._brokers import reach
    from connector.config.kafka_settings import resolve_kafka
    from connector.kafka.records import parse_address
    from connector.kafka.topic_reader import read_record

    try:
        address = parse_address(source)
    except ValueError as error:
        raise _mistaken("--from", str(error)) from None
    conf = resolve_kafka(settings)
    reach(conf)
    return read_record(conf, address)


def _mistaken(option: str, message: str) -> Exception:
    from connector.errors import ConfigError, Mistake

    return ConfigError([Mistake(option, message)])
