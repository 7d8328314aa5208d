"""A JSON Schema split into subschemas: each with its assertions (about one value) and its applicators (other
subschemas)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import jsonschema_rs

from connector.routing.schema.pattern_cost import FREE, PatternCost, pattern_cost

# A subschema as written in the document: an object or a boolean.
Raw = Any
# uniqueItems compares each item with each in the worst case: counted as free up to this many items.
FREE_UNIQUE_ITEMS = 64
# Up to this many characters a string counts as short, whatever its pattern costs.
SHORT_TEXT = 256
# The base URI of a schema without an $id: relative references need one.
_DEFAULT_BASE = "http://schema.invalid/"
_DRAFTS = (
    jsonschema_rs.Draft4Validator,
    jsonschema_rs.Draft6Validator,
    jsonschema_rs.Draft7Validator,
    jsonschema_rs.Draft201909Validator,
    jsonschema_rs.Draft202012Validator,
)
_4, _6, _7, _2019, _2020 = range(5)
# Keywords with subschemas, with the first and the last draft that knows them.
_SUBSCHEMAS = {
    "allOf": (_4, _2020),
    "anyOf": (_4, _2020),
    "oneOf": (_4, _2020),
    "not": (_4, _2020),
    "if": (_7, _2020),
    "then": (_7, _2020),
    "else": (_7, _2020),
    "dependencies": (_4, _2020),
    "dependentSchemas": (_2019, _2020),
    "properties": (_4, _2020),
    "patternProperties": (_4, _2020),
    "additionalProperties": (_4, _2020),
    "propertyNames": (_6, _2020),
    "prefixItems": (_2020, _2020),
    "items": (_4, _2020),
    "additionalItems": (_4, _2019),
    "contains": (_6, _2020),
    "unevaluatedProperties": (_2019, _2020),
    "unevaluatedItems": (_2019, _2020),
    "$ref": (_4, _2020),
    "$recursiveRef": (_2019, _2019),
    "$dynamicRef": (_2020, _2020),
}
_UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")
# Keywords without an assertion, or with one that is checked together with a keyword above.
_NO_ASSERTION = frozenset(
    {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment", "$defs"}
    | {"definitions", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
    | {"uniqueItems", "minContains", "maxContains", "contentSchema"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Subschema:
    """One subschema. `applicators` are its keywords that hold subschemas, `assertions` those that need only the value.

    `ref_targets`: the subschemas its references may lead to (`refs_resolved`: one for each reference; a $dynamicRef
    between resources may have several). `compares_pairs`: uniqueItems may compare each item with each.
    `contains_bounds`: how many items must and may match `contains` (None: any number). `weight`: units of work for one
    value without its children. `text_cost`: the cost of `pattern` for a string; `name_cost`: that of patternProperties
    for one property name.
    """

    raw: Mapping[str, Any]
    applicators: Mapping[str, Any]
    assertions: Mapping[str, Any]
    ref_targets: tuple[Raw, ...]
    refs_resolved: bool
    compares_pairs: bool
    contains_bounds: tuple[int, int | None]
    weight: int
    text_cost: PatternCost
    name_cost: PatternCost

    def in_place_subschemas(self) -> Iterator[Raw]:
        """Yield the subschemas that are applied to the same value."""
        yield from self.ref_targets
        for keyword in ("allOf", "anyOf", "oneOf"):
            yield from self.applicators.get(keyword, ())
        for keyword in ("not", "if", "then", "else"):
            if keyword in self.applicators:
                yield self.applicators[keyword]
        for keyword in ("dependencies", "dependentSchemas"):
            yield from (raw for raw in self.applicators.get(keyword, {}).values() if not isinstance(raw, list))

    def child_subschemas(self) -> Iterator[Raw]:
        """Yield the subschemas that are applied to property names, property values or items."""
        for keyword in ("properties", "patternProperties"):
            yield from self.applicators.get(keyword, {}).values()
        yield from self.prefix_items()
        for keyword in ("additionalProperties", "propertyNames", "contains", *_UNEVALUATED):
            if keyword in self.applicators:
                yield self.applicators[keyword]
        if self.further_items() is not None:
            yield self.further_items()

    def prefix_items(self) -> list[Raw]:
        """Return the subschemas of an array's first items, one for each."""
        items = self.applicators.get("items")
        return items if isinstance(items, list) else self.applicators.get("prefixItems", [])

    def further_items(self) -> Raw | None:
        """Return the subschema of the items after `prefix_items`; None if there is none."""
        items = self.applicators.get("items")
        return self.applicators.get("additionalItems") if isinstance(items, list) else items


