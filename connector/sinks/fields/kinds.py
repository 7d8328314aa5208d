"""The kinds of value that vendor fields take: each checks, coerces where that is safe, and knows its JSON Schema."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Protocol

import orjson

from connector.errors import FieldError

# A mapped value → what is encoded; None leaves the field out. Raises FieldError.
Check = Callable[[Any], Any]

# What 64 bits hold, signed or unsigned: the integers that a JSON parser hands on with all their digits.
_BELOW, _BEYOND = -(2**63), 2**64
# From here on a float stands for an integer that no longer fits signed 64 bits: its digits are lost.
_FLOAT_BEYOND = 2.0**63
# The digits of the largest 64-bit number; longer texts are not read as numbers at all.
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,40})?")
_FOUR_PLACES = Decimal("0.0001")
# A float below this with at most 4 decimals has at most 15 digits: its shortest notation is exact and has no exponent.
_SHORT = 1e11

_WORDS: dict[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a text",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


class Kind(Protocol):
    """What a field takes."""

    def takes(self) -> str:
        """What it takes, for people: `text of 1 to 255 characters`."""
        ...

    def check(self, name: str) -> Check:
        """The check of the field called `name`, made once and called for every event."""
        ...

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what is sent."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A text of `shortest` to `longest` characters, matching `pattern` (described by `form`) if there is one.

    64-bit integers become text; other numbers and booleans are refused: what they would read as is a guess.
    """

    shortest: int = 0
    longest: int | None = None
    pattern: str | None = None
    form: str = ""

    def takes(self) -> str:
        words = f"text of {_span(self.shortest, self.longest)}" if self.shortest or self.longest else "text"
        return f"{words}, {self.form}" if self.form else words

    def check(self, name: str) -> Check:
        takes = self.takes()
        shortest = self.shortest
        longest = sys.maxsize if self.longest is None else self.longest
        matches = re.compile(self.pattern).fullmatch if self.pattern else None

        def check(value: Any) -> str:
            text: str = value if type(value) is str else _text_of_integer(name, value, takes)
            if not shortest <= len(text) <= longest:
                raise _length_error(name, len(text), takes)
            if matches is not None and matches(text) is None:
                raise FieldError(f"{name} takes {takes}: this text is not of that form")
            return text

        return check

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string"}
        if self.shortest:
            schema["minLength"] = self.shortest
        if self.longest is not None:
            schema["maxLength"] = self.longest
        if self.pattern is not None:
            schema["pattern"] = f"^(?:{self.pattern})$"
        return schema


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number within `least` and `most`; numeric texts and floats without a fraction become one."""

    least: int
    most: int
    is_time: bool = False

    def takes(self) -> str:
        return f"{'seconds since the epoch, ' if self.is_time else ''}integer from {self.least} to {self.most}"

    def check(self, name: str) -> Check:
        takes = self.takes()
        least, most = self.least, self.most

        def check(value: Any) -> int:
            number: int = value if type(value) is int else _integer(name, value, takes)
            if least <= number <= most:
                return number
            raise FieldError(f"{name} takes {takes}: this number is {self._beside(number)}")

        return check

    def _beside(self, number: int) -> str:
        if self.is_time and 10**11 <= number < 10**14:
            return "in milliseconds; map whole seconds"
        return "below that" if number < self.least else "above that"

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few numbers, each with the vendor's name for it; the names are taken too.

    Where the names are `on` and `off`, a boolean says the same.
    """

    names: Mapping[int, str]

    def takes(self) -> str:
        return "one of " + ", ".join(f"{number} ({name})" for number, name in self.names.items())

    def check(self, name: str) -> Check:
        takes = self.takes()
        said = {word: number for number, word in self.names.items()} | {str(number): number for number in self.names}
        booleans = {True: said["on"], False: said["off"]} if "on" in said else {}
        numbers = self.names

        def check(value: Any) -> int:
            if type(value) is int:
                number = value
            elif type(value) is str and value in said:
                return said[value]
            elif type(value) is bool and booleans:
                return booleans[value]
            else:
                number = _integer(name, value, takes)
            if number in numbers:
                return number
            raise FieldError(f"{name} takes {takes}: this is another number")

        return check

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.names)}


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money, not negative, rounded half-even to 4 decimals and written without an exponent."""

    def takes(self) -> str:
        return "number from 0, below 2^63; rounded half-even to 4 decimals"

    def check(self, name: str) -> Check:
        takes = self.takes()

        def check(value: Any) -> Any:
            if type(value) is float:
                if 0.0 <= value < _SHORT and round(value, 4) == value:
                    return value + 0.0  # -0.0 becomes 0.0
                return _rounded(name, _decimal_of_float(name, value, takes), takes)
            if type(value) is int or (type(value) is str and _DECIMAL.fullmatch(value)):
                return _rounded(name, Decimal(value), takes)
            raise _kind_error(name, value, takes)

        return check

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": 0, "exclusiveMaximum": 2**63}


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number sent as text, in decimal notation: as it is, neither rounded nor with an exponent."""

    def takes(self) -> str:
        return "number, or text that is one, without an exponent"

    def check(self, name: str) -> Check:
        takes = self.takes()

        def check(value: Any) -> str:
            if type(value) is float:
                decimal = _decimal_of_float(name, value, takes)
                return str(int(value)) if value.is_integer() else format(decimal, "f")
            if type(value) is str and _DECIMAL.fullmatch(value):
                return value
            if type(value) is int:
                return _text_of_integer(name, value, takes)
            raise _kind_error(name, value, takes)

        return check

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{_DECIMAL.pattern})$"}


