"""unix(): a time as seconds since the epoch. What cannot be one is refused, and told what it looks like."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.kinds import json_type

# myTracker's eventTimestamp ends here (2106-02-07).
LAST_SECOND = 4_294_967_295
# A number below this (March 1973) is no time of an event: it is days, a date such as 20240131, or a counter.
FIRST_SECOND = 100_000_000
# How many of a unit make a second; of days, how many seconds one makes.
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAY = 86_400
_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds", "days": "days"}
_DIGITS = re.compile(r"([0-9]+)(\.[0-9]+)?")
_DATE = range(19_730_101, 21_060_208)
# The years of which days since 1970 make a time in range.
_DAYS = range(FIRST_SECOND // _DAY + 1, LAST_SECOND // _DAY + 1)
_from_iso = datetime.fromisoformat
_START = datetime(1970, 1, 1, tzinfo=UTC)


def unix(value: Any, unit: str | None = None) -> int | None:
    """Return a time as whole seconds since the epoch, rounded down; null for null.

    Takes ISO 8601 with a zone, or a number (or numeric text) of seconds, or of `unit`: ms, us, ns or days. A time
    without a zone could be anywhere, and is refused; so is a number that makes none from March 1973 to 2106.
    """
    if value is None:
        return None
    if unit is None and type(value) is str and value[4:5] == "-":  # the commonest form of a time
        return _of_iso(value, None)
    if unit is not None and unit != "days" and (unit not in _PER_SECOND or unit == "s"):
        raise ExpressionError(
            "unix() takes 'ms', 'us', 'ns' or 'days' as the unit; without one it takes seconds", name="wrong-argument"
        )
    if type(value) is str:
        if not (value[:1].isdigit() and value.isascii()) or "-" in value or not (match := _DIGITS.fullmatch(value)):
            return _of_iso(value, unit)
        digits = match[1].lstrip("0")
        number = int(digits or "0") if len(digits) <= 40 else 10**40  # Python refuses to read thousands of digits
    elif type(value) is int:
        number = value
    elif (type(value) is float and math.isfinite(value)) or type(value) is Decimal:
        number = math.floor(value)
    else:
        raise ExpressionError(
            f"unix() takes an ISO 8601 text or a number of seconds, not {json_type(value)}", name="wrong-kind"
        )
    seconds = _of_days(value, number) if unit == "days" else number // _PER_SECOND[unit or "s"]
    if FIRST_SECOND <= seconds <= LAST_SECOND:
        return int(seconds)
    raise _refusal(int(number), unit)


def _of_days(value: Any, whole_days: int) -> int:
    """Return the seconds of a number of days, of which the fraction is the time of day."""
    if type(value) is int or whole_days not in _DAYS:
        return whole_days * _DAY
    return math.floor(Decimal(repr(value) if type(value) is float else value) * _DAY)


def _of_iso(value: str, unit: str | None) -> int:
    try:
        time = _from_iso(value)
    except ValueError:
        raise ExpressionError(
            "unix() cannot read this text: it is neither ISO 8601 (2026-01-31T12:00:00Z) nor a number of "
            f"{_WORDS[unit or 's']}",
            name="no-time",
        ) from None
    if time.tzinfo is None:
        raise ExpressionError(
            "unix() takes a time with a zone, such as 2026-01-31T12:00:00Z or …+03:00: this has none",
            name="time-without-zone",
        )
    since = time - _START  # whole days and seconds, rounded down: half the price of timestamp()
    seconds = since.days * _DAY + since.seconds
    if seconds < 0:
        raise ExpressionError("unix() takes times from 1970-01-01T00:00:00Z on: this one is earlier", name="no-time")
    if seconds > LAST_SECOND:
        raise ExpressionError("unix() takes times up to 2106-02-07T06:28:15Z: this one is later", name="no-time")
    return seconds


def _refusal(number: int, unit: str | None) -> ExpressionError:
    """Return the refusal, which says what the number looks like, and the call that reads it."""
    given = _WORDS[unit or "s"]
    out = f"unix() read {given}, and gets no time from 1973 to 2106"
    date = int(str(number)[:8]) if len(str(number)) in (8, 12, 14) else 0  # a time of day may follow
    if date in _DATE and 1 <= date // 100 % 100 <= 12 and 1 <= date % 100 <= 31:
        lacks = "no time of day and no zone" if number == date else "no zone"
        return ExpressionError(f"{out}: this looks like a date without dashes, which has {lacks}", name="no-time")
    for other, per_second in _PER_SECOND.items():
        if other != (unit or "s") and FIRST_SECOND <= number // per_second <= LAST_SECOND:
            call = "unix(x)" if other == "s" else f"unix(x, '{other}')"
            return ExpressionError(f"{out}: this looks like {_WORDS[other]}: {call}", name="time-unit")
    if unit != "days" and number in _DAYS:
        return ExpressionError(f"{out}: this looks like days since 1970: unix(x, 'days')", name="time-unit")
    extreme = "small" if number < FIRST_SECOND else "large"
    return ExpressionError(f"{out}: this number is too {extreme}", name="no-time")
