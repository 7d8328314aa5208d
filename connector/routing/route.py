"""The routes of one sink, compiled: condition, mapping, resulting item; and an index of one topic's routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connector.errors import ExpressionError, FieldError
from connector.expressions import Condition, compile_condition, compile_fields
from connector.expressions.compiler import Predicate
from connector.model import Evaluate, Event, Failure, Item, Reason, Record, Stage
from connector.routing.plan import RoutePlan
from connector.routing.route_counts import RouteCounts


class CompiledRoute:
    """A compiled route. `index` is its position among its sink's routes; `counts` (if any) takes what it maps."""

    __slots__ = ("_encode", "_limits", "_map", "condition", "index", "method", "name", "when")

    def __init__(self, plan: RoutePlan, index: int, counts: RouteCounts | None = None) -> None:
        self.name, self.method, self.when, self.index = plan.name, plan.method, plan.when, index
        self.condition: Condition | None = None if plan.when is None else compile_condition(plan.when)
        self._map = compile_fields(plan.fields, None if counts is None else counts.tally)
        self._encode = plan.encode
        self._limits = plan.limits

    def map_fields(self, event: Event, record: Record) -> dict[str, Any]:
        """Return the mapped fields, before the vendor's rules are applied. Raises ExpressionError."""
        return self._map(event, record)

    def apply(self, holds: Predicate | None, event: Event, record: Record) -> Item | Failure | None:
        """Return the item, or the failure; None if the event is not taken.

        `holds` is the part of `when` that the index has not decided yet (None: nothing).
        """
        try:
            if holds is not None and not holds(event, record):
                return None
        except ExpressionError as error:
            return self._failure(record, Reason.UNMAPPABLE, Stage.ROUTE, f"when: {error}")
        try:
            body = self._encode(self._map(event, record))
        except (ExpressionError, FieldError) as error:
            return self._failure(record, Reason.UNMAPPABLE, Stage.MAP, str(error))
        if not self._limits.fits_alone(len(body)):
            return self._oversize(record, len(body))
        return Item(record, self.name, self.method, body)

    def _oversize(self, record: Record, size: int) -> Failure:
        message = (
            f"{size} bytes as {self.method}: a request with this event alone exceeds {self._limits.max_bytes} bytes"
        )
        return self._failure(record, Reason.OVERSIZE, Stage.MAP, message)

    def _failure(self, record: Record, reason: Reason, stage: Stage, message: str) -> Failure:
        return Failure(record, reason, stage, message, self.name, self.method)


# A route that may take the event, and the rest of its condition, still to be decided (None: nothing).
Candidate = tuple[CompiledRoute, Predicate | None]


class RouteIndex:
    """One sink's routes of one topic: all conditions that begin with `path == 'literal'` cost one look-up together."""

    __slots__ = ("_always", "_indexes", "routes")

    def __init__(self, routes: Sequence[CompiledRoute]) -> None:
        self.routes = routes
        self._always: tuple[Candidate, ...] = ()
        indexed: dict[tuple[str, ...], tuple[Evaluate, dict[str, tuple[Candidate, ...]]]] = {}
        for route in routes:
            condition = route.condition
            if condition is None or condition.selector is None:
                self._always += ((route, None if condition is None else condition.holds),)
                continue
            selector = condition.selector
            _, by_literal = indexed.setdefault(selector.path, (selector.read, {}))
            by_literal[selector.literal] = (*by_literal.get(selector.literal, ()), (route, condition.rest))
        self._indexes = self._merge_always(indexed.values())

    def _merge_always(
        self, indexes: Iterable[tuple[Evaluate, dict[str, tuple[Candidate, ...]]]]
    ) -> tuple[tuple[Evaluate, dict[str, tuple[Candidate, ...]]], ...]:
        """Return the indexes. With a single path, which is the rule, each look-up already yields all routes in file
        order."""
        found = tuple(indexes)
        if len(found) == 1:
            read, by_literal = found[0]
            return ((read, {literal: _in_file_order(self._always, hits) for literal, hits in by_literal.items()}),)
        return found

    def candidates(self, event: Event, record: Record) -> tuple[Candidate, ...]:
        """Return the routes that may take an event, in file order: no other route can."""
        if len(self._indexes) == 1:
            read, by_literal = self._indexes[0]
            value = read(event, record)
            return by_literal.get(value, self._always) if type(value) is str else self._always
        found = self._always
        for read, by_literal in self._indexes:
            value = read(event, record)
            if type(value) is str and value in by_literal:
                found = _in_file_order(found, by_literal[value])
        return found


def _in_file_order(some: tuple[Candidate, ...], others: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    if not some:
        return others
    return tuple(sorted(some + others, key=lambda candidate: candidate[0].index))
