"""The subschemas that a schema applies to the value at each path of an event, worked out once for each kind of path.

They form a multiset: each subschema as often as the library may apply it. The multiset depends on the path alone, so it
is computed once (a PathState), and an event costs one look-up for each value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from connector.routing.schema.pattern_cost import PatternCost
from connector.routing.schema.subschemas import Raw, SchemaDocument, Subschema

# Counts stop here, so that numbers stay small.
TOO_MUCH = 10_000_000
# How much the cache of states may hold, and how much one schema may need at load, both counted in subschemas.
CACHE_LIMIT = 50_000
_SCHEMA_LIMIT = 200_000
# A transition that visits more subschemas than this is counted as work.
_CHEAP_TRANSITION = 100
# How many subschemas are visited at most, at load, for one that applies itself to the same value.
_CYCLE_LIMIT = 2_000

# A subschema (its id), applied, or (True) searched for what it has evaluated, for an unevaluated… keyword above it.
_Key = tuple[int, bool]
_Applications = Mapping[_Key, int]
_Applied = list[tuple[_Key, Mapping[str, Any]]]
# A child: a property's name or an item's index where the schema names it, None for any other.
Label = str | int | None


class PathState:
    """The subschemas applied to a value at the end of one path, and their cost.

    `transitions` has the states of its children by property name or index; `names_state` is the state of its property
    names (propertyNames). `transition_cost` has the cost of computing a transition, where it is high.
    """

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

    def __init__(self, counts: _Applications, subschemas: Mapping[_Key, Subschema]) -> None:
        self.applications = counts
        self.transitions: dict[Label, PathState | None] = {}
        self.transition_cost: dict[Label, int] = {}
        self.names_state: PathState | None = None
        self.named_properties = frozenset(
            name for key in counts for name in subschemas[key].applicators.get("properties", ())
        )
        self.prefix_length = max((len(subschemas[key].prefix_items()) for key in counts), default=0)
        self.weight = min(sum(count * subschemas[key].weight for key, count in counts.items()), TOO_MUCH)
        self.unique_checks = sum(
            count for key, count in counts.items() if subschemas[key].compares_pairs and not key[1]
        )
        self.text_cost = _total_cost(
            (subschemas[key].text_cost, 0 if key[1] else count) for key, count in counts.items()
        )
        self.name_cost = _total_cost((subschemas[key].name_cost, count) for key, count in counts.items())


class PathStates:
    """The path states of one schema. One thread; the cache of states is bounded.

    `countable` is False if the schema is too large for this; `root_state` is the state of the event itself, None if no
    subschema is applied to it.
    """

    def __init__(self, document: SchemaDocument) -> None:
        self._document = document
        self._subschemas: dict[_Key, Subschema] = {}
        self._closures: dict[_Key, _Applications] = {}
        self._states: dict[frozenset[tuple[_Key, int]], PathState] = {}
        self.cached = 0
        self.countable = self._compute_closures()
        self.root_state = self._state([(document.root, 1, False)]) if self.countable else None

    def _compute_closures(self) -> bool:
        """Compute what each subschema applies in place; return False if that is too much to count events."""
        size = len(self._closure(self._document.root, False))
        for subschema in self._document.reachable():
            for raw in subschema.child_subschemas():
                size += len(self._closure(raw, False)) if isinstance(raw, dict) else 0
                if size > _SCHEMA_LIMIT:
                    return False
        return True

    def trim(self) -> None:
        """Empty the cache of states if it has grown past its limit."""
        if self.cached > CACHE_LIMIT:
            self.cached = 0
            self._states.clear()
            self.root_state = self._state([(self._document.root, 1, False)])

    def next_state(self, state: PathState, label: Label) -> PathState | None:
        """Return the state of a child; None if no subschema is applied to it."""
        if label in state.transitions:
            return state.transitions[label]
        reached: list[tuple[Raw, int, bool]] = []
        for key, count in state.applications.items():
            reached += [
                (raw, count, False) for raw in _applied_to_child(self._subschemas[key], label, collecting=key[1])
            ]
        found = state.transitions[label] = self._state(reached)
        cost = sum(len(self._closure(raw, collecting)) for raw, _, collecting in reached if isinstance(raw, dict))
        if cost > _CHEAP_TRANSITION:
            state.transition_cost[label] = cost
        self.cached += cost
        return found

    def _state(self, reached: Iterable[tuple[Raw, int, bool]]) -> PathState | None:
        counts: Counter[_Key] = Counter()
        for raw, count, collecting in reached:
            if isinstance(raw, dict):
                for key, times in self._closure(raw, collecting).items():
                    counts[key] = min(counts[key] + count * times, TOO_MUCH)
        if not counts:
            return None
        identity = frozenset(counts.items())
        state = self._states.get(identity)
        if state is None:
            state = self._states[identity] = PathState(counts, self._subschemas)
            keys = [
                (self._subschemas[key].applicators["propertyNames"], count, False)
                for key, count in counts.items()
                if "propertyNames" in self._subschemas[key].applicators and not key[1]
            ]
            state.names_state = self._state(keys)
        return state

    def _closure(self, raw: Mapping[str, Any], collecting: bool) -> _Applications:
        """Return all subschemas that one applies to the same value, itself included, each with its number of
        applications."""
        start = (id(raw), collecting)
        if start not in self._closures:
            order = self._topological_order(start, raw)
            self._closures[start] = (
                self._count_cyclic(start, raw) if order is None else self._count_acyclic(start, order)
            )
        return self._closures[start]

    def _topological_order(self, start: _Key, raw: Mapping[str, Any]) -> list[tuple[_Key, _Applied]] | None:
        """Return those subschemas, each after all that apply it; None if one applies itself to the same value."""
        done: list[tuple[_Key, _Applied]] = []
        state: dict[_Key, bool] = {}
        todo: list[tuple[_Key, Mapping[str, Any], _Applied | None]] = [(start, raw, None)]
        while todo:
            key, node, applied = todo.pop()
            if applied is not None:
                state[key] = True
                done.append((key, applied))
            elif not state.get(key, True):
                return None
            elif key not in state:
                state[key] = False
                applied = self._applied_by(key, node)
                todo.append((key, node, applied))
                todo += [(applied_key, child, None) for applied_key, child in applied]
        return done[::-1]

    def _count_acyclic(self, start: _Key, order: Iterable[tuple[_Key, _Applied]]) -> _Applications:
        counts: Counter[_Key] = Counter({start: 1})
        for key, applied in order:
            if not self._refs_resolved(key):  # an unresolved reference may cost anything
                counts[key] = TOO_MUCH
            for applied_key, _ in applied:
                counts[applied_key] = min(counts[applied_key] + counts[key], TOO_MUCH)
        return counts

    def _count_cyclic(self, start: _Key, raw: Mapping[str, Any]) -> _Applications:
        """Count applications by following every path, for a subschema that applies itself to the same value.

        The library stops at the second visit at the latest, so each subschema may come twice on one path.
        """
        counts: Counter[_Key] = Counter()
        path: Counter[_Key] = Counter()
        todo: list[tuple[_Key, Mapping[str, Any] | None]] = [(start, raw)]
        while todo:
            key, node = todo.pop()
            if node is None:
                path[key] -= 1
            elif path[key] < 2:
                path[key] += 1
                applied = self._applied_by(key, node)
                counts[key] += 1 if self._refs_resolved(key) else TOO_MUCH
                todo.append((key, None))
                todo += applied
            if counts.total() > _CYCLE_LIMIT:
                return Counter({start: TOO_MUCH})
        return counts

    def _applied_by(self, key: _Key, raw: Mapping[str, Any]) -> _Applied:
        subschema = self._subschemas[key] = self._document.subschema(raw)
        return list(_applied_in_place(subschema, raw, key[1]))

    def _refs_resolved(self, key: _Key) -> bool:
        subschema = self._subschemas[key]
        return bool(subschema.ref_targets) or not any(name.endswith(("Ref", "$ref")) for name in subschema.applicators)


def _applied_in_place(
    subschema: Subschema, raw: Mapping[str, Any], collecting: bool
) -> Iterable[tuple[_Key, Mapping[str, Any]]]:
    """Yield what a subschema applies to the same value.

    The unevaluated… keywords search all of it for what was evaluated, and check it once more.
    """
    same = [child for child in subschema.in_place_subschemas() if isinstance(child, dict)]
    yield from (((id(child), False), child) for child in same)
    if collecting:
        yield from (((id(child), True), child) for child in same)
    elif "unevaluatedProperties" in subschema.applicators or "unevaluatedItems" in subschema.applicators:
        yield (id(raw), True), raw


def _applied_to_child(subschema: Subschema, label: Label, *, collecting: bool) -> Iterable[Raw]:
    """Yield the subschemas applied to a child; those of patternProperties for any name, since names are not matched
    here."""
    applicators = subschema.applicators
    if not isinstance(label, int):
        yield from (applicators[name] for name in ("unevaluatedProperties",) if name in applicators)
    if not isinstance(label, str):
        yield from (applicators[name] for name in ("unevaluatedItems", "contains") if name in applicators)
    if collecting:
        return
    if not isinstance(label, int):
        named = applicators.get("properties", {})
        yield from applicators.get("patternProperties", {}).values()
        if label in named:
            yield named[label]
        elif "additionalProperties" in applicators:
            yield applicators["additionalProperties"]
    if not isinstance(label, str):
        first, rest = subschema.prefix_items(), subschema.further_items()
        if label is not None and label < len(first):
            yield first[label]
        elif rest is not None:
            yield rest


def _total_cost(costs: Iterable[tuple[PatternCost, int]]) -> PatternCost:
    return PatternCost.total(PatternCost(*(min(count * each, TOO_MUCH) for each in cost)) for cost, count in costs)
