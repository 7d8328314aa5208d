"""The routes of one sink, compiled: condition, mapping, resulting items; and an index of one topic's routes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from connector.errors import ExpressionError, FieldError
from connector.expressions import (
    Condition,
    compile_condition,
    compile_element_fields,
    compile_expression,
    compile_fields,
)
from connector.expressions.compiler import Predicate
from connector.expressions.kinds import json_type
from connector.model import Evaluate, Event, Failure, Item, Reason, Record, Stage
from connector.routing.plan import RoutePlan
from connector.routing.route_counts import RouteCounts

# More elements than this make no items: such a list is no order's, and its event would hold a partition for long.
MAX_ELEMENTS = 1_000

# One item or failure; one for each element; or None: the event is not taken.
Result = Item | Failure | list[Item | Failure] | None


class CompiledRoute(ABC):
    """A compiled route. `index` is its position among its sink's routes."""

    __slots__ = ("_encode", "_limits", "condition", "index", "method", "name", "when")

    def __init__(self, plan: RoutePlan, index: int) -> None:
        self.name, self.method, self.when, self.index = plan.name, plan.method, plan.when, index
        self.condition: Condition | None = None if plan.when is None else compile_condition(plan.when)
        self._encode = plan.encode
        self._limits = plan.limits

    @abstractmethod
    def apply(self, holds: Predicate | None, event: Event, record: Record) -> Result:
        """Return what becomes of the event.

        `holds` is the part of `when` that the index has not decided yet (None: nothing).
        """

    @abstractmethod
    def map_fields(self, event: Event, record: Record, element: int) -> dict[str, Any]:
        """Return the fields of the event, or of its element of this number (from 1), before the vendor's rules are
        applied. Raises ExpressionError."""

    def list_elements(self, _event: Event, _record: Record) -> list[Any] | None:
        """Return the elements that become an item each; None where the event becomes one. Raises ExpressionError."""
        return None

    def _when_failed(self, record: Record, error: ExpressionError) -> Failure:
        return self._failure(record, Reason.UNMAPPABLE, Stage.ROUTE, f"when: {error}")

    def _oversize(self, record: Record, size: int, element: int = 0) -> Failure:
        message = (
            f"{size} bytes as {self.method}: a request with this event alone exceeds {self._limits.max_bytes} bytes"
        )
        return self._failure(record, Reason.OVERSIZE, Stage.MAP, message, element)

    def _failure(self, record: Record, reason: Reason, stage: Stage, message: str, element: int = 0) -> Failure:
        return Failure(record, reason, stage, message, self.name, self.method, element=element)


class EventRoute(CompiledRoute):
    """A route that makes one item of an event."""

    __slots__ = ("_map",)

    def __init__(self, plan: RoutePlan, index: int, tally: list[int] | None) -> None:
        super().__init__(plan, index)
        self._map = compile_fields(plan.fields, tally)

    def map_fields(self, event: Event, record: Record, _element: int) -> dict[str, Any]:
        """Return the fields of the event."""
        return self._map(event, record)

    def apply(self, holds: Predicate | None, event: Event, record: Record) -> Result:
        """Return the item, or the failure; None if the event is not taken."""
        try:
            if holds is not None and not holds(event, record):
                return None
        except ExpressionError as error:
            return self._when_failed(record, error)
        try:
            body = self._encode(self._map(event, record))
        except (ExpressionError, FieldError) as error:
            return self._failure(record, Reason.UNMAPPABLE, Stage.MAP, str(error))
        if not self._limits.fits_alone(len(body)):
            return self._oversize(record, len(body))
        return Item(record, self.name, self.method, body)


class ElementRoute(CompiledRoute):
    """A route with `each`: it makes an item of every element of a list of the event."""

    __slots__ = ("_list", "_map")

    def __init__(self, plan: RoutePlan, index: int, each: str, tally: list[int] | None) -> None:
        super().__init__(plan, index)
        self._list = compile_expression(each)
        self._map = compile_element_fields(plan.fields, tally)

    def list_elements(self, event: Event, record: Record) -> list[Any]:
        """Return the elements; none for null. Raises ExpressionError, also for what is no list and for a long one."""
        value = self._list(event, record)
        if value is None:
            return []
        if type(value) is not list:
            raise ExpressionError(
                f"it gives {json_type(value)}, not the array whose elements become items", name="wrong-kind"
            )
        if len(value) > MAX_ELEMENTS:
            raise ExpressionError(
                f"the array has {len(value)} elements: at most {MAX_ELEMENTS} become items", name="too-large"
            )
        return value

    def map_fields(self, event: Event, record: Record, element: int) -> dict[str, Any]:
        """Return the fields of one element."""
        return self._map(event, record, self.list_elements(event, record)[element - 1])

    def apply(self, holds: Predicate | None, event: Event, record: Record) -> Result:
        """Return an item or a failure for each element; the one failure if there is no list; None if not taken."""
        try:
            if holds is not None and not holds(event, record):
                return None
        except ExpressionError as error:
            return self._when_failed(record, error)
        try:
            elements = self.list_elements(event, record)
        except ExpressionError as error:
            return self._failure(record, Reason.UNMAPPABLE, Stage.MAP, f"each: {error}")
        return [self._apply_to(element, number, event, record) for number, element in enumerate(elements, 1)]

    def _apply_to(self, element: Any, number: int, event: Event, record: Record) -> Item | Failure:
        try:
            body = self._encode(self._map(event, record, element))
        except (ExpressionError, FieldError) as error:
            return self._failure(record, Reason.UNMAPPABLE, Stage.MAP, str(error), number)
        if not self._limits.fits_alone(len(body)):
            return self._oversize(record, len(body), number)
        return Item(record, self.name, self.method, body, number)


def compile_route(plan: RoutePlan, index: int, counts: RouteCounts | None = None) -> CompiledRoute:
    """Return a route compiled; `counts` (if any) takes what it maps.

    Raises ExpressionError if one of its expressions does not parse.
    """
    tally = None if counts is None else counts.tally
    if plan.each is None:
        return EventRoute(plan, index, tally)
    return ElementRoute(plan, index, plan.each, tally)


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
