"""A JSON Schema taken apart: what each subschema asks of a value itself, and which subschemas it applies where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import jsonschema_rs

from connector.routing.schema.pattern_cost import FREE, PatternCost, pattern_cost

# A subschema as it stands in the document: an object or a boolean.
Raw = Any
# Arrays whose items must differ are compared in pairs in the worst case: free up to so many items.
FREE_UNIQUE_ITEMS = 64
# A string is short, whatever its pattern costs, up to so many characters.
SHORT_TEXT = 256
# Stands for a schema without an $id: relative references start somewhere.
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
# They hold no assertion, or one that is looked at together with a keyword above.
_NO_ASSERTION = frozenset(
    {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment", "$defs"}
    | {"definitions", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
    | {"uniqueItems", "minContains", "maxContains", "contentSchema"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Subschema:
    """One subschema. `uses` has its keywords with subschemas, `leaf` the assertions that need nothing else.

    `targets`: what its references may lead to (`sure`: one each; several for a $dynamicRef between resources).
    `contained`: how many items must match `contains`, and how many may. `weight`: the units of work that one value
    costs without what lies below it; `text`: what a string's pattern costs; `name`: what the patterns of
    patternProperties cost for one name.
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
        """The subschemas that are applied to the same value."""
        yield from self.ref_targets
        for keyword in ("allOf", "anyOf", "oneOf"):
            yield from self.applicators.get(keyword, ())
        for keyword in ("not", "if", "then", "else"):
            if keyword in self.applicators:
                yield self.applicators[keyword]
        for keyword in ("dependencies", "dependentSchemas"):
            yield from (raw for raw in self.applicators.get(keyword, {}).values() if not isinstance(raw, list))

    def child_subschemas(self) -> Iterator[Raw]:
        """The subschemas that are applied to names, properties or items."""
        for keyword in ("properties", "patternProperties"):
            yield from self.applicators.get(keyword, {}).values()
        yield from self.prefix_items()
        for keyword in ("additionalProperties", "propertyNames", "contains", *_UNEVALUATED):
            if keyword in self.applicators:
                yield self.applicators[keyword]
        if self.further_items() is not None:
            yield self.further_items()

    def prefix_items(self) -> list[Raw]:
        """The subschemas of an array's first items, one each."""
        items = self.applicators.get("items")
        return items if isinstance(items, list) else self.applicators.get("prefixItems", [])

    def further_items(self) -> Raw | None:
        """The subschema of the items behind those; None if there is none."""
        items = self.applicators.get("items")
        return self.applicators.get("additionalItems") if isinstance(items, list) else items


