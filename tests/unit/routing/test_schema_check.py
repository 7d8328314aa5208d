"""The check in steps agrees with the library on any schema and event, and never takes more steps than it may."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connector.routing import EventSchema
from connector.routing.schema.assertions import MASK, AssertionChecker
from connector.routing.schema.cost import CheckCost
from connector.routing.schema.counted_check import CountedCheck
from connector.routing.schema.subschemas import SchemaDocument
from connector.routing.schema.unevaluated import TooManyStepsError

DRAFTS = (
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
)
NAMES = st.sampled_from("abc")
LEAVES = st.sampled_from(
    [
        *({"type": name} for name in ("integer", "number", "string", "object", "array", "null")),
        {"enum": [1, "x", None, {}]},
        {"minimum": 1},
        {"multipleOf": 2},
        {"maxLength": 1},
        {"pattern": "^a"},
        {"required": ["a"]},
        {"maxProperties": 1},
        {"minItems": 1},
        {"uniqueItems": True},
        {},
    ]
)
REFERENCES = st.sampled_from(["#/definitions/p", "#/definitions/q", "#"])


def composed(below: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some keywords with subschemas, beside some assertions."""
    several = st.lists(below, min_size=1, max_size=3)
    keywords = {
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), several),
        **dict.fromkeys(("not", "if", "then", "else", "additionalProperties", "items", "additionalItems"), below),
        **dict.fromkeys(("contains", "unevaluatedProperties", "unevaluatedItems"), below),
        **dict.fromkeys(("properties", "dependentSchemas"), st.dictionaries(NAMES, below, min_size=1, max_size=3)),
        "dependencies": st.dictionaries(NAMES, below | st.just(["b"]), min_size=1, max_size=2),
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "b", "."]), below, min_size=1, max_size=2),
        "propertyNames": LEAVES,
        "prefixItems": several,
        "minContains": st.integers(0, 2),
        "maxContains": st.integers(0, 2),
        "$ref": REFERENCES,
        "$recursiveRef": st.just("#"),
        "$dynamicRef": st.just("#p"),
    }
    chosen = st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=3, unique=True)
    return st.builds(
        lambda parts, leaf: {**leaf, **parts},
        chosen.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names})),
        LEAVES,
    )


SUBSCHEMAS = st.recursive(LEAVES | st.booleans(), composed, max_leaves=8)
SCHEMAS = st.builds(
    lambda draft, root, p, q: {"$schema": draft, **root, "definitions": {"p": {"$dynamicAnchor": "p", **p}, "q": q}},
    st.sampled_from(DRAFTS),
    *[composed(SUBSCHEMAS)] * 3,
)
VALUES = st.recursive(
    st.sampled_from([0, 1, 2, 2.0, 1.5, "x", "a", "ab", None, True, False]),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from("abcd"), below, max_size=3),
    max_leaves=12,
)
EVENTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


@settings(max_examples=400, deadline=None)
@given(SCHEMAS, st.lists(EVENTS, min_size=1, max_size=4))
def test_steps_and_the_whole_say_what_the_library_says(schema: dict[str, Any], events: list[dict[str, Any]]) -> None:
    try:
        library = jsonschema_rs.validator_for(schema, mask=MASK)
    except ValueError:
        assume(False)
    document = SchemaDocument(schema)
    whole = EventSchema(schema)
    for event in events:
        right = library.is_valid(event)
        assert (whole.violation(event) is None) == right
        try:
            found = CountedCheck(document, AssertionChecker(document.validator_class), 20_000).find_violation(event)
        except TooManyStepsError:  # a subschema that is applied to the same value by itself
            continue
        assert (found is None) == right


@settings(max_examples=100, deadline=None)
@given(SCHEMAS, EVENTS, st.integers(0, 60))
def test_steps_end_where_they_must(schema: dict[str, Any], event: dict[str, Any], most: int) -> None:
    try:
        document = SchemaDocument(schema)
    except ValueError:
        assume(False)
    check = CountedCheck(document, AssertionChecker(document.validator_class), most)
    try:
        check.find_violation(event)
    except TooManyStepsError:
        return
    assert check.steps_left >= 0


class Counting:
    """A keyword that counts how often the library comes to it."""

    calls = 0

    def __init__(self, parent: object, value: object, path: object) -> None:
        pass

    def validate(self, instance: object) -> None:
        Counting.calls += 1


def counted(raw: Any) -> Any:
    """A schema of properties, items and combinators, with the keyword in every subschema."""
    if isinstance(raw, list):
        return [counted(one) for one in raw]
    if not isinstance(raw, dict):
        return raw
    inner = {
        name: {key: counted(one) for key, one in value.items()} if name in {"properties", "$defs"} else counted(value)
        for name, value in raw.items()
    }
    return {**inner, "counting": True}


@pytest.mark.parametrize("depth", range(1, 9))
@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_the_library_never_works_more_than_is_counted(keyword: str, depth: int) -> None:
    below = {"properties": {"a": {"$ref": "#/$defs/n"}}}
    schema = {"$ref": "#/$defs/n", "$defs": {"n": {keyword: [below, {**below, "maxProperties": 9}, below]}}}
    event: Any = {}
    for _ in range(depth):
        event = {"a": event}
    Counting.calls = 0
    jsonschema_rs.validator_for(counted(schema), keywords={"counting": Counting}).is_valid(event)
    assert 0 < Counting.calls <= CheckCost(SchemaDocument(schema)).estimate(event)


@pytest.mark.parametrize(
    ("schema", "event"),
    [
        ({"required": ["a"], "properties": {"b": {"type": "null"}}}, {"b": 1}),
        ({"properties": {"a": {"items": {"anyOf": [{"type": "null"}, {"minimum": 2}]}}}}, {"a": [2, 1]}),
        ({"properties": {"a": {"oneOf": [True, {"type": "integer"}]}}}, {"a": 1}),
        ({"properties": {"a": {"not": {"type": "integer", "minimum": 0}}}}, {"a": 1}),
        ({"properties": {"a": True}, "additionalProperties": False}, {"b": 1, "c": 2}),
        ({"properties": {"a": True}, "unevaluatedProperties": False}, {"b": 1}),
        ({"properties": {"a": {"prefixItems": [True], "unevaluatedItems": False}}}, {"a": [1, 2, 3]}),
        ({"properties": {"a": {"prefixItems": [True], "items": False}}}, {"a": [1, 2]}),
        ({"propertyNames": {"maxLength": 2}}, {"abc": 1}),
        ({"patternProperties": {"^a": {"type": "null"}}}, {"abc": 1}),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}),
        ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}),
        ({"properties": {"a": {"contains": {"type": "null"}}}}, {"a": [1]}),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [1, 1.0]}),
        ({"properties": {"a": {"minItems": 3, "type": "array"}}}, {"a": [1]}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"minProperties": 2}}}, {"a": 1}),
        ({"properties": {"a": {"const": {"b": 1}}}}, {"a": 1}),
        ({"properties": {"a": False}}, {"a": 1}),
    ],
)
def test_a_violation_is_explained_in_the_librarys_words(schema: dict[str, Any], event: dict[str, Any]) -> None:
    error = next(jsonschema_rs.validator_for(schema, mask=MASK).iter_errors(event))
    path = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    assert EventSchema(schema).violation(event) == f"{path}: {error.message}"
