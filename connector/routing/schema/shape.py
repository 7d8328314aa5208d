"""What a JSON Schema says of the events that are valid under it, as a Shape. What is not read here widens it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jsonschema_rs

from connector.expressions.kinds import json_type
from connector.expressions.shape_sets import both, softened, union
from connector.expressions.shapes import (
    ANY_FORM,
    ANYTHING,
    IMPOSSIBLE,
    NULLABLE,
    Form,
    Later,
    Listing,
    Property,
    Shape,
    kept,
    once,
    or_null,
)
from connector.expressions.signatures import ARRAY, BOOLEAN, NULL, NUMBER, OBJECT, TEXT
from connector.routing.schema.assertions import AssertionChecker
from connector.routing.schema.subschemas import Raw, SchemaDocument, Subschema

_KINDS = {
    "string": TEXT,
    "number": NUMBER,
    "integer": NUMBER,
    "boolean": BOOLEAN,
    "array": ARRAY,
    "object": OBJECT,
    "null": NULL,
}
# Keywords that require or exclude more than is read here.
_MORE = frozenset({"not", "if", "dependencies", "dependentSchemas", "dependentRequired"})
# Keywords by which a text or a number is found to be impossible.
_OF_SCALARS = frozenset(
    {"pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
_OF_OBJECTS = frozenset(
    {"properties", "required", "additionalProperties", "patternProperties", "unevaluatedProperties", "minProperties"}
)
# From here on a double stands for several integers, and `enum` may let others pass than those that it lists.
_INEXACT = 2**53


def event_shape(schema: dict[str, Any] | bool) -> Shape:
    """Return what is known of every event that a schema lets pass: an object.

    The schema is one that EventSchema takes. The shape refers to it: it must not be changed.
    """
    document = SchemaDocument(schema if isinstance(schema, dict) else {"allOf": [schema]})
    return kept(_Reader(document).shape(document.root), frozenset({OBJECT}))


class _Reader:
    """One document. Each subschema is read once, when it is needed. One thread."""

    def __init__(self, document: SchemaDocument) -> None:
        self._document = document
        self._assertions = AssertionChecker(document.validator_class)
        self._has_const = document.validator_class is not jsonschema_rs.Draft4Validator
        self._shapes: dict[int, Shape] = {}

    def shape(self, raw: Raw) -> Shape:
        """Return what a subschema says."""
        if not isinstance(raw, dict):
            return IMPOSSIBLE if raw is False else ANYTHING
        shape = self._shapes.get(id(raw))
        if shape is None:
            self._shapes[id(raw)] = softened(ANYTHING)  # what one that applies itself in its own place says there
            shape = self._shapes[id(raw)] = self._read(self._document.subschema(raw))
        return shape

    def _later(self, raw: Raw) -> Later:
        return once(lambda: self.shape(raw))

    def _read(self, subschema: Subschema) -> Shape:
        shape, applicators = self._own(subschema), subschema.applicators
        for each in (*subschema.ref_targets, *applicators.get("allOf", ())):
            shape = both(shape, self.shape(each))
        for keyword in ("anyOf", "oneOf"):
            if keyword in applicators:
                shape = both(shape, union(self.shape(each) for each in applicators[keyword]))
        if subschema.raw.get("nullable") is True:  # what OpenAPI means by it; the check of events does not know it
            shape = or_null(shape)
        knows_all = _MORE.isdisjoint(subschema.raw) and subschema.refs_resolved
        return shape if knows_all else softened(shape)

    def _own(self, subschema: Subschema) -> Shape:
        """Return what the keywords say that hold no alternatives and no references."""
        shape = _of_types(subschema.raw)
        for values in self._values(subschema.raw):
            shape = both(shape, _of_values(values))
        if self._restricts_scalars(subschema.raw):
            shape = replace(shape, allows=lambda value: self._assertions.holds(subschema, value))
        if OBJECT in shape.kinds and not _OF_OBJECTS.isdisjoint(subschema.raw):
            shape = replace(shape, forms=(self._form(subschema),))
        if ARRAY in shape.kinds and (subschema.prefix_items() or subschema.further_items() is not None):
            shape = replace(shape, elements=once(lambda: self._elements(subschema)))
        return shape

    def _values(self, raw: Mapping[str, Any]) -> list[list[Any]]:
        listed = [raw["enum"]] if isinstance(raw.get("enum"), list) else []
        return [*listed, [raw["const"]]] if "const" in raw and self._has_const else listed

    def _restricts_scalars(self, raw: Mapping[str, Any]) -> bool:
        types = raw.get("type", ())
        return not _OF_SCALARS.isdisjoint(raw) or ("integer" in types and "number" not in types)

    def _form(self, subschema: Subschema) -> Form:
        raw, applicators = subschema.raw, subschema.applicators
        others = self._others(applicators)
        required = [name for name in raw.get("required", ()) if isinstance(name, str)]
        properties = {
            name: Property(self._later(each), name in required)
            for name, each in applicators.get("properties", {}).items()
        }
        beyond = others or (lambda: IMPOSSIBLE)
        properties |= {name: Property(beyond, True) for name in required if name not in properties}
        # One of the optional names is there, and which one is not known.
        is_partial = raw.get("minProperties", 0) > len(required)
        return Form(properties, others, _listing(raw, applicators), is_partial)

    def _others(self, applicators: Mapping[str, Any]) -> Later | None:
        """Return what names that are not in `properties` hold; None: there are none."""
        if applicators.get("patternProperties"):
            return lambda: ANYTHING
        others = applicators.get("additionalProperties", True)
        return None if others is False else self._later(others)

    def _elements(self, subschema: Subschema) -> Shape:
        first, further = subschema.prefix_items(), subschema.further_items()
        return union(self.shape(each) for each in (*first, True if further is None else further))


def _of_types(raw: Mapping[str, Any]) -> Shape:
    types = raw.get("type")
    if types is None:
        return ANYTHING
    kinds = frozenset(_KINDS[each] for each in ([types] if isinstance(types, str) else types))
    return replace(kept(ANYTHING, kinds), because=NULLABLE if NULL in kinds else "")


def _of_values(values: list[Any]) -> Shape:
    """Return what a value is that must be one of these."""
    kinds = frozenset(map(json_type, values))
    numbers = [value for value in values if json_type(value) == NUMBER]
    return Shape(
        kinds,
        texts=frozenset(value for value in values if type(value) is str),
        numbers=frozenset(numbers) if all(-_INEXACT < number < _INEXACT for number in numbers) else None,
        forms=(ANY_FORM,) if OBJECT in kinds else (),
        because=NULLABLE if NULL in kinds else "",
    )


def _listing(raw: Mapping[str, Any], applicators: Mapping[str, Any]) -> Listing:
    """Return whether the author of an object meant to list all of its names."""
    others = [applicators[name] for name in ("additionalProperties", "unevaluatedProperties") if name in applicators]
    if applicators.get("patternProperties") or any(each not in (True, False, {}) for each in others):
        return Listing.NONE
    if any(each in (True, {}) for each in others):
        return Listing.SOME if applicators.get("properties") else Listing.NONE
    return Listing.ALL if applicators.get("properties") or raw.get("additionalProperties") is False else Listing.UNSAID