@dataclass(frozen=True, slots=True)
class TextMap:
    """An object of texts: names and values of 1 to `longest` characters.

    Numbers and booleans become text, nulls are left out, an object that is empty then is left out as a whole.
    """

    longest: int

    def takes(self) -> str:
        return f"object of names and values of 1 to {self.longest} characters"

    def check(self, name: str) -> Check:
        takes = self.takes()
        longest = self.longest

        def check(value: Any) -> dict[str, str] | None:
            if type(value) is not dict:
                raise _kind_error(name, value, takes)
            texts: dict[str, str] = {}
            for key, of_key in value.items():
                if type(of_key) is str:
                    text = of_key
                elif of_key is None:
                    continue
                elif type(of_key) is int and _BELOW <= of_key < _BEYOND:
                    text = str(of_key)
                else:
                    text = _param(name, key, of_key)
                if not (0 < len(text) <= longest and 0 < len(key) <= longest):
                    raise self._length(name, key, text)
                texts[key] = text
            return texts or None

        return check

    def _length(self, name: str, key: str, text: str) -> FieldError:
        limit = f"text of 1 to {self.longest} characters"
        if not 0 < len(key) <= self.longest:
            return _length_error(f"a name in {name}", len(key), limit)
        return _length_error(f"{name}.{key}", len(text), limit)

    def schema(self) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1, "maxLength": self.longest}
        names = {"minLength": 1, "maxLength": self.longest}
        return {"type": "object", "minProperties": 1, "propertyNames": names, "additionalProperties": text}


def _word(value: Any) -> str:
    """The kind of a value in a word, for messages that must not show the value itself."""
    return _WORDS.get(type(value), "a value that is not JSON")


def _kind_error(name: str, value: Any, takes: str) -> FieldError:
    if type(value) is str:
        return FieldError(f"{name} takes {takes}: this text is none")
    return FieldError(f"{name} takes {takes}, not {_word(value)}")


def _length_error(name: str, length: int, takes: str) -> FieldError:
    return FieldError(f"{name} takes {takes}: this text has {length}")


def _beyond_error(name: str, takes: str) -> FieldError:
    return FieldError(f"{name} takes {takes}: this number is beyond 64 bits")


def _span(shortest: int, longest: int | None) -> str:
    if longest is None:
        return f"at least {shortest} characters"
    if shortest == longest:
        return f"{longest} characters"
    return f"{shortest} to {longest} characters" if shortest else f"at most {longest} characters"


def _integer(name: str, value: Any, takes: str) -> int:
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(value)
    if type(value) is float and math.isfinite(value):
        if abs(value) >= _FLOAT_BEYOND:
            raise _beyond_error(name, takes)
        if value.is_integer():
            return int(value)
        raise FieldError(f"{name} takes {takes}, not a number with a fraction")
    raise _kind_error(name, value, takes)


def _text_of_integer(name: str, value: Any, takes: str) -> str:
    if type(value) is not int:
        if type(value) is float and abs(value) >= _FLOAT_BEYOND:
            raise _beyond_error(name, takes)
        raise _kind_error(name, value, takes)
    if not _BELOW <= value < _BEYOND:
        raise _beyond_error(name, takes)
    return str(value)


def _decimal_of_float(name: str, value: float, takes: str) -> Decimal:
    """The decimal that the float's shortest notation shows: what the event's JSON said."""
    if not math.isfinite(value):
        raise FieldError(f"{name} takes {takes}, not NaN or infinity")
    if abs(value) >= _FLOAT_BEYOND:
        raise _beyond_error(name, takes)
    return Decimal(repr(value))


def _rounded(name: str, amount: Decimal, takes: str) -> orjson.Fragment:
    if amount < 0:
        raise FieldError(f"{name} takes {takes}: this number is below 0")
    # Compared before rounding: quantize() raises for numbers with too many digits.
    if amount >= 2**63 or (rounded := amount.quantize(_FOUR_PLACES, ROUND_HALF_EVEN)) >= 2**63:
        raise _beyond_error(name, takes)
    return orjson.Fragment(f"{abs(rounded):f}".rstrip("0").rstrip(".").encode())


def _param(name: str, key: str, value: Any) -> str:
    if type(value) is bool:
        return "true" if value else "false"
    where = f"{name}.{key}"
    takes = "a text, a number or a boolean"
    if type(value) is int:
        return _text_of_integer(where, value, takes)
    if type(value) is float:
        decimal = _decimal_of_float(where, value, takes)
        return str(int(value)) if value.is_integer() else format(decimal, "f")
    raise _kind_error(where, value, takes)
