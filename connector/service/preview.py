"""Previews what each route would send for a record, or why not, with what `redact` names hidden. Sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from connector.config.kafka_settings import resolve_kafka
from connector.errors import ConfigError, DecodeError, Mistake
from connector.kafka.topic_reader import read_record
from connector.model import Failure, Item, Record
from connector.routing import Router, Verdict
from connector.routing.decode import decode
from connector.routing.plan import applies
from connector.service.assembly import build_routers, limits_of
from connector.service.command_input import parse_address_argument
from connector.service.preflight.connection import require_brokers
from connector.service.problems import Problem
from connector.service.record_needs import lacks
from connector.service.route_inspector import EventView, RouteInspector, view_of
from connector.settings.values import Settings


class FileRecord(NamedTuple):
    """What a record made from a file is given beside its value. `timestamp` is in milliseconds; None: not given."""

    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int | None = None


class RoutePreview(NamedTuple):
    """The result of one route, or of a sink before any route, for one event.

    `outcome` is sent (would be), dead_letter or skipped; `why` says why it is not sent: of a dead letter, in the
    letter's own words. `size` is the item's and `limit` a request's, in bytes. `vendor_event` is the vendor's name for
    the event that would be fired, where it was asked.

    `problems` are all mistakes at once, `left_out` the fields that are not sent and why, `times` dates by the fields
    that are sent as seconds, and `notes` why it is not taken, and what the record lacks because it is made from a file.

    `element` is the index (from 0) in the list of a route with `each`; None where the event as a whole is meant.
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
    problems: Sequence[Problem] = ()
    left_out: Sequence[Problem] = ()
    times: Mapping[str, str] = {}
    notes: Sequence[Problem] = ()
    element: int | None = None

    def describes(self, item: Item) -> bool:
        """True if this is what there is to say of the item."""
        return self.route == item.route and self.element == _index(item)

    def as_json(self) -> dict[str, Any]:
        """Return the preview as JSON has it."""
        lists = {name: [each.as_json() for each in getattr(self, name)] for name in ("problems", "left_out", "notes")}
        return {**self._asdict(), "times": dict(self.times), **lists}


