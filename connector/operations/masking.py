"""Masks what may be an event's value in messages: all that a vendor wrote, and little of our own. Pure."""

from __future__ import annotations

import re

import orjson

from connector.delivery.stats import Mishap
from connector.model import Reason

MASK = "•••"
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


def masked(text: str) -> str:
    """The vendor's word without what looks like a value: quoted parts, addresses, long numbers, long identifiers."""
    return _VALUES.sub(MASK, _word(text))


def shown(text: str, mishap: Mishap) -> str:
    """A text that ends with this failure's message, as people may see it.

    The words are the vendor's where it answered with a status. Else they are ours, which quote no value; a schema's
    quote the event's own names, and where an event holds a table of people, those may be addresses or numbers.
    """
    if mishap.status is not None:
        return masked(text)
    return _NAMES.sub(MASK, text) if mishap.reason == Reason.SCHEMA else text


def _word(text: str) -> str:
    """What an answer says, if the text is a whole answer."""
    if text.startswith("{"):
        try:
            answer = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        return next((answer[key] for key in _WORDS if isinstance(answer.get(key), str)), text)
    return text
