"""Texts in quotes that no event is likely to hold, and names inside texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector.expressions.lint.inference import is_constant
from connector.expressions.lint.places import Finding, Place, literal, replaced, shown, written
from connector.expressions.nodes import Node

_PATTERN = re.compile(r"[\w.:/-]*[\w.:/-][*%]")
_TEMPLATE = re.compile(r"(?:\$\{|\{\{|\{(?=\w+\.))\s*(?P<path>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\}\}?")


def unlikely_texts(place: Place) -> Iterator[Finding]:
    """Find texts compared for equality that no event is likely to hold: patterns, quotes inside quotes, blank ends."""
    node, parent = place.node, place.parent
    if node.kind != "literal" or type(node.value) is not str:
        return
    if parent is None and not place.condition and _is_quoted_text(node.value):
        wanted = written(literal(node.value[1:-1]), place)
        yield Finding("unlikely-text", f"the inner quotes belong to the text: write {wanted}", node.column)
    if parent is None or parent.kind != "compare" or parent.value not in ("==", "!=") or is_constant(parent):
        return
    text: str = node.value
    other = parent.children[1] if parent.children[0] is node else parent.children[0]
    if _PATTERN.fullmatch(text):
        call = Node("call", "starts_with", (other, literal(text.rstrip("*%"))), 0)
        meant = call if parent.value == "==" else Node("not", None, (call,), 0)
        message = f"== and != know no patterns: write {shown(meant)}"
    elif _is_quoted_text(text):
        message = f"the inner quotes belong to the text: write {shown(replaced(parent, node, literal(text[1:-1])))}"
    elif text.strip() and text != text.strip():
        message = (
            f"the blank at its end belongs to the text: write {shown(replaced(parent, node, literal(text.strip())))}"
        )
    else:
        return
    yield Finding("unlikely-text", f"{shown(parent)} hardly ever holds: {message}", node.column)


def _is_quoted_text(text: str) -> bool:
    return len(text) > 2 and text[0] == text[-1] and text[0] in "\"'`"


def templates(place: Place) -> Iterator[Finding]:
    """Find texts such as '${user.id}', in which nothing is put in place of a name."""
    node = place.node
    match = _TEMPLATE.search(node.value) if node.kind == "literal" and type(node.value) is str else None
    if match is None:
        return
    before, after = node.value[: match.start()], node.value[match.end() :]
    parts = [literal(before)] * bool(before) + [_path_of(match["path"])] + [literal(after)] * bool(after)
    call = Node("call", "join", (literal(""), Node("list", None, tuple(parts), 0)), 0)
    meant = call if len(parts) > 1 else parts[0]
    yield Finding(
        "unlikely-text", f"in {shown(node)} nothing is put in place of the name: write {shown(meant)}", node.column
    )


def _path_of(text: str) -> Node:
    names = tuple(Node("field", name, (), 0) for name in text.split("."))
    return names[0] if len(names) == 1 else Node("chain", None, names, 0)
