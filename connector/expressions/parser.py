"""Text → syntax tree, by precedence climbing. Every mistake says its column, from 1, and the right way to write it.

The grammar is JMESPath's with the Community edition's additions (arithmetic, let, $) and bare numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from connector.errors import ExpressionError
from connector.expressions.checks import check
from connector.expressions.lexer import Token, tokenize
from connector.expressions.nodes import Node
from connector.expressions.reader import TokenReader, expect_space_around_minus, unexpected

# How strongly an operator binds what stands before it. What binds less than _STOPS_PROJECTION ends a projection.
_BINDING = {
    "|": 1, "||": 2, "&&": 3,
    "==": 5, "!=": 5, "<": 5, "<=": 5, ">": 5, ">=": 5,
    "+": 6, "-": 6, "*": 7, "/": 7, "//": 7, "%": 7,
    "[]": 9, "[?": 21, ".": 40, "[": 55, "(": 60,
}  # fmt: skip
_STOPS_PROJECTION = 10
_SIGN, _STAR, _NOT = 8, 20, 45
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "//", "%"})
# Tokens that are whole nodes.
_LEAVES = {
    "literal": "literal", "number": "literal", "name": "field", "quoted": "field", "variable": "variable",
    "@": "current", "$": "root",
}  # fmt: skip


def parse(text: str) -> Node:
    """Return the tree of an expression. Raises ExpressionError."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ExpressionError(
            "it holds half a surrogate pair, which no event can hold", name="broken-literal"
        ) from None
    tokens = tokenize(text)
    if len(tokens) == 1:
        raise ExpressionError("it is empty: write a path such as user.id", name="empty-expression")
    try:
        tree = _Parser(tokens).whole()
    except RecursionError:
        raise ExpressionError("it is nested too deep to be read", name="too-deep") from None
    check(tree)
    return tree


