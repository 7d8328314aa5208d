"""Text → JMESPath syntax tree, with an explanation of every mistake that can be found without an event."""

from __future__ import annotations

import difflib
import math
import re
import warnings
from collections.abc import Iterator
from typing import Any

from jmespath import exceptions
from jmespath.parser import Parser

from connector.errors import ExpressionError
from connector.expressions.library import FUNCTIONS

# A node of the jmespath library's tree: {"type": str, "value": …, "children": [node, …]}.
Node = dict[str, Any]

# The library evaluates by recursion; Python's stack must never decide whether an event can be evaluated.
_MAX_DEPTH = 100
_EXPREF = "& belongs only before an argument of a function such as sort_by(items, &price)"
_HINTS = {
    "number": "write a number between backticks, as in total > `100`, a text in single quotes",
    "eof": "it ends too early: a name, a literal, a function or a closing bracket is expected",
    "quoted_identifier": "double quotes hold a field's name; write a text in single quotes, as in type == 'paid'",
    "literal": "an operator such as == or && is expected before it",
    "unquoted_identifier": "an operator such as . or && is expected before it",
    "star": "it belongs after a dot or in brackets, for all of an object or array; there is no arithmetic",
    "rparen": "there is no ( that it closes, or an argument is missing",
}
# Operators that other languages write in words.
_OPERATORS = {"and": "&&", "or": "||"}
_CHARACTERS = {
    "-": 'write a name with a dash in double quotes, as in "user-id"; there is no arithmetic',
    "=": "equality is ==",
    "+": "there is no arithmetic",
    "/": "there is no arithmetic",
    "$": "the event itself is @, and its fields need no prefix",
}


def parse(text: str) -> Node:
    """Return the tree of an expression. Raises ExpressionError with the mistake's column (from 1) and a hint."""
    try:
        text.encode()
        with warnings.catch_warnings():
            # `foo` for `"foo"`: deprecated in JMESPath, still part of its compliance suite.
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            tree: Node = Parser().parse(text).parsed  # type: ignore[assignment]  # a TypedDict of private name
        _check(text, tree)
    except exceptions.EmptyExpressionError:
        raise ExpressionError("it is empty: write a path such as user.id") from None
    except exceptions.IncompleteExpressionError:
        raise ExpressionError(f"column {len(text) + 1}: {_HINTS['eof']}") from None
    except exceptions.LexerError as error:
        raise ExpressionError(f"column {error.lexer_position + 1}: {_lexical(error)}") from None
    except exceptions.ParseError as error:
        raise ExpressionError(f"column {error.lex_position + 1}: {_syntactic(error)}") from None
    except UnicodeEncodeError:
        raise ExpressionError("it holds half a surrogate pair, which no event can hold") from None
    except RecursionError:
        raise ExpressionError("it is nested too deep to be read") from None
    return tree


def _lexical(error: exceptions.LexerError) -> str:
    message = str(error.message)
    if message.startswith("Unclosed"):
        return f"the {message.split()[1]} that opens here is never closed"
    if message.startswith("Bad token"):
        return "the text between these backticks is not JSON"
    character = str(error.lexer_value)
    return f"{character} means nothing here: {_CHARACTERS.get(character, 'JMESPath has no such character')}"


def _syntactic(error: exceptions.ParseError) -> str:
    kind = str(error.token_type).lower()
    if error.msg.startswith("Quoted identifier not allowed"):
        return "a function's name is written without quotes"
    if error.msg.startswith("Invalid function name"):
        return "only a name can be called"
    if kind == "eof":
        return _HINTS[kind]
    operator = _OPERATORS.get(str(error.token_value).lower())
    hint = f"JMESPath writes {operator}" if operator else _HINTS.get(kind)
    return f"{error.token_value} is not expected here" + (f": {hint}" if hint else "")


def _check(text: str, tree: Node) -> None:
    if tree["type"] == "expref":
        raise ExpressionError(_EXPREF)
    for node in nodes(tree):
        if node["type"] == "function_expression":
            _check_call(text, node)
        elif node["type"] == "slice":
            if node["children"][2] == 0:
                raise ExpressionError("a slice cannot step by 0")
        elif node["type"] == "literal":
            _check_literal(node["value"])
        elif any(child["type"] == "expref" for child in node["children"]):
            raise ExpressionError(_EXPREF)
        elif isinstance(node.get("value"), str):
            node["value"].encode()


def nodes(tree: Node) -> Iterator[Node]:
    """Yield every node of a tree. Raises ExpressionError if it is nested too deep."""
    stack = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > _MAX_DEPTH:
            raise ExpressionError(f"it is nested deeper than {_MAX_DEPTH} levels")
        yield node
        if node["type"] != "slice":  # its children are numbers
            stack.extend((child, depth + 1) for child in node["children"])


def _check_call(text: str, node: Node) -> None:
    name, arguments = node["value"], node["children"]
    call = re.search(rf"\b{name}\s*\(", text)
    where = f"column {call.start() + 1}: " if call else ""
    if name not in FUNCTIONS:
        near = difflib.get_close_matches(name, FUNCTIONS, 1)
        known = f"did you mean {near[0]}()?" if near else f"there are {', '.join(sorted(FUNCTIONS))}"
        raise ExpressionError(f"{where}there is no function {name}(): {known}")
    signature = FUNCTIONS[name]["signature"]
    wanted, given = len(signature), len(arguments)
    variadic = bool(signature and signature[-1].get("variadic"))
    if given < wanted or (given > wanted and not variadic):
        count = f"{'at least ' if variadic else ''}{wanted or 'no'} argument{'' if wanted == 1 else 's'}"
        raise ExpressionError(f"{where}{name}() takes {count}, not {given}")
    for argument, declared in zip(arguments, [*signature, *signature[-1:] * given], strict=False):
        if argument["type"] == "expref" and "expref" not in declared["types"]:
            raise ExpressionError(f"{where}{name}() takes no expression: leave the & out")
        if argument["type"] != "expref" and declared["types"] == ["expref"]:
            raise ExpressionError(f"{where}{name}() takes an expression there: put & before it, as in &price")


def _check_literal(value: Any) -> None:
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, float) and not math.isfinite(part):
            raise ExpressionError("a literal is not a finite number: JSON has no NaN and no infinity")
        if isinstance(part, str):
            part.encode()
        elif isinstance(part, list):
            stack.extend(part)
        elif isinstance(part, dict):
            stack.extend(part)
            stack.extend(part.values())
