"""Calls and arithmetic that no event makes right: they raise, so that every event becomes a dead letter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.kinds import NUMBERS as NUMBER_TYPES
from connector.expressions.library import FUNCTIONS
from connector.expressions.lint.inference import (
    ANY_KIND,
    NO_RECORD,
    PLAIN,
    Kinds,
    constant,
    is_constant,
    kinds_of,
)
from connector.expressions.lint.places import Finding, Place, is_literal, is_path, literal, replaced, shown
from connector.expressions.nodes import Node
from connector.expressions.signatures import ANY, ARRAY, BOOLEAN, EXPRESSION, NULL, NUMBER, OBJECT, TEXT, checked

# Values of each kind that are tried in place of what an event gives.
_TRIED: Mapping[str, tuple[Any, ...]] = {
    TEXT: ("", "a", "12.5", "79990000000", "2026-01-01T00:00:00Z", "{}", "[]", "YQ=="),
    NUMBER: (0, 1, 12.5, 20_484, 79_990_000_000, 1_769_850_001, 1_769_850_001_500, 1_769_850_001_500_123_456),
    BOOLEAN: (True,),
    ARRAY: ([], ["a"], [1], [[]]),
    OBJECT: ({}, {"a": "a"}),
}
_MOST_TRIES = 600


def failing_calls(place: Place) -> Iterator[Finding]:
    """Find calls whose arguments can never be right, such as unix(x, 'sec') and unix('tomorrow')."""
    node = place.node
    if place.above is not None and is_constant(place.above.node) and _raised(place.above.node) is not None:
        return  # said of the whole
    message = None
    if is_constant(node) and node.kind in ("call", "arithmetic", "compare", "sign"):
        message = _raised(node)
    elif node.kind == "call":
        message = _unfit_argument(node) or _always_refused(node)
    if message is not None:
        yield Finding("never-right-argument", f"{shown(node)} can never be right: {message}", node.column)


def _raised(node: Node) -> str | None:
    try:
        constant(node)
    except ExpressionError as error:
        return str(error)
    return None


def _accepted(kinds: tuple[str, ...]) -> Kinds:
    return ANY_KIND if ANY in kinds else frozenset(PLAIN.get(kind, kind) for kind in kinds)


def _unfit_argument(node: Node) -> str | None:
    """Say which argument is of a kind that the function never takes."""
    function = FUNCTIONS[node.value]
    for index, child in enumerate(node.children):
        takes = function.takes(index)
        if EXPRESSION in takes or (is_constant(child) and child.kind != "literal"):
            continue
        if child.kind == "arithmetic" and _no_number(child) is not None:
            continue  # said of what is computed
        passes = {NULL} if function.null_passes and index == 0 else set()
        given = kinds_of(child) - passes
        if given and not (given - {NULL}) & _accepted(takes) and not (NULL in given and NULL in takes):
            kinds = " or ".join(sorted(given - {NULL})) or NULL
            return f"{node.value}() takes {' or '.join(takes)} there, and {shown(child)} is {kinds}"
    return None


def _always_refused(node: Node) -> str | None:
    """Return what a call raises if it raises the same whatever values stand for what the event gives."""
    function = FUNCTIONS[node.value]
    if any(child.kind == "expression" for child in node.children) or not any(map(is_constant, node.children)):
        return None
    columns = []
    for index, child in enumerate(node.children):
        if is_constant(child):
            if _raised(child) is not None:
                return None
            columns.append([constant(child)])
        else:
            fit = (kinds_of(child) & _accepted(function.takes(index))) - {NULL}
            columns.append([value for kind in sorted(fit) for value in _TRIED[kind]])
    call = checked(function, len(node.children))
    record = [NO_RECORD] if function.of_record else []
    refusals = set()
    for arguments in itertools.islice(itertools.product(*columns), _MOST_TRIES):
        try:
            call(*record, *arguments)
        except ExpressionError as error:
            refusals.add(str(error))
        else:
            return None
        if len(refusals) > 1:
            return None
    return next(iter(refusals), None)


def failing_arithmetic(place: Place) -> Iterator[Finding]:
    """Find arithmetic with what is never a number: first + ' ' + last, items[].price * 2, x / 0."""
    node = place.node
    if node.kind not in ("arithmetic", "sign") or is_constant(node):
        return
    if place.above is not None and place.above.node.kind == "arithmetic" and _no_number(place.above.node):
        return  # said of the whole sum
    if _divides_by_zero(node):
        yield _finding(node, "it divides by zero")
        return
    wrong = _no_number(node)
    if wrong is not None:
        yield _finding(node, f"{node.value} takes numbers, and {shown(wrong)} is {_kinds(wrong)}{_cure(node, wrong)}")


def _divides_by_zero(node: Node) -> bool:
    divisor = node.children[-1]
    return node.value in ("/", "//", "%") and is_literal(divisor, *NUMBER_TYPES) and not divisor.value


def _finding(node: Node, message: str) -> Finding:
    return Finding("never-right-argument", f"{shown(node)} can never be right: {message}", node.column)


def _kinds(node: Node) -> str:
    return " or ".join(sorted(kinds_of(node) - {NULL})) or NULL


def _no_number(node: Node) -> Node | None:
    """Return the first part of a sum or product that is never a number."""
    for child in node.children:
        if NUMBER not in kinds_of(child):
            return child
        inner = _no_number(child) if child.kind == "arithmetic" and child.value == node.value else None
        if inner is not None:
            return inner
    return None


def _cure(node: Node, wrong: Node) -> str:
    kinds = kinds_of(wrong)
    summands = tuple(_summands(node))
    is_number = is_literal(wrong, str) and wrong.value.strip().isdigit()
    if TEXT in kinds and node.value == "+" and not is_number and all(TEXT in kinds_of(each) for each in summands):
        joined = Node("call", "join", (literal(""), Node("list", None, summands, 0)), 0)
        return f": {shown(joined)} puts texts together"
    if TEXT in kinds:
        if is_literal(wrong, str) and wrong.value.isdigit():
            return f": {shown(replaced(node, wrong, literal(int(wrong.value))))}"
        return f": number({shown(wrong)}) reads a number from a text"
    if ARRAY in kinds and wrong.kind == "projection" and wrong.children[1].kind != "current":
        return ": for each element map(&(price * 2), items) computes, and sum() adds up"
    return ""


def _summands(node: Node) -> Iterator[Node]:
    for child in node.children:
        if child.kind == "arithmetic" and child.value == "+":
            yield from _summands(child)
        else:
            yield child


def swapped_arguments(place: Place) -> Iterator[Finding]:
    """Find contains(type, ['a', 'b']) and starts_with('order.', type): what is looked in comes first."""
    node = place.node
    if node.kind != "call" or node.value not in ("contains", "starts_with", "ends_with"):
        return
    first, second = node.children
    if not is_path(first) or is_constant(first):
        is_swapped = node.value != "contains" and is_literal(first, str) and is_path(second)
    else:
        is_swapped = second.kind == "list" or is_literal(second, list)
    if is_swapped:
        wanted = shown(node._replace(children=(second, first)))
        yield Finding(
            "swapped-arguments", f"in {shown(node)} what is looked in comes first: write {wanted}", node.column
        )