class _Parser(TokenReader):
    """The tokens of one text, read once from left to right."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._beginnings: dict[str, Callable[[Token], Node]] = {
            "(": self._group,
            "!": self._not,
            "-": self._sign,
            "+": self._sign,
            "&": self._argument,
            "*": self._star,
            "[?": self._of_current,
            "[]": self._of_current,
            "[": self._open_bracket,
            "{": self._object,
        }
        self._continuations: dict[str, Callable[[Node, Token], Node]] = {
            ".": self._dot,
            "|": self._pipe,
            "||": self._and_or,
            "&&": self._and_or,
            "[]": self._flatten,
            "[?": self._filter,
            "[": self._index_or_star,
            "(": self._call,
        }

    def whole(self) -> Node:
        tree = self._expression(0)
        if self.peek().kind != "end":
            raise self.unexpected_here()
        return tree

    # --- expressions ---------------------------------------------------------------------------------------------

    def _expression(self, binding: int) -> Node:
        """Read an expression up to the first operator that binds no more than `binding`."""
        left = self._prefix(self.take())
        while binding < _BINDING.get(self.peek().kind, 0):
            left = self._infix(left, self.take())
        return left

    def _prefix(self, token: Token) -> Node:
        if token.kind == "name" and token.value == "let" and self.peek().kind == "variable":
            return self._let(token)
        if token.kind == "quoted" and self.peek().kind == "(":
            raise ExpressionError(f"column {token.column}: a function's name takes no quotes", name="not-an-expression")
        if token.kind in _LEAVES:
            return Node(_LEAVES[token.kind], token.value if token.kind not in "@$" else None, (), token.column)
        begin = self._beginnings.get(token.kind)
        if begin is None:
            raise unexpected(token)
        return begin(token)

    def _group(self, _token: Token) -> Node:
        inner = self._expression(0)
        self.expect(")")
        return inner

    def _not(self, token: Token) -> Node:
        return Node("not", None, (self._expression(_NOT),), token.column)

    def _argument(self, token: Token) -> Node:
        return Node("expression", None, (self._expression(0),), token.column)

    def _star(self, token: Token) -> Node:
        here = Node("current", None, (), token.column)
        right = here if self.peek().kind == "]" else self._projected(_STAR)
        return Node("projection", "object", (here, right), token.column)

    def _of_current(self, token: Token) -> Node:
        return self._infix(Node("current", None, (), token.column), token)

    def _infix(self, left: Node, token: Token) -> Node:
        kind = token.kind
        if kind in _ARITHMETIC:
            expect_space_around_minus(token, left)
            return Node("arithmetic", kind, (left, self._expression(_BINDING[kind])), left.column)
        if kind in _COMPARISONS:
            return Node("compare", kind, (left, self._expression(_BINDING[kind])), left.column)
        return self._continuations[kind](left, token)

    def _dot(self, left: Node, _token: Token) -> Node:
        if self.peek().kind != "*":
            return _chain(left, self._after_dot(_BINDING["."]))
        self.take()
        return Node("projection", "object", (left, self._projected(_BINDING["."])), left.column)

    def _pipe(self, left: Node, _token: Token) -> Node:
        # Never merged with the chain before it: an index or a slice after it would else be taken for its own.
        return Node("chain", None, (left, self._expression(_BINDING["|"])), left.column)

    def _and_or(self, left: Node, token: Token) -> Node:
        kind = "and" if token.kind == "&&" else "or"
        joined = left.children if left.kind == kind else (left,)
        return Node(kind, None, (*joined, self._expression(_BINDING[token.kind])), left.column)

    def _flatten(self, left: Node, _token: Token) -> Node:
        flat = Node("flatten", None, (left,), left.column)
        return Node("projection", "list", (flat, self._projected(_BINDING["[]"])), left.column)

    def _sign(self, token: Token) -> Node:
        if self.peek().kind == "number":
            number = self.take().value
            return Node("literal", -number if token.kind == "-" else number, (), token.column)
        return Node("sign", token.kind, (self._expression(_SIGN),), token.column)

    def _let(self, token: Token) -> Node:
        names, values = [], []
        while True:
            names.append(self.expect("variable").value)
            self.expect("=")
            values.append(self._expression(0))
            if self.peek().kind != ",":
                break
            self.take()
        if not (self.peek().kind == "name" and self.peek().value == "in"):
            raise unexpected(self.peek(), "in")
        self.take()
        return Node("let", tuple(names), (*values, self._expression(0)), token.column)

    def _call(self, left: Node, token: Token) -> Node:
        if left.kind != "field":
            raise ExpressionError(f"column {token.column}: only a name can be called", name="not-an-expression")
        arguments = []
        while self.peek().kind != ")":
            arguments.append(self._expression(0))
            if self.peek().kind == ",":  # JMESPath's own parser lets them be left out
                self.take()
        self.take()
        return Node("call", left.value, tuple(arguments), left.column)

    # --- brackets ------------------------------------------------------------------------------------------------

    def _open_bracket(self, token: Token) -> Node:
        """Read what follows a [ that begins an expression: an index, a slice, a star or a list of expressions."""
        here = Node("current", None, (), token.column)
        if self._is_index():
            return self._index_or_star(here, token)
        if self.peek().kind == "*" and self.peek(1).kind == "]":
            return self._index_or_star(here, token)
        return self._list(token.column)

    def _is_index(self) -> bool:
        ahead = 1 if self.peek().kind == "-" else 0
        if self.peek(ahead).kind == "number" and type(self.peek(ahead).value) is int:
            return self.peek(ahead + 1).kind in ("]", ":")
        return self.peek().kind == ":"

    def _index_or_star(self, left: Node, _token: Token) -> Node:
        column = left.column
        if self.peek().kind == "*":
            self.take()
            self.expect("]")
            return Node("projection", "list", (left, self._projected(_STAR)), column)
        if not self._is_index():
            token = self.peek()
            raise ExpressionError(
                f"column {token.column}: after a value, brackets hold a whole number, a slice, * or a ?condition",
                name="wrong-brackets",
            )
        numbers: list[int | None] = [None]
        while self.peek().kind != "]":
            if self.peek().kind == ":":
                self.take()
                numbers.append(None)
                if len(numbers) > 3:
                    raise ExpressionError(
                        f"column {self.peek().column}: a slice has at most two colons", name="wrong-brackets"
                    )
            elif numbers[-1] is None:
                numbers[-1] = self._integer()
            else:
                raise unexpected(self.peek(), "]")
        self.take()
        if len(numbers) == 1:
            return _chain(left, Node("index", numbers[0], (), column))
        if len(numbers) == 3 and numbers[2] == 0:
            raise ExpressionError("a slice cannot step by 0", name="wrong-brackets")
        window = Node("slice", tuple([*numbers, None, None][:3]), (), column)
        if left.kind == "chain" and left.children[-1].kind in ("index", "slice"):
            return _chain(left, window)  # as JMESPath's own parser has it: after an index a slice projects nothing
        return Node("projection", "slice", (_chain(left, window), self._projected(_STAR)), column)

    def _integer(self) -> int:
        sign = -1 if self.peek().kind == "-" else 1
        if sign < 0:
            self.take()
        token = self.expect("number")
        if type(token.value) is not int:
            raise ExpressionError(f"column {token.column}: an index is a whole number", name="wrong-brackets")
        return sign * token.value

    def _filter(self, left: Node, _token: Token) -> Node:
        condition = self._expression(0)
        self.expect("]")
        here = Node("current", None, (), left.column)
        right = here if self.peek().kind == "[]" else self._projected(_BINDING["[?"])
        return Node("projection", "filter", (left, right, condition), left.column)

    def _list(self, column: int) -> Node:
        elements = [self._expression(0)]
        while self.peek().kind != "]":
            self.expect(",")
            elements.append(self._expression(0))
        self.take()
        return Node("list", None, tuple(elements), column)

    def _list_after_dot(self, column: int) -> Node:
        """Read a.[b, c]. JMESPath's suite has numbers refused here: a.[0] was meant as a[0]."""
        elements = self.ahead()
        tree = self._list(column)
        numbers = {token.column for token in elements if token.kind == "number"}
        for element in tree.children:
            if element.kind == "literal" and element.column in numbers:
                raise ExpressionError(
                    f"column {element.column}: after a dot and [ comes a name; an index comes without the dot",
                    name="wrong-brackets",
                )
        return tree

    def _object(self, token: Token) -> Node:
        names, values = [], []
        while True:
            if self.peek().kind not in ("name", "quoted"):
                raise unexpected(self.peek(), "a name")
            names.append(self.take().value)
            self.expect(":")
            values.append(self._expression(0))
            if self.peek().kind == ",":
                self.take()
            elif self.peek().kind == "}":
                self.take()
                return Node("object", tuple(names), tuple(values), token.column)

    # --- after a dot and in projections ----------------------------------------------------------------------------

    def _projected(self, binding: int) -> Node:
        """Read what is taken of each element of a projection."""
        token = self.peek()
        if _BINDING.get(token.kind, 0) < _STOPS_PROJECTION:
            return Node("current", None, (), token.column)
        if token.kind in ("[", "[?"):
            return self._expression(binding)
        if token.kind == ".":
            self.take()
            return self._after_dot(binding)
        raise unexpected(token)

    def _after_dot(self, binding: int) -> Node:
        token = self.peek()
        if token.kind in ("name", "quoted", "*"):
            return self._expression(binding)
        if token.kind == "[":
            self.take()
            return self._list_after_dot(token.column)
        if token.kind == "{":
            self.take()
            return self._object(token)
        raise ExpressionError(
            f"column {token.column}: a dot is followed by a name, *, [ or {{", name="not-an-expression"
        )


def _chain(left: Node, right: Node) -> Node:
    """Evaluate `right` on the result of `left`; one chain where `left` is one already."""
    first = left.children if left.kind == "chain" else (left,)
    return Node("chain", None, (*first, right), left.column)
