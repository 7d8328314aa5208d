"""Why an expression came out null: what is said, and that no value is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import ExpressionError
from connector.expressions.needs import NEEDS
from connector.expressions.null_causes import NullCauses
from connector.model import Record

RECORD = Record("orders", 0, 0, -1, None, b"", (("trace", b"t"), ("raw", b"\xff")))
EVENT: dict[str, Any] = {
    "type": "paid",
    "user": {"id": "u", "name": "n"},
    "order": {"items": [{"sku": "a"}], "note": "", "at": None},
    "payload": '{"user": {"id": "u"}}',
}
EMPTY = "order.at || (order.note && user.id) || `null`: order.at is null in this event; order.note is empty"
LONE_TRUE = "true is a path and gave null; the value stands in backticks: `true`"
LONE_NAME = "\"z.paid\" is a path and gave null; a text stands in quotes: 'z.paid'"
NO_ELEMENTS = "order.items[?sku == 'z'] | [0]: what stands before it has no elements: there is no [0]"
OF_ARRAY = (
    "order.items.sku: order.items is an array, not an object: order.items[0].sku is that of its first element, "
    "order.items[].sku are those of all"
)
TOP = "type, user, order, payload"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("RUB", "the expression RUB is a path and gave null; a text stands in quotes: 'RUB'"),
        ("tpye", "the expression tpye is a path and gave null; did you mean type?; a text stands in quotes: 'tpye'"),
        ("True", "the expression True is a path and gave null; the value stands in backticks: `true`"),
        ("user.nmae", "user.nmae: user has no nmae; it has id, name — did you mean name?"),
        ("usr.id", f"usr.id: the event has no usr; it has {TOP} — did you mean user?"),
        ("$.usr.id", f"$.usr.id: the event has no usr; it has {TOP} — did you mean user?"),
        ("order.at", "order.at is null in this event"),
        ("order.at.zone", "order.at.zone: order.at is null in this event"),
        ("payload.user.id", "payload.user.id: payload is a text, not an object: json(payload) reads it"),
        ("user.id.x", "user.id.x: user.id is a text, not an object"),
        ("json(payload).usr.id", "json(payload).usr.id: json(payload) has no usr; it has user — did you mean user?"),
        ("order.items.sku", OF_ARRAY),
        ("order.items[2].sku", "order.items[2].sku: order.items has 1 element: there is no [2]"),
        ("order.items[?sku == 'z'] | [0]", NO_ELEMENTS),
        ("user[*].x", "user[*].x: user is an object, not an array"),
        ("unix(order.paid)", "unix(order.paid): order has no paid; it has items, note, at"),
        ("order.total / 100", "order.total / 100: order has no total; it has items, note, at"),
        ("a.x || b.x", f"a.x || b.x: the event has no a; it has {TOP}; the event has no b"),
        ("order.note || order.at", "order.note || order.at: order.note is empty; order.at is null in this event"),
        ("order.at || (order.note && user.id) || `null`", EMPTY),
        ("order.at && user.id", "order.at && user.id: order.at is null in this event"),
        ("let $u = user in $u.nmae", "let $u = user in $u.nmae: $u has no nmae; it has id, name — did you mean name?"),
        ("let $t = order.at in $t", "let $t = order.at in $t: order.at is null in this event"),
        ("user > 5", "user > 5: > compares two numbers or two texts, and here is something else"),
        ("get(user, 'k')", "get(user, 'k'): get() gave null"),
        ("user.{a: b}.a", "user.{a: b}.a: a is null in what stands before it"),
        ("header('id')", "header('id') is null: the record has no such header; it has trace, raw"),
        ("header('raw')", "header('raw') is null: the record has that header, but its value is null or not UTF-8"),
        ("key()", "key() is null: the record has no key"),
        ("timestamp()", "timestamp() is null: the record has no time"),
        ("`null`", "the expression `null` gave null"),
    ],
)  # fmt: skip
def test_a_null_says_where_it_comes_from(expression: str, said: str) -> None:
    causes = NullCauses(expression)
    assert causes.value(EVENT, RECORD) is None
    assert causes.of_value(EVENT, RECORD, EVENT) == said


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("usr.vip == `true`", [f"the event has no usr; it has {TOP} — did you mean user?"]),
        ("type == 'placed' && usr.vip", []),  # the type decided already
        ("type == 'paid' && usr.vip", [f"the event has no usr; it has {TOP} — did you mean user?"]),
        ("type == 'placed' || order.at > 5", ["order.at is null in this event"]),
        ("!usr", []),
        ("user.vip == true", ["user has no vip; it has id, name", LONE_TRUE]),
        ('type == "z.paid"', [LONE_NAME]),
        ("vip == 'yes'", [f"the event has no vip; it has {TOP}"]),
        ("order.at != `null`", []),
        ("header('id') == 'x'", ["header('id') is null: the record has no such header; it has trace, raw"]),
    ],
)
def test_a_condition_says_what_in_it_is_null_where_that_decides(condition: str, said: list[str]) -> None:
    assert NullCauses(condition).in_condition(EVENT, RECORD, EVENT) == said


def test_names_that_are_hidden_are_not_told() -> None:
    causes = NullCauses("user.nmae")
    assert causes.of_value(EVENT, RECORD, {**EVENT, "user": "•••"}) == "user.nmae: user has no nmae"
    assert NullCauses("tpye").of_value(EVENT, RECORD, {}) == (
        "the expression tpye is a path and gave null; a text stands in quotes: 'tpye'"
    )


def test_names_that_may_be_values_are_counted_and_not_told() -> None:
    event = {"users": {"anna@example.com": 1, "known": 2}}
    said = NullCauses("users.x").of_value(event, RECORD, event)
    assert said == "users.x: users has no x; it has known and 1 more"


@pytest.mark.parametrize(
    ("expression", "element", "said"),
    [
        ("skuu", 1, "the expression skuu is a path and gave null; did you mean sku?; a text stands in quotes: 'skuu'"),
        ("size.x", 1, "size.x: the element has no size; it has sku"),
        ("sku", 2, "sku: the element is null"),
        ("sku", 3, "sku: the element is a number, not an object"),
        ("$.user.x", 3, "$.user.x: $.user has no x; it has id"),
    ],
)
def test_a_path_may_begin_at_an_element(expression: str, element: int, said: str) -> None:
    event = {"items": [{"sku": "a"}, None, 5], "user": {"id": 1}}
    causes = NullCauses(expression, "items")
    assert causes.value(event, RECORD, element) is None
    assert causes.of_value(event, RECORD, event, element) == said


SECRET = "S3CRET"  # noqa: S105 - what must not be said
VALUES = st.recursive(
    st.none() | st.booleans() | st.just(SECRET) | st.just(f'{{"{"a"}": "{SECRET}"}}') | st.just(424242),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "user"]), inner, max_size=3),
    max_leaves=8,
)
EXPRESSIONS = [
    *(expression for _, expression in NEEDS),
    "a.b", "a[0].b", "a[*].b[0]", "a[?b > `1`] | [0]", "a.b || user.a", "a && b.user", "let $x = a in $x.b", "user.a.b",
    "[a, b][1]", "{x: a.b}.x", "a.*.b | [0]", "max(a)", "a.b > b.a", "-a.b", "to_number(a.b)", "json(a).b",
    "a[].b | [1]",
]  # fmt: skip


@given(st.sampled_from(EXPRESSIONS), st.dictionaries(st.sampled_from(["a", "b", "user", "order"]), VALUES, max_size=4))
def test_whatever_the_event_a_null_is_explained_without_its_values(expression: str, event: dict[str, Any]) -> None:
    causes = NullCauses(expression)
    try:
        value = causes.value(event, RECORD)
    except ExpressionError:
        return
    said = causes.of_value(event, RECORD, event) if value is None else ""
    said += " ".join(causes.in_condition(event, RECORD, event))
    assert SECRET not in said
    assert "424242" not in said
    assert bool(said) or value is not None
