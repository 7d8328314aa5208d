"""Parts of a tree as an operator would write them: read again they are the same tree."""

from __future__ import annotations

import pytest

from connector.expressions.nodes import Node
from connector.expressions.parser import parse
from connector.expressions.writing import written


@pytest.mark.parametrize(
    "text",
    [
        "user", "user.id", 'user."e-mail"', "items[0].sku", "items[-1]", "$.user.id", "json(payload).user", "@",
        "header('ce_type')", "unix(at, 'ms')", "get(rates, user.country)", "`5`", "`null`", "let $u = user in $u.id",
    ],
)  # fmt: skip
def test_what_is_written_reads_the_same(text: str) -> None:
    tree = parse(text)
    if tree.kind == "let":
        tree = tree.children[-1]
        assert written((tree,)) == "$u.id"
    else:
        assert _without_columns(parse(written((tree,)))) == _without_columns(tree)


@pytest.mark.parametrize("text", ["a || b", "items[*].sku", "items[?price > `1`]", "length(items[*])", "a + b"])
def test_what_would_be_long_is_not_written(text: str) -> None:
    assert written((parse(text),)) == ""


def _without_columns(node: Node) -> Node:
    return node._replace(column=0, children=tuple(map(_without_columns, node.children)))
