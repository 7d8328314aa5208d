"""Compares what a route sends with what is expected of it, field by field. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, NamedTuple

from connector.settings.suggestions import nearest


class Absent(Enum):
    """The value of a field that is not there."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

# The names and indexes that lead to a value.
Path = tuple[str | int, ...]


class Difference(NamedTuple):
    """One field that is not as expected; ABSENT for what is not there, or shall not be. `hint` is for people."""

    path: Path
    expected: Any
    got: Any
    hint: str = ""

    @property
    def field(self) -> str:
        """Return the path as people write it: `customEventParams.level`."""
        return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).removeprefix(".")


def differences(expected: Any, got: Any, *, in_part: bool, path: Path = ()) -> Iterator[Difference]:
    """Yield where `got` is not as expected. `in_part`: mappings may hold more than what is expected of them.

    An expected null means that the field is left out. Numbers are compared as numbers (1 is 1.0), and an expected ISO
    time equals the whole number of its seconds.
    """
    if isinstance(expected, dict) and isinstance(got, dict):
        yield from _in_mapping(expected, got, in_part, path)
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for index, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from differences(one, other, in_part=in_part, path=(*path, index))
    elif not _equal(expected, got):
        yield Difference(path, expected, got, _hint(expected, got))


def _in_mapping(expected: Mapping[str, Any], got: Mapping[str, Any], in_part: bool, path: Path) -> Iterator[Difference]:
    unexpected = [name for name in got if name not in expected]
    for name, value in expected.items():
        if name in got:
            yield from differences(value, got[name], in_part=in_part, path=(*path, name))
        elif value is not None:
            near = nearest(name, unexpected)
            yield Difference((*path, name), value, ABSENT, f"did you mean {near}?" if near else "")
    if not in_part:
        for name in unexpected:
            yield Difference((*path, name), ABSENT, got[name])


def _equal(expected: Any, got: Any) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, str) and isinstance(got, int):
        return _seconds(expected) == got
    return bool(expected == got)


def _seconds(text: str) -> float | None:
    """Return the seconds since the epoch of an ISO 8601 time with a zone, None for any other text."""
    try:
        time = datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        return None
    return None if time is None or time.tzinfo is None else time.timestamp()


def _hint(expected: Any, got: Any) -> str:
    if expected is None:
        return "null means that the field is left out"
    if isinstance(expected, str) and isinstance(got, int) and not isinstance(got, bool):
        if _seconds(expected) is not None:
            return _as_time(got)
        return "a number, not a text: take the quotes away" if expected == shown(got) else ""
    if isinstance(got, str) and shown(expected) == got:
        return "a text: put it between quotes"
    return ""


def _as_time(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return "beyond the calendar"


def shown(value: Any) -> str:
    """Return a value as JSON, as messages show it."""
    return json.dumps(value, ensure_ascii=False)
