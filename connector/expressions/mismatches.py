"""What can never be right of values whose shapes are known: each finding with its words. Pure functions of shapes."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from connector.expressions import results
from connector.expressions.library import FUNCTIONS
from connector.expressions.nodes import Node
from connector.expressions.refinement import Value, literals
from connector.expressions.shape_paths import Lookup, look_up
from connector.expressions.shapes import Shape
from connector.expressions.signatures import ARRAY, ELEMENTS, NULL, NUMBER, OBJECT, TEXT

UNKNOWN_FIELD, WRONG_TYPE, NOT_IN_ENUM = "unlisted-field", "schema-type", "not-in-enum"
_COMPARABLE = frozenset({NUMBER, TEXT})
_ORDER = (TEXT, NUMBER, "a boolean", ARRAY, OBJECT)
# How many allowed values a message lists where none is near.
_LISTED = 8
_PARTS = {"starts_with": "begins with", "ends_with": "ends with", "contains": "holds"}


class Finding(NamedTuple):
    """What is wrong for every event: the kind of mistake (connector.mistakes), the words, and where, from 1."""

    name: str
    message: str
    column: int


def words(shape: Shape) -> str:
    """Return how messages call what a value is, null apart: "a text or a number"."""
    kinds = [kind for kind in _ORDER if kind in shape.kinds]
    return " or ".join(kinds)


def is_other(shape: Shape, kinds: Iterable[str]) -> bool:
    """True if a value, where it is not null, is never of these kinds."""
    real = shape.kinds - {NULL}
    return bool(real) and not real & set(kinds)


def unknown_name(value: Value, name: str, where: str, found: Lookup, source: str) -> str | None:
    """Return the words for a name that the object before it does not have, or that its schema does not list."""
    if not found.unlisted and not found.misspelt:
        return None
    near = _nearby(value.shape, name)
    if not found.unlisted and near is None:
        return None
    if found.absent:
        said = f"{where} is null for every event: {source} has no {name} there"
    else:
        said = f"{source} does not list {where}"
    if near is None:
        return said
    return f"{said}; did you mean {where.removesuffix(name)}{near}?"


def _nearby(shape: Shape, name: str) -> str | None:
    """Return the name that is meant: one that is spelt alike, or the same one a step deeper."""
    names = {each: form.properties[each] for form in shape.forms for each in form.properties}
    by_plain = {_plain(each): each for each in names}
    close = difflib.get_close_matches(_plain(name), by_plain, n=1, cutoff=0.6)
    if close:
        return by_plain[close[0]]
    for each, known in names.items():
        inner = known.read()
        deeper = look_up(inner, name)
        if OBJECT in inner.kinds and any(name in form.properties for form in inner.forms) and not deeper.absent:
            return f"{each}.{name}"
    return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def no_part(base: Value, part: str, wanted: Iterable[str], source: str) -> str | None:
    """Return the words for a path that goes on below what has no parts: a name under a text, an index of an object."""
    if not is_other(base.shape, wanted):
        return None
    return f"{_called(base)} is {words(base.shape)} by {source}: {base.where}{part} is null for every event"


def comparison(sign: str, nodes: tuple[Node, Node], values: tuple[Value, Value], source: str) -> Finding | None:
    """Return what is wrong with a comparison."""
    kinds = [value.shape.kinds for value in values]
    if any(not each - {NULL} for each in kinds):
        return None
    if sign in ("==", "!="):
        return _equality(sign, nodes, values, source)
    for node, value in zip(nodes, values, strict=True):
        if is_other(value.shape, _COMPARABLE):
            said = f"{_called(value, node)} is {words(value.shape)} by {source}: {sign} orders numbers, or texts"
            return Finding(WRONG_TYPE, said, node.column)
    left, right = (each & _COMPARABLE for each in kinds)
    if left & right:
        return None
    return Finding(
        WRONG_TYPE, f"{_both(nodes, values, source)}: {sign} cannot order them{_cure(values)}", nodes[0].column
    )


def _equality(sign: str, nodes: tuple[Node, Node], values: tuple[Value, Value], source: str) -> Finding | None:
    if not values[0].shape.kinds & values[1].shape.kinds:
        outcome = "is never true" if sign == "==" else "is always true"
        said = f"{_both(nodes, values, source)}: {sign} {outcome}{_cure(values)}"
        return Finding(WRONG_TYPE, said, nodes[0].column)
    for literal, other, value in ((nodes[0], nodes[1], values[1]), (nodes[1], nodes[0], values[0])):
        if literal.kind == "literal":
            forbidden = never(value, other, literal.value, source)
            return None if forbidden is None else Finding(NOT_IN_ENUM, forbidden, other.column)
    return None


def never(value: Value, node: Node, literal: Any, source: str) -> str | None:
    """Return the words for a value that is compared with a text or number that it can never be."""
    shape = value.shape
    known = shape.texts if type(literal) is str else shape.numbers
    if type(literal) not in (str, int, float) or shape.can_be(literal):
        return None
    said = f"{_called(value, node)} is never {_literal(literal)} by {source}"
    if known is None:
        return said
    near = difflib.get_close_matches(str(literal).lower(), {str(each).lower(): each for each in known}, n=1, cutoff=0.6)
    meant = next((each for each in known if near and str(each).lower() == near[0]), None)
    if meant is not None:
        return f"{said}; did you mean {_literal(meant)}?"
    return f"{said}; it is {' or '.join(map(_literal, sorted(known)))}" if len(known) <= _LISTED else said


def call(node: Node, arguments: list[Value], source: str) -> Iterator[Finding]:
    """Yield what is wrong with the arguments of a call."""
    name, function = node.value, FUNCTIONS[node.value]
    for index, (child, value) in enumerate(zip(node.children, arguments, strict=True)):
        if child.kind == "expression":
            continue
        takes = results.takes(name, index)
        said = f"{_called(value, child)} is {words(value.shape)} by {source}"
        wanted = [word for word in (*_ORDER, *ELEMENTS) if word in function.takes(index)] or [
            word for word in _ORDER if word in takes
        ]
        if is_other(value.shape, takes):
            cure = _cure_for(takes, value)
            yield Finding(WRONG_TYPE, f"{said}, and {name}() takes {' or '.join(wanted)}{cure}", child.column)
            continue
        elements = [ELEMENTS[word] for word in wanted if word in ELEMENTS]
        if elements and ARRAY in value.shape.kinds and is_other(value.shape.element(), elements):
            said = f"each element of {_called(value, child)} is {words(value.shape.element())} by {source}"
            yield Finding(WRONG_TYPE, f"{said}, and {name}() takes {' or '.join(wanted)}", child.column)
    if name in _PARTS:
        yield from _parts(node, arguments, source)


def _parts(node: Node, arguments: list[Value], source: str) -> Iterator[Finding]:
    (subject, part), (value, given) = node.children, arguments
    listed = literals(subject)
    if node.value == "contains" and listed is not None:
        for each in listed:
            said = never(given, part, each, source)
            if said is not None and given.shape.kinds & {TEXT, NUMBER}:
                yield Finding(NOT_IN_ENUM, said, part.column)
    if node.value == "contains" and value.shape.kinds - {NULL} == {TEXT} and is_other(given.shape, {TEXT}):
        said = f"{_called(given, part)} is {words(given.shape)}, and contains() looks for a text in a text"
        yield Finding(WRONG_TYPE, said, part.column)
    if part.kind != "literal" or type(part.value) is not str or ARRAY in value.shape.kinds:
        return
    texts = value.shape.texts
    tests = {"starts_with": str.startswith, "ends_with": str.endswith, "contains": str.__contains__}
    if texts and not any(tests[node.value](text, part.value) for text in texts):
        said = f"{_called(value, subject)} never {_PARTS[node.value]} {_literal(part.value)} by {source}"
        listing = f"; it is {' or '.join(map(_literal, sorted(texts)))}" if len(texts) <= _LISTED else ""
        yield Finding(NOT_IN_ENUM, said + listing, subject.column)


def operand(sign: str, node: Node, value: Value, source: str) -> Finding | None:
    """Return what is wrong with an operand of arithmetic."""
    if not is_other(value.shape, {NUMBER}):
        return None
    said = f"{_called(value, node)} is {words(value.shape)} by {source}, and {sign} takes numbers"
    return Finding(WRONG_TYPE, said + _cure_for({NUMBER}, value), node.column)


def _called(value: Value, node: Node | None = None) -> str:
    if value.where:
        return value.where
    if node is not None and node.kind == "literal":
        return _literal(node.value)
    if node is not None and node.kind == "call":
        return f"{node.value}(…)"
    return "what stands here"


def _literal(value: Any) -> str:
    return f"'{value}'" if type(value) is str else json.dumps(value, ensure_ascii=False, default=str)


def _both(nodes: tuple[Node, Node], values: tuple[Value, Value], source: str) -> str:
    said = [
        f"{_called(value, node)} is {words(value.shape)}"
        for node, value in sorted(zip(nodes, values, strict=True), key=lambda pair: pair[0].kind == "literal")
    ]
    return f"{said[0]} by {source}, and {said[1]}"


def _cure(values: tuple[Value, Value]) -> str:
    kinds = [value.shape.kinds - {NULL} for value in values]
    for value, mine, other in zip(values, kinds, reversed(kinds), strict=True):
        if mine == {TEXT} and other == {NUMBER}:
            return f"; number({value.where}) reads a number from a text" if value.where else "; a number has no quotes"
    return ""


def _cure_for(takes: Iterable[str], value: Value) -> str:
    wanted, kinds = set(takes), value.shape.kinds - {NULL}
    called = value.where or "x"
    if NUMBER in wanted and kinds == {TEXT}:
        return f": number({called}) reads a number from a text"
    if TEXT in wanted and NUMBER not in wanted and kinds <= {NUMBER, "a boolean"}:
        return f": text({called}) makes a text of it"
    return ""
