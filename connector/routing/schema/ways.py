"""The ways from an event to its values, as far as a schema tells them apart, and what it applies at the end of each.

Applied to a value is a multiset of subschemas: each as often as the library may come there. Which they are depends on
the way alone, so that they are worked out once for each (a State), and an event costs one look-up per value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from connector.routing.schema.parts import Part, Parts, Raw
from connector.routing.schema.patterns import Cost

# Numbers stay small: beyond this all is too much.
TOO_MUCH = 10_000_000
# What is kept of all ways, in subschemas that were met; and what one schema may need before any way is gone.
KEPT = 50_000
_LARGEST = 200_000
# To work out a way is noted where more than so many subschemas are met.
_EFFORT = 100
# So many subschemas are met at most, at load, on all ways of one that comes back to itself.
_WAYS = 2_000

# A subschema as one may meet it: applied, or (True) searched for what it has evaluated, for unevaluated… above it.
_Key = tuple[int, bool]
_Counts = Mapping[_Key, int]
_Below = list[tuple[_Key, Mapping[str, Any]]]
# One step on: a property's name or an item's index where the schema names it, None for any other.
Label = str | int | None


class State:
    """What is applied to a value at the end of one way. `next` has the states one step on, by name or index."""

    __slots__ = ("counts", "effort", "first", "key", "name", "names", "next", "text", "unique", "weight")

    def __init__(self, counts: _Counts, parts: Mapping[_Key, Part]) -> None:
        self.counts = counts
        self.next: dict[Label, State | None] = {}
        # Working out the next state is work, too: noted where it takes long.
        self.effort: dict[Label, int] = {}
        self.key: State | None = None
        self.names = frozenset(name for key in counts for name in parts[key].uses.get("properties", ()))
        self.first = max((len(parts[key].first()) for key in counts), default=0)
        self.weight = min(sum(count * parts[key].weight for key, count in counts.items()), TOO_MUCH)
        self.unique = sum(count for key, count in counts.items() if parts[key].unique and not key[1])
        self.text = _cost((parts[key].text, 0 if key[1] else count) for key, count in counts.items())
        self.name = _cost((parts[key].name, count) for key, count in counts.items())


class Ways:
    """The states of one schema. One thread; what it has worked out is kept within a bound.

    `known` is False if the schema is too large for that; `start` is the event's own state, None if nothing is applied.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._part: dict[_Key, Part] = {}
        self._closures: dict[_Key, _Counts] = {}
        self._states: dict[frozenset[tuple[_Key, int]], State] = {}
        self.kept = 0
        self.known = self._prepare()
        self.start = self._state([(parts.root, 1, False)]) if self.known else None

    def _prepare(self) -> bool:
        """Works out what each subschema applies in its place; False if that is too much, and events are not counted."""
        kept = len(self._closure(self._parts.root, False))
        for part in self._parts.reachable():
            for raw in part.children():
                kept += len(self._closure(raw, False)) if isinstance(raw, dict) else 0
                if kept > _LARGEST:
                    return False
        return True

    def trim(self) -> None:
        """Forgets what was worked out, if it has become too much."""
        if self.kept > KEPT:
            self.kept = 0
            self._states.clear()
            self.start = self._state([(self._parts.root, 1, False)])

    def step(self, state: State, label: Label) -> State | None:
        """The state one step on; None where nothing is applied any more."""
        if label in state.next:
            return state.next[label]
        reached: list[tuple[Raw, int, bool]] = []
        for key, count in state.counts.items():
            reached += [(raw, count, False) for raw in _children(self._part[key], label, marking=key[1])]
        found = state.next[label] = self._state(reached)
        effort = sum(len(self._closure(raw, marking)) for raw, _, marking in reached if isinstance(raw, dict))
        if effort > _EFFORT:
            state.effort[label] = effort
        self.kept += effort
        return found

    def _state(self, reached: Iterable[tuple[Raw, int, bool]]) -> State | None:
        counts: Counter[_Key] = Counter()
        for raw, count, marking in reached:
            if isinstance(raw, dict):
                for key, often in self._closure(raw, marking).items():
                    counts[key] = min(counts[key] + count * often, TOO_MUCH)
        if not counts:
            return None
        name = frozenset(counts.items())
        state = self._states.get(name)
        if state is None:
            state = self._states[name] = State(counts, self._part)
            keys = [
                (self._part[key].uses["propertyNames"], count, False)
                for key, count in counts.items()
                if "propertyNames" in self._part[key].uses and not key[1]
            ]
            state.key = self._state(keys)
        return state

    def _closure(self, raw: Mapping[str, Any], marking: bool) -> _Counts:
        """Everything that a subschema applies to the same value, itself among it, each as often as there are ways."""
        start = (id(raw), marking)
        if start not in self._closures:
            order = self._order(start, raw)
            self._closures[start] = self._ways(start, raw) if order is None else self._counted(start, order)
        return self._closures[start]

    def _order(self, start: _Key, raw: Mapping[str, Any]) -> list[tuple[_Key, _Below]] | None:
        """Those, each after all that apply it; None if one applies itself to the same value."""
        done: list[tuple[_Key, _Below]] = []
        state: dict[_Key, bool] = {}
        todo: list[tuple[_Key, Mapping[str, Any], _Below | None]] = [(start, raw, None)]
        while todo:
            key, this, below = todo.pop()
            if below is not None:
                state[key] = True
                done.append((key, below))
            elif not state.get(key, True):
                return None
            elif key not in state:
                state[key] = False
                below = self._below(key, this)
                todo.append((key, this, below))
                todo += [(one, child, None) for one, child in below]
        return done[::-1]

    def _counted(self, start: _Key, order: Iterable[tuple[_Key, _Below]]) -> _Counts:
        counts: Counter[_Key] = Counter({start: 1})
        for key, below in order:
            if not self._followed(key):  # it may cost anything
                counts[key] = TOO_MUCH
            for one, _ in below:
                counts[one] = min(counts[one] + counts[key], TOO_MUCH)
        return counts

    def _ways(self, start: _Key, raw: Mapping[str, Any]) -> _Counts:
        """The same by going all ways, for what comes back to itself: there the library turns, at the latest.

        It may do so a little later, so that each subschema may come twice on one way.
        """
        counts: Counter[_Key] = Counter()
        way: Counter[_Key] = Counter()
        todo: list[tuple[_Key, Mapping[str, Any] | None]] = [(start, raw)]
        while todo:
            key, this = todo.pop()
            if this is None:
                way[key] -= 1
            elif way[key] < 2:
                way[key] += 1
                below = self._below(key, this)
                counts[key] += 1 if self._followed(key) else TOO_MUCH
                todo.append((key, None))
                todo += below
            if counts.total() > _WAYS:
                return Counter({start: TOO_MUCH})
        return counts

    def _below(self, key: _Key, raw: Mapping[str, Any]) -> _Below:
        part = self._part[key] = self._parts.part(raw)
        return list(_below(part, raw, key[1]))

    def _followed(self, key: _Key) -> bool:
        part = self._part[key]
        return bool(part.targets) or not any(name.endswith(("Ref", "$ref")) for name in part.uses)


