"""The router: a record is decoded, validated and mapped to items by every route of one sink that takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import DecodeError, ExpressionError
from connector.expressions import compile_condition
from connector.expressions.compiler import Predicate
from connector.model import Event, Failure, Item, Reason, Record, Stage
from connector.routing.decode import decode
from connector.routing.explain import Explanation, Verdict
from connector.routing.plan import RoutePlan, Unrouted, applies, schema_of
from connector.routing.route import CompiledRoute, Result, RouteIndex, compile_route
from connector.routing.route_counts import RouteCounts
from connector.routing.validate import EventSchema


@dataclass(frozen=True, slots=True)
class _Topic:
    """One topic as one sink sees it.

    `others`: the conditions of the other sinks' routes, if this sink dead-letters the events that no route takes.
    """

    schema: EventSchema | None
    index: RouteIndex
    others: Sequence[Predicate | None] | None

    def read_event(self, record: Record) -> Event | Failure | None:
        """Return the record's event, or its failure; None for a tombstone and if no route reads the topic."""
        if record.value is None or not self.index.routes:
            return None
        if record.damage:
            return Failure(record, Reason.UNDECODABLE, Stage.DECODE, record.damage)
        try:
            event = decode(record.value)
        except DecodeError as error:
            return Failure(record, Reason.UNDECODABLE, Stage.DECODE, f"the value {error}")
        if self.schema is not None:
            mistake = self.schema.violation(event)
            if mistake is not None:
                return Failure(record, Reason.SCHEMA, Stage.DECODE, mistake)
        return event

    def unrouted(self, event: Event, record: Record) -> Sequence[Failure]:
        """Return the failure of an event that no route of any sink takes, if this sink dead-letters it."""
        if self.others is None:
            return ()
        for holds in self.others:
            try:
                if holds is None or holds(event, record):
                    return ()
            except ExpressionError:  # the other sink dead-letters it
                return ()
        return (Failure(record, Reason.UNROUTED, Stage.ROUTE, "no route of any sink takes this event"),)


class Router:
    """The routes of one sink, in file order. Pure but for its counts: the result depends on the record alone.

    `schemas` has the entries of `topics` in file order (None: no schema). Without `unrouted`, an event that no route
    takes is skipped. `counting` is for the service's own router: then `counts` has what each route mapped, else it is
    empty, so that a preview or a replay counts nothing. Raises ExpressionError if an expression does not parse.
    """

    def __init__(
        self,
        routes: Sequence[RoutePlan],
        schemas: Mapping[str, EventSchema | None],
        unrouted: Unrouted | None = None,
        *,
        counting: bool = False,
    ) -> None:
        self.counts = tuple(RouteCounts(plan.name, plan.method, plan.fields) for plan in routes if counting)
        counts = self.counts or [None] * len(routes)
        self._routes = [(plan.topics, compile_route(plan, index, counts[index])) for index, plan in enumerate(routes)]
        self._schemas = schemas
        self._unrouted = unrouted
        # Filled on a topic's first record, so that patterns are matched once for each topic.
        self._topics: dict[str, _Topic] = {}

    def route(self, record: Record, only: str | None = None) -> Sequence[Item | Failure]:
        """Return the items to send for a record, and the failures; empty for a tombstone and if no route takes it.

        A failure names a route unless the record failed before routing; routes fail independently. With `only`, the
        name of one route, the others are left out: for the replay of what that route could not deliver.
        """
        topic = self._topics.get(record.topic) or self._resolve(record.topic)
        event = topic.read_event(record)
        if not isinstance(event, dict):
            return () if event is None else (event,)
        candidates = topic.index.candidates(event, record)
        if only is not None:
            candidates = tuple(candidate for candidate in candidates if candidate[0].name == only)
        results: list[Item | Failure] = []
        taken = only is not None
        for route, holds in candidates:
            result = route.apply(holds, event, record)
            if type(result) is list:
                taken = True  # if without elements: no item, but not unrouted either
                results += result
            elif result is not None:
                results.append(result)  # type: ignore[arg-type]  # mypy narrows no `type() is`; isinstance is slower
        return results if results or taken else topic.unrouted(event, record)

    def list_elements(self, record: Record, route: str) -> Sequence[Any] | None:
        """Return the elements of which this route makes an item each.

        None if it has no `each`, if the record is no event, or if its elements cannot be listed.
        """
        topic = self._topics.get(record.topic) or self._resolve(record.topic)
        event = topic.read_event(record)
        found = next((each for each in topic.index.routes if each.name == route), None)
        if found is None or not isinstance(event, dict):
            return None
        try:
            return found.list_elements(event, record)
        except ExpressionError:
            return None

    def explain(self, record: Record) -> Explanation:
        """Return the result of route() for a record with the verdict of each route of its topic, for people."""
        topic = self._topics.get(record.topic) or self._resolve(record.topic)
        event = topic.read_event(record)
        if not isinstance(event, dict):
            return Explanation(event, ())
        candidates = dict(topic.index.candidates(event, record))
        verdicts: list[Verdict] = []
        for route in topic.index.routes:
            result = route.apply(candidates[route], event, record) if route in candidates else None
            verdicts += _verdicts(route, result, event)
        taken = any(verdict.result is not None or verdict.no_elements for verdict in verdicts)
        return Explanation(None if taken else next(iter(topic.unrouted(event, record)), None), verdicts)

    def _resolve(self, name: str) -> _Topic:
        table = RouteIndex([route for topics, route in self._routes if applies(topics, name)])
        others = None
        if self._unrouted is not None:
            readers = [other for other in self._unrouted.others if applies(other.topics, name)]
            if not any(other.earlier for other in readers):
                others = [_predicate(other.when) for other in readers]
        topic = _Topic(schema_of(self._schemas, name), table, others)
        self._topics[name] = topic
        return topic


def _predicate(when: str | None) -> Predicate | None:
    return None if when is None else compile_condition(when).holds


def _verdicts(route: CompiledRoute, result: Result, event: Event) -> list[Verdict]:
    """Return the verdict of a route; where it has `each`, one for each element, or one that says there is none."""
    results = result if isinstance(result, list) else [result]
    return [
        Verdict(route.name, route.method, route.when, each, None if each is None else _mapped(route, each, event))
        for each in results
    ] or [Verdict(route.name, route.method, route.when, None, None, no_elements=True)]


def _mapped(route: CompiledRoute, result: Item | Failure, event: Event) -> Mapping[str, Any] | None:
    try:
        return route.map_fields(event, result.record, result.element)
    except ExpressionError:  # the verdict's failure has the reason
        return None
