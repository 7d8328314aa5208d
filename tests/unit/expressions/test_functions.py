"""The functions the connector adds, one rule at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.functions import Functions

from connector.errors import ExpressionError
from connector.expressions import compile_expression
from connector.expressions.functions import LAST_SECOND, digits, header, key, number, sha256, text, timestamp, unix
from connector.expressions.library import FUNCTIONS, interpret
from connector.expressions.parsing import parse
from connector.model import Record


def record(**values: Any) -> Record:
    return Record("t", 0, 0, -1, None, None, ())._replace(**values)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-01-31T12:00:00Z", 1769860800),
        ("2026-01-31T15:00:00+03:00", 1769860800),
        ("2026-01-31 12:00:00.999999+00:00", 1769860800),
        ("20260131T120000Z", 1769860800),
        ("1970-01-01T00:00:00Z", 0),
        ("2106-02-07T06:28:15.9Z", LAST_SECOND),
        (1769860800, 1769860800),
        (1769860800.9, 1769860800),
        ("1769860800", 1769860800),
        ("1769860800.9", 1769860800),
        ("0" * 30 + "7", 7),
        ("20240101", 20240101),
        ("0", 0),
        ("000", 0),
        ("0.5", 0),
        (0, 0),
        (LAST_SECOND, LAST_SECOND),
        (None, None),
    ],
)
def test_unix_gives_whole_seconds(value: Any, seconds: int | None) -> None:
    assert unix(value) == seconds
    assert type(unix(value)) is type(seconds)


NO_ZONE = "unix() takes a time with a zone, such as 2026-01-31T12:00:00Z or …+03:00: this time has none"
TOO_LATE = "unix() takes seconds up to 4294967295: this number is larger; is it in milliseconds?"
TOO_EARLY = "unix() takes times from 1970-01-01T00:00:00Z on: this one is earlier"
NO_TIME = "unix() cannot read this text: it is neither ISO 8601 (2026-01-31T12:00:00Z) nor epoch seconds"
NO_KIND_OF_TIME = "unix() takes an ISO 8601 text or epoch seconds, not "


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("2026-01-31T12:00:00", NO_ZONE),
        ("2026-01-31", NO_ZONE),
        (1769860800000, TOO_LATE),
        ("1769860800000", TOO_LATE),
        (1769860800000.5, TOO_LATE),
        (LAST_SECOND + 1, TOO_LATE),
        ("9" * 5000, TOO_LATE),
        (-1, TOO_EARLY),
        (-0.5, TOO_EARLY),
        ("1969-12-31T23:59:59.5Z", TOO_EARLY),
        ("-5", NO_TIME),
        ("1769860800.9Z", NO_TIME),
        ("yesterday", NO_TIME),
        ("", NO_TIME),
        ("2026-02-30T00:00:00Z", NO_TIME),
        ("١٢٣", NO_TIME),
        (True, NO_KIND_OF_TIME + "a boolean"),
        ([1], NO_KIND_OF_TIME + "an array"),
        ({}, NO_KIND_OF_TIME + "an object"),
        (float("nan"), NO_KIND_OF_TIME + "a number"),
    ],
)
def test_unix_refuses_what_is_no_certain_time(value: Any, why: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        unix(value)
    assert str(raised.value) == why


@given(st.integers(0, LAST_SECOND), st.integers(0, 999_999), st.integers(-23, 23))
def test_unix_rounds_down_in_every_zone(seconds: int, micros: int, hours: int) -> None:
    time = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)
    assert unix(time.astimezone(timezone(timedelta(hours=hours))).isoformat()) == seconds


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("as it is", "as it is"),
        (12, "12"),
        (-(2**63), "-9223372036854775808"),
        (2**64 - 1, "18446744073709551615"),
        (1.0, "1"),
        (-0.0, "0"),
        (12.5, "12.5"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e15, "1000000000000000"),
        (2.0**53, "9007199254740992"),
        (-(2.0**53), "-9007199254740992"),
        (True, "true"),
        (False, "false"),
        (None, None),
    ],
)
def test_text_writes_plain_decimals(value: Any, written: str | None) -> None:
    assert text(value) == written


def too_big(function: str) -> str:
    return f"{function}() takes numbers that 64 bits hold with all their digits: this number is too large"


@pytest.mark.parametrize("function", [text, sha256, number])
@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 2.0**64, -(2.0**63), 1e30, -1e30, float("inf"), float("nan")])
def test_no_number_beyond_64_bits_passes(function: Any, value: float) -> None:
    """The decoder makes doubles of them: what would be written is not what was read."""
    with pytest.raises(ExpressionError) as raised:
        function(value)
    assert str(raised.value) == too_big(function.__name__)


@pytest.mark.parametrize("written", [b"18446744073709551616", b"-9223372036854775809", b"1e30"])
@pytest.mark.parametrize("how", [compile_expression, lambda text: interpret(parse(text))])
@pytest.mark.parametrize("expression", ["to_string(a)", "to_string(@)", "to_string({b: [a]})"])
def test_nor_through_jmespaths_own_to_string(how: Any, expression: str, written: bytes) -> None:
    with pytest.raises(ExpressionError) as raised:
        how(expression)({"a": orjson.loads(written)}, record())
    assert str(raised.value) == too_big("to_string")


def test_to_string_writes_json_without_spaces() -> None:
    event = {"a": [1, 2.5, "x", None, True], "b": {"c": 18446744073709551615}}
    assert compile_expression("to_string(@)")(event, record()) == (
        '{"a":[1,2.5,"x",null,true],"b":{"c":18446744073709551615}}'
    )


@pytest.mark.parametrize("function", [text, sha256])
@pytest.mark.parametrize(("value", "kind"), [([], "an array"), ({}, "an object"), ([1], "an array")])
def test_text_and_sha256_refuse_containers(function: Any, value: Any, kind: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        function(value)
    assert str(raised.value) == f"{function.__name__}() takes a text, a number or a boolean, not {kind}"


@pytest.mark.parametrize("value", [2.0**53 * 2, -(2.0**53) - 2])
def test_text_refuses_a_double_whose_digits_may_be_lost(value: float) -> None:
    with pytest.raises(ExpressionError) as raised:
        text(value)
    assert str(raised.value) == too_big("text")


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (5, 5),
        (2.5, 2.5),
        ("5", 5),
        ("-007", -7),
        ("12.50", 12.5),
        ("1e3", 1000.0),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        ("0", 0),
        ("-0", 0),
        ("-0.5", -0.5),
        ("0" * 5000 + "1", 1),
        (None, None),
    ],
)
def test_number_reads_json_numbers(value: Any, result: float | None) -> None:
    assert number(value) == result
    assert type(number(value)) is type(result)


NO_NUMBER = "number() takes a number or a text that is one, such as '12.50': this text is not a number"
NO_KIND_OF_NUMBER = "number() takes a number or a text that is one, not "


@pytest.mark.parametrize(
    ("value", "why"),
    [
        *((text, NO_NUMBER) for text in ("", " 5", "5 ", "0x10", "1_000", "1,5", "NaN", "inf", "٣", "1.", ".5", "1e")),
        *((text, too_big("number")) for text in ("1e999", "-1e999", "9" * 20, "9" * 21, "-" + "9" * 5000)),
        ("18446744073709551616", too_big("number")),
        ("-9223372036854775809", too_big("number")),
        (True, NO_KIND_OF_NUMBER + "a boolean"),
        ([], NO_KIND_OF_NUMBER + "an array"),
        ({}, NO_KIND_OF_NUMBER + "an object"),
    ],
)
def test_number_refuses_the_rest(value: Any, why: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        number(value)
    assert str(raised.value) == why


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("+7 (999) 123-45-67", "79991234567"),
        (79991234567, "79991234567"),
        (79991234567.0, "79991234567"),
        (0, "0"),
        ("none", None),
        ("", None),
        (None, None),
        ("тел. 5", "5"),
    ],
)
def test_digits_keeps_the_digits(value: Any, result: str | None) -> None:
    assert digits(value) == result


OTHER_SCRIPT = "digits() takes the digits 0 to 9: this text has digits of another script"
NO_DIGITS = "digits() takes a text or a whole number that is not negative"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (7.5, NO_DIGITS),
        (-1, NO_DIGITS),
        (-0.5, NO_DIGITS),
        (float("nan"), NO_DIGITS),
        (True, NO_DIGITS),
        ([], NO_DIGITS),
        ({}, NO_DIGITS),
        ("٧٩٩", OTHER_SCRIPT),
        ("no. \u0667", OTHER_SCRIPT),
        (1e30, too_big("digits")),
        (2**64, too_big("digits")),
    ],
)
def test_digits_refuses_what_would_become_another_number(value: Any, why: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        digits(value)
    assert str(raised.value) == why


def test_sha256_is_of_the_text_in_utf8() -> None:
    assert sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(12) == sha256("12")
    assert sha256(None) is None


def test_key_is_null_unless_it_is_utf8() -> None:
    assert key(record(key="ключ".encode())) == "ключ"
    assert key(record(key=b"\xff")) is None
    assert key(record()) is None


def test_header_is_the_last_of_its_name() -> None:
    headers = (("a", b"1"), ("a", b"2"), ("b", b"\xff"), ("c", None))
    assert header(record(headers=headers), "a") == "2"
    assert header(record(headers=headers), "b") is None
    assert header(record(headers=headers), "c") is None
    assert header(record(headers=headers), "d") is None
    with pytest.raises(ExpressionError) as raised:
        header(record(headers=headers), 1)
    assert str(raised.value) == "header() takes the header's name as a text, not a number"


def test_timestamp_is_in_whole_seconds_and_null_if_kafka_has_none() -> None:
    assert timestamp(record(timestamp=1_700_000_000_999)) == 1_700_000_000
    assert timestamp(record(timestamp=0)) == 0
    assert timestamp(record(timestamp=-1)) is None


@pytest.mark.parametrize(
    ("expression", "event"),
    [
        ("unix(a)", {"a": "SECRET"}),
        ("text(a)", {"a": ["SECRET"]}),
        ("number(a)", {"a": "SECRET"}),
        ("digits(a)", {"a": {"SECRET": 1}}),
        ("abs(a)", {"a": "SECRET"}),
        ("sum(a)", {"a": ["SECRET"]}),
        ("a > `1`", {"a": "SECRET"}),
        ("a[?@ > `1`]", {"a": ["SECRET"]}),
        ("sort_by(a, &b)", {"a": [{"b": "SECRET"}, {"b": 1}]}),
        ("contains(a, b)", {"a": "SECRET", "b": 1}),
    ],
)
@pytest.mark.parametrize("how", [compile_expression, lambda text: interpret(parse(text))])
def test_an_error_says_why_and_quotes_no_value(how: Any, expression: str, event: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError) as raised:
        how(expression)(event, record())
    assert "SECRET" not in str(raised.value)
    assert len(str(raised.value)) > 20
    assert raised.value.__cause__ is None


def test_every_added_function_works_within_what_the_library_evaluates() -> None:
    event = {"a": [{"at": "2026-01-31T12:00:00Z", "n": "5", "tel": "+7 9"}]}
    expression = (
        "a[*].[unix(at), text(n), number(n), digits(tel), length(sha256(n)), key(), header('h'), topic(), timestamp()]"
    )
    result = compile_expression(expression)(event, record(key=b"k", headers=(("h", b"v"),), timestamp=5000))
    assert result == [[1769860800, "5", 5, "79", 64, "k", "v", "t", 5]]


def test_the_added_functions_do_not_shadow_jmespaths_own() -> None:
    added = {"unix", "text", "number", "digits", "sha256", "key", "header", "topic", "timestamp"}
    assert set(FUNCTIONS) == set(Functions.FUNCTION_TABLE) | added
    assert not added & set(Functions.FUNCTION_TABLE)
