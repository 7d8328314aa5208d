"""What is known of a part's value whatever the event holds: the kinds it can have, or the one constant it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.expressions.compiler import compile_tree
from connector.expressions.kinds import json_type
from connector.expressions.library import FUNCTIONS
from connector.expressions.nodes import Node, walk
from connector.expressions.signatures import (
    ANY,
    ARRAY,
    ARRAYS,
    BOOLEAN,
    NULL,
    NULL_OF_NULL,
    NUMBER,
    NUMBERS,
    OBJECT,
    TEXT,
    TEXTS,
)
from connector.model import Record

Kinds = frozenset[str]

ANY_KIND: Kinds = frozenset({NULL, BOOLEAN, NUMBER, TEXT, ARRAY, OBJECT})
# The kind that an argument of one of these is.
PLAIN = {TEXTS: ARRAY, NUMBERS: ARRAY, ARRAYS: ARRAY}
BOOLEAN_ONLY: Kinds = frozenset({BOOLEAN})
NO_RECORD = Record("", 0, 0, -1, None, None, ())

_BOOLEAN, _NUMBER, _TEXT, _ARRAY, _OBJECT = (frozenset({kind}) for kind in (BOOLEAN, NUMBER, TEXT, ARRAY, OBJECT))
_OR_NULL = frozenset({NULL})
# Nodes whose value tells, too: an equality, and a projection of a slice, which of a text takes from that text.
_KIND_BY_VALUE = {("compare", "=="): "equality", ("compare", "!="): "equality", ("projection", "slice"): "anything"}
_KINDS: Mapping[str, Kinds] = {
    "equality": _BOOLEAN,
    "compare": _BOOLEAN | _OR_NULL,
    "slice": _ARRAY | _TEXT | _OR_NULL,
    "projection": _ARRAY | _OR_NULL,
    "flatten": _ARRAY | _OR_NULL,
    "not": _BOOLEAN,
    "arithmetic": _NUMBER | _OR_NULL,
    "sign": _NUMBER | _OR_NULL,
    "list": _ARRAY | _OR_NULL,  # null where it is asked of null
    "object": _OBJECT | _OR_NULL,
}


def kinds_of(node: Node) -> Kinds:
    """Return the kinds of values that a part can have, on whatever event it does not raise on."""
    match node.kind:
        case "literal":
            return frozenset({json_type(node.value)})
        case "call":
            return _kinds_of_call(node)
        case "chain" | "let":
            return kinds_of(node.children[-1])
        case "and" | "or":
            return _kinds_of_choice(node)
    return _KINDS.get(_KIND_BY_VALUE.get((node.kind, node.value), node.kind), ANY_KIND)


def _kinds_of_choice(node: Node) -> Kinds:
    *others, last = map(kinds_of, node.children)
    # && goes past what is true, and no number is false; || goes past what is false, and null is.
    passed = _NUMBER if node.kind == "and" else _OR_NULL
    return frozenset().union(*(kinds - passed for kinds in others), last)


def _kinds_of_call(node: Node) -> Kinds:
    if node.value == "key":
        return (_NUMBER if node.children else _TEXT) | _OR_NULL
    function = FUNCTIONS[node.value]
    if ANY in function.gives:
        return ANY_KIND
    passes = (function.null_passes or NULL_OF_NULL in function.gives) and NULL in kinds_of(node.children[0])
    gives = frozenset(PLAIN.get(kind, kind) for kind in function.gives) - {NULL_OF_NULL}
    return gives | _OR_NULL if passes else gives


def is_constant(node: Node) -> bool:
    """True if a part reads neither the event nor its record."""
    return not any(
        each.kind in ("field", "current", "root", "variable", "projection", "flatten")
        or (each.kind == "call" and FUNCTIONS[each.value].of_record)
        for each, _ in walk(node)
    )


def constant(node: Node) -> Any:
    """Return the value of a part that is constant. Raises ExpressionError where evaluating it does."""
    return compile_tree(node)({}, NO_RECORD)


def is_true(value: Any) -> bool:
    """True if && and || take a value for true: every number is."""
    return bool(value) or json_type(value) == NUMBER


def certain_truth(node: Node) -> bool | None:
    """Return whether a part is true, where its kinds alone tell; None where they do not."""
    kinds = kinds_of(node)
    if kinds <= _NUMBER:
        return True
    return False if kinds <= _OR_NULL else None
