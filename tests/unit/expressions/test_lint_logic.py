"""What is said of a condition for all events is never contradicted by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import ExpressionError
from connector.expressions import compile_condition
from connector.expressions.lint.logic import always, implies, never
from connector.expressions.parser import parse
from connector.model import Record

RECORD = Record("topic", 0, 0, -1, None, None, ())

PATHS = st.sampled_from(["a", "b", "c.d"])
TEXTS = st.sampled_from(["''", "'a'", "'ab'", "'b'", "'5'"])
NUMBERS = st.sampled_from(["0", "1", "5", "5.5", "6", "9007199254740993", "9007199254740994"])
OTHERS = st.sampled_from(["`true`", "`false`", "`null`", "`[]`", "`[1]`", "`{}`"])
SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
EQUALITIES = st.sampled_from(["==", "!="])
ATOMS = st.one_of(
    PATHS,
    st.builds("{} {} {}".format, PATHS, SIGNS, NUMBERS),
    st.builds("{2} {1} {0}".format, PATHS, SIGNS, NUMBERS),
    st.builds("{} {} {}".format, PATHS, EQUALITIES, TEXTS | OTHERS),
    st.builds("{} < {}".format, PATHS, TEXTS),
    st.builds("{} == {}".format, PATHS, PATHS),
    st.builds("starts_with({}, {})".format, PATHS, TEXTS),
    st.builds("contains([{}, {}], {})".format, TEXTS | NUMBERS, TEXTS | OTHERS, PATHS),
    st.sampled_from(["`true`", "`false`", "'x'", "length(a)"]),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=6,
)
LARGE = (9007199254740993, 9007199254740994)
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    (None, True, False, "", "a", "ab", "abc", "b", "5", 0, 1, 4, 5, 5.25, 5.5, 6, 7, 1.0, *LARGE, [], [1], ["a"], {})
)
EVENTS = st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES, "c": st.builds(lambda d: {"d": d}, VALUES)})


def holds(condition: str, event: dict[str, Any]) -> bool | None:
    """Return whether a condition holds; None if it raises."""
    try:
        return compile_condition(condition).holds(event, RECORD)
    except ExpressionError:
        return None


def orders_numbers(condition: str, event: dict[str, Any]) -> bool:
    """True if no ordering in the condition meets anything but numbers: what is said of all events supposes that."""
    values = [event.get("a"), event.get("b"), (event.get("c") or {}).get("d")]
    return not any(sign in condition for sign in "<>") or all(type(value) in (int, float) for value in values)


@given(CONDITIONS, st.lists(EVENTS, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_what_holds_never_holds_for_no_event(condition: str, events: list[dict[str, Any]]) -> None:
    if never(parse(condition)):
        assert not any(holds(condition, event) for event in events)


@given(CONDITIONS, st.lists(EVENTS, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_what_holds_always_holds_for_every_event(condition: str, events: list[dict[str, Any]]) -> None:
    if always(parse(condition)):
        assert all(holds(condition, event) is not False for event in events if orders_numbers(condition, event))


@given(CONDITIONS, CONDITIONS, st.lists(EVENTS, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_an_event_of_the_narrower_condition_is_one_of_the_wider(
    narrow: str, wide: str, events: list[dict[str, Any]]
) -> None:
    for one, other in ((narrow, wide), (f"{narrow} && {wide}", wide), (narrow, f"{narrow} || {wide}")):
        if implies(parse(one), parse(other)):
            assert all(holds(other, event) is not False for event in events if holds(one, event))


@pytest.mark.parametrize(
    ("narrow", "wide", "is_implied"),
    [
        ("type == 'a' && total > 100", "type == 'a'", True),
        ("type == 'a'", "type == 'a' || type == 'b'", True),
        ("type == 'a'", "contains(['a', 'b'], type)", True),
        ("total > 200", "total > 100", True),
        ("total > 100", "100 < total", True),
        ("vip == `true`", "vip", True),
        ("type == 'order.paid'", "starts_with(type, 'order.')", True),
        ("!(a || b)", "!a", True),
        ("lower(type) == 'a'", "lower(type)", True),
        ("type == 'a'", "type == 'b'", False),
        ("total > 100", "total > 200", False),
        ("vip", "vip == `true`", False),
        ("a", "b", False),
        ("type == 'a'", "lower(type) == 'a'", False),
        ("type == 'a'", "type == 'a' && vip", False),
    ],
)
def test_implication(narrow: str, wide: str, *, is_implied: bool) -> None:
    assert implies(parse(narrow), parse(wide)) is is_implied


def test_a_condition_with_too_many_alternatives_is_not_decided() -> None:
    condition = " && ".join(f"(a{n} == 'x' || b{n} == 'y')" for n in range(12)) + " && z == 'a' && z == 'b'"
    assert not never(parse(condition))
