"""The letters that a stocktaking selected, read again with their values, in the order of the events they were."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Generic, NamedTuple, TypeVar

from connector.deadletters.index import LetterIndex
from connector.deadletters.letter import DeadLetter, failed_record, read_letter
from connector.deadletters.reader import TopicReader
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
    """Each open letter that the filters take (with `closed` the closed ones too), at most `limit`, in chunks."""
    ordering: EventOrder[OrderedLetter] = EventOrder(index, list(index.rows(closed=closed)))
    left = len(index) if limit is None else limit
    for records in letters.read():
        chunk: list[OrderedLetter] = []
        for record in records:
            letter = read_letter(record)
            row = None if letter is None else index.row_at(letter)
            if letter is None or row is None or not index.is_selected(row, closed=closed):
                continue
            selected = OrderedLetter(row, letter, failed_record(letter, record))
            chunk += (each for _, each in ordering.release(row, selected))
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return
    yield [each for _, each in ordering.flush()][:left]


class EventOrder(Generic[T]):
    """Puts what is read from each partition in its order into the order of the events. `T` is what comes and goes."""

    def __init__(self, index: LetterIndex, rows: Sequence[int]) -> None:
        self._index = index
        self._due: dict[int, deque[int]] = {}  # lane → its rows in order, where the topic has them otherwise
        self._early: dict[int, T] = {}
        for lane, of_lane in groupby(index.in_event_order(iter(rows)), key=index.ordering_key):
            if lane is not None and not self._as_read(listed := list(of_lane)):
                self._due[lane] = deque(listed)

    def _as_read(self, rows: Sequence[int]) -> bool:
        """Whether reading one partition from its beginning meets these rows in this order."""
        places = [self._index.newest_location(row) for row in rows]
        return places == sorted(places) and places[0].partition == places[-1].partition

    def release(self, row: int, what: T) -> Iterator[tuple[int, T]]:
        """What may go now that this row has come, in order; itself among them unless it is too early."""
        lane = self._index.ordering_key(row)
        due = None if lane is None else self._due.get(lane)
        if due is None:
            yield row, what
            return
        self._early[row] = what
        while due and due[0] in self._early:
            first = due.popleft()
            yield first, self._early.pop(first)

    def flush(self) -> Iterator[tuple[int, T]]:
        """What waited for letters that never came (retention took them), in order."""
        for due in self._due.values():
            for row in due:
                if row in self._early:
                    yield row, self._early.pop(row)
