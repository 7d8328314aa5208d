"""Reads a tree that may be wrong anywhere: a value of another type than expected counts as absent.

Checks across sections work on the tree as YAML gave it, so that a mistake in one section hides none in another; the
wrong type itself is reported once, by the file's model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def mapping(value: Any) -> dict[str, Any]:
    """Return the mapping's entries with text keys; empty if the value is not a mapping."""
    return {name: entry for name, entry in value.items() if isinstance(name, str)} if isinstance(value, dict) else {}


def elements(value: Any) -> list[Any]:
    """Return the list's elements; empty if the value is not a list."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """Return the text; None if the value is not a text."""
    return value if isinstance(value, str) else None


def texts(value: Any) -> list[str]:
    """Return the texts of a list, or the one text that is written instead of a list."""
    return [value] if isinstance(value, str) else [entry for entry in elements(value) if isinstance(entry, str)]


def parsed(parse: Callable[[Any], T], value: Any, default: T) -> T | None:
    """Return the value as `parse` reads it, the default if it is absent; None if it is not valid."""
    if value is None:
        return default
    try:
        return parse(value)
    except (OverflowError, TypeError, ValueError):
        return None
