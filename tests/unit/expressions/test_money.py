"""Arithmetic on money gives the digits that a person would write: against `decimal`, as number, text and JSON."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.expressions import compile_condition, compile_expression
from connector.expressions.conversions import text, to_string
from connector.model import Record

RECORD = Record("topic", 0, 0, -1, None, None, ())
LAST_MINOR = 3_000_000


def written(value: Any) -> str:
    """The digits of a number as the connector writes it: alike as text and as JSON."""
    as_text = text(value)
    assert as_text is not None
    assert to_string(value) in (as_text, repr(value))
    if type(value) is float:
        assert orjson.loads(orjson.dumps(value)) == value
    return as_text


def digits(value: Decimal) -> str:
    plain = format(value, "f")
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"


def check_minor_units(amounts: Any) -> None:
    quotient, product = (compile_expression(each) for each in ("m / 100", "m / 100 * 100"))
    for minor in amounts:
        event = {"m": minor}
        value = quotient(event, RECORD)
        whole, cents = divmod(minor, 100)
        assert str(value) == (f"{whole}.{cents:02}".rstrip("0") if cents else str(whole))
        assert written(value) == str(value)
        assert product(event, RECORD) == minor


def test_minor_units_become_amounts() -> None:
    check_minor_units([*range(3_000), *random.Random(1).sample(range(LAST_MINOR + 1), 5_000), LAST_MINOR])


@pytest.mark.soak
def test_all_minor_units_become_amounts() -> None:
    check_minor_units(range(LAST_MINOR + 1))


amounts = st.integers(0, LAST_MINOR).map(lambda minor: minor / 100)
lines = st.lists(st.tuples(amounts, st.integers(0, 1_000)), max_size=60)


def exactly(value: float) -> Decimal:
    return Decimal(repr(value))


@given(lines)
def test_the_sum_of_prices_times_quantities_is_exact(order: list[tuple[float, int]]) -> None:
    event = {"items": [{"price": price, "quantity": quantity} for price, quantity in order]}
    total = compile_expression("sum(map(&(price * quantity), items))")(event, RECORD)
    assert written(total) == digits(sum((exactly(price) * quantity for price, quantity in order), Decimal(0)))


@pytest.mark.parametrize("count", [0, 1, 2, 10, 100, 1_000])
def test_the_sum_of_many_lines_is_exact(count: int) -> None:
    rnd = random.Random(count)
    prices = [rnd.randint(0, LAST_MINOR) / 100 for _ in range(count)]
    total = compile_expression("sum(a)")({"a": prices}, RECORD)
    assert written(total) == digits(sum(map(exactly, prices), Decimal(0)))


ANY_NUMBER = st.one_of(
    st.integers(-(10**13), 10**13),
    st.floats(-1e13, 1e13),
    st.integers(-(10**17), 10**17).map(lambda value: value / 10**4),
    st.integers(-(10**12), 10**12).map(lambda value: value / 10**6),
)


@given(ANY_NUMBER, ANY_NUMBER, ANY_NUMBER)
def test_any_numbers_are_added_and_multiplied_exactly(a: float, b: float, c: float) -> None:
    x, y, z = map(exactly, (a, b, c))
    event = {"a": a, "b": b, "c": c}
    with localcontext() as context:
        context.prec = 800
        expected = {"a + b": x + y, "a - b": x - y, "sum([a, b, c])": x + y + z, "a * b": x * y}
        for text_of_it, result in expected.items():
            if abs(result) < 2**63:
                assert Decimal(written(compile_expression(text_of_it)(event, RECORD))) == result


@given(amounts, amounts)
def test_differences_sums_and_comparisons_are_exact(left: float, right: float) -> None:
    event = {"a": left, "b": right}
    assert written(compile_expression("a - b")(event, RECORD)) == digits(exactly(left) - exactly(right))
    assert written(compile_expression("a + b")(event, RECORD)) == digits(exactly(left) + exactly(right))
    assert compile_condition("a - b == 0 - (b - a)").holds(event, RECORD)
    assert compile_condition("a + b >= a").holds(event, RECORD)


@given(amounts, st.integers(0, 4))
def test_round_is_half_even(value: float, places: int) -> None:
    wanted = exactly(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    assert written(compile_expression(f"round(a, {places})")({"a": value}, RECORD)) == digits(wanted)


@given(st.integers(-(10**17), 10**17), st.integers(-(10**6), 10**6).filter(bool))
def test_a_quotient_is_whole_or_has_fifteen_digits(left: int, right: int) -> None:
    value = compile_expression("a / b")({"a": left, "b": right}, RECORD)
    if left % right == 0:
        assert value == left // right
        assert type(value) is int
    else:
        exact = Decimal(left) / Decimal(right)
        assert abs(Decimal(text(value) or "") - exact) <= abs(exact) * Decimal("5.1e-15")


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("1000.10 - 1000", "0.1"),
        ("7 / 100", "0.07"),
        ("0.1 + 0.2", "0.3"),
        ("19.99 * 100", "1999"),
        ("9007199254740993 + 0", "9007199254740993"),
        ("18446744073709551614 + 1", "18446744073709551615"),
        ("number('90071992547409.93') * 100", "9007199254740993"),
        ("number('99999999999999.99')", "99999999999999.99"),
        ("99999999999.12 + 0.00000001", "99999999999.12000001"),
        ("-7 // 2", "-4"),
        ("-7 % 2", "1"),
        ("7.5 % 2", "1.5"),
        ("round(2.345, 2)", "2.34"),
        ("round(2.355, 2)", "2.36"),
        ("avg([0.1, 0.2])", "0.15"),
        ("abs(0 - (99999999999.12 + 0.00000001))", "99999999999.12000001"),
    ],
)
def test_the_digits_are_those_that_a_person_would_write(expression: str, result: str) -> None:
    assert written(compile_expression(expression)({}, RECORD)) == result
