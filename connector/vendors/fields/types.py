"""The types of vendor fields: each checks values, coerces them where that is safe, and has its JSON Schema."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from connector.errors import FieldError
from connector.expressions.signatures import BOOLEAN, NUMBER, OBJECT, TEXT
from connector.vendors.fields.coercion import (
    BELOW,
    BEYOND,
    DECIMAL,
    SHORT,
    decimal_of_float,
    length_error,
    param,
    parameter_name,
    rounded_amount,
    span,
    text_of_integer,
    type_error,
    whole,
)

# A mapped value → what is encoded; None leaves the field out. Raises FieldError.
Check = Callable[[Any], Any]
TEXT_OR_NUMBER = frozenset({TEXT, NUMBER})
# What a part of a TextMap may be.
PART_KINDS = TEXT_OR_NUMBER | {BOOLEAN}


class FieldType(Protocol):
    """The type of a field's values."""

    def takes(self) -> str:
        """Return a description for people: `text of 1 to 255 characters`."""
        ...

    def check(self, name: str) -> Check:
        """Return the check of the field called `name`, made once and called for every event."""
        ...

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what is sent."""
        ...

    def accepts_kinds(self) -> frozenset[str]:
        """Return the kinds of values of which the check takes some: `a text`, … (see expressions.signatures)."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A text of `shortest` to `longest` characters, matching `pattern` (described by `form`) if there is one.

    64-bit integers become text; other numbers and booleans are refused: what they would read as is a guess. `cure`
    ends the refusal of a text of the wrong length or form.
    """

    shortest: int = 0
    longest: int | None = None
    pattern: str | None = None
    form: str = ""
    cure: str = ""

    def takes(self) -> str:
        words = f"text of {span(self.shortest, self.longest)}" if self.shortest or self.longest else "text"
        return f"{words}, {self.form}" if self.form else words

    def check(self, name: str) -> Check:
        takes = self.takes()
        shortest = self.shortest
        longest = sys.maxsize if self.longest is None else self.longest
        matches = re.compile(self.pattern).fullmatch if self.pattern else None
        cure = f"; {self.cure}" if self.cure else ""

        def check(value: Any) -> str:
            text: str = value if type(value) is str else text_of_integer(name, value, takes)
            if not shortest <= len(text) <= longest:
                raise length_error(name, len(text), takes, cure)
            if matches is not None and matches(text) is None:
                raise FieldError(f"{name} takes {takes}: this text is not of that form{cure}", name="field-form")
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

    def accepts_kinds(self) -> frozenset[str]:
        return TEXT_OR_NUMBER


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
            number: int = value if type(value) is int else whole(name, value, takes)
            if least <= number <= most:
                return number
            raise self._refusal(number, f"{name} takes {takes}: this number is")

        return check

    def _refusal(self, number: int, begin: str) -> FieldError:
        if self.is_time and 10**11 <= number < 10**14:
            return FieldError(f"{begin} in milliseconds; map whole seconds", name="time-unit")
        return FieldError(f"{begin} {'below' if number < self.least else 'above'} that", name="field-range")

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def accepts_kinds(self) -> frozenset[str]:
        return TEXT_OR_NUMBER


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
                number = whole(name, value, takes, "another text")
            if number in numbers:
                return number
            raise FieldError(f"{name} takes {takes}: this is another number", name="field-range")

        return check

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.names)}

    def accepts_kinds(self) -> frozenset[str]:
        return TEXT_OR_NUMBER | {BOOLEAN} if "on" in self.names.values() else TEXT_OR_NUMBER


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money, not negative, rounded half-even to 4 decimals and written without an exponent."""

    def takes(self) -> str:
        return "number from 0, below 2^63; rounded half-even to 4 decimals"

    def check(self, name: str) -> Check:
        takes = self.takes()

        def check(value: Any) -> Any:
            if type(value) is float:
                if 0.0 <= value < SHORT and round(value, 4) == value:
                    return value + 0.0  # -0.0 becomes 0.0
                return rounded_amount(name, decimal_of_float(name, value, takes), takes)
            if type(value) is int or (type(value) is str and DECIMAL.fullmatch(value)):
                return rounded_amount(name, Decimal(value), takes)
            if type(value) is Decimal:
                return rounded_amount(name, value, takes)
            raise type_error(name, value, takes, "a text that is no number")

        return check

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": 0, "exclusiveMaximum": 2**63}

    def accepts_kinds(self) -> frozenset[str]:
        return TEXT_OR_NUMBER


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number sent as text, in decimal notation: as it is, neither rounded nor with an exponent."""

    def takes(self) -> str:
        return "number, or text that is one, without an exponent"

    def check(self, name: str) -> Check:
        takes = self.takes()

        def check(value: Any) -> str:
            if type(value) is float or type(value) is Decimal:
                if type(value) is float and value.is_integer():
                    text = str(int(decimal_of_float(name, value, takes)))
                else:
                    decimal = decimal_of_float(name, value, takes) if type(value) is float else value
                    text = format(decimal, "f")
                if DECIMAL.fullmatch(text) is None:
                    raise FieldError(
                        f"{name} takes {takes}: this number has more than 40 decimals", name="field-length"
                    )
                return text
            if type(value) is str and DECIMAL.fullmatch(value):
                return value
            return text_of_integer(name, value, takes)

        return check

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{DECIMAL.pattern})$"}

    def accepts_kinds(self) -> frozenset[str]:
        return TEXT_OR_NUMBER


@dataclass(frozen=True, slots=True)
class TextMap:
    """An object of texts: names and values of 1 to `longest` characters.

    Numbers and booleans become text, nulls and empty texts are left out; so is the object if it is empty then.
    """

    longest: int

    def takes(self) -> str:
        return f"object of names and values of 1 to {self.longest} characters"

    def check(self, name: str) -> Check:
        takes = self.takes()
        longest = self.longest

        def check(value: Any) -> dict[str, str] | None:
            if type(value) is not dict:
                raise type_error(name, value, takes)
            texts: dict[str, str] = {}
            for key, of_key in value.items():
                if type(of_key) is str:
                    text = of_key
                elif of_key is None:
                    continue
                elif type(of_key) is int and BELOW <= of_key < BEYOND:
                    text = str(of_key)
                else:
                    text = param(name, key, of_key)
                if not (0 < len(text) <= longest and 0 < len(key) <= longest):
                    if not text:
                        continue
                    raise self._length(name, key, text)
                texts[key] = text
            return texts or None

        return check

    def _length(self, name: str, key: str, text: str) -> FieldError:
        limit = f"text of 1 to {self.longest} characters"
        if not 0 < len(key) <= self.longest:
            return length_error(f"a name in {name}", len(key), limit)
        return length_error(parameter_name(name, key), len(text), limit)

    def schema(self) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1, "maxLength": self.longest}
        names = {"minLength": 1, "maxLength": self.longest}
        return {"type": "object", "minProperties": 1, "propertyNames": names, "additionalProperties": text}

    def accepts_kinds(self) -> frozenset[str]:
        return frozenset({OBJECT})
