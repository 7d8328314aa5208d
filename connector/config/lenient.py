"""Reading a tree that may be wrong anywhere: what has not the expected type counts as absent here.

The checks across parts work on the tree as YAML gave it, so that a slip in one part hides no mistake in another;
what has the wrong type is said once, by the file's form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def mapping(value: Any) -> dict[str, Any]:
    """The mapping's entries with names for keys; none if it is no mapping."""
    return {name: entry for name, entry in value.items() if isinstance(name, str)} if isinstance(value, dict) else {}


def elements(value: Any) -> list[Any]:
    """The list's entries; none if it is no list."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """The text; None if it is none."""
    return value if isinstance(value, str) else None


def texts(value: Any) -> list[str]:
    """The texts of a list, or of one that stands alone."""
    return [value] if isinstance(value, str) else [entry for entry in elements(value) if isinstance(entry, str)]


def parsed(parse: Callable[[Any], T], value: Any, default: T) -> T | None:
    """The value as `parse` reads it, the default if there is none; None if it is not written rightly."""
    if value is None:
        return default
    try:
        return parse(value)
    except (OverflowError, TypeError, ValueError):
        return None
