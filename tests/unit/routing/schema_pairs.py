"""Schemas and events that cost too much together, for test_schema_bounds; as a program, what the check of one costs.

    python schema_pairs.py NAME

prints, as JSON, what EventSchema says of the pair, and by how many KiB the process grew beyond its largest before.
"""

from __future__ import annotations

import json
import random
import resource
import sys
from collections.abc import Callable
from typing import Any

from connector.routing import EventSchema

Pair = tuple[dict[str, Any], dict[str, Any]]
_RANDOM = random.Random(15)


def nested(value: Any, depth: int, name: str = "a") -> Any:
    for _ in range(depth):
        value = {name: value}
    return value


def alternatives(keyword: str, **more: Any) -> dict[str, Any]:
    """Two alternatives that both look at all that is below."""
    below = {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "required": ["a"]}
    return {
        "$ref": "#/$defs/n",
        "$defs": {"n": {keyword: [below, {**below, "maxProperties": 3}, {"type": "integer"}], **more}},
    }


def laughs(keyword: str, last: Any) -> dict[str, Any]:
    """Each definition asks twice for the next: 2 ** 60 ways without any recursion."""
    definitions = {
        f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}, {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}]}]}
        for n in range(60)
    }
    return {"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": {**definitions, "d60": last}}


def of_a(schema: Any) -> dict[str, Any]:
    return {"properties": {"a": schema}}


def empties(count: int) -> list[Any]:
    """Arrays that differ, and hold nothing but arrays: in the library all have one hash."""
    found = []
    for number in range(count):
        value: list[Any] = []
        for bit in f"{number:b}":
            value = [value] if bit == "1" else [value, []]
        found.append(value)
    return found


NODE = {"type": ["object", "integer"], "properties": {"a": {"$ref": "#"}}}
DYNAMIC = {"$dynamicAnchor": "n", "type": ["object", "integer"], "properties": {"a": {"$dynamicRef": "#n"}}}
TRIED = "(?<!x)(a|aa)+$(?!y)"
THRASHED = "[01]*1[01]{200}x"

PAIRS: dict[str, Callable[[], Pair]] = {
    "anyOf of the issue": lambda: (alternatives("anyOf"), nested("x", 16)),
    "anyOf, deepest": lambda: (alternatives("anyOf"), nested("x", 199)),
    "oneOf, deepest": lambda: (alternatives("oneOf"), nested("x", 199)),
    "anyOf beside unevaluatedProperties": lambda: (
        alternatives("anyOf", unevaluatedProperties=False),
        nested("x", 150),
    ),
    "anyOf in not": lambda: (
        {"not": {"not": alternatives("anyOf")["$defs"]["n"]}, **alternatives("anyOf")},
        nested("x", 60),
    ),
    "if and else": lambda: (
        {**NODE, "if": {"properties": {"a": {"$ref": "#"}}}, "else": {"properties": {"a": {"$ref": "#"}}}},
        nested("x", 100),
    ),
    "dependentSchemas": lambda: (
        {**NODE, "dependentSchemas": {"a": {"properties": {"a": {"$ref": "#"}}}}},
        nested("x", 100),
    ),
    "$dynamicRef": lambda: (
        {**DYNAMIC, "anyOf": [{"properties": {"a": {"$dynamicRef": "#n"}}}, False]},
        nested("x", 100),
    ),
    "unevaluatedProperties": lambda: (
        {"type": "object", "anyOf": [NODE, {**NODE, "minProperties": 1}], "unevaluatedProperties": {"$ref": "#"}},
        nested(1, 150),
    ),
    "patternProperties that overlap": lambda: (
        {"type": "object", "patternProperties": {"^a": {"$ref": "#"}, "a$": {"$ref": "#"}}},
        nested(1, 199),
    ),
    "laughs, anyOf": lambda: (laughs("anyOf", {"type": "null"}), {"a": 1}),
    "laughs, allOf": lambda: (laughs("allOf", {}), {"a": {}}),
    "laughs, oneOf in items": lambda: (
        {**laughs("oneOf", {"type": "null"}), "additionalProperties": {"items": {"$ref": "#/$defs/d0"}}},
        {"b": [1] * 1000},
    ),
    "allOf in place of itself": lambda: (
        {
            "$ref": "#/$defs/n",
            "$defs": {"n": {"anyOf": [{"$ref": "#/$defs/n"}, {"allOf": [{"$ref": "#/$defs/n"}, False]}]}},
        },
        {},
    ),
    "alternatives for many items": lambda: (
        of_a({"items": {"anyOf": [{"enum": [{"b": n}]} for n in range(3000)]}}),
        {"a": [{"b": -1}] * 30_000},
    ),
    "enum for many items": lambda: (
        of_a({"items": {"enum": [{"b": n} for n in range(3000)]}}),
        {"a": [{"b": -1}] * 30_000},
    ),
    "numbers, all wrong": lambda: (of_a({"items": {"type": "number"}}), {"a": ["x"] * 100_000}),
    "numbers, the last wrong": lambda: (of_a({"items": {"type": "number"}}), {"a": [*range(100_000), "x"]}),
    "names, all wrong": lambda: ({"propertyNames": {"maxLength": 1}}, {f"k{n}": n for n in range(60_000)}),
    "names, none allowed": lambda: (
        {"properties": {"b": {}}, "additionalProperties": False},
        {f"k{n}": n for n in range(60_000)},
    ),
    "nothing required is there": lambda: ({"required": ["z"]}, {f"k{n}": [n] for n in range(60_000)}),
    "contains": lambda: (of_a({"contains": {"type": "string"}}), {"a": list(range(100_000))}),
    "const": lambda: (of_a({"const": [1]}), {"a": list(range(200_000))}),
    "a long string": lambda: (of_a({"maxLength": 5}), {"a": "x" * 1_000_000}),
    "uniqueItems, one hash": lambda: (of_a({"uniqueItems": True}), {"a": [*empties(8_000), *empties(1)]}),
    "uniqueItems, large integers": lambda: (
        of_a({"uniqueItems": True}),
        {"a": [*range(1 << 63, (1 << 63) + 40_000), 1 << 63]},
    ),
    "a pattern that backtracks": lambda: (
        of_a({"items": {"pattern": TRIED}}),
        {"a": ["a" * 40 + f"!{n}" for n in range(20_000)]},
    ),
    "names whose pattern backtracks": lambda: (
        {"patternProperties": {TRIED: {"type": "null"}}},
        {"a" * 40 + f"!{n}": n for n in range(20_000)},
    ),
    "a pattern in many places at once": lambda: (
        of_a({"pattern": THRASHED}),
        {"a": "".join(_RANDOM.choices("01", k=900_000))},
    ),
    "many such": lambda: (
        of_a({"items": {"pattern": THRASHED}}),
        {"a": ["".join(_RANDOM.choices("01", k=900)) for _ in range(1_000)]},
    ),
}


def main() -> None:
    schema, event = PAIRS[sys.argv[1]]()
    event = json.loads(json.dumps(event))
    checked = EventSchema(schema)
    checked.violation({})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    limit = before * 1024 + (2 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    said = checked.violation(event)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"said": said, "grown": grown}))


if __name__ == "__main__":
    main()
