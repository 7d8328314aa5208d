"""A file of events: one event, however it is laid out, or NDJSON with an event a line. Read line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import orjson


class EventLine(NamedTuple):
    """One event of an NDJSON file. `number` counts the file's lines from 1, empty ones too."""

    number: int
    value: bytes


def split_events(lines: Iterable[bytes]) -> bytes | Iterator[EventLine]:
    """Return the file's one event as it stands, or the lines of an NDJSON file of several, read as they are asked for.

    A file is NDJSON if its first line is a JSON value by itself and another line follows, or if an object begins and
    ends in a later line that is not indented: then the first line is damaged. Else it is one event over several lines.
    """
    rest = iter(lines)
    read: list[bytes] = []
    first: bytes | None = None
    for line in rest:
        read.append(line)
        if not line.strip():
            continue
        if first is None:
            first = line
        elif _is_json(first) or (_is_object(line) and not first.lstrip().startswith(b"[")):
            return _numbered(chain(read, rest))
    return b"".join(read)


def _numbered(lines: Iterable[bytes]) -> Iterator[EventLine]:
    for number, line in enumerate(lines, start=1):
        value = line.strip()
        if value:
            yield EventLine(number, value)


def _is_object(line: bytes) -> bool:
    return line.startswith(b"{") and _is_json(line)


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return False
    return True
