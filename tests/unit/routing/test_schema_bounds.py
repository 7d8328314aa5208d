"""No schema and no event make a check endless or large, and what is legitimate is still decided.

The hostile pairs run in processes of their own, with a limit on memory; their work is counted, not timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connector.routing import EventSchema
from connector.routing.schema.cost import CheckCost
from connector.routing.schema.subschemas import SchemaDocument
from tests.unit.routing.schema_pairs import PAIRS, alternatives, laughs, nested, of_a

ROOT = Path(__file__).parents[3]
# KiB: what one event may cost.
MOST = 16 * 1024
UNCHECKED = "$: was not checked: "
UNEXPLAINED = "$: does not match the schema (to say more would take too long)"
ANY_OF = "the value is not valid under any of the schemas listed in the 'anyOf' keyword"
# Every pair is wrong, and is said to be; these are the pairs that take more than is allowed to decide.
UNDECIDED = {
    "a pattern that backtracks",
    "names whose pattern backtracks",
    "a pattern in many places at once",
}
RIGHT = {"laughs, allOf", "allOf in place of itself"}


@pytest.mark.parametrize("name", PAIRS)
def test_a_hostile_pair_costs_little_and_is_answered(name: str) -> None:
    program = [sys.executable, str(Path(__file__).with_name("schema_pairs.py")), name]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=60, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    found = json.loads(done.stdout)
    assert found["grown"] <= MOST
    if name in RIGHT:
        assert found["said"] is None
    else:
        assert found["said"].startswith(UNCHECKED) == (name in UNDECIDED)
        assert len(found["said"]) <= 300


def test_the_violation_of_the_issue_is_explained_as_before() -> None:
    assert EventSchema(alternatives("anyOf")).violation(nested("x", 16)) == f"$: {ANY_OF}"


@pytest.mark.parametrize(
    ("schema", "event"),
    [
        (alternatives("anyOf"), nested(1, 60)),
        (laughs("anyOf", {"type": "null"}), {"a": 1}),
        (of_a({"uniqueItems": True}), {"a": [2**63 + n for n in range(2_000)]}),
        (of_a({"pattern": "[01]*1[01]{200}x"}), {"a": "0" * 10_000}),
    ],
)
def test_the_work_is_counted_before_the_library_is_asked(schema: dict[str, Any], event: Any) -> None:
    cost = CheckCost(SchemaDocument(schema))
    assert not cost.always_within_limits()
    assert not cost.within_limits(event)
    assert cost.within_limits({})


COMMENT: dict[str, Any] = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string"}, "replies": {"type": "array", "items": {"$ref": "#"}}},
}
RULE: dict[str, Any] = {
    "$ref": "#/$defs/rule",
    "$defs": {
        "rule": {
            "anyOf": [
                {"type": ["number", "string", "boolean"]},
                *(
                    {
                        "type": "object",
                        "required": [name],
                        "additionalProperties": False,
                        "properties": {name: {"type": "array", "items": {"$ref": "#/$defs/rule"}}},
                    }
                    for name in ("and", "or", "!", "<", "==", "in", "if", "var")
                ),
            ]
        }
    },
}
POSITION = {"type": "array", "minItems": 2, "items": {"type": "number"}}
GEO: dict[str, Any] = {
    "$ref": "#/$defs/geometry",
    "$defs": {
        "geometry": {
            "oneOf": [
                {
                    "properties": {"type": {"const": "Point"}, "coordinates": POSITION},
                    "required": ["type", "coordinates"],
                },
                {
                    "properties": {"type": {"const": "Polygon"}, "coordinates": {"items": {"items": POSITION}}},
                    "required": ["type", "coordinates"],
                },
                {
                    "properties": {
                        "type": {"const": "GeometryCollection"},
                        "geometries": {"items": {"$ref": "#/$defs/geometry"}},
                    },
                    "required": ["type", "geometries"],
                },
            ]
        }
    },
}
KINDS = ("add", "sub", "mul", "div", "min", "max", "pow", "mod")
# All alternatives have the same properties: only a constant tells them apart.
TERM: dict[str, Any] = {
    "$ref": "#/$defs/term",
    "$defs": {
        "term": {
            "oneOf": [
                {"type": "number"},
                *(
                    {
                        "type": "object",
                        "properties": {
                            "left": {"$ref": "#/$defs/term"},
                            "right": {"$ref": "#/$defs/term"},
                            "kind": {"const": kind},
                        },
                        "required": ["kind", "left", "right"],
                    }
                    for kind in KINDS
                ),
            ]
        }
    },
}
# The example of an extensible tree that the specification gives, closed.
TREE: dict[str, Any] = {
    "$id": "https://example.com/strict",
    "$dynamicAnchor": "node",
    "$ref": "tree",
    "unevaluatedProperties": False,
    "$defs": {
        "tree": {
            "$id": "tree",
            "$dynamicAnchor": "node",
            "type": "object",
            "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
        }
    },
}


def comments(depth: int, each: int) -> dict[str, Any]:
    return {"text": "x", "replies": [comments(depth - 1, each) for _ in range(each)] if depth else []}


def term(depth: int, last: Any = 1) -> Any:
    if not depth:
        return last
    return {"kind": KINDS[depth % len(KINDS)], "left": term(depth - 1, last), "right": term(depth - 1)}


def deep_term(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = {"kind": KINDS[level % len(KINDS)], "left": value, "right": 2}
    return value


def rule(depth: int) -> Any:
    return {"and": [{"<": [{"var": ["age"]}, 18]}, {"or": [rule(depth - 1), {"!": [True]}]}]} if depth else True


def geometries(depth: int) -> dict[str, Any]:
    polygon = {"type": "Polygon", "coordinates": [[[n, n] for n in range(50)]]}
    below = [geometries(depth - 1), polygon] if depth else [{"type": "Point", "coordinates": [1, 2]}]
    return {"type": "GeometryCollection", "geometries": below}


def tree(depth: int) -> dict[str, Any]:
    return {"data": 1, "children": [tree(depth - 1), {"data": 2}] if depth else []}


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        (COMMENT, comments(5, 5), {"text": "x", "replies": [{"text": 1}]}),
        (COMMENT, comments(90, 1), {"text": "x", "other": 1}),
        (RULE, rule(40), {"and": [{"nand": []}]}),
        (GEO, geometries(30), {"type": "GeometryCollection", "geometries": [{"type": "Circle"}]}),
        (TERM, term(7), term(7, "x")),
        (TERM, deep_term(90), {**deep_term(20), "kind": "sum"}),
        (TREE, tree(60), {**tree(20), "extra": 1}),
    ],
    ids=["comments", "deep comments", "rule", "geometries", "terms", "deep terms", "tree"],
)
def test_legitimate_recursion_is_decided(schema: dict[str, Any], right: Any, wrong: Any) -> None:
    checked = EventSchema(schema)
    assert checked.violation(right) is None
    mistake = checked.violation(wrong)
    assert mistake is not None
    assert not mistake.startswith((UNCHECKED, UNEXPLAINED))


@pytest.mark.parametrize("schema", [COMMENT, RULE, of_a({"items": {"type": "number"}}), {"required": ["a"]}])
def test_alternatives_distinguished_by_names_are_bounded_for_every_event(schema: dict[str, Any]) -> None:
    assert EventSchema(schema).bounded


def test_uniqueitems_and_costly_patterns_leave_usual_events_to_the_library() -> None:
    assert EventSchema(of_a({"uniqueItems": True})).bounded
    assert EventSchema(of_a({"pattern": "[01]*1[01]{200}x"})).bounded
    assert not EventSchema({"not": of_a({"uniqueItems": True})}).bounded


@pytest.mark.parametrize(
    ("items", "right"),
    [
        (list(range(100_000)), True),
        ([*range(1_000), 7.0], False),
        ([{"id": n, "name": "x"} for n in range(5_000)], True),
        ([{"id": n} for n in range(2_000)] + [{"id": 7}], False),
        ([2**63 + n for n in range(5_000)], True),
        ([True, 1, "1", [1], None, *range(2, 80)], True),
    ],
)
def test_large_arrays_with_uniqueitems_are_decided(items: list[Any], right: bool) -> None:
    mistake = EventSchema(of_a({"uniqueItems": True})).violation({"a": items})
    assert mistake == (None if right else "$.a: the value has non-unique elements")


def test_large_right_events_are_right() -> None:
    numbers = of_a({"items": {"type": "number", "minimum": 0}})
    assert EventSchema(numbers).violation({"a": list(range(100_000))}) is None
    either = of_a({"items": {"anyOf": [{"type": "string"}, {"type": "number"}]}})
    assert EventSchema(either).violation({"a": list(range(100_000))}) is None
