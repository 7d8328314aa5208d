"""The syntax tree of an expression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


class Node(NamedTuple):
    """One node. `column` is where it begins in the text, from 1.

    | kind | value | children |
    | --- | --- | --- |
    | field | the name | |
    | literal | the JSON value | |
    | current, root | | |
    | variable | the name, without $ | |
    | index | the number | |
    | slice | (start, stop, step), each a number or None | |
    | chain | | two or more: each is evaluated on the result of the one before |
    | projection | `list`, `object`, `slice`, `filter` | what is projected, what is taken of each, the condition |
    | flatten | | the list |
    | compare | `==`, `!=`, `<`, `<=`, `>`, `>=` | left, right |
    | and, or | | two or more, in their order |
    | not | | one |
    | arithmetic | `+`, `-`, `*`, `/`, `//`, `%` | left, right |
    | sign | `-` or `+` | one |
    | list | | one for each element |
    | object | the names | one for each name |
    | call | the function's name | the arguments |
    | expression | | one: an argument such as &price, evaluated by the function |
    | let | the names bound | one for each name, then the body |
    """

    kind: str
    value: Any
    children: tuple[Node, ...]
    column: int


def walk(tree: Node) -> Iterator[tuple[Node, int]]:
    """Yield every node with its depth, from 1, parents before children."""
    stack = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack.extend((child, depth + 1) for child in reversed(node.children))


def plain_path(tree: Node) -> tuple[str, ...]:
    """Return the names of a plain path such as user.id; empty for anything else."""
    nodes = tree.children if tree.kind == "chain" else (tree,)
    return tuple(node.value for node in nodes) if all(node.kind == "field" for node in nodes) else ()
