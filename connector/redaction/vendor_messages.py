"""A vendor's message without the values that it repeats from what we sent it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

import orjson

from connector.model import Item, Outcome, Reason

MASK = "•••"
# Shorter values say nothing about anybody, and would tear ordinary words and codes out of the message.
SHORTEST = 3

MESSAGE_BYTES = 1024

# Where the vendors put their word in an answer: myTracker in `error`, SailPlay in `message`.
_WORDS = ("message", "error")

_QUOTED = r""" "[^"]*" | '[^']*' | «[^»]*» """
_PERSONAL = r"""
      [\w.+%-]+@[\w.-]+                        # e-mail addresses
    | (?<!\w)\+?\d[\d\s().-]{4,}\d             # telephone and account numbers
    | (?<!\w)(?=[\w-]*\d)[A-Za-z0-9_-]{16,}    # tokens, hashes and identifiers
"""
# A vendor quotes what it was sent.
_VALUES = re.compile(f"{_QUOTED} | {_PERSONAL}", re.VERBOSE)
_NAMES = re.compile(_PERSONAL, re.VERBOSE)


def redact_outcome(outcome: Outcome, items: Sequence[Item]) -> Outcome:
    """The outcome of sending these items, its message without their values: it is logged and shown."""
    message = outcome.message
    for item in items:
        message = redact_values(message, item.body)
    return outcome if message == outcome.message else replace(outcome, message=message)


def redact_values(message: str, body: bytes) -> str:
    """The message with every value of `body`, an item's JSON or form, masked where it stands as a word of its own."""
    echoed = {text for text in _texts(_parsed(body)) if len(text) >= SHORTEST and text in message}
    for text in sorted(echoed, key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", MASK, message)
    return message


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return [value for _, value in parse_qsl(body.decode("utf-8", "replace"))]


def _texts(value: Any) -> Iterator[str]:
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


def clean_vendor_message(text: str, secrets: Sequence[str]) -> str:
    """A vendor's text for people: secrets masked, no control characters, at most 1 KB of UTF-8."""
    for secret in secrets:
        for form in {secret, quote(secret, safe="")} - {""}:
            text = text.replace(form, "***")
    # Cut before cleaning, which costs per character, and after masking, which must see whole secrets.
    printable = "".join(char if char.isprintable() else " " for char in text[:MESSAGE_BYTES])
    return printable.strip().encode()[:MESSAGE_BYTES].decode(errors="ignore")


def mask_vendor_message(text: str) -> str:
    """The vendor's word without what looks like a value: quoted parts, addresses, long numbers, long identifiers."""
    return _VALUES.sub(MASK, _word(text))


def mask_failure_message(text: str, *, status: int | None, reason: str) -> str:
    """A text that ends with a failure's message, as people may see it.

    The words are the vendor's where it answered with a status. Else they are ours, which quote no value; a schema's
    quote the event's own names, and where an event holds a table of people, those may be addresses or numbers.
    """
    if status is not None:
        return mask_vendor_message(text)
    return _NAMES.sub(MASK, text) if reason == Reason.SCHEMA else text


def _word(text: str) -> str:
    """What an answer says, if the text is a whole answer."""
    if text.startswith("{"):
        try:
            answer = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        return next((answer[key] for key in _WORDS if isinstance(answer.get(key), str)), text)
    return text
