"""Suggestions for names that were misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Past this many, a list of all names no longer helps the reader.
_LISTED = 24


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that `name` most likely misspells, whatever its case; None if there is none like it."""
    by_lower = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest one, else all that there are, else nothing."""
    known = sorted(names)
    near = nearest(name, known)
    if near is not None:
        return f"; did you mean {near}?"
    return f"; there is {', '.join(known)}" if 0 < len(known) <= _LISTED else ""
