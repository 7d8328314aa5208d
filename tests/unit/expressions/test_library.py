"""What JMESPath's own functions refuse, in our words and without the value."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_expression
from connector.model import Record

RECORD = Record("topic", 0, 0, -1, None, None, ())
EVENT: dict[str, Any] = {"text": "SECRET", "n": 1, "list": [1, "x"], "object": {"p": 1}, "true": True, "large": 1e308}
UNLIKE = "kinds of values meet that do not go together, such as a text and a number: use number() or text()"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abs(text)", "abs() takes a number, not a text: number() reads a number from a text"),
        ("abs(list)", "abs() takes a number, not an array"),
        ("abs(object)", "abs() takes a number, not an object"),
        ('abs("true")', "abs() takes a number, not a boolean"),
        ("abs(absent)", "abs() takes a number, not null: say what null counts as, as in (x || 0)"),
        ("keys(n)", "keys() takes an object, not a number"),
        ("length(n)", "length() takes a text or an array or an object, not a number: text() makes a text of it"),
        ("starts_with(text, n)", "starts_with() takes a text, not a number: text() makes a text of it"),
        ("sort_by(n, &p)", "sort_by() takes an array, not a number"),
        ("sum(list)", "sum() takes an array of numbers, not a text: number() reads a number from a text"),
        ("join(text, list)", "join() takes an array of texts, not a number: text() makes a text of it"),
        ("merge(n, object)", "merge() takes an object, not a number"),
        ("merge(object, n)", "merge(): " + UNLIKE),
        ("sort_by([object, {p: text}], &p)", "sort_by() takes a number, not a text"),
        ("max_by([object, {p: text}], &p)", "max_by(): " + UNLIKE),
        ("list[?@ > `1`]", "a text is compared with a number: wrap one side in number() or text()"),
        ("contains(text, n)", "contains() looks for a text in a text, not for a number: use text()"),
        ("ceil(sum([large, large]))", "the result is beyond 64 bits"),
    ],
)
def test_a_refusal_is_in_our_words(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_expression(text)(EVENT, RECORD)
    assert str(raised.value) == message
    assert raised.value.__cause__ is None
