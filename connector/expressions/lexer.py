"""Text → tokens. Every mistake is an ExpressionError that gives the column, from 1, and the right way to write it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from connector.errors import ExpressionError

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\n\r]+)
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<variable>\$[A-Za-z_][A-Za-z0-9_]*)
    | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<raw>'(?:[^'\\]|\\.)*')
    | (?P<literal>`(?:[^`\\]|\\.)*`)
    | (?P<operator>\[\] | \[\? | \|\| | && | == | != | <= | >= | // | [][.,:@$(){}*|&<>!=+/%-])
    | (?P<synonym>[\N{MULTIPLICATION SIGN}\N{DIVISION SIGN}\N{MINUS SIGN}])
    """,
    re.VERBOSE | re.DOTALL,
)
_SYNONYMS = {"\N{MULTIPLICATION SIGN}": "*", "\N{DIVISION SIGN}": "/", "\N{MINUS SIGN}": "-"}
_CLOSED_BY = {'"': "a name", "'": "a text", "`": "a literal"}
_TYPOGRAPHIC_QUOTES = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u00b4"
_MEANINGLESS = {
    **dict.fromkeys(
        "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u00b4",
        "a text stands in straight single quotes, as in 'paid'",
    ),
    "~": "there are no regular expressions: contains(text, part), starts_with(text, part) and ends_with(text, part)",
    "?": "there is no ternary: write (condition && a || b)",
    "^": "there is no power",
    ";": "one expression stands alone",
    "#": "there are no comments",
    "\\": "a backslash stands in texts only",
}


class Token(NamedTuple):
    """One token. `kind` is number, name, variable, quoted, literal, end, or the operator itself.

    `column` counts from 1. `spaced` says whether space or nothing comes before, and whether it comes behind.
    """

    kind: str
    value: Any
    column: int
    spaced: tuple[bool, bool] = (True, True)


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a text, the last of kind `end`. Raises ExpressionError."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        kind, source = str(match.lastgroup), match[0]
        if kind != "space":
            spaced = (position == 0 or text[position - 1].isspace(), text[match.end() : match.end() + 1].isspace())
            tokens.append(_token(kind, source, position + 1, spaced))
        position = match.end()
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


def _token(kind: str, source: str, column: int, spaced: tuple[bool, bool]) -> Token:
    match kind:
        case "operator":
            return Token(source, source, column, spaced)
        case "synonym":  # needs no space around it: no name holds one
            return Token(_SYNONYMS[source], source, column)
        case "raw":
            return Token("literal", source[1:-1].replace("\\'", "'"), column)
    return Token(kind, _VALUES[kind](source, column), column)


def _number(source: str, column: int) -> int | float:
    value: int | float = int(source) if source.isdigit() and len(source) <= 20 else float(source)
    if source.isdigit() and value >= 2**64:
        raise ExpressionError(f"column {column}: this number is beyond 64 bits", name="number-too-large")
    if not math.isfinite(value):
        raise ExpressionError(f"column {column}: this number is too large", name="number-too-large")
    return value


def _name(source: str, column: int) -> str:
    try:
        name: str = json.loads(source)
    except ValueError:
        raise ExpressionError(
            f"column {column}: between double quotes stands a name as JSON writes it", name="broken-literal"
        ) from None
    return name


def _literal(source: str, column: int) -> Any:
    try:
        return json.loads(source)
    except ValueError:
        pass
    except RecursionError:
        raise ExpressionError(
            f"column {column}: this literal is nested too deep to be read", name="broken-literal"
        ) from None
    try:
        return json.loads(f'"{source.lstrip()}"')  # `foo` for `"foo"`: older JMESPath, and still read
    except ValueError:
        raise ExpressionError(
            f"column {column}: what stands between these backticks is not JSON", name="broken-literal"
        ) from None


_VALUES: Mapping[str, Callable[[str, int], Any]] = {
    "name": lambda source, _column: source,
    "variable": lambda source, _column: source[1:],
    "number": _number,
    "quoted": _name,
    "literal": lambda source, column: _literal(source[1:-1].replace("\\`", "`"), column),
}


def _unreadable(text: str, position: int) -> ExpressionError:
    character, where = text[position], f"column {position + 1}: "
    if character in _CLOSED_BY:
        message = f"{where}the {character} that opens {_CLOSED_BY[character]} here is never closed"
        return ExpressionError(message, name="unclosed")
    hint = _MEANINGLESS.get(character, "JMESPath has no such character; a name that holds it stands in double quotes")
    return ExpressionError(f"{where}{character} means nothing here: {hint}", name="unknown-character")
