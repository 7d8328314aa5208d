"""The selected letters, read a second time with their values, in the order of the events that failed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Generic, NamedTuple, TypeVar

from connector.deadletters.index import LetterIndex
from connector.kafka.dead_letter import DeadLetter, failed_record, read_letter
from connector.kafka.topic_reader import TopicReader
from connector.model import Record

T = TypeVar("T")


class OrderedLetter(NamedTuple):
    """One letter with the record that failed. `row` is its row in the index."""

    row: int
    letter: DeadLetter
    record: Record


def read_in_order(
    letters: TopicReader, index: LetterIndex, limit: int | None = None, *, closed: bool = False
) -> Iterator[Sequence[OrderedLetter]]:
    """Yield the open letters that the filters select (with `closed`, closed ones too) in chunks, at most `limit`."""
    order: EventOrder[OrderedLetter] = EventOrder(index, list(index.rows(closed=closed)))
    remaining = len(index) if limit is None else limit
    for records in letters.read():
        chunk: list[OrderedLetter] = []
        for record in records:
            letter = read_letter(record)
            row = None if letter is None else index.row_at(letter)
            if letter is None or row is None or not index.is_selected(row, closed=closed):
                continue
            chunk += (each for _, each in order.release(row, OrderedLetter(row, letter, failed_record(letter, record))))
        yield chunk[:remaining]
        remaining -= len(chunk)
        if remaining <= 0:
            return
    yield [each for _, each in order.flush()][:remaining]


class EventOrder(Generic[T]):
    """Restores the order of the events, key by key, where the topic holds their letters in another. `T` is the payload.

    A letter is written when its event fails, and again when a replay fails, so a later event's letter may lie before
    an earlier one's. Such a letter is kept until those before it have been read. Most keys are in order and cost
    nothing. Pure.
    """

    def __init__(self, index: LetterIndex, rows: Sequence[int]) -> None:
        self._index = index
        self._due: dict[int, deque[int]] = {}  # ordering key → its rows in order, for keys that are not read so
        self._early: dict[int, T] = {}
        for key, rows_of_key in groupby(index.in_event_order(iter(rows)), key=index.ordering_key):
            if key is not None and not self._read_in_order(ordered := list(rows_of_key)):
                self._due[key] = deque(ordered)

    def _read_in_order(self, rows: Sequence[int]) -> bool:
        """True if reading the topic from its beginning yields these rows in this order."""
        locations = [self._index.newest_location(row) for row in rows]
        return locations == sorted(locations) and locations[0].partition == locations[-1].partition

    def release(self, row: int, payload: T) -> Iterator[tuple[int, T]]:
        """Yield, in order, what may be processed now that this row is read: nothing while others are due first."""
        key = self._index.ordering_key(row)
        due = None if key is None else self._due.get(key)
        if due is None:
            yield row, payload
            return
        self._early[row] = payload
        while due and due[0] in self._early:
            first = due.popleft()
            yield first, self._early.pop(first)

    def flush(self) -> Iterator[tuple[int, T]]:
        """Yield, in order, what was kept for letters that were never read because retention deleted them."""
        for due in self._due.values():
            for row in due:
                if row in self._early:
                    yield row, self._early.pop(row)
