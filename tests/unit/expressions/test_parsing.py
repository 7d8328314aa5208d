"""A mistake in an expression is told by its place and by what would be right."""

from __future__ import annotations

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_expression
from connector.model import Record

RECORD = Record("topic", 0, 0, -1, None, None, ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("total > 100", "column 9: 100 is not expected here: a number stands between backticks"),
        ("type = 'x'", "column 6: = means nothing here: equality is =="),
        ("user-id", 'column 5: - means nothing here: a name with a dash stands in double quotes, as in "user-id"'),
        ("$.user", "column 1: \\$ means nothing here: the event itself is @"),
        ("'abc", "column 1: the ' that opens here is never closed"),
        ("a == 'b'c", "column 9: c is not expected here"),
        ("user.", "column 6: it ends where a name"),
        ("unix(a", "column 7: it ends where"),
        ('a == `"b`', "column 6: what stands between these backticks is not JSON"),
        ('"unix"(a)', "a function's name takes no quotes"),
        ("b || unx(a)", r"column 6: there is no function unx\(\): unix\(\) is meant\?"),
        ("zzz(a)", r"there is no function zzz\(\): there are abs, avg"),
        ("unix()", r"column 1: unix\(\) takes 1 argument, not 0"),
        ("key(a)", r"key\(\) takes no arguments, not 1"),
        ("merge()", r"merge\(\) takes at least 1 argument"),
        ("a[::0]", "step by 0"),
        ("`NaN`", "no NaN"),
        ('a == `[1, {"b": -Infinity}]`', "no infinity"),
        ('`"\\ud800"`', "surrogate"),
        ('{"\\ud800": a}', "surrogate"),
        ("'\ud800'", "surrogate"),
        ("&a", "& stands only before an argument"),
        ("[&a]", "& stands only before an argument"),
        ("text(&a)", r"text\(\) takes no expression"),
        ("not_null(a, &b)", r"not_null\(\) takes no expression"),
        ("!" * 150 + "a", "nested deeper than 100"),
        ("(" * 5000 + "a", "nested too deep"),
        (" && ".join("a" * 200), "nested deeper than 100"),
    ],
)
def test_a_mistake_is_named(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        compile_expression(text)


def test_a_path_as_long_as_an_event_is_deep_is_read() -> None:
    event: dict[str, object] = {"a": 1}
    for _ in range(198):
        event = {"a": event}
    assert compile_expression(".".join("a" * 199))(event, RECORD) == 1
    assert compile_expression(".".join("a" * 200))(event, RECORD) is None


def test_the_deepest_expression_that_is_read_can_be_evaluated() -> None:
    assert compile_expression("!" * 99 + "a")({"a": 1}, RECORD) is False
    assert compile_expression(" && ".join("a" * 99) + " && b")({"a": 1, "b": 2}, RECORD) == 2
    assert compile_expression("[" * 90 + "a" + "]" * 90)({"a": 1}, RECORD)


def test_unquoted_text_between_backticks_is_a_text_as_jmespath_once_had_it() -> None:
    assert compile_expression("a == `paid`")({"a": "paid"}, RECORD) is True
