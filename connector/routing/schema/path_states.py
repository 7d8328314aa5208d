"""The ways from an event to its values, as far as a schema tells them apart, and what it applies at the end of each.

Applied to a value is a multiset of subschemas: each as often as the library may come there. Which they are depends on
the way alone, so that they are worked out once for each (a State), and an event costs one look-up per value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from connector.routing.schema.pattern_cost import PatternCost
from connector.routing.schema.subschemas import Raw, SchemaDocument, Subschema

# Numbers stay small: beyond this all is too much.
TOO_MUCH = 10_000_000
# What is kept of all ways, in subschemas that were met; and what one schema may need before any way is gone.
CACHE_LIMIT = 50_000
_SCHEMA_LIMIT = 200_000
# To work out a way is noted where more than so many subschemas are met.
_CHEAP_TRANSITION = 100
# So many subschemas are met at most, at load, on all ways of one that comes back to itself.
_CYCLE_LIMIT = 2_000

# A subschema as one may meet it: applied, or (True) searched for what it has evaluated, for unevaluated… above it.
_Key = tuple[int, bool]
_Applications = Mapping[_Key, int]
_Applied = list[tuple[_Key, Mapping[str, Any]]]
# One step on: a property's name or an item's index where the schema names it, None for any other.
Label = str | int | None


class PathState:
    """What is applied to a value at the end of one way. `next` has the states one step on, by name or index."""

    __slots__ = (
        "applications",
        "name_cost",
        "named_properties",
        "names_state",
        "prefix_length",
        "text_cost",
        "transition_cost",
        "transitions",
        "unique_checks",
        "weight",
    )

    def __init__(self, counts: _Applications, parts: Mapping[_Key, Subschema]) -> None:
        self.applications = counts
        self.transitions: dict[Label, PathState | None] = {}
        # Working out the next state is work, too: noted where it takes long.
        self.transition_cost: dict[Label, int] = {}
        self.names_state: PathState | None = None
        self.named_properties = frozenset(
            name for key in counts for name in parts[key].applicators.get("properties", ())
        )
        self.prefix_length = max((len(parts[key].prefix_items()) for key in counts), default=0)
        self.weight = min(sum(count * parts[key].weight for key, count in counts.items()), TOO_MUCH)
        self.unique_checks = sum(count for key, count in counts.items() if parts[key].compares_pairs and not key[1])
        self.text_cost = _total_cost((parts[key].text_cost, 0 if key[1] else count) for key, count in counts.items())
        self.name_cost = _total_cost((parts[key].name_cost, count) for key, count in counts.items())


class PathStates:
    """The states of one schema. One thread; what it has worked out is kept within a bound.

    `known` is False if the schema is too large for that; `start` is the event's own state, None if nothing is applied.
    """

    def __init__(self, parts: SchemaDocument) -> None:
        self._document = parts
        self._subschemas: dict[_Key, Subschema] = {}
        self._closures: dict[_Key, _Applications] = {}
        self._states: dict[frozenset[tuple[_Key, int]], PathState] = {}
        self.cached = 0
        self.countable = self._compute_closures()
        self.root_state = self._state([(parts.root, 1, False)]) if self.countable else None

    def _compute_closures(self) -> bool:
        """Works out what each subschema applies in its place; False if that is too much, and events are not counted."""
        kept = len(self._closure(self._document.root, False))
        for part in self._document.reachable():
            for raw in part.child_subschemas():
                kept += len(self._closure(raw, False)) if isinstance(raw, dict) else 0
                if kept > _SCHEMA_LIMIT:
                    return False
        return True

    def trim(self) -> None:
        """Forgets what was worked out, if it has become too much."""
        if self.cached > CACHE_LIMIT:
            self.cached = 0
            self._states.clear()
            self.root_state = self._state([(self._document.root, 1, False)])

    def next_state(self, state: PathState, label: Label) -> PathState | None:
        """The state one step on; None where nothing is applied any more."""
        if label in state.transitions:
            return state.transitions[label]
        reached: list[tuple[Raw, int, bool]] = []
        for key, count in state.applications.items():
            reached += [(raw, count, False) for raw in _applied_to_child(self._subschemas[key], label, marking=key[1])]
        found = state.transitions[label] = self._state(reached)
        effort = sum(len(self._closure(raw, marking)) for raw, _, marking in reached if isinstance(raw, dict))
        if effort > _CHEAP_TRANSITION:
            state.transition_cost[label] = effort
        self.cached += effort
        return found

    def _state(self, reached: Iterable[tuple[Raw, int, bool]]) -> PathState | None:
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
            state = self._states[name] = PathState(counts, self._subschemas)
            keys = [
                (self._subschemas[key].applicators["propertyNames"], count, False)
                for key, count in counts.items()
                if "propertyNames" in self._subschemas[key].applicators and not key[1]
            ]
            state.names_state = self._state(keys)
        return state

    def _closure(self, raw: Mapping[str, Any], marking: bool) -> _Applications:
        """Everything that a subschema applies to the same value, itself among it, each as often as there are ways."""
        start = (id(raw), marking)
        if start not in self._closures:
            order = self._topological_order(start, raw)
            self._closures[start] = (
                self._count_cyclic(start, raw) if order is None else self._count_acyclic(start, order)
            )
        return self._closures[start]

    def _topological_order(self, start: _Key, raw: Mapping[str, Any]) -> list[tuple[_Key, _Applied]] | None:
        """Those, each after all that apply it; None if one applies itself to the same value."""
        done: list[tuple[_Key, _Applied]] = []
        state: dict[_Key, bool] = {}
        todo: list[tuple[_Key, Mapping[str, Any], _Applied | None]] = [(start, raw, None)]
        while todo:
            key, this, below = todo.pop()
            if below is not None:
                state[key] = True
                done.append((key, below))
            elif not state.get(key, True):
                return None
            elif key not in state:
                state[key] = False
                below = self._applied_by(key, this)
                todo.append((key, this, below))
                todo += [(one, child, None) for one, child in below]
        return done[::-1]

    def _count_acyclic(self, start: _Key, order: Iterable[tuple[_Key, _Applied]]) -> _Applications:
        counts: Counter[_Key] = Counter({start: 1})
        for key, below in order:
            if not self._refs_resolved(key):  # it may cost anything
                counts[key] = TOO_MUCH
            for one, _ in below:
                counts[one] = min(counts[one] + counts[key], TOO_MUCH)
        return counts

    def _count_cyclic(self, start: _Key, raw: Mapping[str, Any]) -> _Applications:
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
                below = self._applied_by(key, this)
                counts[key] += 1 if self._refs_resolved(key) else TOO_MUCH
                todo.append((key, None))
                todo += below
            if counts.total() > _CYCLE_LIMIT:
                return Counter({start: TOO_MUCH})
        return counts

    def _applied_by(self, key: _Key, raw: Mapping[str, Any]) -> _Applied:
        part = self._subschemas[key] = self._document.subschema(raw)
        return list(_applied_in_place(part, raw, key[1]))

    def _refs_resolved(self, key: _Key) -> bool:
        part = self._subschemas[key]
        return bool(part.ref_targets) or not any(name.endswith(("Ref", "$ref")) for name in part.applicators)


def _applied_in_place(
    part: Subschema, raw: Mapping[str, Any], marking: bool
) -> Iterable[tuple[_Key, Mapping[str, Any]]]:
    """What a subschema applies to the same value. unevaluated… searches all of it, and checks it once more."""
    same = [child for child in part.in_place_subschemas() if isinstance(child, dict)]
    yield from (((id(child), False), child) for child in same)
    if marking:
        yield from (((id(child), True), child) for child in same)
    elif "unevaluatedProperties" in part.applicators or "unevaluatedItems" in part.applicators:
        yield (id(raw), True), raw


def _applied_to_child(part: Subschema, label: Label, *, marking: bool) -> Iterable[Raw]:
    """The subschemas applied one step below; by patternProperties and for None in any case: names are not looked at."""
    uses = part.applicators
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
        first, rest = part.prefix_items(), part.further_items()
        if label is not None and label < len(first):
            yield first[label]
        elif rest is not None:
            yield rest


def _total_cost(costs: Iterable[tuple[PatternCost, int]]) -> PatternCost:
    return PatternCost.total(PatternCost(*(min(count * each, TOO_MUCH) for each in cost)) for cost, count in costs)
