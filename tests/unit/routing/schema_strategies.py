"""Random JSON Schemas, events that mostly are valid under them, and expressions over both.

Drawn by a plain random generator, whose seed is what hypothesis draws: choice by choice it would take a hundred times
as long, and these have a thousand choices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

NAMES = ("a", "b", "c", "type")
TEXTS = ("", "x", "y", "X", "7", "long text")
NUMBERS = (0, 1, 2.5, 7, -1)
SCALARS: tuple[Any, ...] = (*TEXTS, *NUMBERS, True, False, None)
KINDS = ("string", "number", "integer", "boolean", "array", "object", "null")
DEFINITIONS = ("d0", "d1", "d2")
_APPLIED = frozenset({"allOf", "anyOf", "oneOf", "if", "then", "else", "$ref", "not"})

Schema = dict[str, Any] | bool


def one_of(random: Random, weights: Mapping[str, int]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]


def some(random: Random, values: Sequence[Any], most: int, least: int = 0) -> list[Any]:
    return random.sample(values, random.randint(least, min(most, len(values))))


def schema(random: Random) -> dict[str, Any]:
    """A schema of objects."""
    root = subschema(random, 3, is_object=True)
    root["$defs"] = {name: subschema(random, 2) for name in DEFINITIONS}
    draft = one_of(random, {"2020": 6, "7": 1, "4": 1})
    if draft == "2020":
        return root
    root["$schema"] = f"http://json-schema.org/draft-0{draft}/schema#"
    written = _without_booleans(root) if draft == "4" else root
    assert isinstance(written, dict)
    return written


def _without_booleans(of: Any, keyword: str = "") -> Any:
    """Draft 4 has objects only."""
    if isinstance(of, bool) and keyword not in ("additionalProperties", "unevaluatedProperties", "nullable"):
        return {} if of else {"not": {}}
    if keyword in ("enum", "const", "required"):
        return of
    if isinstance(of, dict):
        return {name: _without_booleans(each, "" if keyword == "properties" else name) for name, each in of.items()}
    return [_without_booleans(each) for each in of] if isinstance(of, list) else of


def subschema(random: Random, depth: int, *, is_object: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object"} if is_object else _type(random)
    if not is_object and random.random() < 0.3:
        keyword = random.choice(("pattern", "minLength", "minimum", "nullable"))
        choices = {"pattern": ("^x", "^[a-z]*$"), "minLength": (0, 1, 3), "minimum": (-1, 0, 2), "nullable": (True,)}
        found[keyword] = random.choice(choices[keyword])
    if is_object or (depth and random.random() < 0.6):
        found |= _object(random, depth)
    if depth and not is_object and random.random() < 0.3:
        found |= _array(random, depth)
    if depth and random.random() < 0.4:
        found |= _combined(random, depth, is_object=is_object)
    return found


def _type(random: Random) -> dict[str, Any]:
    match one_of(random, {"type": 4, "types": 2, "enum": 2, "const": 1, "nothing": 1}):
        case "type":
            return {"type": random.choice(KINDS)}
        case "types":
            return {"type": some(random, KINDS, 3, 1)}
        case "enum":
            return {"enum": some(random, SCALARS, 3, 1)}
        case "const":
            return {"const": random.choice(SCALARS)}
    return {}


def _object(random: Random, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"properties": {name: part(random, depth - 1) for name in some(random, NAMES, 3)}}
    for keyword in {random.choice((*_OF_OBJECTS, "required", "required")) for _ in range(random.randint(0, 2))}:
        found[keyword] = _OF_OBJECTS[keyword](random)
    return found


_OF_OBJECTS: Mapping[str, Callable[[Random], Any]] = {
    "required": lambda random: some(random, NAMES, 2, 1),
    "additionalProperties": lambda random: random.choice((False, False, True, part(random, 0))),
    "patternProperties": lambda random: {"^c": part(random, 0)},
    "minProperties": lambda random: random.randint(0, 2),
    "dependentRequired": lambda _random: {"a": ["b"]},
    "dependencies": lambda random: {"a": {"required": ["b"], "properties": {"c": part(random, 0)}}},
    "unevaluatedProperties": lambda random: random.choice((False, True, part(random, 0))),
    "propertyNames": lambda _random: {"maxLength": 1},
}


def _array(random: Random, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for keyword in some(random, ("items", "prefixItems", "contains"), 2, 1):
        found[keyword] = [part(random, depth - 1)] if keyword == "prefixItems" else part(random, depth - 1)
    return found


def _combined(random: Random, depth: int, *, is_object: bool) -> dict[str, Any]:
    keyword = one_of(random, {"anyOf": 3, "oneOf": 3, "allOf": 2, "$ref": 2, "if": 1, "not": 1})

    def each() -> dict[str, Any]:
        return subschema(random, depth - 1, is_object=is_object)

    if keyword == "$ref":
        return {"$ref": f"#/$defs/{random.choice(DEFINITIONS)}"}
    if keyword == "not":
        return {"not": each()}
    if keyword == "if":
        return {"if": each(), "then": each(), "else": each()}
    return {keyword: [each() for _ in range(random.randint(1, 3))]}


def part(random: Random, depth: int) -> Schema:
    if random.random() < 0.15:
        return random.random() < 0.7
    if random.random() < 0.2:
        return {"$ref": f"#/$defs/{random.choice(DEFINITIONS)}"}
    return subschema(random, max(depth, 0))


def instance(random: Random, of: Schema, root: dict[str, Any], depth: int = 4) -> Any:
    """A value that the schema mostly lets pass: who asks looks."""
    if not isinstance(of, dict) or depth == 0 or random.random() < 0.05:
        return value(random, min(depth, 2))
    of = _merged(random, of, root, depth)
    if "const" in of:
        return of["const"]
    if "enum" in of:
        return random.choice(of["enum"])
    kinds = of.get("type", ["object"] if of.get("properties") else ["array"] if "items" in of else KINDS)
    kind = kinds if isinstance(kinds, str) else random.choice(kinds)
    if kind == "object":
        return _instance_of_object(random, of, root, depth)
    if kind == "array":
        items = [*of.get("prefixItems", []), *[of.get("items", True)] * random.randint(0, 2)]
        return [instance(random, item, root, depth - 1) for item in items]
    return random.choice(_SCALARS[kind])


_SCALARS: Mapping[str, Sequence[Any]] = {
    "string": TEXTS,
    "number": NUMBERS,
    "integer": (0, 1, 7, 2.0),
    "boolean": (True, False),
    "null": (None,),
}


def _merged(random: Random, of: dict[str, Any], root: dict[str, Any], depth: int) -> dict[str, Any]:
    """The schema with some of its references and alternatives written into it."""
    for _ in range(depth):
        chosen: list[Schema] = [*of.get("allOf", [])]
        chosen += [random.choice(of[keyword]) for keyword in ("anyOf", "oneOf") if keyword in of]
        if "if" in of:
            chosen += random.choice([[of["if"], of["then"]], [of["else"]]])
        if "$ref" in of:
            chosen.append(root["$defs"][of["$ref"].rpartition("/")[2]])
        of = {name: each for name, each in of.items() if name not in _APPLIED}
        for other in chosen:
            if isinstance(other, dict):
                both = {"properties": of.get("properties", {}) | other.get("properties", {})}
                both["required"] = [*of.get("required", []), *other.get("required", [])]
                of = of | other | both
    return of


def _instance_of_object(random: Random, of: dict[str, Any], root: dict[str, Any], depth: int) -> dict[str, Any]:
    properties, required = of.get("properties", {}), of.get("required", [])
    names = [name for name in properties if name in required or random.random() < 0.5]
    names += [name for name in required if name not in properties]
    others = of.get("additionalProperties", True)
    if (others is not False or "patternProperties" in of) and random.random() < 0.25:
        names.append(random.choice(NAMES))
    return {name: instance(random, properties.get(name, others), root, depth - 1) for name in names}


def value(random: Random, depth: int) -> Any:
    if not depth or random.random() < 0.5:
        return random.choice(SCALARS)
    if random.random() < 0.5:
        return [value(random, depth - 1) for _ in range(random.randint(0, 2))]
    return {name: value(random, depth - 1) for name in some(random, NAMES, 3)}


LITERALS = ("'x'", "''", "'y'", "'7'", "'string'", "`1`", "`0`", "`2.5`", "`true`", "`null`", '`["x", 1]`', "`{}`")
_ONE = (
    *(
        "abs",
        "avg",
        "ceil",
        "digits",
        "from_items",
        "items",
        "json",
        "keys",
        "length",
        "lower",
        "max",
        "min",
        "not_null",
    ),
    *("number", "reverse", "round", "sha256", "sort", "sum", "text", "to_array", "to_number", "to_string", "trim"),
    *("type", "unix", "upper", "values"),
)
_TWO = ("contains", "cut", "ends_with", "find_first", "get", "join", "merge", "not_null", "split", "starts_with", "zip")
_FORMS = (
    "{path} == {literal}",
    "{path} != {literal}",
    "({a} {sign} {b})",
    "({a} {sign} {b})",
    "({a} && {b})",
    "({a} || {b})",
    "(!({a}))",
    "{one}({a})",
    "{one}({a})",
    "{two}({a}, {b})",
    "{two}({path}, {literal})",
    "get({path}, {literal}, {a})",
    "contains(['x', 'y'], {a})",
    "type({path}) == {kind}",
    "({a} | {b})",
    "{path}[?{a}].[{b}, a]",
    "{path}[?{a}]",
    "map(&{a}, {path})",
    "{by}({path}, &{a})",
    "[{a}, {b}]",
    "{{a: {a}, b: {b}}}.a",
    "{path}.{{a: {a}, c: {b}}}",
    "(let $v = {a} in ($v && {b} || $v))",
    "(let $v = {path} in ($v.a && [$v.a, {a}]))",
)


def path(random: Random) -> str:
    if random.random() < 0.7:
        return plain_path(random)
    if random.random() < 0.3:
        return f"$.{plain_path(random)}"
    steps = random.choices((*NAMES, "[0]", "[-1]", "[*]", "[]", "*", "[:2]"), k=random.randint(1, 4))
    return ".".join(["@", *steps]).replace(".[", "[")


def plain_path(random: Random) -> str:
    return ".".join(random.choices(NAMES, k=random.randint(1, 3)))


def expression(random: Random, depth: int) -> str:
    if not depth or random.random() < 0.2:
        return path(random) if random.random() < 0.75 else random.choice(LITERALS)
    return random.choice(_FORMS).format(
        a=expression(random, depth - 1),
        b=expression(random, depth - 1),
        path=path(random),
        literal=random.choice(LITERALS),
        sign=random.choice(("==", "!=", "<", ">", "<=", "+", "-", "*")),
        one=random.choice(_ONE),
        two=random.choice(_TWO),
        by=random.choice(("sort_by", "max_by", "min_by", "group_by")),
        kind=random.choice(("'string'", "'number'", "'null'", "'object'")),
    )
