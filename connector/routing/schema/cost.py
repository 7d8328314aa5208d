"""An upper bound of the work that checking an event against a schema takes, computed before the check.

The unit is one keyword applied to one value, about 11 ns in the library.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connector.routing.schema.path_states import CACHE_LIMIT, TOO_MUCH, Label, PathState, PathStates
from connector.routing.schema.pattern_cost import FREE
from connector.routing.schema.subschemas import FREE_UNIQUE_ITEMS, SchemaDocument

# The limit for one event (about 20 ms), and beside it the limit for each of its values (3 µs).
EVENT_UNITS = 1_000_000
VALUE_UNITS = 300
# Computing a transition takes this many units for each subschema visited.
_TRANSITION_UNITS = 40
# Larger integers may share their hash with others.
_EXACT_INTEGER = 2**53


class CheckCost:
    """Computes the cost of checks against one schema. One thread."""

    def __init__(self, document: SchemaDocument) -> None:
        self._states = PathStates(document)

    def always_within_limits(self) -> bool:
        """True if no event can cost more than EVENT_UNITS and VALUE_UNITS allow, so that none need be counted."""
        states = self._states
        if states.root_state is None:
            return states.countable
        once = 0
        seen: dict[int, bool] = {}
        todo = [(states.root_state, False)]
        while todo:
            state, repeated = todo.pop()
            repeated = repeated or id(state) in seen
            if seen.get(id(state), False):
                continue
            seen[id(state)] = repeated
            cost = _largest_cost(state)
            once += 0 if repeated else cost
            if (repeated and cost > VALUE_UNITS) or once > EVENT_UNITS:
                return False
            for label in (None, *state.named_properties, *range(state.prefix_length)):
                reached = states.next_state(state, label)
                if reached is not None:
                    todo.append((reached, repeated or label is None))
                if states.cached > CACHE_LIMIT:
                    return False
            if state.names_state is not None:
                todo.append((state.names_state, True))
        return True

    def within_limits(self, event: Any) -> bool:
        """True if checking this event costs no more than EVENT_UNITS and VALUE_UNITS allow."""
        return self._estimate(event, EVENT_UNITS, VALUE_UNITS) is not None

    def estimate(self, event: Any) -> int:
        """Return the units of work that checking an event takes at most."""
        units = self._estimate(event, TOO_MUCH, 0)
        return TOO_MUCH if units is None else units

    def _estimate(self, event: Any, most: int, value_most: int) -> int | None:
        """Return those units, less `value_most` for each value; None if they are more than `most`."""
        if not self._states.countable:
            return None
        self._states.trim()
        units = weight = backtracking = 0
        seen: set[tuple[int, Label]] = set()
        todo: list[tuple[PathState | None, Any]] = [(self._states.root_state, event)]
        while todo and units <= most:
            state, value = todo.pop()
            if state is None:
                continue
            weight += state.weight
            units += max(state.weight - value_most, 0)
            if isinstance(value, str):
                units += state.text_cost.for_text(value)
                backtracking += state.text_cost.backtracking
            elif isinstance(value, dict | list):
                backtracking += state.name_cost.backtracking if isinstance(value, dict) else 0
                units += self._container_units(state, value, todo, seen)
        # Where backtracking does not decide about a string, the library tries both answers: at most 64 times in all.
        units += 63 * weight if backtracking else 0
        return units if units <= most else None

    def _container_units(
        self,
        state: PathState,
        value: dict[str, Any] | list[Any],
        todo: list[tuple[PathState | None, Any]],
        seen: set[tuple[int, Label]],
    ) -> int:
        """Return the work for a container's names and items, and append its children to `todo`."""
        next_state = self._states.next_state
        labels: list[Label]
        units = 0
        if isinstance(value, dict):
            labels = [name if name in state.named_properties else None for name in value]
            todo += [(next_state(state, label), child) for label, child in zip(labels, value.values(), strict=True)]
            if state.name_cost != FREE:
                units = sum(map(state.name_cost.for_text, value))
            if state.names_state is not None:
                todo += [(state.names_state, name) for name in value]
        else:
            labels = [*range(min(state.prefix_length, len(value))), *[None] * (len(value) - state.prefix_length)]
            todo += [(next_state(state, label), child) for label, child in zip(labels, value, strict=True)]
            if state.unique_checks:
                units = state.unique_checks * _comparisons(value)
        return units + (_transition_units(state, labels, seen) if state.transition_cost else 0)


def _largest_cost(state: PathState) -> int:
    """Return the largest cost of any value in this state: of a string or an array of any size."""
    growing = state.unique_checks + state.text_cost.per_character + state.text_cost.backtracking + sum(state.name_cost)
    return state.weight + state.text_cost.per_string + EVENT_UNITS * growing


def _transition_units(state: PathState, labels: Iterable[Label], seen: set[tuple[int, Label]]) -> int:
    """Return the work of computing the transitions that are new for this event, whether cached or not."""
    units = 0
    for label in labels:
        if label in state.transition_cost and (id(state), label) not in seen:
            seen.add((id(state), label))
            units += _TRANSITION_UNITS * state.transition_cost[label]
    return units


def _comparisons(items: list[Any]) -> int:
    """Return how many pairs of items are compared: only items whose hashes may be equal although they differ."""
    if len(items) <= FREE_UNIQUE_ITEMS:
        return 0
    kinds = set(map(type, items))
    if kinds <= {str, float, bool, type(None)} or (kinds == {int} and max(map(abs, items)) <= _EXACT_INTEGER):
        return len(items)
    return len(items) ** 2
