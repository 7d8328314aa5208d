"""The functions that the connector adds to JMESPath, or makes stricter. Each raises ExpressionError, quoting no value.

Every added function of a value returns null for null.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.errors import ExpressionError
from connector.model import Record

# The largest eventTimestamp of myTracker (2106-02-07); a larger epoch time can only be in milliseconds.
LAST_SECOND = 4_294_967_295
# Doubles hold every whole number up to here; above, the digits that were written may be lost.
_EXACT = 2.0**53
# orjson makes a double of an integer outside -2^63 … 2^64 - 1: such a double is no longer what was written.
_BEYOND, _BELOW = 2**64, -(2**63)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_from_iso = datetime.fromisoformat
_START = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH = re.compile(r"[0-9]+\.[0-9]+")
_NOT_DIGITS = re.compile(r"[^0-9]+")
_KINDS = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def json_type(value: Any) -> str:
    """Return the type of a JSON value, for people: "an array", "a text", …"""
    return _KINDS[type(value)]


def unix(value: Any) -> int | None:
    """Return a time as whole seconds since the epoch, rounded down, 0 … 4294967295.

    Accepts ISO 8601 with a zone, or epoch seconds as a number or a numeric text. Refuses a time without a zone (it
    could be anywhere) and milliseconds (out of the vendor's range).
    """
    if value is None:
        return None
    if type(value) is str:
        seconds = _seconds_of_text(value)
    elif (type(value) is int or type(value) is float) and math.isfinite(value):
        seconds = math.floor(value)
    else:
        raise ExpressionError(f"unix() takes an ISO 8601 text or epoch seconds, not {json_type(value)}")
    if 0 <= seconds <= LAST_SECOND:
        return seconds
    if seconds < 0:
        raise ExpressionError("unix() takes times from 1970-01-01T00:00:00Z on: this one is earlier")
    raise ExpressionError(f"unix() takes seconds up to {LAST_SECOND}: this number is larger; is it in milliseconds?")


def _seconds_of_text(value: str) -> int:
    # Digits first: as ISO 8601, 20240101 would be a day.
    if value.isdigit() and value.isascii():
        return _epoch(value)
    try:
        time = _from_iso(value)
    except ValueError:
        if _EPOCH.fullmatch(value):
            return _epoch(value.partition(".")[0])
        raise ExpressionError(
            "unix() cannot read this text: it is neither ISO 8601 (2026-01-31T12:00:00Z) nor epoch seconds"
        ) from None
    if time.tzinfo is None:
        raise ExpressionError(
            "unix() takes a time with a zone, such as 2026-01-31T12:00:00Z or …+03:00: this time has none"
        )
    since = time - _START  # whole days and seconds, rounded down: half the price of timestamp()
    return since.days * 86_400 + since.seconds


def _epoch(digits_: str) -> int:
    # Python refuses to read thousands of digits; beyond ten it is too large whatever the rest is.
    significant = digits_.lstrip("0")
    return int(significant or "0") if len(significant) <= len(str(LAST_SECOND)) else LAST_SECOND + 1


def text(value: Any) -> str | None:
    """Return a text as it is; true and false; a number in plain decimals, without exponent and without a fraction of
    zero.

    1.0 becomes "1": in JSON they are one number, and some writers have no other way to write 1. A whole number that
    came as a double above 2^53 is refused: its digits may not be those that were written.
    """
    return _text("text", value)


def _text(function: str, value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        if not _BELOW <= value < _BEYOND:
            raise _too_big(function)
        return str(value)
    if type(value) is float:
        return _decimals(function, value)
    raise ExpressionError(f"{function}() takes a text, a number or a boolean, not {json_type(value)}")


def _decimals(function: str, value: float) -> str:
    if not -_EXACT <= value <= _EXACT:  # NaN is refused, too
        raise _too_big(function)
    if value.is_integer():
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def _too_big(function: str) -> ExpressionError:
    return ExpressionError(
        f"{function}() takes numbers that 64 bits hold with all their digits: this number is too large"
    )


def to_string(value: Any) -> str:
    """Return what JMESPath's own to_string() does, JSON; but refuse numbers beyond 64 bits."""
    if type(value) is str:
        return value
    parts = [value]
    while parts:
        part = parts.pop()
        if isinstance(part, list | dict):
            parts.extend(part.values() if isinstance(part, dict) else part)
        elif type(part) is float and not _BELOW < part < _BEYOND:
            raise _too_big("to_string")
    return json.dumps(value, separators=(",", ":"))


def number(value: Any) -> int | float | None:
    """Return a number as it is; a text with a JSON number as that number. Whole numbers beyond 64 bits are refused."""
    if type(value) is str:
        if not _NUMBER.fullmatch(value):
            raise ExpressionError(
                "number() takes a number or a text that is one, such as '12.50': this text is not a number"
            )
        value = _number_of_text(value)
    if value is None:
        return None
    if type(value) is int:
        if _BELOW <= value < _BEYOND:
            return value
        raise _too_big("number")
    if type(value) is float:
        if _BELOW < value < _BEYOND:
            return value
        raise _too_big("number")
    raise ExpressionError(f"number() takes a number or a text that is one, not {json_type(value)}")


def _number_of_text(value: str) -> int | float:
    if value.lstrip("-").isdigit():
        if len(value.lstrip("-0")) > 20:  # 2^64 has 20 digits; Python itself refuses to read thousands
            raise _too_big("number")
        return int(value.lstrip("-").lstrip("0") or "0") * (-1 if value[0] == "-" else 1)
    return float(value)


def digits(value: Any) -> str | None:
    """Return the digits 0-9 of a text such as a telephone number, or of a number, which must be whole and not negative.

    Null if there are none, so that the field is left out rather than sent empty.
    """
    if type(value) is not str:
        if value is None:
            return None
        if type(value) not in (int, float) or value < 0 or value % 1 != 0:
            raise ExpressionError("digits() takes a text or a whole number that is not negative")
        return _text("digits", value)
    if not value.isascii() and any(char.isdecimal() and not char.isascii() for char in value):
        raise ExpressionError("digits() takes the digits 0 to 9: this text has digits of another script")
    return _NOT_DIGITS.sub("", value) or None


def sha256(value: Any) -> str | None:
    """Return the SHA-256 of what text() returns, in UTF-8, as 64 lower-case hexadecimal digits."""
    content = _text("sha256", value)
    return None if content is None else hashlib.sha256(content.encode()).hexdigest()


def key(record: Record) -> str | None:
    """Return the record's key as text; null if it has none or it is not UTF-8."""
    return _utf8(record.key)


def header(record: Record, name: Any) -> str | None:
    """Return the text of the last header of that name, as Kafka's own clients do; null if absent or not UTF-8."""
    if type(name) is not str:
        raise ExpressionError(f"header() takes the header's name as a text, not {json_type(name)}")
    for present, value in reversed(record.headers):
        if present == name:
            return _utf8(value)
    return None


def topic(record: Record) -> str:
    """Return the record's topic."""
    return record.topic


def timestamp(record: Record) -> int | None:
    """Return the record's Kafka timestamp in whole seconds since the epoch; null if it has none."""
    return record.timestamp // 1000 if record.timestamp >= 0 else None


def _utf8(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
