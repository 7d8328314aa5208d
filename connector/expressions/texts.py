"""Functions of texts. Each raises ExpressionError and quotes no value."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any

import orjson

from connector.errors import ExpressionError
from connector.expressions.conversions import written

_NOT_DIGITS = re.compile(r"[^0-9]+")
_PHONE = re.compile(r"(\+|00)?([0-9]+)")
_PHONE_MARKS = re.compile(r"[ ().-]+")
_URL_SAFE = str.maketrans("-_", "+/")
# No result is longer, in characters: an expression must not make a gigabyte of an event of a kilobyte.
LONGEST_TEXT = 4_194_304
_WIDEST = 10_000


def trim(text: str, characters: str = "") -> str:
    """Return the text without white space, or without these characters, at both ends."""
    return text.strip(characters or None)


def trim_left(text: str, characters: str = "") -> str:
    """Return the text without white space, or without these characters, at its beginning."""
    return text.lstrip(characters or None)


def trim_right(text: str, characters: str = "") -> str:
    """Return the text without white space, or without these characters, at its end."""
    return text.rstrip(characters or None)


def replace(text: str, old: str, new: str, count: Any = -1) -> str:
    """Return the text with `old` replaced by `new`, at most `count` times from the left."""
    most = whole("replace", "count", count) if count != -1 else -1
    if len(new) > len(old):
        times = text.count(old) if most < 0 else min(most, text.count(old))
        _expect_short("replace", len(text) + times * (len(new) - len(old)))
    return text.replace(old, new, most)


def join(separator: str, parts: list[str]) -> str:
    """Return the texts of an array put together, with the separator between them."""
    _expect_short("join", sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def split(text: str, separator: str, count: Any = -1) -> list[str]:
    """Return the parts between separators, at most `count` cuts from the left; an empty separator gives characters."""
    cuts = whole("split", "count", count) if count != -1 else -1
    if separator:
        return text.split(separator, cuts)
    if cuts < 0 or cuts >= len(text):
        return list(text)
    return [*text[:cuts], text[cuts:]]


def pad_left(text: str, width: Any, pad: str = " ") -> str:
    """Return the text with `pad` before it, until it has `width` characters."""
    return text.rjust(_width("pad_left", width), _character("pad_left", pad))


def pad_right(text: str, width: Any, pad: str = " ") -> str:
    """Return the text with `pad` behind it, until it has `width` characters."""
    return text.ljust(_width("pad_right", width), _character("pad_right", pad))


def find_first(text: str, part: str, start: Any = 0, end: Any = None) -> int | None:
    """Return the index at which a part begins first, between `start` and `end`; null if it is not there."""
    return _found(text.find(part, *_bounds("find_first", text, start, end)) if part else -1)


def find_last(text: str, part: str, start: Any = 0, end: Any = None) -> int | None:
    """Return the index at which a part begins last, between `start` and `end`; null if it is not there."""
    return _found(text.rfind(part, *_bounds("find_last", text, start, end)) if part else -1)


def cut(text: str, length: Any) -> str:
    """Return the first `length` characters of a text."""
    return text[: whole("cut", "length", length)]


def digits(value: Any) -> str | None:
    """Return the digits 0-9 of a text, as in a telephone number; of a number, which must be whole and not negative.

    Null when there is none, so that the field is left out rather than sent empty.
    """
    if type(value) is not str:
        if value is None:
            return None
        if type(value) not in (int, float) or value < 0 or value % 1 != 0:
            raise ExpressionError("digits() takes a text or a whole number that is not negative", name="wrong-kind")
        return written("digits", value)
    if not value.isascii() and any(char.isdecimal() and not char.isascii() for char in value):
        raise ExpressionError(
            "digits() takes the digits 0 to 9: this text has digits of another script", name="no-digits"
        )
    return _NOT_DIGITS.sub("", value) or None


def phone(value: Any, country: str) -> str | None:
    """Return a telephone number in international form, digits only, for a country code such as '7'.

    A number that begins with + or 00 is international already, of whatever country. For '7', eleven digits that begin
    with 8 or 7, and ten digits, are national ones. Raises ExpressionError for others that do not begin with the
    country's code, for fewer than 7 or more than 15 digits, and for other characters than digits, spaces, ( ) . - and
    one leading +.
    """
    if not (country.isascii() and country.isdigit()):
        raise ExpressionError(
            "phone() takes the country code as digits, such as phone(tel, '7')", name="wrong-argument"
        )
    if value is None:
        return None
    international, number = _phone_parts(value if type(value) is str else _phone_of_number(value))
    if not international:
        if country == "7" and (len(number) == 10 or (len(number) == 11 and number[0] in "78")):
            number = "7" + number[-10:]
        if not number.startswith(country):
            raise ExpressionError(
                f"phone() cannot tell the country: this number has {len(number)} digits and no +", name="no-phone"
            )
    if number.startswith("0"):
        raise ExpressionError(
            "phone() takes a number with its country: no country's code begins with 0", name="no-phone"
        )
    if not 7 <= len(number) <= 15:
        raise ExpressionError(f"phone() takes numbers of 7 to 15 digits: this one has {len(number)}", name="no-phone")
    return number


def _phone_of_number(value: Any) -> str:
    if type(value) not in (int, float) or value < 0 or value % 1 != 0:
        raise ExpressionError("phone() takes a text or a whole number that is not negative", name="wrong-kind")
    return written("phone", value) or ""


def _phone_parts(text: str) -> tuple[bool, str]:
    """Return whether a number says that it is international, and its digits without + or 00."""
    match = _PHONE.fullmatch(_PHONE_MARKS.sub("", text))
    if match is not None:
        return bool(match[1]), match[2]
    if not text.strip():
        cure = "let $p = trim(x) in $p && phone($p, '7')"
        raise ExpressionError(f"phone() takes a number: this text is empty; {cure} leaves it out", name="no-phone")
    raise ExpressionError(
        "phone() takes digits, spaces, ( ) . - and one leading +: this text has something else", name="no-phone"
    )


def sha256(value: Any) -> str | None:
    """Return the SHA-256 of what text() gives, in UTF-8, as 64 lower-case hexadecimal digits."""
    content = written("sha256", value)
    if content is None:
        return None
    try:
        return hashlib.sha256(content.encode()).hexdigest()
    except UnicodeEncodeError:
        raise ExpressionError(
            "sha256() takes texts that UTF-8 can hold: this one has half a surrogate pair", name="not-unicode"
        ) from None


def read_json(text: str) -> Any:
    """Return the JSON value that a text holds."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ExpressionError("json() takes a text that holds JSON: this text does not", name="no-json") from None


