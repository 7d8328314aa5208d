"""How much work the check of an event against a schema takes at most, counted before it is done.

The unit is one keyword applied to one value, some 11 ns in the library.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connector.routing.schema.path_states import CACHE_LIMIT, TOO_MUCH, Label, PathState, PathStates
from connector.routing.schema.pattern_cost import FREE
from connector.routing.schema.subschemas import FREE_UNIQUE_ITEMS, SchemaDocument

# What an event may cost, 20 ms at most in all, and beside that for each of its values (3 µs).
EVENT_UNITS = 1_000_000
VALUE_UNITS = 300
# To work out one step of the way takes so many units for each subschema met.
_TRANSITION_UNITS = 40
# Larger integers share their hash, a float's, with others.
_EXACT_INTEGER = 2**53


class CheckCost:
    """Counts what a schema's check costs. One thread."""

    def __init__(self, parts: SchemaDocument) -> None:
        self._states = PathStates(parts)

    def always_within_limits(self) -> bool:
        """Whether no event at all can cost more than EVENT and VALUE allow, so that none need be counted."""
        ways = self._states
        if ways.root_state is None:
            return ways.countable
        once = 0
        seen: dict[int, bool] = {}
        todo = [(ways.root_state, False)]
        while todo:
            state, many = todo.pop()
            many = many or id(state) in seen
            if seen.get(id(state), False):
                continue
            seen[id(state)] = many
            cost = _largest_cost(state)
            once += 0 if many else cost
            if (many and cost > VALUE_UNITS) or once > EVENT_UNITS:
                return False
            for label in (None, *state.named_properties, *range(state.prefix_length)):
                there = ways.next_state(state, label)
                if there is not None:
                    todo.append((there, many or label is None))
                if ways.cached > CACHE_LIMIT:
                    return False
            if state.names_state is not None:
                todo.append((state.names_state, True))
        return True

    def within_limits(self, event: Any) -> bool:
        """Whether the check of an event costs no more than EVENT and VALUE allow."""
        return self._estimate(event, EVENT_UNITS, VALUE_UNITS) is not None

    def estimate(self, event: Any) -> int:
        """How much work the check of an event takes at most."""
        units = self._estimate(event, TOO_MUCH, 0)
        return TOO_MUCH if units is None else units

    def _estimate(self, event: Any, most: int, value_most: int) -> int | None:
        """That work, less `value_most` for each value; None if it is more than `most`."""
        if not self._states.countable:
            return None
        self._states.trim()
        units = weight = tries = 0
        met: set[tuple[int, Label]] = set()
        todo: list[tuple[PathState | None, Any]] = [(self._states.root_state, event)]
        while todo and units <= most:
            state, value = todo.pop()
            if state is None:
                continue
            weight += state.weight
            units += max(state.weight - value_most, 0)
            if isinstance(value, str):
                units += state.text_cost.for_text(value)
                tries += state.text_cost.backtracking
            elif isinstance(value, dict | list):
                tries += state.name_cost.backtracking if isinstance(value, dict) else 0
                units += self._container_units(state, value, todo, met)
        # For a string that backtracking could not decide, the library tries both answers: 64 times at most in all.
        units += 63 * weight if tries else 0
        return units if units <= most else None

    def _container_units(
        self,
        state: PathState,
        value: dict[str, Any] | list[Any],
        todo: list[tuple[PathState | None, Any]],
        met: set[tuple[int, Label]],
    ) -> int:
        """The work of a container's names and items, without what these hold: that is added to do."""
        step = self._states.next_state
        labels: list[Label]
        units = 0
        if isinstance(value, dict):
            labels = [name if name in state.named_properties else None for name in value]
            todo += [(step(state, label), child) for label, child in zip(labels, value.values(), strict=True)]
            if state.name_cost != FREE:
                units = sum(map(state.name_cost.for_text, value))
            if state.names_state is not None:
                todo += [(state.names_state, name) for name in value]
        else:
            labels = [*range(min(state.prefix_length, len(value))), *[None] * (len(value) - state.prefix_length)]
            todo += [(step(state, label), child) for label, child in zip(labels, value, strict=True)]
            if state.unique_checks:
                units = state.unique_checks * _comparisons(value)
        return units + (_transition_units(state, labels, met) if state.transition_cost else 0)


def _largest_cost(state: PathState) -> int:
    """What any value may cost there: a string or an array of any size."""
    endless = state.unique_checks + state.text_cost.per_character + state.text_cost.backtracking + sum(state.name_cost)
    return state.weight + state.text_cost.per_string + EVENT_UNITS * endless


def _transition_units(state: PathState, labels: Iterable[Label], met: set[tuple[int, Label]]) -> int:
    """What it takes to work out the next states that this event has not met before; had others met them or not."""
    units = 0
    for label in labels:
        if label in state.transition_cost and (id(state), label) not in met:
            met.add((id(state), label))
            units += _TRANSITION_UNITS * state.transition_cost[label]
    return units


def _comparisons(items: list[Any]) -> int:
    """How many pairs of items are compared: of those whose hashes may be the same for all that they differ."""
    if len(items) <= FREE_UNIQUE_ITEMS:
        return 0
    kinds = set(map(type, items))
    if kinds <= {str, float, bool, type(None)} or (kinds == {int} and max(map(abs, items)) <= _EXACT_INTEGER):
        return len(items)
    return len(items) ** 2
