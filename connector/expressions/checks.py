"""The mistakes of an expression that need no event to be seen: functions, arguments, variables, depth."""

from __future__ import annotations

import difflib
import math
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.library import FUNCTIONS
from connector.expressions.nodes import Node, walk
from connector.expressions.signatures import EXPRESSION, Function

# How deep an expression's tree may be: what is read can be evaluated, whatever Python's stack holds already.
DEEPEST = 100
# How much of a name a message repeats.
_SHOWN = 40
# Names that other languages use, and how that is written here.
_ELSEWHERE = {
    "concat": "join('', [a, b]) puts texts together",
    "substring": "text[0:3] or cut(text, 3) takes a part of a text",
    "substr": "text[0:3] or cut(text, 3) takes a part of a text",
    "left": "cut(text, 3) takes the beginning of a text",
    "if": "(condition && a || b) chooses",
    "iif": "(condition && a || b) chooses",
    "coalesce": "not_null(a, b) takes the first that is not null",
    "default": "(a || b) gives b where a is null or empty",
    "now": "timestamp() is when the record was written",
    "int": "floor(number(x)) reads a whole number",
    "float": "number() reads a number from a text",
    "str": "text() makes a text of a number",
    "string": "text() makes a text of a number",
    "size": "length() counts characters, elements or names",
    "count": "length() counts characters, elements or names",
    "len": "length() counts characters, elements or names",
    "strip": "trim() takes space away",
    "uppercase": "upper() gives upper case",
    "lowercase": "lower() gives lower case",
    "parse_json": "json() reads JSON from a text",
    "from_json": "json() reads JSON from a text",
    "to_json": "to_string() writes a value as JSON",
    "date": "unix() reads a time",
    "lookup": "get(object, name, default) looks a computed name up",
    "not": "! is not, as in !(a == b)",
    "and": "&& is and",
    "or": "|| is or",
    "exists": "a path is true where it is there and not empty; x != `null` where it is there",
    "isnull": "x == `null` is true where x is not there",
    "matches": "contains(text, part) looks for a part; there are no regular expressions",
    "filter": "items[?price > 5] keeps the elements of which a condition is true",
}
_EXPRESSION_ALONE = "& stands only before an argument of a function such as sort_by(items, &price)"
_SURROGATE = "it holds half a surrogate pair, which no event can hold"


def check(tree: Node) -> None:
    """Raise ExpressionError for the first mistake, with its column where that tells more."""
    if tree.kind == "expression":
        raise ExpressionError(_EXPRESSION_ALONE, name="misplaced-ampersand")
    for node, depth in walk(tree):
        if depth > DEEPEST:
            raise ExpressionError(f"it is nested deeper than {DEEPEST}", name="too-deep")
        if node.kind == "call":
            _check_call(node)
        elif any(child.kind == "expression" for child in node.children):
            raise ExpressionError(_EXPRESSION_ALONE, name="misplaced-ampersand")
        elif node.kind == "literal":
            _check_literal(node.value)
        elif node.kind == "field":
            _check_text(node.value)
        elif node.kind == "object":
            for name in node.value:
                _check_text(name)
    _check_variables(tree, frozenset())


def _check_call(node: Node) -> None:
    name, where = node.value, f"column {node.column}: "
    function = FUNCTIONS.get(name)
    if function is None:
        raise ExpressionError(f"{where}there is no function {shown(name)}(): {_instead(name)}", name="unknown-function")
    given, most = len(node.children), len(function.parameters)
    least = most - function.optional
    if given < least or (given > most and not function.variadic):
        raise ExpressionError(
            f"{where}{name}() takes {_count(function, least, most)}, not {given}", name="argument-count"
        )
    for index, argument in enumerate(node.children):
        wants = EXPRESSION in function.takes(index)
        if argument.kind == "expression" and not wants:
            raise ExpressionError(f"{where}{name}() takes no expression: leave the & out", name="misplaced-ampersand")
        if argument.kind != "expression" and wants:
            raise ExpressionError(
                f"{where}{name}() takes an expression there: put & before it, as in &price", name="misplaced-ampersand"
            )


def shown(name: str) -> str:
    """Return a name as messages repeat it."""
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def _instead(name: str) -> str:
    lower = name[:_SHOWN].lower()
    if lower in _ELSEWHERE:
        return _ELSEWHERE[lower]
    near = difflib.get_close_matches(lower, FUNCTIONS, 1)
    return f"did you mean {near[0]}()?" if near else f"there are {', '.join(sorted(FUNCTIONS))}"


def _count(function: Function, least: int, most: int) -> str:
    if function.variadic:
        return f"at least {least} argument{'' if least == 1 else 's'}"
    if least < most:
        return f"{least} to {most} arguments"
    return f"{most or 'no'} argument{'' if most == 1 else 's'}"


def _check_literal(value: Any) -> None:
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, float) and not math.isfinite(part):
            raise ExpressionError(
                "a literal is no finite number: JSON has no NaN and no infinity", name="broken-literal"
            )
        if isinstance(part, str):
            _check_text(part)
        elif isinstance(part, list):
            stack.extend(part)
        elif isinstance(part, dict):
            stack.extend(part)
            stack.extend(part.values())


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ExpressionError(_SURROGATE, name="broken-literal") from None


def _check_variables(node: Node, bound: frozenset[str]) -> None:
    if node.kind == "variable" and node.value not in bound:
        known = f"; there is {', '.join(f'${name}' for name in sorted(bound))}" if bound else ": bind it by let first"
        raise ExpressionError(
            f"column {node.column}: there is no variable ${shown(node.value)} here{known}", name="unknown-variable"
        )
    inner = bound | set(node.value) if node.kind == "let" else bound
    for index, child in enumerate(node.children):
        _check_variables(child, inner if index == len(node.children) - 1 else bound)
