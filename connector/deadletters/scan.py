"""Taking stock: all receipts and all letters are read once, and what the filters mean is marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.deadletters.filters import LetterFilters
from connector.deadletters.index import Index
from connector.deadletters.receipts import Receipts
from connector.kafka.dead_letter import DeadLetter, read_letter
from connector.kafka.topic_reader import TopicReader

# Told after every chunk: what is read, records so far, records in all (at most).
Progress = Callable[[str, int, int], None]
# The caller's own number for a letter and its value.
Group = Callable[[DeadLetter, bytes | None], int]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a dead-letter topic holds. `foreign` records are none of the connector's letters."""

    index: Index
    foreign: int


def read_receipts(conf: Mapping[str, Any], topic: str, progress: Progress) -> Receipts:
    """The receipts of a topic; none if it does not exist yet."""
    receipts = Receipts()
    with TopicReader(conf, topic) as reader:
        done = 0
        for records in reader.read():
            for record in records:
                receipts.add_record(record.key or b"", record.value, record.partition)
            done += len(records)
            progress("receipts", done, reader.records)
    return receipts


def scan_letters(
    letters: TopicReader, receipts: Receipts, selection: LetterFilters, progress: Progress, group: Group | None = None
) -> Scan:
    """Read every letter once. Raises ConnectorError where the topic does not exist."""
    letters.expect_topic()
    index, foreign, done = Index(receipts), 0, 0
    for records in letters.read():
        for record in records:
            letter = read_letter(record)
            if letter is None:
                foreign += 1
                continue
            value = record.value
            taken = selection.match(letter, value)
            number = 0 if group is None or not taken else group(letter, value)
            index.add(letter, record.key, taken=taken, group=number)
        done += len(records)
        progress("dead letters", done, letters.records)
    return Scan(index, foreign)


class SinkNames:
    """Numbers letters by their sink, so that the sinks of a selection are known without reading it again."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def number(self, letter: DeadLetter, _: bytes | None) -> int:
        """The number of a letter's sink."""
        if letter.sink not in self._names:
            self._names.append(letter.sink)
        return self._names.index(letter.sink)

    def of(self, index: Index) -> list[str]:
        """The sinks of the open letters that the filters take, in order of their names."""
        return sorted(self._names[number] for number in {index.groups[row] for row in index.rows()})
