"""Hides in a vendor's message the values and secrets that it repeats from what we sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

import orjson

from connector.model import Item, Outcome, Reason
from connector.redaction import MASK, SECRET_MASK

# Shorter values identify nobody, and masking them would tear ordinary words and codes out of the message.
SHORTEST_MASKED = 3

MESSAGE_BYTES = 1024

# The fields of a JSON response that hold the vendor's message: SailPlay's `message`, myTracker's `error`.
_MESSAGE_FIELDS = ("message", "error")

_QUOTED = r""" "[^"]*" | '[^']*' | «[^»]*» """
_PERSONAL = r"""
      [\w.+%-]+@[\w.-]+                        # e-mail addresses
    | (?<!\w)\+?\d[\d\s().-]{4,}\d             # telephone and account numbers
    | (?<!\w)(?=[\w-]*\d)[A-Za-z0-9_-]{16,}    # tokens, hashes and identifiers
"""
# Vendors quote what they were sent.
_QUOTED_OR_PERSONAL = re.compile(f"{_QUOTED} | {_PERSONAL}", re.VERBOSE)
_PERSONAL_ALONE = re.compile(_PERSONAL, re.VERBOSE)


def redact_outcome(outcome: Outcome, items: Sequence[Item]) -> Outcome:
    """Return the outcome of sending these items with their values masked in its message, which is logged and shown."""
    message = outcome.message
    for item in items:
        message = redact_values(message, item.body)
    return outcome if message == outcome.message else replace(outcome, message=message)


def redact_values(message: str, body: bytes) -> str:
    """Return the message with the values of `body` (an item's JSON or form) masked where they stand as whole words."""
    repeated = {text for text in _texts(_parsed(body)) if len(text) >= SHORTEST_MASKED and text in message}
    for text in sorted(repeated, key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", MASK, message)
    return message


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return [value for _, value in parse_qsl(body.decode("utf-8", "replace"))]


def _texts(value: Any) -> Iterator[str]:
    """Yield every text and number in a JSON value, numbers as Python prints them."""
    if isinstance(value, dict):
        for child in value.values():
            yield from _texts(child)
    elif isinstance(value, list):
        for child in value:
            yield from _texts(child)
    elif isinstance(value, str):
        yield value
    elif type(value) in (int, float):
        yield str(value)


def clean_vendor_message(text: str, secrets: Iterable[str]) -> str:
    """Return a vendor's text fit for people: secrets masked, no control characters, at most MESSAGE_BYTES of UTF-8."""
    for secret in secrets:
        for form in {secret, quote(secret, safe="")} - {""}:
            text = text.replace(form, SECRET_MASK)
    # Cut after masking, which must see whole secrets, and before cleaning, which costs per character.
    printable = "".join(char if char.isprintable() else " " for char in text[:MESSAGE_BYTES])
    return printable.strip().encode()[:MESSAGE_BYTES].decode(errors="ignore")


def mask_vendor_message(text: str) -> str:
    """Return the vendor's message with quotations, addresses, long numbers and long identifiers masked."""
    return _QUOTED_OR_PERSONAL.sub(MASK, _message_of(text))


def mask_failure_message(text: str, *, status: int | None, reason: str) -> str:
    """Return a text that ends with a failure's message, masked so that people may see it.

    With a `status` the message is the vendor's. Without one it is the connector's own, which quotes no value; only a
    schema's message quotes property names, which may be addresses or numbers where an event is a table of people.
    """
    if status is not None:
        return mask_vendor_message(text)
    return _PERSONAL_ALONE.sub(MASK, text) if reason == Reason.SCHEMA else text


def _message_of(text: str) -> str:
    """Return the message inside a whole JSON response; any other text as it is."""
    if text.startswith("{"):
        try:
            response = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        return next((response[name] for name in _MESSAGE_FIELDS if isinstance(response.get(name), str)), text)
    return text
