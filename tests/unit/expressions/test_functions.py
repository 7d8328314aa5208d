"""The functions the connector adds, one rule at a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.functions import Functions

from connector.errors import ExpressionError
from connector.expressions import compile_condition, compile_expression
from connector.expressions.conversions import number, text
from connector.expressions.library import FUNCTIONS, JMESPATH_NAMES
from connector.expressions.of_record import header, key, timestamp
from connector.expressions.texts import digits, phone, sha256
from connector.expressions.times import LAST_SECOND, unix
from connector.model import Record
from tests.unit.expressions.oracle import by_the_oracle


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
        ("0" * 30 + "100000000", 100_000_000),
        (100_000_000, 100_000_000),
        ("2106-02-07T06:28:15.9Z", LAST_SECOND),
        (1769860800, 1769860800),
        (1769860800.9, 1769860800),
        ("1769860800", 1769860800),
        ("1769860800.9", 1769860800),
        (LAST_SECOND, LAST_SECOND),
        (None, None),
    ],
)
def test_unix_gives_whole_seconds(value: Any, seconds: int | None) -> None:
    assert unix(value) == seconds
    assert type(unix(value)) is type(seconds)


NO_ZONE = "unix() takes a time with a zone, such as 2026-01-31T12:00:00Z or …+03:00: this has none"
NO_TIME_IN_RANGE = "unix() read seconds, and gets no time from 1973 to 2106: "
MILLISECONDS = NO_TIME_IN_RANGE + "this looks like milliseconds: unix(x, 'ms')"
DAYS = NO_TIME_IN_RANGE + "this looks like days since 1970: unix(x, 'days')"
DATE = NO_TIME_IN_RANGE + "this looks like a date without dashes, which has no time of day and no zone"
TOO_LARGE, TOO_SMALL = (f"{NO_TIME_IN_RANGE}this number is too {how}" for how in ("large", "small"))
TOO_EARLY = "unix() takes times from 1970-01-01T00:00:00Z on: this one is earlier"
NO_TIME = "unix() cannot read this text: it is neither ISO 8601 (2026-01-31T12:00:00Z) nor a number of seconds"
NO_KIND_OF_TIME = "unix() takes an ISO 8601 text or a number of seconds, not "


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("2026-01-31T12:00:00", NO_ZONE),
        ("2026-01-31", NO_ZONE),
        (1769860800000, MILLISECONDS),
        ("1769860800000", MILLISECONDS),
        (1769860800000.5, MILLISECONDS),
        (1769860800000000, NO_TIME_IN_RANGE + "this looks like microseconds: unix(x, 'us')"),
        (1769860800000000000, NO_TIME_IN_RANGE + "this looks like nanoseconds: unix(x, 'ns')"),
        (20513, DAYS),
        ("20513", DAYS),
        (20240131, DATE),
        ("20240131", DATE),
        (LAST_SECOND + 1, TOO_LARGE),
        ("9" * 5000, TOO_LARGE),
        (0, TOO_SMALL),
        (99_999_999, TOO_SMALL),
        (-1, TOO_SMALL),
        (-0.5, TOO_SMALL),
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
    return f"{function}() takes numbers that 64 bits hold with all their digits: this one they do not"


@pytest.mark.parametrize("function", [text, sha256, number])
@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 2.0**64, -(2.0**63), 1e30, -1e30, float("inf"), float("nan")])
def test_no_number_beyond_64_bits_passes(function: Any, value: float) -> None:
    """The decoder makes doubles of them: what would be written is not what was read."""
    with pytest.raises(ExpressionError) as raised:
        function(value)
    assert str(raised.value) == too_big(function.__name__)


@pytest.mark.parametrize("written", [b"18446744073709551616", b"-9223372036854775809", b"1e30"])
@pytest.mark.parametrize("how", [compile_expression, by_the_oracle])
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


NO_NUMBER = "number() takes a number or a text that is one, such as '12.50': this text is no number"
NO_KIND_OF_NUMBER = "number() takes a number or a text that is one, not "


@pytest.mark.parametrize(
    ("value", "why"),
    [
        *((text, NO_NUMBER) for text in ("0x10", "1_000", "NaN", "inf", "٣", "1.", ".5", "1e")),
        ("", NO_NUMBER + "; (x && number(x)) leaves an empty one out"),
        (" 5", NO_NUMBER + "; trim() takes the space away"),
        ("5 ", NO_NUMBER + "; trim() takes the space away"),
        ("1,5", NO_NUMBER + "; number(x, ',') reads a decimal comma"),
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


def test_key_is_null_only_where_there_is_none() -> None:
    assert key(record(key="ключ".encode())) == "ключ"
    assert key(record(key=b"")) == ""
    assert key(record()) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"\xff", "the key is no text: 1 bytes"),
        (bytes(8), "the key is no text: 8 bytes; key('int64') reads it"),
        (bytes(4), "the key is no text: 4 bytes; key('int32') reads it"),
        (b"a\nb", "the key is no text: 3 bytes"),
    ],
)
def test_a_key_that_is_no_text_is_refused(value: bytes, why: str) -> None:
    with pytest.raises(ExpressionError, match=f"^{re.escape(why)}$"):
        key(record(key=value))


@pytest.mark.parametrize(
    ("form", "value", "result"),
    [("int64", (-7).to_bytes(8, "big", signed=True), -7), ("int32", bytes([0, 0, 1, 0]), 256), ("int64", None, None)],
)
def test_a_key_is_read_as_an_integer(form: str, value: bytes | None, result: int | None) -> None:
    assert compile_expression(f"key('{form}')")({}, record(key=value)) == result


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("8 (900) 000-11-22", "79000001122"),
        ("+7 900 000 11 22", "79000001122"),
        ("007 900.000.11.22", "79000001122"),
        ("9000001122", "79000001122"),
        (79000001122, "79000001122"),
        ("+375 29 123-45-67", "375291234567"),
        (None, None),
    ],
)
def test_phone_gives_the_international_form(value: Any, result: str | None) -> None:
    assert phone(value, "7") == result


@pytest.mark.parametrize(
    "value",
    [
        "+7 (900) 000-11-22 ext. 5", "+7 900 000 11 2O", "+7 900 000-11-22, +7 495 000-00-00", "", " ", "+",
        "900000112",        "+123456", "+1234567890123456", "7+9000001122", "++79000001122", "٧٩٠٠٠٠٠١١٢٢", True, [],
    ],
)  # fmt: skip
def test_phone_refuses_what_is_no_certain_number(value: Any) -> None:
    with pytest.raises(ExpressionError):
        phone(value, "7")


@pytest.mark.parametrize(
    ("expression", "event", "result"),
    [
        ("unix(a, 'ms')", {"a": 1769860800123}, 1769860800),
        ("unix(a, 'us')", {"a": "1769860800123456"}, 1769860800),
        ("unix(a, 'ns')", {"a": 1769860800123456789}, 1769860800),
        ("unix(a, 'days')", {"a": 20484}, 1769817600),
        ("unix(a, 'ms')", {"a": "2026-01-31T12:00:00Z"}, 1769860800),
        ("unix(a, 'ms')", {}, None),
        ("number(a, ',')", {"a": "1 200,50"}, 1200.5),
        ("number(a, ',')", {"a": "-1\u00a0234\u202f567,05"}, -1234567.05),
        ("number(a, ',')", {"a": "12"}, 12),
        ("number(a, ',')", {"a": 12.5}, 12.5),
        ("number(a, ',')", {}, None),
        ("json(a).user.id", {"a": '{"user": {"id": "u"}}'}, "u"),
        ("json(a)", {}, None),
        ("base64_decode(a)", {"a": "0L_RgNC40LLQtdGC"}, "привет"),
        ("base64_decode(a)", {"a": "0L/RgNC40LLQtdGC"}, "привет"),
        ("base64_decode(a)", {"a": "YQ"}, "a"),
        ("get({ru: 'RUB'}, a, 'EUR')", {"a": "ru"}, "RUB"),
        ("get({ru: 'RUB'}, a, 'EUR')", {"a": "de"}, "EUR"),
        ("get({ru: 'RUB'}, a, 'EUR')", {}, "EUR"),
        ("get({ru: 'RUB'}, a)", {"a": "de"}, None),
        ("get(table, a, 'EUR')", {"a": "de"}, "EUR"),
        ("cut(a, 3)", {"a": "жд😀ф"}, "жд😀"),
        ("cut(a, 3)", {}, None),
        ("lower(trim(a))", {"a": " Ann@X.org "}, "ann@x.org"),
        ("upper(a)", {}, None),
        ("a + 1", {}, None),
        ("-a", {}, None),
        ("a * 2 || 0", {}, 0),
        ("round(a)", {"a": 2.5}, 2),
        ("round(a, 1)", {}, None),
        ("split(a, ',')", {"a": "x,y"}, ["x", "y"]),
        ("to_number(a)", {"a": "nan"}, None),
        ("text(a) == to_string(a)", {"a": "ключ"}, True),
    ],
)
def test_a_function_gives(expression: str, event: dict[str, Any], result: Any) -> None:
    value = compile_expression(expression)(event, record())
    assert value == result
    assert type(value) is type(result)


ADD_TEXT = "+ takes numbers, not a text; number() reads a number from a text, join('', [a, b]) puts texts together"
DECIMAL_POINT = (
    "number(x, ',') takes a number with a decimal comma, such as '1 200,50': this text is no such number; "
    "number(x) reads a decimal point"
)


@pytest.mark.parametrize(
    ("expression", "event", "why"),
    [
        ("unix(a, 's')", {"a": 1}, "unix() takes 'ms', 'us', 'ns' or 'days' as the unit; without one it takes seconds"),
        ("unix(a, ms)", {"a": 1}, "unix() takes a text, not null: say what null counts as, as in (x || '')"),
        ("a + 1", {"a": "1"}, ADD_TEXT),
        ("a - 1", {"a": True}, "- takes numbers, not a boolean"),
        ("1 / a", {"a": 0}, "division by zero"),
        ("1 % a", {"a": 0.0}, "division by zero"),
        ("a * a", {"a": 2**63}, "the result is beyond 64 bits"),
        ("upper(a)", {"a": 1}, "upper() takes a text, not a number: text() makes a text of it"),
        ("round(a, 2)", {"a": "1"}, "round() takes a number, not a text: number() reads a number from a text"),
        ("keys(a)", {"a": "{}"}, "keys() takes an object, not a text: json() reads JSON from a text"),
        ("sum([a, b])", {"a": 1}, "sum() takes an array of numbers, not null in it: x[] leaves nulls out"),
        ("json(a)", {"a": "{"}, "json() takes a text that holds JSON: this text does not"),
        ("base64_decode(a)", {"a": "?"}, "base64_decode() takes base64: this text is not"),
        ("base64_decode(a)", {"a": "/w=="}, "base64_decode() gives texts: what is encoded here is not UTF-8"),
        ("number(a, ',')", {"a": "1.5"}, DECIMAL_POINT),
        ("cut(a, b)", {"a": "x", "b": -1}, "cut() takes a whole number of 0 or more as the length"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_cure(expression: str, event: dict[str, Any], why: str) -> None:
    with pytest.raises(ExpressionError, match=f"^{re.escape(why)}$"):
        compile_expression(expression)(event, record())


def test_in_a_condition_arithmetic_with_null_raises_and_names_the_cure() -> None:
    with pytest.raises(ExpressionError, match=r"say what null counts as, as in \(discount \|\| 0\)"):
        compile_condition("total - discount > 5").holds({"total": 10}, record())
    assert compile_condition("total - (discount || 0) > 5").holds({"total": 10}, record())


def test_header_is_the_last_of_its_name() -> None:
    headers = (("a", b"1"), ("a", b"2"), ("b", b"\xff"), ("c", None))
    assert header(record(headers=headers), "a") == "2"
    assert header(record(headers=headers), "b") is None
    assert header(record(headers=headers), "c") is None
    assert header(record(headers=headers), "d") is None
    with pytest.raises(ExpressionError) as raised:
        compile_expression("header(`1`)")({}, record(headers=headers))
    assert str(raised.value) == "header() takes a text, not a number: text() makes a text of it"


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
@pytest.mark.parametrize("how", [compile_expression, by_the_oracle])
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
    assert set(Functions.FUNCTION_TABLE) == JMESPATH_NAMES
    assert set(FUNCTIONS) > JMESPATH_NAMES
