"""The routes of one topic, indexed: conditions that begin with `path == 'literal'` cost one look-up together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connector.expressions.compiler import Holds
from connector.model import Evaluate, Event, Record
from connector.routing.route import Route

# A route that may take the event, and what remains to be decided of its condition (None: nothing).
Candidate = tuple[Route, Holds | None]


class Table:
    """One sink's routes of one topic."""

    __slots__ = ("_always", "_indexes", "routes")

    def __init__(self, routes: Sequence[Route]) -> None:
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
        self._indexes = self._with_always(indexed.values())

    def _with_always(
        self, indexes: Iterable[tuple[Evaluate, dict[str, tuple[Candidate, ...]]]]
    ) -> tuple[tuple[Evaluate, dict[str, tuple[Candidate, ...]]], ...]:
        """With one path, which is the rule, what a look-up finds already holds the other routes in their places."""
        found = tuple(indexes)
        if len(found) == 1:
            read, by_literal = found[0]
            return ((read, {literal: _ordered(self._always, hits) for literal, hits in by_literal.items()}),)
        return found

    def candidates(self, event: Event, record: Record) -> tuple[Candidate, ...]:
        """The routes that may take an event, in file order: all others certainly do not."""
        if len(self._indexes) == 1:
            read, by_literal = self._indexes[0]
            value = read(event, record)
            return by_literal.get(value, self._always) if type(value) is str else self._always
        found = self._always
        for read, by_literal in self._indexes:
            value = read(event, record)
            if type(value) is str and value in by_literal:
                found = _ordered(found, by_literal[value])
        return found


def _ordered(some: tuple[Candidate, ...], others: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    if not some:
        return others
    return tuple(sorted(some + others, key=lambda candidate: candidate[0].index))
