"""Refusals by JMESPath's own functions, in our words and without the value: compiled, and by the library alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_expression
from connector.expressions.library import interpret
from connector.expressions.parsing import parse
from connector.model import Evaluate, Record

RECORD = Record("topic", 0, 0, -1, None, None, ())
EVENT: dict[str, Any] = {"text": "SECRET", "n": 1, "list": [1, "x"], "object": {"p": 1}, "true": True, "large": 1e308}
UNLIKE = "the types of two values do not go together, such as a text and a number: use number() or text()"


def by_the_library(text: str) -> Evaluate:
    return interpret(parse(text))


@pytest.mark.parametrize("how", [compile_expression, by_the_library])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abs(text)", "abs() takes a number, not a text"),
        ("abs(list)", "abs() takes a number, not an array"),
        ("abs(object)", "abs() takes a number, not an object"),
        ('abs("true")', "abs() takes a number, not a boolean"),
        ("abs(absent)", "abs() takes a number, not null"),
        ("keys(n)", "keys() takes an object, not a number"),
        ("length(n)", "length() takes a text or an array or an object, not a number"),
        ("starts_with(text, n)", "starts_with() takes a text, not a number"),
        ("sort_by(n, &p)", "sort_by() takes an array, not a number"),
        ("sum(list)", "sum() takes an array of numbers, not a text"),
        ("join(text, list)", "join() takes an array of texts, not a number"),
        ("merge(n, object)", "merge() takes an object, not a number"),
        ("merge(object, n)", UNLIKE),
        ("sort_by([object, {p: text}], &p)", "sort_by() takes a number, not a text"),
        ("max_by([object, {p: text}], &p)", UNLIKE),
        ("list[?@ > `1`]", UNLIKE),
        ("contains(text, n)", UNLIKE),
        ("ceil(sum([large, large]))", "it cannot be evaluated on this event (OverflowError)"),
    ],
)
def test_a_refusal_is_in_our_words(how: Callable[[str], Evaluate], text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        how(text)(EVENT, RECORD)
    assert str(raised.value) == message
    assert raised.value.__cause__ is None
