"""Masks what may be an event's value in words that a vendor wrote. Pure."""

from __future__ import annotations

import re

import orjson

MASK = "•••"
# Where the vendors put their word in an answer: myTracker in `error`, SailPlay in `message`.
_WORDS = ("message", "error")

_VALUES = re.compile(
    r"""
      "[^"]*" | '[^']*' | «[^»]*»              # what the vendor quotes: it quotes what we sent
    | [\w.+%-]+@[\w.-]+                        # e-mail addresses
    | (?<!\w)\+?\d[\d\s().-]{4,}\d             # telephone and account numbers
    | (?<!\w)(?=[\w-]*\d)[A-Za-z0-9_-]{16,}    # tokens, hashes and identifiers
    """,
    re.VERBOSE,
)


def masked(text: str) -> str:
    """The vendor's word without what looks like a value: quoted parts, addresses, long numbers, long identifiers."""
    return _VALUES.sub(MASK, _word(text))


def _word(text: str) -> str:
    """What an answer says, if the text is a whole answer."""
    if text.startswith("{"):
        try:
            answer = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        return next((answer[key] for key in _WORDS if isinstance(answer.get(key), str)), text)
    return text
