"""How much work the check of an event against a schema takes at most, counted before it is done.

The unit is one keyword applied to one value, some 11 ns in the library.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connector.routing.schema.parts import PAIRS, Parts
from connector.routing.schema.patterns import FREE
from connector.routing.schema.ways import KEPT, TOO_MUCH, Label, State, Ways

# What an event may cost, 20 ms at most in all, and beside that for each of its values (3 µs).
EVENT = 1_000_000
VALUE = 300
# To work out one step of the way takes so many units for each subschema met.
_ENTRY = 40
# Larger integers share their hash, a float's, with others.
_EXACT = 2**53


class Work:
    """Counts what a schema's check costs. One thread."""

    def __init__(self, parts: Parts) -> None:
        self._ways = Ways(parts)

    def always_fits(self) -> bool:
        """Whether no event at all can cost more than EVENT and VALUE allow, so that none need be counted."""
        ways = self._ways
        if ways.start is None:
            return ways.known
        once = 0
        seen: dict[int, bool] = {}
        todo = [(ways.start, False)]
        while todo:
            state, many = todo.pop()
            many = many or id(state) in seen
            if seen.get(id(state), False):
                continue
            seen[id(state)] = many
            cost = _at_most(state)
            once += 0 if many else cost
            if (many and cost > VALUE) or once > EVENT:
                return False
            for label in (None, *state.names, *range(state.first)):
                there = ways.step(state, label)
                if there is not None:
                    todo.append((there, many or label is None))
                if ways.kept > KEPT:
                    return False
            if state.key is not None:
                todo.append((state.key, True))
        return True

    def fits(self, event: Any) -> bool:
        """Whether the check of an event costs no more than EVENT and VALUE allow."""
        return self._units(event, EVENT, VALUE) is not None

    def units(self, event: Any) -> int:
        """How much work the check of an event takes at most."""
        units = self._units(event, TOO_MUCH, 0)
        return TOO_MUCH if units is None else units

    def _units(self, event: Any, most: int, value_most: int) -> int | None:
        """That work, less `value_most` for each value; None if it is more than `most`."""
        if not self._ways.known:
            return None
        self._ways.trim()
        units = weight = tries = 0
        met: set[tuple[int, Label]] = set()
        todo: list[tuple[State | None, Any]] = [(self._ways.start, event)]
        while todo and units <= most:
            state, value = todo.pop()
            if state is None:
                continue
            weight += state.weight
            units += max(state.weight - value_most, 0)
            if isinstance(value, str):
                units += state.text.of(value)
                tries += state.text.tries
            elif isinstance(value, dict | list):
                tries += state.name.tries if isinstance(value, dict) else 0
                units += self._inside(state, value, todo, met)
        # For a string that backtracking could not decide, the library tries both answers: 64 times at most in all.
        units += 63 * weight if tries else 0
        return units if units <= most else None

    def _inside(
        self,
        state: State,
        value: dict[str, Any] | list[Any],
        todo: list[tuple[State | None, Any]],
        met: set[tuple[int, Label]],
    ) -> int:
        """The work of a container's names and items, without what these hold: that is added to do."""
        step = self._ways.step
        labels: list[Label]
        units = 0
        if isinstance(value, dict):
            labels = [name if name in state.names else None for name in value]
            todo += [(step(state, label), child) for label, child in zip(labels, value.values(), strict=True)]
            if state.name != FREE:
                units = sum(map(state.name.of, value))
            if state.key is not None:
                todo += [(state.key, name) for name in value]
        else:
            labels = [*range(min(state.first, len(value))), *[None] * (len(value) - state.first)]
            todo += [(step(state, label), child) for label, child in zip(labels, value, strict=True)]
            if state.unique:
                units = state.unique * _to_compare(value)
        return units + (_effort(state, labels, met) if state.effort else 0)


def _at_most(state: State) -> int:
    """What any value may cost there: a string or an array of any size."""
    endless = state.unique + state.text.character + state.text.tries + sum(state.name)
    return state.weight + state.text.string + EVENT * endless


def _effort(state: State, labels: Iterable[Label], met: set[tuple[int, Label]]) -> int:
    """What it takes to work out the next states that this event has not met before; had others met them or not."""
    units = 0
    for label in labels:
        if label in state.effort and (id(state), label) not in met:
            met.add((id(state), label))
            units += _ENTRY * state.effort[label]
    return units


def _to_compare(items: list[Any]) -> int:
    """How many pairs of items are compared: of those whose hashes may be the same for all that they differ."""
    if len(items) <= PAIRS:
        return 0
    kinds = set(map(type, items))
    if kinds <= {str, float, bool, type(None)} or (kinds == {int} and max(map(abs, items)) <= _EXACT):
        return len(items)
    return len(items) ** 2
