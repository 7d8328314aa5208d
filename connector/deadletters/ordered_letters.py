"""The letters that a stocktaking selected, read again with their values, in the order of the events they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from connector.deadletters.index import Index
from connector.deadletters.ordering import Ordering
from connector.kafka.dead_letter import DeadLetter, failed_record, read_letter
from connector.kafka.topic_reader import TopicReader
from connector.model import Record


class OrderedLetter(NamedTuple):
    """One letter with the record that failed. `row` is its row in the index."""

    row: int
    letter: DeadLetter
    record: Record


def read_in_order(
    letters: TopicReader, index: Index, limit: int | None = None, *, closed: bool = False
) -> Iterator[Sequence[OrderedLetter]]:
    """Each open letter that the filters take (with `closed` the closed ones too), at most `limit`, in chunks."""
    ordering: Ordering[OrderedLetter] = Ordering(index, list(index.rows(closed=closed)))
    left = len(index) if limit is None else limit
    for records in letters.read():
        chunk: list[OrderedLetter] = []
        for record in records:
            letter = read_letter(record)
            row = None if letter is None else index.row_at(letter)
            if letter is None or row is None or not index.wanted(row, closed=closed):
                continue
            selected = OrderedLetter(row, letter, failed_record(letter, record))
            chunk += (each for _, each in ordering.come(row, selected))
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return
    yield [each for _, each in ordering.rest()][:left]