def base64_decode(text: str) -> str:
    """Return the UTF-8 text behind base64, in either alphabet, padded or not."""
    compact = "".join(text.split()).rstrip("=")
    try:
        raw = base64.b64decode(compact.translate(_URL_SAFE) + "=" * (-len(compact) % 4), validate=True)
        return raw.decode()
    except UnicodeDecodeError:
        raise ExpressionError(
            "base64_decode() gives texts: what is encoded here is not UTF-8", name="no-base64"
        ) from None
    except (binascii.Error, ValueError):
        raise ExpressionError("base64_decode() takes base64: this text is not", name="no-base64") from None


def whole(function: str, what: str, value: Any) -> int:
    """Return a number of the language as an int of 0 or more. Raises ExpressionError."""
    if value != int(value) or not 0 <= value < 2**63:
        raise ExpressionError(f"{function}() takes a whole number of 0 or more as the {what}", name="wrong-argument")
    return int(value)


def _width(function: str, width: Any) -> int:
    characters = whole(function, "width", width)
    if characters > _WIDEST:
        raise ExpressionError(f"{function}() pads to at most {_WIDEST} characters", name="wrong-argument")
    return characters


def _expect_short(function: str, characters: int) -> None:
    if characters > LONGEST_TEXT:
        raise ExpressionError(
            f"{function}() gives at most {LONGEST_TEXT} characters: here it would be more", name="too-large"
        )


def _bounds(function: str, text: str, start: Any, end: Any) -> tuple[int, int]:
    bounds = (start, len(text) if end is None else end)
    if any(bound != int(bound) for bound in bounds):
        raise ExpressionError(f"{function}() takes whole numbers as the start and the end", name="wrong-argument")
    return int(bounds[0]), int(bounds[1])


def _found(index: int) -> int | None:
    return None if index < 0 else index


def _character(function: str, pad: str) -> str:
    if len(pad) != 1:
        raise ExpressionError(f"{function}() takes one character to pad with, not {len(pad)}", name="wrong-argument")
    return pad
