"""Where the parts of an expression stand, and how a finding shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from connector.expressions.lint.render import render
from connector.expressions.nodes import Node
from connector.expressions.parser import parse

# How much of an expression a message repeats.
_SHOWN = 100


class Finding(NamedTuple):
    """What a part of an expression says beside what was meant.

    `name` is the kind of the finding (see connector.mistakes), `message` says what is there and what to write instead,
    `column` is where the part begins in the expression, from 1.
    """

    name: str
    message: str
    column: int


class Place(NamedTuple):
    """A part of an expression. `above` is what it stands in; None for the whole.

    `condition`: only whether it is true counts. `of_result`: it is evaluated on the result of what stands before it, as
    b in a.b and in a[].b. `text` is the whole expression.
    """

    node: Node
    above: Place | None
    condition: bool
    of_result: bool
    text: str

    @property
    def parent(self) -> Node | None:
        """Return the node that it stands in; None for the whole."""
        return None if self.above is None else self.above.node

    def is_quoted(self, node: Node) -> bool:
        """True for a field of this expression whose name stands in double quotes."""
        return node.kind == "field" and self.text[node.column - 1 : node.column] == '"'


def places(text: str, *, condition: bool) -> Iterator[Place]:
    """Yield every part of an expression, parents before children. `condition`: the whole is a `when`.

    Raises ExpressionError if it does not parse.
    """
    stack = [Place(parse(text), None, condition, of_result=False, text=text)]
    while stack:
        place = stack.pop()
        yield place
        stack.extend(reversed(list(_children(place))))


def _children(place: Place) -> Iterator[Place]:
    node = place.node
    last = len(node.children) - 1
    for index, child in enumerate(node.children):
        condition = of_result = False
        match node.kind:
            case "not":
                condition = True
            case "or":
                condition = place.condition
            case "and":  # its last operand is its value, the others are tests
                condition = place.condition or index < last
            case "chain":
                of_result = place.of_result or index > 0
            case "projection":
                condition, of_result = index == 2, index == 1 or (index == 0 and place.of_result)
            case "flatten":
                of_result = place.of_result
            case "let":
                condition = place.condition and index == last
        yield Place(child, place, condition, of_result, place.text)


def shown(node: Node) -> str:
    """Return a part's text as messages show it."""
    text = render(node)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def written(part: Node, place: Place) -> str:
    """Return a part as it is to be written: a whole expression with the quotes that YAML takes away."""
    return f'"{shown(part)}", both kinds of quotes included' if place.above is None else shown(part)


def replaced(tree: Node, old: Node, new: Node) -> Node:
    """Return the tree with one of its nodes replaced."""
    if tree is old:
        return new
    children = tuple(replaced(child, old, new) for child in tree.children)
    changed = any(child is not before for child, before in zip(children, tree.children, strict=True))
    return tree._replace(children=children) if changed else tree


def literal(value: object, column: int = 0) -> Node:
    """Return the node of a value."""
    return Node("literal", value, (), column)


def is_literal(node: Node, *types: type) -> bool:
    """True for a literal of one of these types."""
    return node.kind == "literal" and type(node.value) in types


def is_path(node: Node) -> bool:
    """True for what reads the event: a field, a chain, a call; not for a literal or what an operator makes."""
    return node.kind in ("field", "chain", "call", "variable", "current", "root")
