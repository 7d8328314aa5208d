"""The tokens of one text, read from left to right, and what is said of a token that is not expected."""

from __future__ import annotations

from connector.errors import ExpressionError
from connector.expressions.checks import shown
from connector.expressions.lexer import Token
from connector.expressions.nodes import Node

_HINTS = {
    "end": "it ends too early: a name, a literal, a function or a closing bracket is missing",
    "quoted": "double quotes hold a field's name; a text stands in single quotes, as in type == 'paid'",
    "literal": "an operator such as == or && is missing before it",
    "number": "an operator such as == or && is missing before it",
    "name": "an operator such as . or && is missing before it, or single quotes around a text",
    "variable": "an operator such as && is missing before it; a path begins with the variable, as in $order.id",
    ")": "there is no ( that it closes, or an argument is missing",
    "]": "there is no [ that it closes, or an element is missing",
    "=": "equality is ==",
    ">": "not equal is !=, and at least is >=",
    "&": "& stands only before an argument of a function such as sort_by(items, &price); and is &&",
}
# The kind of mistake that a token out of place is, where it is more than no expression.
_KINDS = {"quoted": "missing-operator", "name": "missing-operator", "literal": "missing-operator",
          "number": "missing-operator", "variable": "missing-operator", "=": "single-equals"}  # fmt: skip
# Operators that other languages write in words.
_WORDS = {"ne": "!=", "and": "&&", "or": "||", "not": "!", "is": "==", "eq": "==", "mod": "%", "div": "//"}
# Numbers that begin a date where a minus touches them.
_YEARS = range(1970, 2107)
# Words of other languages for which there is a function.
_CALLS = {
    "in": "contains(['a', 'b'], x)",
    "like": "contains(x, 'part'), starts_with(x, 'part') or ends_with(x, 'part')",
    "between": "x >= 1 && x <= 5",
}


class TokenReader:
    """The tokens of one text, read once from left to right."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def peek(self, ahead: int = 0) -> Token:
        """Return the next token, or one further ahead; the last one is of kind `end`."""
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Return the next token and go on to the one after it."""
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def expect(self, kind: str) -> Token:
        """Take the next token, which must be of this kind. Raises ExpressionError."""
        if self.peek().kind != kind:
            raise unexpected(self.peek(), kind)
        return self.take()

    def unexpected_here(self) -> ExpressionError:
        """Return the refusal of the next token, at which the text should have ended."""
        token, before = self.peek(), self._tokens[max(self._next - 1, 0)]
        if before.kind == "name" and str(before.value).lower() == "not":
            message = f"column {before.column}: {before.value} is a field here: not is written !"
            return ExpressionError(message, name="operator-word")
        if token.kind == "," and before.kind == self.peek(1).kind == "number":
            message = f"column {token.column}: a number has no comma: 1000, or 0.5"
            return ExpressionError(message, name="not-an-expression")
        return unexpected(token)

    def ahead(self) -> list[Token]:
        """Return the tokens that were not taken yet."""
        return self._tokens[self._next :]


def expect_space_around_minus(token: Token, after: Node) -> None:
    """Raise ExpressionError for a binary minus that touches a value: user-id is a name that lacks its quotes."""
    if token.kind == "-" and token.spaced != (True, True):
        if after.kind == "literal" and after.value in _YEARS:
            raise ExpressionError(
                f"column {token.column}: a time is a text with a zone, and compared as seconds: "
                "unix(at) >= unix('2026-01-31T00:00:00Z')",
                name="not-an-expression",
            )
        raise ExpressionError(
            f"column {token.column}: a minus between two values has a space on both sides, as in a - b; "
            'a name with a dash stands in double quotes, as in "user-id"',
            name="name-with-dash",
        )


def unexpected(token: Token, wanted: str = "") -> ExpressionError:
    """Return the refusal of a token; `wanted` is what is missing before it."""
    if token.kind == "end":
        return ExpressionError(f"column {token.column}: {_HINTS['end']}", name="ends-too-early")
    word = str(token.value).lower() if token.kind == "name" else ""
    if word in _CALLS and not wanted:
        message = f"column {token.column}: {shown(word)} is not expected here: write {_CALLS[word]}"
        return ExpressionError(message, name="operator-word")
    operator = _WORDS.get(str(token.value).lower()) if token.kind == "name" else None
    hint = f"JMESPath writes {operator}" if operator else _HINTS.get(token.kind)
    if wanted and not operator:
        hint = f"{wanted} is missing before it"
    hint = f": {hint}" if hint else ""
    name = "operator-word" if operator else "not-an-expression" if wanted else _KINDS.get(token.kind)
    return ExpressionError(
        f"column {token.column}: {shown(str(token.value))} is not expected here{hint}",
        name=name or "not-an-expression",
    )
