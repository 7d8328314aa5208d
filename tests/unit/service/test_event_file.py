"""One event however it is laid out, or NDJSON: which of them a file is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from connector.service.event_file import EventLine, split_events

ONE = b'{"a": 1}'
PRETTY = json.dumps({"a": {"b": [{"c": 1}, {"d": 2}]}}, indent=2).encode()


def lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n", ONE, ONE + b"\n", b"\n" + ONE + b"\n\n", PRETTY, PRETTY + b"\n", PRETTY[:-3], b"[\n" + ONE + b"\n]",
        b"[\n" + ONE + b",\n" + ONE + b"\n]", b"not JSON", b"not\nJSON", b"\xff\xfe\x00",
        b"{\n" + b' {"a": 1}\n' + b"}",
    ],
)  # fmt: skip
def test_one_event_is_kept_byte_for_byte(content: bytes) -> None:
    assert split_events(lines(content)) == content


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        (ONE + b"\n" + ONE, [1, 2]),
        (ONE + b"\r\n\r\n" + ONE + b"\r\n", [1, 3]),
        (b"\n" + ONE + b"\n" + b"broken\n", [2, 3]),
        (b"{broken\n" + ONE + b"\n" + ONE + b"\n", [1, 2, 3]),
        (b"5\n" + ONE, [1, 2]),
        (b"\xef\xbb\xbf" + ONE + b"\n" + ONE, [1, 2]),
    ],
)
def test_several_events_keep_the_numbers_of_their_lines(content: bytes, numbers: list[int]) -> None:
    events = split_events(lines(content))
    assert not isinstance(events, bytes)
    found = list(events)
    assert [event.number for event in found] == numbers
    assert found[-1].value == content.strip().splitlines()[-1]


def test_the_lines_are_read_as_they_are_asked_for() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield ONE + b"\n"

    events = split_events(endless())
    assert not isinstance(events, bytes)
    assert [next(events) for _ in range(3)] == [EventLine(number, ONE) for number in (1, 2, 3)]
    assert read == 3
