"""Coercion of mapped values to vendors' types. Refusals name field, type and limit, never the value."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import orjson

from connector.errors import FieldError

# The integers that fit 64 bits, signed or unsigned: a JSON parser keeps all their digits.
BELOW, BEYOND = -(2**63), 2**64
# A float from here on means an integer beyond signed 64 bits: its digits are lost.
_FLOAT_BEYOND = 2.0**63
# The digits of the largest 64-bit number; longer texts are not read as numbers at all.
_INTEGER = re.compile(r"-?[0-9]{1,20}")
# A name that a person chose, not a value.
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,40})?")
_FOUR_PLACES = Decimal("0.0001")
# A float below this with at most 4 decimals has at most 15 digits: its shortest notation is exact and has no exponent.
SHORT = 1e11

# For messages, which must not show the value. Nulls are left out before any check; texts are described by the caller.
_WORDS: dict[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    Decimal: "a number",
    list: "an array",
    dict: "an object",
}


def type_error(name: str, value: Any, takes: str, text: str = "a text") -> FieldError:
    """Return the refusal of a value of the wrong type; `text` describes the value if it is a text."""
    return FieldError(
        f"{name} takes {takes}, not {text if type(value) is str else _WORDS[type(value)]}", name="field-type"
    )


def length_error(name: str, length: int, takes: str, cure: str = "") -> FieldError:
    """Return the refusal of a text of the wrong length, in characters; `cure` ends it."""
    return FieldError(f"{name} takes {takes}: this text has {length}{cure}", name="field-length")


def beyond_error(name: str, takes: str) -> FieldError:
    """Return the refusal of a number that does not fit 64 bits."""
    return FieldError(f"{name} takes {takes}: this number is beyond 64 bits", name="number-too-large")


def span(shortest: int, longest: int | None) -> str:
    """Return a range of lengths, for people."""
    if longest is None:
        return f"at least {shortest} character{'s' if shortest > 1 else ''}"
    if shortest == longest:
        return f"{longest} characters"
    return f"{shortest} to {longest} characters" if shortest else f"at most {longest} characters"


def whole(name: str, value: Any, takes: str, text: str = "a text that is no integer") -> int:
    """Return a numeric text, or a float without a fraction, as an integer. Raises FieldError."""
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(value)
    if type(value) is float and math.isfinite(value):
        if abs(value) >= _FLOAT_BEYOND:
            raise beyond_error(name, takes)
        if value.is_integer():
            return int(value)
        raise FieldError(f"{name} takes {takes}, not a number with a fraction", name="field-type")
    if type(value) is Decimal:  # what arithmetic gives where no float has the digits: never a whole number
        raise FieldError(f"{name} takes {takes}, not a number with a fraction", name="field-type")
    raise type_error(name, value, takes, text)


def text_of_integer(name: str, value: Any, takes: str) -> str:
    """Return a 64-bit integer as text. Raises FieldError."""
    if type(value) is float or type(value) is Decimal:
        if type(value) is float and abs(value) >= _FLOAT_BEYOND:
            raise beyond_error(name, takes)
        raise FieldError(
            f"{name} takes {takes}, or an integer; not a number with a decimal point or an exponent: use text()",
            name="field-type",
        )
    if type(value) is not int:
        raise type_error(name, value, takes, "a text that is no number")
    if not BELOW <= value < BEYOND:
        raise beyond_error(name, takes)
    return str(value)


def decimal_of_float(name: str, value: float, takes: str) -> Decimal:
    """Return the decimal of the float's shortest notation, which is that of the event's JSON. Raises FieldError."""
    if not math.isfinite(value):
        raise FieldError(f"{name} takes {takes}, not NaN or infinity", name="field-type")
    if abs(value) >= _FLOAT_BEYOND:
        raise beyond_error(name, takes)
    return Decimal(repr(value))


def rounded_amount(name: str, amount: Decimal, takes: str) -> orjson.Fragment:
    """Return an amount rounded half-even to 4 decimals, as it is written into JSON. Raises FieldError."""
    if amount < 0:
        raise FieldError(f"{name} takes {takes}: this number is below 0", name="field-range")
    # Compared before rounding: quantize() raises for numbers with too many digits.
    if amount >= 2**63 or (rounded := amount.quantize(_FOUR_PLACES, ROUND_HALF_EVEN)) >= 2**63:
        raise beyond_error(name, takes)
    return orjson.Fragment(f"{abs(rounded):f}".rstrip("0").rstrip(".").encode())


def parameter_name(name: str, key: str) -> str:
    """Return a parameter's name for messages; only the field's where the key may be a value, such as an address."""
    return f"{name}.{key}" if _IDENTIFIER.fullmatch(key) else f"a value in {name}"


def param(name: str, key: str, value: Any) -> str:
    """Return a number or boolean as the text of a parameter. Raises FieldError naming the parameter."""
    if type(value) is bool:
        return "true" if value else "false"
    where = parameter_name(name, key)
    takes = "a text, a number or a boolean"
    if type(value) is int:
        return text_of_integer(where, value, takes)
    if type(value) is Decimal:
        return format(value, "f")
    if type(value) is float:
        decimal = decimal_of_float(where, value, takes)
        return str(int(value)) if value.is_integer() else format(decimal, "f")
    raise type_error(where, value, takes)