class SchemaDocument:
    """The subschemas of one schema, taken apart as they are asked for. One thread.

    References are followed as the library does; to a draft's own meta-schema, too.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self.validator_class = jsonschema_rs.validator_cls_for(schema)
        self._draft = _DRAFTS.index(self.validator_class)
        # Before draft 2020-12, unevaluatedItems does not see what `contains` has looked at.
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
        """A subschema of the document that is an object."""
        part = self._subschemas.get(id(raw))
        if part is None:
            part = self._subschemas[id(raw)] = self._parse(raw)
        return part

    def reachable(self) -> Iterator[Subschema]:
        """All subschemas that any event can meet."""
        seen: set[int] = set()
        todo: list[Raw] = [self.root]
        while todo:
            raw = todo.pop()
            if not isinstance(raw, dict) or id(raw) in seen:
                continue
            seen.add(id(raw))
            part = self.subschema(raw)
            yield part
            todo += [*part.in_place_subschemas(), *part.child_subschemas()]

    def _index(self, root: Any, base: str) -> None:
        """Notes the base URI of everything in the document, and what can be referred to by name."""
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
        """The base URI of a subschema: it begins a resource of its own if it has an $id; the root does anyway."""
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
        if self._draft <= _7 and "$ref" in raw:  # its siblings are not looked at
            raw = {"$ref": raw["$ref"], "_base": raw}
            self._bases[id(raw)] = self._bases.get(id(raw["_base"]), _DEFAULT_BASE)
        uses = {
            name: value
            for name, value in raw.items()
            if name in _SUBSCHEMAS and _SUBSCHEMAS[name][0] <= self._draft <= _SUBSCHEMAS[name][1]
        }
        leaf = {
            name: value
            for name, value in raw.items()
            if name not in _SUBSCHEMAS and name not in _NO_ASSERTION and name != "_base"
        }
        pattern = leaf.get("pattern")
        targets = tuple(self._ref_targets(raw, uses))
        return Subschema(
            raw=raw,
            applicators=uses,
            assertions=leaf,
            ref_targets=targets,
            refs_resolved=len(targets) == sum(name in uses for name in ("$ref", "$recursiveRef", "$dynamicRef")),
            compares_pairs=raw.get("uniqueItems") is True
            and raw.get("maxItems", FREE_UNIQUE_ITEMS + 1) > FREE_UNIQUE_ITEMS,
            contains_bounds=self._contains_bounds(raw),
            weight=_weight(uses, leaf),
            text_cost=_text_cost(pattern, raw.get("maxLength")) if isinstance(pattern, str) else FREE,
            name_cost=PatternCost.total(pattern_cost(one) for one in uses.get("patternProperties", ())),
        )

    def _contains_bounds(self, raw: Mapping[str, Any]) -> tuple[int, int | None]:
        if self._draft < _2019:
            return 1, None
        most = raw.get("maxContains")
        return int(raw.get("minContains", 1)), None if most is None else int(most)

    def _ref_targets(self, raw: Mapping[str, Any], uses: Mapping[str, Any]) -> Iterator[Raw]:
        base = self._bases.get(id(raw), _DEFAULT_BASE)
        if "$ref" in uses:
            yield from self._resolve(base, uses["$ref"])
        if "$recursiveRef" in uses:
            found = list(self._resolve(base, uses["$recursiveRef"]))
            if any(isinstance(one, dict) and one.get("$recursiveAnchor") is True for one in found):
                found = self._outermost([one for one in self._roots if one.get("$recursiveAnchor") is True])
            yield from found
        if "$dynamicRef" in uses:
            found = list(self._resolve(base, uses["$dynamicRef"]))
            name = urldefrag(uses["$dynamicRef"])[1]
            dynamic = any(isinstance(one, dict) and one.get("$dynamicAnchor") == name for one in found)
            yield from self._outermost(self._dynamic[name]) if dynamic else found

    def _outermost(self, found: list[Raw]) -> list[Raw]:
        """Of the anchors of one name the root's own, if it has one: every way begins there. Else any may be meant."""
        outer = [one for one in found if self._bases[id(one)] == self._bases[id(self.root)]]
        return outer[:1] or found

    def _resolve(self, base: str, reference: str) -> Iterator[Raw]:
        """What a reference leads to; nothing if it cannot be followed here."""
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
    """What a reference names, and its fragment."""
    if reference.startswith("#"):  # urljoin() does not know every scheme
        return base, reference[1:]
    uri, fragment = urldefrag(urljoin(base, reference))
    return uri, fragment


def _text_cost(pattern: str, most: Any) -> PatternCost:
    """maxLength is looked at first, so that a short string costs no more than it says."""
    cost = pattern_cost(pattern)
    short = most is not None and most <= SHORT_TEXT
    return PatternCost(0, cost.per_character * int(most), cost.backtracking) if short else cost


def _weight(uses: Mapping[str, Any], leaf: Mapping[str, Any]) -> int:
    """Keywords, and what they list: names, allowed values."""
    listed = sum(len(uses[name]) for name in ("properties", "dependencies", "dependentSchemas") if name in uses)
    return 1 + len(uses) + len(leaf) + listed + sum(_size(value) for value in leaf.values())


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_size, value.values()))
    return len(value) + sum(map(_size, value)) if isinstance(value, list) else 0
