"""Parts of a syntax tree as an operator would write them, for messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import orjson

from connector.expressions.nodes import Node

_BARE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def written(links: Sequence[Node]) -> str:
    """Return the links of a path as one text (`user.items[0]`); "" where there is none that is short enough to say."""
    text = ""
    for at, link in enumerate(links):
        if at and link.kind == "current":
            continue
        part = _written_node(link)
        if not part:
            return ""
        text += part if part.startswith("[") or not text else f".{part}"
    return text


def _written_node(node: Node) -> str:
    return _KINDS[node.kind](node) if node.kind in _KINDS else ""


def _field(node: Node) -> str:
    return node.value if _BARE_NAME.fullmatch(node.value) else orjson.dumps(node.value).decode()


def _literal(node: Node) -> str:
    return f"'{node.value}'" if isinstance(node.value, str) else f"`{orjson.dumps(node.value).decode()}`"


def _call(node: Node) -> str:
    arguments = [_written_node(child) for child in node.children]
    return f"{node.value}({', '.join(arguments)})" if all(arguments) else ""


_KINDS: Mapping[str, Callable[[Node], str]] = {
    "field": _field,
    "index": lambda node: f"[{node.value}]",
    "current": lambda _: "@",
    "root": lambda _: "$",
    "variable": lambda node: f"${node.value}",
    "literal": _literal,
    "chain": lambda node: written(node.children),
    "call": _call,
}
