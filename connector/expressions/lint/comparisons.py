"""Comparisons that cannot come out as meant: of texts by size, and of values that are never equal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from connector.errors import ExpressionError
from connector.expressions.lint.inference import Kinds, constant, is_constant, kinds_of
from connector.expressions.lint.places import Finding, Place, is_literal, literal, replaced, shown
from connector.expressions.nodes import Node
from connector.expressions.semantics import equal
from connector.expressions.signatures import ARRAY, BOOLEAN, NULL, NUMBER, TEXT

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2}.*)?")
_ZONED = re.compile(r".*T.*(Z|[+-][0-9]{2}:?[0-9]{2})")
# Functions whose results are theirs again: lower(x) == 'A' never holds, for lower('A') is not 'A'.
_IDEMPOTENT = frozenset({"lower", "upper", "trim", "trim_left", "trim_right", "digits", "floor", "ceil", "abs"})
_LIKE_NUMBERS = "text() makes a text of a number, number() a number of a text"
# Of two kinds that meet, the way out.
_CURES: Mapping[Kinds, str] = {
    frozenset({NUMBER, TEXT}): _LIKE_NUMBERS,
    frozenset({BOOLEAN, TEXT}): "true and false stand in backticks: `true`",
    frozenset({ARRAY, TEXT}): "contains(list, value) looks for one in an array",
    frozenset({ARRAY, NUMBER}): "contains(list, value) looks for one in an array, length(list) counts them",
}
_TYPES = ("string", "number", "boolean", "array", "object", "null")
_TYPE_NAMES = {"text": "string", "str": "string", "int": "number", "integer": "number", "float": "number",
               "bool": "boolean", "list": "array", "dict": "object", "none": "null"}  # fmt: skip


def text_orders(place: Place) -> Iterator[Finding]:
    """Find < <= > >= of texts, which go by their characters: '9' is more than '100'."""
    node = place.node
    if not _is_order(node) or is_constant(node):
        return
    left, right = node.children
    sides = ((left, right), (right, left)) if is_literal(left, str) else ((right, left), (left, right))
    for child, other in sides:
        is_text = kinds_of(child) <= {TEXT, NULL} and not (child.kind == "literal" and child.value is None)
        if is_text and (is_literal(child, str) or not kinds_of(other) <= {NUMBER, NULL}):
            yield Finding("text-order", _order_message(node, child, other), node.column)
            return


def _is_order(node: Node) -> bool:
    return node.kind == "compare" and node.value not in ("==", "!=")


def _order_message(node: Node, child: Node, other: Node) -> str:
    value = child.value if is_literal(child, str) else None
    if value is None:
        return f"{shown(child)} is a text, and texts are ordered by their characters, '9' after '100'; {_LIKE_NUMBERS}"
    if _NUMBER.fullmatch(value):
        number = literal(float(value) if "." in value else int(value))
        meant = replaced(node, child, number)
        as_text = replaced(meant, other, _call("number", other))
        return (
            f"{shown(child)} is a text: a number is not compared with it (the event is then a dead letter), and texts "
            f"are ordered by their characters, '9' after '100': write {shown(meant)}, or {shown(as_text)} for a text"
        )
    if _DATE.fullmatch(value):
        zoned = value if _ZONED.fullmatch(value) else f"{value[:10]}T00:00:00Z"
        meant = replaced(node, child, _call("unix", literal(zoned)))
        if not (other.kind == "call" and other.value in ("unix", "timestamp")):
            meant = replaced(meant, other, _call("unix", other))
        return f"{shown(child)} is a text, and times as texts are ordered by their characters: write {shown(meant)}"
    return f"{shown(child)} is a text, and texts are ordered by their characters, capitals before small letters"


def _call(name: str, argument: Node) -> Node:
    return Node("call", name, (argument,), 0)


def never_equals(place: Place) -> Iterator[Finding]:
    """Find comparisons of values that never meet, such as length(x) == '3' and lower(x) == 'RUB'."""
    node = place.node
    if node.kind != "compare" or is_constant(node):
        return
    left, right = node.children
    message = _kinds_message(node) if _is_order(node) else _different(node, left, right)
    if message is None:
        for side, other in ((left, right), (right, left)):
            if other.kind == "literal" and side.kind == "call" and not _is_order(node):
                message = message or _of_call(node, side, other)
    if message is not None:
        yield Finding("never-equal", message, node.column)


def _different(node: Node, left: Node, right: Node) -> str | None:
    kinds = kinds_of(left), kinds_of(right)
    if kinds[0] & kinds[1]:
        return None
    return f"{_says(node)}: {_named(left)} {_and_named(left, right)}{_cure(*kinds)}"


def _kinds_message(node: Node) -> str | None:
    """Say of < <= > >= that one side is nothing that has an order, or that a text meets a number."""
    for child in node.children:
        if not kinds_of(child) & {NUMBER, TEXT}:
            cure = _cure(*map(kinds_of, node.children))
            return f"{shown(node)} is never true: {_named(child)}, which has no order{cure}"
    left, right = node.children
    if not (kinds_of(left) & kinds_of(right)) - {NULL} and not any(is_literal(child, str) for child in node.children):
        return f"{shown(node)} is never true: {_named(left)} {_and_named(left, right)}; {_LIKE_NUMBERS}"
    return None


def _says(node: Node) -> str:
    if node.value == "!=":
        return f"{shown(node)} is always true"
    return f"{shown(node)} is never true"


def _named(node: Node) -> str:
    return f"{shown(node)} is {_kinds(node)}"


def _and_named(left: Node, right: Node) -> str:
    return f"and {shown(right)} {_kinds(right)}" if shown(left) != shown(right) else ""


def _kinds(node: Node) -> str:
    kinds = kinds_of(node)
    return " or ".join(sorted(kinds - {NULL})) or NULL


def _cure(left: Kinds, right: Kinds) -> str:
    cure = next((cure for pair, cure in _CURES.items() if (left | right) - {NULL} == pair), "")
    return f"; {cure}" if cure else ""


def _of_call(node: Node, call: Node, other: Node) -> str | None:
    """Say of f(x) == 'literal' that f never gives it."""
    value = other.value
    if call.value == "type" and type(value) is str and value not in _TYPES:
        meant = _TYPE_NAMES.get(value.lower(), value.lower())
        better = f": {shown(replaced(node, other, literal(meant)))}" if meant in _TYPES else ""
        return f"{_says(node)}: type() gives {', '.join(_TYPES)}{better}"
    if call.value == "length" and type(value) in (int, float) and (value < 0 or value % 1):
        return f"{_says(node)}: a length is a whole number of 0 or more"
    if call.value not in _IDEMPOTENT or len(call.children) != 1 or value in (None, ""):
        return None
    try:
        own = constant(_call(call.value, other))
    except ExpressionError:
        return None
    if equal(own, value):
        return None
    better = "" if own is None else f": {shown(replaced(node, other, literal(own)))}"
    return f"{_says(node)}: {call.value}() never gives {shown(other)}{better}"


def unlike_parts(place: Place) -> Iterator[Finding]:
    """Find texts that are looked for in what never holds them: starts_with(lower(type), 'Order')."""
    node = place.node
    if node.kind != "call" or node.value not in ("starts_with", "ends_with", "contains"):
        return
    subject, part = node.children
    if subject.kind != "call" or subject.value not in ("lower", "upper") or not is_literal(part, str):
        return
    own = part.value.lower() if subject.value == "lower" else part.value.upper()
    if own != part.value:
        yield Finding(
            "never-equal",
            f"{shown(node)} is never true: {subject.value}() never gives {shown(part)}: "
            f"{shown(replaced(node, part, literal(own)))}",
            node.column,
        )
