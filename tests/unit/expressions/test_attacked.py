"""Expressions that once hung, were too deep for Python, or gave what no person would expect."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import ExpressionError
from connector.expressions import compile_expression
from connector.model import Record

RECORD = Record("shop.orders", 0, 0, 0, None, None, ())


def value(text: str, event: dict[str, Any]) -> Any:
    return compile_expression(text)(event, RECORD)


def nested_calls() -> str:
    text = "a"
    for _ in range(7):
        text = f"not_null({text})" + "[0]" * 14
    return text


def nested_conditions() -> str:
    text = "a"
    for level in range(12):
        operator = "||" if level % 2 else "&&"
        text = operator.join(["a"] * 17) + f"{operator}({text})"
    return text


def nested_projections() -> str:
    text = "a"
    for _ in range(6):
        text = f"({text}[*])" + "[0]" * 19
    return text


@pytest.mark.parametrize(
    "text",
    ["a" + "[:]" * 60, "a[:2]" + ".b[:2]" * 60, nested_calls(), nested_conditions(), nested_projections()],
    ids=["slices", "slices of fields", "calls", "conditions", "projections"],
)
def test_what_is_nested_is_compiled_whatever_it_is_made_of(text: str) -> None:
    assert callable(compile_expression(text))


def test_a_slice_projects_over_lists_and_takes_a_text_as_one() -> None:
    event = {"a": [{"b": "xyz"}, {"b": None}], "t": "abc"}
    assert value("a[:2].b", event) == ["xyz"]
    assert value("t[1:]", event) == "bc"
    assert value("t[1:].b", event) is None
    assert value("a[:2].b[0:2]", event) == ["xy"]


@pytest.mark.parametrize("tags", [[[1, "a"]], [[None, "a"]], [[True, 5]]])
def test_no_object_has_names_that_are_no_texts(tags: Any) -> None:
    with pytest.raises(ExpressionError, match=r"merge\(\) takes objects"):
        value("merge(`{}`, tags)", {"tags": tags})


def test_days_keep_the_time_of_day() -> None:
    assert value("unix(d, 'days')", {"d": 20484.5}) == 20484 * 86400 + 43200
    assert value("unix(d, 'days')", {"d": "20484.5"}) == 20484 * 86400 + 43200
    assert value("unix(d, 'days')", {"d": 20484}) == 20484 * 86400


def test_the_largest_by_an_expression_is_the_largest_of_its_values() -> None:
    event = {"f": 0.1}
    lists = "[{p: f}, {p: f + 0.000000000000000003}]"
    assert value(f"max_by({lists}, &p).p == max({lists}[].p)", event) is True
    assert value(f"sort_by({lists}, &p)[].p == sort({lists}[].p)", event) is True


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("to_string(to_number(n))", {"n": "1" + "0" * 23}),
        ("floor(n)", {"n": 1e20}),
        ("ceil(n)", {"n": 1e20}),
        ("phone(n, '7')", {"n": 7999123.4567}),
        ("phone(n, '7')", {"n": -79991234567}),
        ("phone(n, '7')", {"n": "+0079991234567"}),
        ("phone(n, '7')", {"n": ["79991234567"]}),
        ("replace(n, 'a', 'b', 9223372036854775808)", {"n": "a"}),
    ],
)
def test_what_is_no_such_number_is_refused_in_words(text: str, event: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError) as raised:
        value(text, event)
    assert "Error" not in str(raised.value)


def test_what_is_no_number_says_more_than_null() -> None:
    with pytest.raises(ExpressionError, match="not a text"):
        value("n + s", {"n": None, "s": "a"})


def test_a_date_and_time_without_dashes_is_told_as_one() -> None:
    for number in (202401311200, 20240131120000):
        with pytest.raises(ExpressionError, match="a date without dashes"):
            value("unix(n)", {"n": number})
