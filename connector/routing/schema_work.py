"""How much work the check of an event against a schema takes at most, counted before it is done.

The unit is one keyword applied to one value, some 11 ns in the library. Applied to a value is a multiset of
subschemas: each as often as the library may come there. Which they are depends only on the way to the value, so that
they are worked out once for each way that schemas tell apart (a State), and an event costs one look-up per value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from connector.routing.patterns import FREE, Cost
from connector.routing.schema_parts import PAIRS, Part, Parts, Raw

# What an event may cost, 20 ms at most in all, and beside that for each of its values (3 µs).
EVENT = 1_000_000
VALUE = 300
# Beyond that a state is only "too much": numbers stay small.
_MOST = 10 * EVENT
# What is kept of all ways, in subschemas: beyond that a schema is not looked through at load, nor more remembered.
_KEPT = 200_000
# So many subschemas are met at most, at load, on all ways of one that comes back to itself.
_WAYS = 2_000

# Larger integers share their hash, a float's, with others.
_EXACT = 2**53

# A subschema as one may meet it: applied, or (True) searched for what it has evaluated, for unevaluated… above it.
_Key = tuple[int, bool]
_Counts = Mapping[_Key, int]
_Below = list[tuple[_Key, Mapping[str, Any]]]


class State:
    """What is applied to a value at the end of one way. `next` has the states one step on, by name or index."""

    __slots__ = ("counts", "first", "key", "name", "names", "next", "text", "unique", "weight")

    def __init__(self, counts: _Counts, parts: Mapping[_Key, Part]) -> None:
        self.counts = counts
        self.next: dict[str | int | None, State | None] = {}
        self.key: State | None = None
        self.names = frozenset(name for key in counts for name in parts[key].uses.get("properties", ()))
        self.first = max((len(parts[key].first()) for key in counts), default=0)
        self.weight = min(sum(count * parts[key].weight for key, count in counts.items()), _MOST)
        self.unique = sum(count for key, count in counts.items() if parts[key].unique and not key[1])
        self.text = _cost((parts[key].text, 0 if key[1] else count) for key, count in counts.items())
        self.name = _cost((parts[key].name, count) for key, count in counts.items())

    def at_most(self) -> int:
        """What any value may cost here: a string or an array of any size."""
        endless = self.unique + self.text.character + self.text.tries + sum(self.name)
        return self.weight + self.text.string + EVENT * endless


class Work:
    """Counts what a schema's check costs. One thread; what it has worked out is kept within a bound."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: dict[_Key, Part] = {}
        self._closures: dict[_Key, _Counts] = {}
        self._states: dict[frozenset[tuple[_Key, int]], State] = {}
        self._kept = 0
        self._start = self._state([(parts.root, 1, False)])

    def always_fits(self) -> bool:
        """Whether no event at all can cost more than EVENT and VALUE allow, so that none need be counted."""
        if self._start is None:
            return True
        once = 0
        seen: dict[int, bool] = {}
        todo = [(self._start, False)]
        while todo:
            state, many = todo.pop()
            many = many or id(state) in seen
            if seen.get(id(state), False):
                continue
            seen[id(state)] = many
            cost = state.at_most()
            once += 0 if many else cost
            if (many and cost > VALUE) or once > EVENT or self._kept > _KEPT:
                return False
            for label in (None, *state.names, *range(state.first)):
                there = self._step(state, label)
                if there is not None:
                    todo.append((there, many or label is None))
            if state.key is not None:
                todo.append((state.key, True))
        return True

    def fits(self, event: Any) -> bool:
        """Whether the check of an event costs no more than EVENT and VALUE allow."""
        return self._units(event, EVENT, VALUE) is not None

    def units(self, event: Any) -> int:
        """How much work the check of an event takes at most."""
        units = self._units(event, _MOST, 0)
        return _MOST if units is None else units

    def _units(self, event: Any, most: int, value_most: int) -> int | None:
        """That work, less `value_most` for each value; None if it is more than `most`."""
        if self._kept > _KEPT:
            self._forget()
        units = weight = tries = 0
        todo: list[tuple[State | None, Any]] = [(self._start, event)]
        while todo:
            state, value = todo.pop()
            if state is None:
                continue
            weight += state.weight
            units += max(state.weight - value_most, 0)
            if isinstance(value, dict):
                if state.name != FREE:
                    units += sum(map(state.name.of, value))
                    tries += state.name.tries
                names = state.names
                todo += [(self._step(state, name if name in names else None), child) for name, child in value.items()]
                if state.key is not None:
                    todo += [(state.key, name) for name in value]
            elif isinstance(value, list):
                units += state.unique * _to_compare(value) if state.unique else 0
                first = state.first
                todo += [(self._step(state, at if at < first else None), child) for at, child in enumerate(value)]
            elif isinstance(value, str):
                units += state.text.of(value)
                tries += state.text.tries
            if units > most:
                return None
        # For a string that backtracking could not decide, the library tries both answers: 64 times at most in all.
        units += 63 * weight if tries else 0
        return units if units <= most else None

    def _forget(self) -> None:
        self._kept = 0
        self._states.clear()
        self._closures.clear()
        self._start = self._state([(self._parts.root, 1, False)])

    def _step(self, state: State, label: str | int | None) -> State | None:
        """The state one step on; None where nothing is applied any more."""
        if label in state.next:
            return state.next[label]
        reached: list[tuple[Raw, int, bool]] = []
        for key, count in state.counts.items():
            reached += [(raw, count, False) for raw in _children(self._known[key], label, marking=key[1])]
        found = state.next[label] = self._state(reached)
        return found

    def _state(self, reached: Iterable[tuple[Raw, int, bool]]) -> State | None:
        counts: Counter[_Key] = Counter()
        for raw, count, marking in reached:
            if isinstance(raw, dict):
                for key, often in self._closure(raw, marking).items():
                    counts[key] = min(counts[key] + count * often, _MOST)
        if not counts:
            return None
        name = frozenset(counts.items())
        state = self._states.get(name)
        if state is None:
            state = self._states[name] = State(counts, self._known)
            self._kept += len(counts)
            keys = [
                (self._known[key].uses["propertyNames"], count, False)
                for key, count in counts.items()
                if "propertyNames" in self._known[key].uses and not key[1]
            ]
            state.key = self._state(keys)
        return state

    def _closure(self, raw: Mapping[str, Any], marking: bool) -> _Counts:
        """Everything that a subschema applies to the same value, itself among it, each as often as there are ways."""
        start = (id(raw), marking)
        if start not in self._closures:
            order = self._order(start, raw)
            found = self._ways(start, raw) if order is None else self._counted(start, order)
            self._closures[start] = found
            self._kept += len(found)
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
                counts[key] = _MOST
            for one, _ in below:
                counts[one] = min(counts[one] + counts[key], _MOST)
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
                counts[key] += 1 if self._followed(key) else _MOST
                todo.append((key, None))
                todo += below
            if counts.total() > _WAYS:
                return Counter({start: _MOST})
        return counts

    def _below(self, key: _Key, raw: Mapping[str, Any]) -> _Below:
        part = self._known[key] = self._parts.part(raw)
        return list(_below(part, raw, key[1]))

    def _followed(self, key: _Key) -> bool:
        part = self._known[key]
        return bool(part.targets) or not any(name.endswith(("Ref", "$ref")) for name in part.uses)


def _below(part: Part, raw: Mapping[str, Any], marking: bool) -> Iterable[tuple[_Key, Mapping[str, Any]]]:
    """What a subschema applies to the same value. unevaluated… searches all of it, and checks it once more."""
    same = [child for child in part.same() if isinstance(child, dict)]
    yield from (((id(child), False), child) for child in same)
    if marking:
        yield from (((id(child), True), child) for child in same)
    elif "unevaluatedProperties" in part.uses or "unevaluatedItems" in part.uses:
        yield (id(raw), True), raw


def _children(part: Part, label: str | int | None, *, marking: bool) -> Iterable[Raw]:
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


def _to_compare(items: list[Any]) -> int:
    """How many pairs of items are compared: of those whose hashes may be the same for all that they differ."""
    if len(items) <= PAIRS:
        return 0
    kinds = set(map(type, items))
    if kinds <= {str, float, bool, type(None)} or (kinds == {int} and max(map(abs, items)) <= _EXACT):
        return len(items)
    return len(items) ** 2


def _cost(costs: Iterable[tuple[Cost, int]]) -> Cost:
    return Cost.sum(Cost(*(min(count * each, _MOST) for each in cost)) for cost, count in costs)