def _below(part: Part, raw: Mapping[str, Any], marking: bool) -> Iterable[tuple[_Key, Mapping[str, Any]]]:
    """What a subschema applies to the same value. unevaluated… searches all of it, and checks it once more."""
    same = [child for child in part.same() if isinstance(child, dict)]
    yield from (((id(child), False), child) for child in same)
    if marking:
        yield from (((id(child), True), child) for child in same)
    elif "unevaluatedProperties" in part.uses or "unevaluatedItems" in part.uses:
        yield (id(raw), True), raw


def _children(part: Part, label: Label, *, marking: bool) -> Iterable[Raw]:
    """The subschemas applied one step below; by patternProperties and for None in any case: names are not looked at."""
    uses = part.uses
    if not isinstance(label, int):
        yield from (uses[name] for name in ("unevaluatedProperties",) if name in uses)
    if not isinstance(label, str):
        yield from (uses[name] for name in ("unevaluatedItems", "contains") if name in uses)
    if marking:
        return
    if not isinstance(label, int):
        named = uses.get("properties", {})
        yield from uses.get("patternProperties", {}).values()
        if label in named:
            yield named[label]
        elif "additionalProperties" in uses:
            yield uses["additionalProperties"]
    if not isinstance(label, str):
        first, rest = part.first(), part.rest()
        if label is not None and label < len(first):
            yield first[label]
        elif rest is not None:
            yield rest


def _cost(costs: Iterable[tuple[Cost, int]]) -> Cost:
    return Cost.sum(Cost(*(min(count * each, TOO_MUCH) for each in cost)) for cost, count in costs)
