"""Syntax tree → text, so that a finding can show a part of an expression, and that part as it should be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from connector.expressions.nodes import Node

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# How strongly each operator binds; an operand that binds less stands in brackets. As in the parser.
_BINDING = {
    "or": 2, "and": 3, "==": 5, "!=": 5, "<": 5, "<=": 5, ">": 5, ">=": 5,
    "+": 6, "-": 6, "*": 7, "/": 7, "//": 7, "%": 7,
}  # fmt: skip
_PIPE, _LET, _SIGN, _PATH, _WHOLE = 1, 0, 8, 50, 100


def render(tree: Node) -> str:
    """Return the text of a tree. Read again, it gives a tree of the same meaning."""
    return _text(tree)[0]


def quoted(text: str) -> str:
    """Return a text as an expression writes it: in single quotes where those can hold it."""
    if "\\" not in text:
        return "'" + text.replace("'", "\\'") + "'"
    return _json(text)


def _json(value: Any) -> str:
    return "`" + json.dumps(value, ensure_ascii=False).replace("`", "\\`") + "`"


def _text(node: Node) -> tuple[str, int]:
    """Return the text and how strongly its outermost operator binds."""
    return _KINDS[node.kind](node)


def _within(node: Node, binding: int) -> str:
    """Return the text of an operand that must bind at least so strongly."""
    text, own = _text(node)
    return text if own >= binding else f"({text})"


def _literal(node: Node) -> tuple[str, int]:
    value = node.value
    if type(value) is str:
        return quoted(value), _WHOLE
    if type(value) in (int, float):
        return repr(value), _WHOLE if value >= 0 else _SIGN
    return _json(value), _WHOLE


def _field(node: Node) -> tuple[str, int]:
    name = node.value
    return (name if _NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)), _WHOLE


def _slice(node: Node) -> str:
    start, stop, step = ("" if part is None else str(part) for part in node.value)
    return f"[{start}:{stop}:{step}]" if step else f"[{start}:{stop}]"


def _chain(node: Node) -> tuple[str, int]:
    first, *others = node.children
    if first.kind == "not" and first.children[0].kind == "field" and None not in map(_link, others):
        return _text(first)[0] + "".join(str(_link(child)) for child in others), _SIGN  # as it is read: b of !a
    if first.kind == "current" and others[0].kind in ("index", "slice"):
        text, binding = "", _PATH
    else:
        text, binding = _text(first)
    for child in others:
        text, binding = _linked(text, binding, child)
    return text, binding


def _linked(text: str, binding: int, child: Node) -> tuple[str, int]:
    """Return a chain and one more link: by a dot or brackets, or by a pipe where it could be read otherwise."""
    link = _link(child) if binding >= _PATH else None
    if link is not None:
        return text + link, _PATH
    return f"{text if binding >= _PIPE else f'({text})'} | {_within(child, _PIPE + 1)}", _PIPE


def _link(node: Node) -> str | None:
    if node.kind in ("field", "list", "object"):
        return f".{_text(node)[0]}"
    if node.kind == "index":
        return f"[{node.value}]"
    if node.kind == "chain" and node.children[0].kind == "field":  # b[0] of a.b[0]
        links = [_link(child) for child in node.children]
        return None if None in links else "".join(map(str, links))
    return _slice(node) if node.kind == "slice" else None


def _projection(node: Node) -> tuple[str, int]:
    base, right = node.children[:2]
    brackets = {"object": ".*", "list": "[*]", "slice": "", "filter": ""}[node.value]
    if node.value == "filter":
        brackets = f"[?{render(node.children[2])}]"
    elif base.kind == "flatten":
        base, brackets = base.children[0], "[]"
    text = "" if base.kind == "current" and node.value != "slice" else _base(base)
    if not text and brackets == ".*":
        brackets = "*"
    return text + brackets + _of_each(right), _PATH - 1


def _base(node: Node) -> str:
    text, binding = _text(node)
    return text if binding >= _PATH or node.kind == "projection" else f"({text})"


def _of_each(node: Node) -> str:
    """Return what is taken of each element of a projection, as it follows the brackets."""
    if node.kind == "current":
        return ""
    if node.kind == "chain":
        first, *others = node.children
        links = [_link(child) for child in others]
        if None not in links:
            return _of_each(first) + "".join(map(str, links))
    elif node.kind == "projection":
        base, right = node.children[:2]
        if base.kind == "flatten":
            return f"{_of_each(base.children[0])}[]{_of_each(right)}"
        text = _projection(node._replace(children=(Node("current", None, (), 0), *node.children[1:])))[0]
        if node.value != "slice":
            return _of_each(base) + ("." if text.startswith("*") else "") + text
        return _of_each(base) + _of_each(right)
    return f".{render(node)}" if node.kind in ("field", "list", "object", "call") else f" | {_within(node, _PIPE + 1)}"


def _operands(node: Node) -> tuple[str, int]:
    binding, sign = _BINDING[node.kind], " && " if node.kind == "and" else " || "
    return sign.join(_within(child, binding + 1) for child in node.children), binding


def _binary(node: Node) -> tuple[str, int]:
    binding, (left, right) = _BINDING[node.value], node.children
    return f"{_within(left, binding)} {node.value} {_within(right, binding + 1)}", binding


def _listed(node: Node) -> str:
    return ", ".join(render(child) for child in node.children)


def _object(node: Node) -> tuple[str, int]:
    names = (_field(Node("field", name, (), 0))[0] for name in node.value)
    parts = (f"{name}: {render(child)}" for name, child in zip(names, node.children, strict=True))
    return "{" + ", ".join(parts) + "}", _WHOLE


def _let(node: Node) -> tuple[str, int]:
    bound = (f"${name} = {render(child)}" for name, child in zip(node.value, node.children[:-1], strict=True))
    return f"let {', '.join(bound)} in {render(node.children[-1])}", _LET


_KINDS: Mapping[str, Callable[[Node], tuple[str, int]]] = {
    "field": _field,
    "literal": _literal,
    "current": lambda _node: ("@", _WHOLE),
    "root": lambda _node: ("$", _WHOLE),
    "variable": lambda node: (f"${node.value}", _WHOLE),
    "index": lambda node: (f"[{node.value}]", _PATH),
    "slice": lambda node: (_slice(node), _PATH),
    "chain": _chain,
    "projection": _projection,
    "flatten": lambda node: (f"{_base(node.children[0])}[]", _PATH - 1),
    "compare": _binary,
    "arithmetic": _binary,
    "and": _operands,
    "or": _operands,
    "not": lambda node: ("!" + _within(node.children[0], _WHOLE), _SIGN),
    "sign": lambda node: (node.value + _within(node.children[0], _SIGN + 1), _SIGN),
    "list": lambda node: (f"[{_listed(node)}]", _WHOLE),
    "object": _object,
    "call": lambda node: (f"{node.value}({_listed(node)})", _WHOLE),
    "expression": lambda node: (f"&{_within(node.children[0], _PATH - 1)}", _WHOLE),
    "let": _let,
}
