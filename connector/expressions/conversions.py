"""Values as texts and numbers. Each function raises ExpressionError and quotes no value."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.kinds import json_type
from connector.expressions.numbers import BELOW, BEYOND, Number, plain

# Doubles hold every whole number up to here; above, the digits that were written may be gone.
_EXACT = 2.0**53
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# A text this long may have more digits than a double keeps; a longer one than the second is no amount of anything.
_SHORT, _LONG = 16, 60
# How many values to_string() writes at most.
_MOST_VALUES = 1_000_000
# Thousands apart by plain, no-break or narrow spaces, a comma before the decimals.
_COMMA_NUMBER = re.compile(r"-?(?:[0-9]{1,3}(?:[ \u00a0\u202f][0-9]{3})+|[0-9]+)(?:,[0-9]+)?")
_SPACES = re.compile(r"[ \u00a0\u202f]")


def text(value: Any) -> str | None:
    """Return a text as it is; true and false; a number in plain decimals, without exponent and a fraction of zero.

    1.0 becomes "1": in JSON they are one number, and some writers have no other way to write 1. A whole number that
    came as a double above 2^53 is refused: its digits may not be those that were written.
    """
    return written("text", value)


def written(function: str, value: Any) -> str | None:
    """Return what text() gives; `function` is named where that is refused."""
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        if not BELOW <= value < BEYOND:
            raise too_big(function)
        return str(value)
    if type(value) is float:
        return _decimals(function, value)
    if type(value) is Decimal:
        return format(value, "f")
    raise ExpressionError(
        f"{function}() takes a text, a number or a boolean, not {json_type(value)}", name="wrong-kind"
    )


def _decimals(function: str, value: float) -> str:
    if not -_EXACT <= value <= _EXACT:  # nor is NaN
        raise too_big(function)
    if value.is_integer():
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def too_big(function: str) -> ExpressionError:
    """Return the refusal of a number beyond 64 bits."""
    return ExpressionError(
        f"{function}() takes numbers that 64 bits hold with all their digits: this one they do not",
        name="number-too-large",
    )


def to_string(value: Any) -> str:
    """Return a text as it is, any other value as JSON with letters as they are; numbers beyond 64 bits are refused."""
    if type(value) is str:
        return value
    parts, has_decimal, count = [value], False, 0
    while parts:
        part = parts.pop()
        count += 1
        if count > _MOST_VALUES:
            raise ExpressionError(f"to_string() writes at most {_MOST_VALUES} values: there are more", name="too-large")
        if type(part) is list or type(part) is dict:
            parts.extend(part.values() if type(part) is dict else part)
        elif (type(part) is float and not BELOW < part < BEYOND) or (type(part) is int and not BELOW <= part < BEYOND):
            raise too_big("to_string")
        has_decimal = has_decimal or type(part) is Decimal
    try:
        return _json(value) if has_decimal else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        raise ExpressionError("to_string() takes a value that is not nested so deep", name="too-large") from None


def _json(value: Any) -> str:
    """JSON with every digit of a Decimal, which the json module cannot write."""
    if type(value) is dict:
        return (
            "{"
            + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{_json(each)}" for name, each in value.items())
            + "}"
        )
    if type(value) is list:
        return f"[{','.join(map(_json, value))}]"
    return format(value, "f") if type(value) is Decimal else json.dumps(value, ensure_ascii=False)


def number(value: Any, comma: str | None = None) -> Number | None:
    """Return a number as it is; a text that holds a JSON number as that number.

    With ',' a text has a comma before its decimals, and may have spaces between thousands. Whole numbers beyond 64 bits
    are refused.
    """
    if comma is not None and comma != ",":
        raise ExpressionError("number() takes ',' as its second argument: the decimal comma", name="wrong-argument")
    if type(value) is str:
        value = _of_comma_text(value) if comma else _of_text(value)
    if value is None:
        return None
    if type(value) is int:
        if BELOW <= value < BEYOND:
            return value
        raise too_big("number")
    if type(value) is float:
        if BELOW < value < BEYOND:
            return value
        raise too_big("number")
    if type(value) is Decimal:
        return value
    raise ExpressionError(f"number() takes a number or a text that is one, not {json_type(value)}", name="wrong-kind")


def _of_text(value: str) -> Number:
    if not _NUMBER.fullmatch(value):
        raise ExpressionError(
            f"number() takes a number or a text that is one, such as '12.50': this text is no number{_hint(value)}",
            name="no-number",
        )
    if value.lstrip("-").isdigit():
        if len(value.lstrip("-0")) > 20:  # 2^64 has 20 digits; Python itself refuses to read thousands
            raise too_big("number")
        return int(value.lstrip("-").lstrip("0") or "0") * (-1 if value[0] == "-" else 1)
    if _SHORT < len(value) <= _LONG and "e" not in value.lower():
        return plain(Decimal(value))
    return float(value)


def _hint(value: str) -> str:
    if not value.strip():
        return "; (x && number(x)) leaves an empty one out" if not value else "; trim() takes the space away"
    if _COMMA_NUMBER.fullmatch(value):
        return "; number(x, ',') reads a decimal comma"
    return "; trim() takes the space away" if _NUMBER.fullmatch(value.strip()) else ""


def _of_comma_text(value: str) -> Number:
    if not _COMMA_NUMBER.fullmatch(value):
        hint = "; number(x) reads a decimal point" if _NUMBER.fullmatch(value) else _hint(value)
        raise ExpressionError(
            "number(x, ',') takes a number with a decimal comma, such as '1 200,50': "
            f"this text is no such number{hint}",
            name="no-number",
        )
    plain_text = _SPACES.sub("", value).replace(",", ".")
    if len(plain_text) > _LONG:
        raise too_big("number")
    return _of_text(plain_text) if "." not in plain_text else plain(Decimal(plain_text))


def to_number(value: Any) -> Number | None:
    """Return a number as it is, the number that a text holds, null for anything else."""
    if type(value) is str:
        for read in (int, float):
            try:
                result = read(value)
            except ValueError:
                continue
            return result if type(result) is int or math.isfinite(result) else None
        return None
    return value if type(value) in (int, float, Decimal) else None