class Previewer:
    """Previews records under one configuration. Pure, but for `read_record`. One thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        routed = {route.sink for route in settings.routes}
        self.routers: Mapping[str, Router] = build_routers(
            settings, [name for name in settings.sinks if name in routed]
        )
        self._inspectors = {route.name: RouteInspector(settings, route) for route in settings.routes}
        self._topics = list(dict.fromkeys(topic for route in settings.routes for topic in route.topics))

    def read_record(self, address: str) -> Record:
        """Read the record at `topic/partition/offset` from Kafka.

        Raises ConfigError where that is no address, ConnectorError where the record cannot be read.
        """
        wanted = parse_address_argument("--from", address)
        conf = resolve_kafka(self.settings)
        require_brokers(conf)
        return read_record(conf, wanted)

    def record_from_events(
        self, values: Sequence[bytes], topic: str | None, timestamp: int, given: FileRecord
    ) -> Record:
        """Return the first of a file's events as a record; without a topic, of the one that fits.

        `timestamp` (milliseconds) is used where `given` has none. Raises ConfigError where no route reads the topic, or
        not exactly one fits.
        """
        time = timestamp if given.timestamp is None else given.timestamp
        records = [Record(topic or "", 0, 0, time, given.key, value, given.headers) for value in values]
        if topic is None:
            return records[0]._replace(topic=self._fitting_topic(records))
        if not applies(self._topics, topic):
            raise _topic_mistake(f"no route reads {topic}: the routes read {', '.join(self._topics)}")
        return records[0]

    def _fitting_topic(self, records: Sequence[Record]) -> str:
        """Return the only topic that the routes read, or the only one that fits the events.

        Those fit from which some route would send an event; where there are none, those from which one takes an event.
        """
        names = [topic for topic in self._topics if not topic.startswith("^")]
        if len(self._topics) == 1 and names:
            return names[0]
        fitting = self._giving(names, records, Item) or self._giving(names, records, Failure)
        if len(fitting) == 1:
            return fitting[0]
        one = len(records) == 1
        if fitting:
            events = "the event" if one else "the events"
            raise _topic_mistake(f"{events} would be sent from {' and from '.join(fitting)}: say which it is")
        event = "the event" if one else f"any of the first {len(records)} events"
        raise _topic_mistake(f"no route would send {event}; say which topic it is from: {', '.join(self._topics)}")

    def _giving(self, topics: Sequence[str], records: Sequence[Record], wanted: type[Item | Failure]) -> list[str]:
        """Return the topics from which some route makes this of one of the events."""
        return [
            topic
            for topic in topics
            if any(
                isinstance(result, wanted) and result.route is not None
                for record in records
                for router in self.routers.values()
                for result in router.route(record._replace(topic=topic))
            )
        ]

    def preview(self, record: Record, given: FileRecord | None = None) -> list[RoutePreview]:
        """Return the result of each route of the record's topic, by sink in the file's order.

        `given` is set if the record was made from a file: what it lacks, and a route looks at, is noted then.
        """
        return [each for sink in self.routers for each in self.preview_sink(sink, record, given)]

    def preview_sink(self, sink: str, record: Record, given: FileRecord | None = None) -> list[RoutePreview]:
        """Return the result of each route of one sink, or of the sink before any route."""
        explanation = self.routers[sink].explain(record)
        view = view_of_record(record, self.settings.redact)
        previews = [self._preview_route(sink, verdict, view, given) for verdict in explanation.verdicts if view]
        if explanation.failure is not None:
            previews.append(self._dead_letter(sink, explanation.failure, view))
        elif not previews:
            tombstone = record.value is None
            why = "a tombstone (no value) is skipped" if tombstone else "no route of this sink reads the topic"
            previews.append(RoutePreview(sink, None, None, "skipped", None, why, None, self._limit(sink), None))
        return previews

    def inspector(self, route: str) -> RouteInspector:
        """Return what inspects events under this route."""
        return self._inspectors[route]

    def _preview_route(self, sink: str, verdict: Verdict, view: EventView, given: FileRecord | None) -> RoutePreview:
        inspector, result = self._inspectors[verdict.route], verdict.result
        details = inspector.details(result, view)
        needs = inspector.needs(taken=result is not None)
        notes = [] if given is None else lacks(needs, view.record, has_time=given.timestamp is not None)
        preview = RoutePreview(
            sink, verdict.route, verdict.method, "skipped", None, "", None, self._limit(sink), None,
            problems=details.problems, left_out=details.left_out, notes=notes, element=_index(result),
        )  # fmt: skip
        if verdict.no_elements:
            nothing = inspector.no_elements(view)
            return preview._replace(why=nothing.message, notes=[nothing, *notes])
        if result is None:
            why = f"not taken: {verdict.when} does not hold"
            said = [note.message.partition(":")[0] for note in notes]  # a note says what to do about it, too
            causes = [cause for cause in details.conditions if cause.partition(":")[0] not in said]
            return preview._replace(why=why, notes=[Problem("not-taken", "when", why, causes), *notes])
        if isinstance(result, Failure):
            why = view.redactor.text(result.message)
            return preview._replace(outcome="dead_letter", reason=result.reason, why=why)
        body = inspector.body(result, view)
        return preview._replace(outcome="sent", size=len(result.body), body=body, times=inspector.times(body))

    def _dead_letter(self, sink: str, failure: Failure, view: EventView | None) -> RoutePreview:
        why = failure.message if view is None else view.redactor.text(failure.message)
        problem = Problem(failure.reason.value, None, why)
        return RoutePreview(
            sink, failure.route, failure.method, "dead_letter", failure.reason, why, None, self._limit(sink), None,
            problems=[problem],
        )  # fmt: skip

    def _limit(self, sink: str) -> int:
        return limits_of(self.settings.sinks[sink]).max_bytes


def _index(result: Item | Failure | None) -> int | None:
    return result.element - 1 if result is not None and result.element else None


def view_of_record(record: Record, paths: Sequence[str]) -> EventView | None:
    """Return the view of a record's event; None where its value is none."""
    try:
        return view_of(decode(record.value or b""), record, paths)
    except DecodeError:
        return None


def _topic_mistake(message: str) -> ConfigError:
    return ConfigError([Mistake("--topic", message)])
