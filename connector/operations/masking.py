"""Masks what may be an event's value in words that a vendor wrote. Pure."""

from __future__ import annotations

import re

MASK = "•••"

_VALUES = re.compile(
    r"""
      "[^"]*"                                  # what the vendor quotes: it quotes what we sent
    | [\w.+%-]+@[\w.-]+                        # e-mail addresses
    | (?<!\w)\+?\d[\d\s().-]{4,}\d             # telephone and account numbers
    | (?<!\w)(?=[\w-]*\d)[A-Za-z0-9_-]{16,}    # tokens, hashes and identifiers
    """,
    re.VERBOSE,
)


def masked(text: str) -> str:
    """The text without what looks like a value: quoted words, addresses, long numbers, long identifiers."""
    return _VALUES.sub(MASK, text)
