"""A tree written as text again means what it meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_expression
from connector.expressions.lint.render import quoted, render
from connector.expressions.parser import parse
from connector.model import Record
from tests.unit.expressions.test_lint import suite

RECORD = Record("topic", 0, 0, -1, None, None, ())


def result(expression: str, event: dict[str, Any]) -> str:
    try:
        return json.dumps(compile_expression(expression)(event, RECORD))
    except ExpressionError as error:
        return str(error)


def test_the_suites_expressions_give_the_same_when_they_are_written_again() -> None:
    for expression, given, _ in suite():
        try:
            again = render(parse(expression))
        except ExpressionError:
            continue  # the suites are tested elsewhere
        event = {"given": given}
        assert result(f"given | ({again})", event) == result(f"given | ({expression})", event), (expression, again)


@pytest.mark.parametrize(
    "expression",
    [
        "type == 'order.paid' && (a || b)",
        "!(a.b) && !c",
        "a || b && c",
        "(a || b) && c",
        "a - (b - c) - d",
        "a * (b + c) / -d",
        "items[?price > 5 && !sold].sku | [0]",
        "sum(map(&(price * quantity), items))",
        "let $a = b, $c = d in $a || $c",
        "{a: b, \"c d\": 'e'}",
        "[a, b][0]",
        'user."e-mail"',
        "x == `null` || x == `[1]`",
        "text[0:3]",
        "$.a.b[-1]",
        "@",
        "'it\\'s'",
    ],
)
def test_what_is_written_plainly_stays_as_it_is(expression: str) -> None:
    assert render(parse(expression)) == expression


@pytest.mark.parametrize("text", ["", "a", "it's", "back\\slash", "\\'", "`", '"', "é\n"])
def test_a_text_in_quotes_is_that_text(text: str) -> None:
    assert compile_expression(quoted(text))({}, RECORD) == text
