"""Previews what each route would send for a record, or why not, with what `redact` names hidden. Sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from connector.config.kafka_settings import resolve_kafka
from connector.errors import ConfigError, Mistake
from connector.kafka.topic_reader import read_record
from connector.model import Event, Failure, Item, Record
from connector.redaction.payloads import mask_fields, revealing_fields
from connector.routing import Router, Verdict
from connector.routing.decode import decode
from connector.routing.plan import applies
from connector.service.assembly import build_routers, limits_of
from connector.service.command_input import parse_address_argument
from connector.service.preflight.connection import require_brokers
from connector.settings.values import Settings
from connector.vendors.registry import VENDORS


class RoutePreview(NamedTuple):
    """The result of one route, or of a sink before any route, for one event.

    `outcome` is sent, dead_letter or skipped; `why` says why it is not sent. `size` is the item's and `limit` a
    request's, in bytes. `vendor_event` is the vendor's name for the event that would be fired, where it was asked.
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
    element: int | None = None


class Previewer:
    """Previews records under one configuration. Pure, but for `read`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        routed = {route.sink for route in settings.routes}
        self._routers: Mapping[str, Router] = build_routers(
            settings, [name for name in settings.sinks if name in routed]
        )
        self._topics = list(dict.fromkeys(topic for route in settings.routes for topic in route.topics))

    def read_record(self, address: str) -> Record:
        """Read the record at `topic/partition/offset` from Kafka.

        Raises ConfigError where that is no address, ConnectorError where the record cannot be read.
        """
        wanted = parse_address_argument("--from", address)
        conf = resolve_kafka(self._settings)
        require_brokers(conf)
        return read_record(conf, wanted)

    def record_from_event(self, value: bytes, topic: str | None, timestamp: int) -> Record:
        """Return the record that an event without key and headers would be; without a topic, of the one that fits.

        `timestamp` is in milliseconds. Raises ConfigError where no route reads the topic, or not exactly one fits.
        """
        record = Record(topic or "", 0, 0, timestamp, None, value, ())
        if topic is None:
            return record._replace(topic=self._fitting_topic(record))
        if not applies(self._topics, topic):
            raise _topic_mistake(f"no route reads {topic}: the routes read {', '.join(self._topics)}")
        return record

    def _fitting_topic(self, record: Record) -> str:
        """Return the only topic that the routes read, or the only one from which some route would send the event."""
        names = [topic for topic in self._topics if not topic.startswith("^")]
        if len(self._topics) == 1 and names:
            return names[0]
        fitting = [topic for topic in names if self._sends(record._replace(topic=topic))]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise _topic_mistake(f"the event would be sent from {' and from '.join(fitting)}: say which it is")
        raise _topic_mistake(f"no route would send the event; say which topic it is from: {', '.join(self._topics)}")

    def _sends(self, record: Record) -> bool:
        return any(isinstance(result, Item) for router in self._routers.values() for result in router.route(record))

    def preview(self, record: Record) -> list[RoutePreview]:
        """Return the result of each route of the record's topic, by sink in the file's order."""
        return [each for name, router in self._routers.items() for each in self._preview_sink(name, router, record)]

    def _preview_sink(self, sink: str, router: Router, record: Record) -> Sequence[RoutePreview]:
        explanation = router.explain(record)
        limit = limits_of(self._settings.sinks[sink]).max_bytes
        previews = [self._preview_route(sink, verdict, record, limit) for verdict in explanation.verdicts]
        if explanation.failure is not None:
            previews.append(_dead_letter(sink, explanation.failure, limit))
        elif not previews:
            tombstone = record.value is None
            why = "a tombstone (no value) is skipped" if tombstone else "no route of this sink reads the topic"
            previews.append(RoutePreview(sink, None, None, "skipped", None, why, None, limit, None))
        return previews

    def _preview_route(self, sink: str, verdict: Verdict, record: Record, limit: int) -> RoutePreview:
        result = verdict.result
        if result is None:
            why = (
                "no item: `each` gives no element"
                if verdict.no_elements
                else f"not taken: {verdict.when} does not hold"
            )
            return RoutePreview(sink, verdict.route, verdict.method, "skipped", None, why, None, limit, None)
        if not isinstance(result, Item):
            return _dead_letter(sink, result, limit)
        body = readable_body(self._settings, result, decode(record.value or b""), record)
        sent = RoutePreview(sink, verdict.route, verdict.method, "sent", None, "", len(result.body), limit, body)
        return sent._replace(element=_index(result))


def _dead_letter(sink: str, failure: Failure, limit: int) -> RoutePreview:
    reason, why = failure.reason, failure.message
    letter = RoutePreview(sink, failure.route, failure.method, "dead_letter", reason, why, None, limit, None)
    return letter._replace(element=_index(failure))


def _index(result: Item | Failure) -> int | None:
    return result.element - 1 if result.element else None


def _topic_mistake(message: str) -> ConfigError:
    return ConfigError([Mistake("--topic", message)])


def readable_body(settings: Settings, item: Item, event: Event, record: Record) -> dict[str, Any]:
    """Return an item's fields as its vendor reads them; those that depend on what `redact` names are masked."""
    route = next(route for route in settings.routes if route.name == item.route)
    body = VENDORS[settings.sinks[route.sink].kind].read_body(item.body)
    revealing = revealing_fields(route.fields, event, record, settings.redact, route.each, item.element)
    return mask_fields(body, revealing)