class SchemaDocument:
    """The subschemas of one schema, each parsed when it is first needed. One thread.

    References are followed as the library does, including those to a draft's own meta-schema.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self.validator_class = jsonschema_rs.validator_cls_for(schema)
        self._draft = _DRAFTS.index(self.validator_class)
        # Before draft 2020-12, `contains` does not mark items as evaluated for unevaluatedItems.
        self.contains_evaluates = self._draft == _2020
        self.root = jsonschema_rs.bundle(schema, offline=True)
        self._subschemas: dict[int, Subschema] = {}
        self._bases: dict[int, str] = {}
        self._resources: dict[str, Any] = {}
        self._anchors: dict[tuple[str, str], Any] = {}
        self._dynamic: dict[str, list[Any]] = {}
        self._roots: list[Mapping[str, Any]] = []
        self._index(self.root, _DEFAULT_BASE)

    def subschema(self, raw: Mapping[str, Any]) -> Subschema:
        """Return the parsed form of an object that is a subschema of this document."""
        subschema = self._subschemas.get(id(raw))
        if subschema is None:
            subschema = self._subschemas[id(raw)] = self._parse(raw)
        return subschema

    def reachable(self) -> Iterator[Subschema]:
        """Yield all subschemas that can be applied to any event."""
        seen: set[int] = set()
        todo: list[Raw] = [self.root]
        while todo:
            raw = todo.pop()
            if not isinstance(raw, dict) or id(raw) in seen:
                continue
            seen.add(id(raw))
            subschema = self.subschema(raw)
            yield subschema
            todo += [*subschema.in_place_subschemas(), *subschema.child_subschemas()]

    def _index(self, root: Any, base: str) -> None:
        """Record the base URI of everything in the document, and everything that can be referred to by name."""
        todo = [(root, base)]
        while todo:
            raw, base = todo.pop()
            if isinstance(raw, dict):
                base = self._base_uri(raw, base)
                self._bases[id(raw)] = base
                for anchor in ("$anchor", "$dynamicAnchor"):
                    if isinstance(raw.get(anchor), str):
                        self._anchors.setdefault((base, raw[anchor]), raw)
                if isinstance(raw.get("$dynamicAnchor"), str):
                    self._dynamic.setdefault(raw["$dynamicAnchor"], []).append(raw)
                todo += [(child, base) for name, child in raw.items() if name not in {"enum", "const"}]
            elif isinstance(raw, list):
                todo += [(child, base) for child in raw]

    def _base_uri(self, raw: Mapping[str, Any], base: str) -> str:
        """Return the base URI inside a subschema. One with an $id begins a resource of its own; so does the root."""
        named = raw.get("id" if self._draft == _4 else "$id")
        if not isinstance(named, str) and raw is not self.root:
            return base
        uri, fragment = _absolute(base, named if isinstance(named, str) else "")
        if fragment:  # before $anchor there was "$id": "#name"
            self._anchors.setdefault((uri, fragment), raw)
            if raw is not self.root:
                return base
        self._resources.setdefault(uri, raw)
        self._roots.append(raw)
        return uri

    def _parse(self, raw: Mapping[str, Any]) -> Subschema:
        if self._draft <= _7 and "$ref" in raw:  # its siblings are ignored
            raw = {"$ref": raw["$ref"], "_base": raw}
            self._bases[id(raw)] = self._bases.get(id(raw["_base"]), _DEFAULT_BASE)
        applicators = {
            name: value
            for name, value in raw.items()
            if name in _SUBSCHEMAS and _SUBSCHEMAS[name][0] <= self._draft <= _SUBSCHEMAS[name][1]
        }
        assertions = {
            name: value
            for name, value in raw.items()
            if name not in _SUBSCHEMAS and name not in _NO_ASSERTION and name != "_base"
        }
        pattern = assertions.get("pattern")
        targets = tuple(self._ref_targets(raw, applicators))
        return Subschema(
            raw=raw,
            applicators=applicators,
            assertions=assertions,
            ref_targets=targets,
            refs_resolved=len(targets) == sum(name in applicators for name in ("$ref", "$recursiveRef", "$dynamicRef")),
            compares_pairs=raw.get("uniqueItems") is True
            and raw.get("maxItems", FREE_UNIQUE_ITEMS + 1) > FREE_UNIQUE_ITEMS,
            contains_bounds=self._contains_bounds(raw),
            weight=_weight(applicators, assertions),
            text_cost=_text_cost(pattern, raw.get("maxLength")) if isinstance(pattern, str) else FREE,
            name_cost=PatternCost.total(pattern_cost(target) for target in applicators.get("patternProperties", ())),
        )

    def _contains_bounds(self, raw: Mapping[str, Any]) -> tuple[int, int | None]:
        if self._draft < _2019:
            return 1, None
        most = raw.get("maxContains")
        return int(raw.get("minContains", 1)), None if most is None else int(most)

    def _ref_targets(self, raw: Mapping[str, Any], applicators: Mapping[str, Any]) -> Iterator[Raw]:
        base = self._bases.get(id(raw), _DEFAULT_BASE)
        if "$ref" in applicators:
            yield from self._resolve(base, applicators["$ref"])
        if "$recursiveRef" in applicators:
            found = list(self._resolve(base, applicators["$recursiveRef"]))
            if any(isinstance(target, dict) and target.get("$recursiveAnchor") is True for target in found):
                found = self._outermost([target for target in self._roots if target.get("$recursiveAnchor") is True])
            yield from found
        if "$dynamicRef" in applicators:
            found = list(self._resolve(base, applicators["$dynamicRef"]))
            name = urldefrag(applicators["$dynamicRef"])[1]
            dynamic = any(isinstance(target, dict) and target.get("$dynamicAnchor") == name for target in found)
            yield from self._outermost(self._dynamic[name]) if dynamic else found

    def _outermost(self, found: list[Raw]) -> list[Raw]:
        """Return the root's own anchor of several with one name, if it has one: every dynamic scope begins at the root.

        Otherwise any of them may be meant, and all are returned.
        """
        outer = [target for target in found if self._bases[id(target)] == self._bases[id(self.root)]]
        return outer[:1] or found

    def _resolve(self, base: str, reference: str) -> Iterator[Raw]:
        """Yield the subschema that a reference leads to; nothing if it cannot be followed here."""
        uri, fragment = _absolute(base, reference)
        fragment = unquote(fragment)
        found: Any = self._resources.get(uri)
        if fragment and not fragment.startswith("/"):
            found = self._anchors.get((uri, fragment))
        elif fragment:
            for step in fragment.split("/")[1:]:
                name = step.replace("~1", "/").replace("~0", "~")
                try:
                    found = found[int(name)] if isinstance(found, list) else found[name]
                except (KeyError, IndexError, ValueError, TypeError):
                    return
        if isinstance(found, dict | bool):
            yield found


def _absolute(base: str, reference: str) -> tuple[str, str]:
    """Return the absolute URI of a reference, and its fragment."""
    if reference.startswith("#"):  # urljoin() does not know every scheme
        return base, reference[1:]
    uri, fragment = urldefrag(urljoin(base, reference))
    return uri, fragment


def _text_cost(pattern: str, most: Any) -> PatternCost:
    """Return the cost of a pattern. maxLength is checked first, so a string that it keeps short has a fixed cost."""
    cost = pattern_cost(pattern)
    short = most is not None and most <= SHORT_TEXT
    return PatternCost(0, cost.per_character * int(most), cost.backtracking) if short else cost


def _weight(applicators: Mapping[str, Any], assertions: Mapping[str, Any]) -> int:
    """Return the number of keywords, and of the names and allowed values that they list."""
    listed = sum(
        len(applicators[name]) for name in ("properties", "dependencies", "dependentSchemas") if name in applicators
    )
    return 1 + len(applicators) + len(assertions) + listed + sum(_size(value) for value in assertions.values())


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_size, value.values()))
    return len(value) + sum(map(_size, value)) if isinstance(value, list) else 0
