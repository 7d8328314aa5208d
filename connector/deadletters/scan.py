"""The scan that every dlq command begins with: all receipts and all letters are read once, and indexed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.deadletters.filters import LetterFilters
from connector.deadletters.index import LetterIndex
from connector.deadletters.receipts import Receipts
from connector.kafka.dead_letter import DeadLetter, read_letter
from connector.kafka.topic_reader import TopicReader

# Called after every chunk with what is read, records so far, and records in all (at most).
ReadProgress = Callable[[str, int, int], None]
# Returns the caller's own number for a letter and its value.
GroupNumber = Callable[[DeadLetter, bytes | None], int]


@dataclass(frozen=True, slots=True)
class Scan:
    """The letters of a topic, indexed, and the receipts. `foreign` counts records that are no letters."""

    index: LetterIndex
    receipts: Receipts
    foreign: int


def scan_letters(
    conf: Mapping[str, Any],
    letters: TopicReader,
    receipt_topic: str,
    filters: LetterFilters,
    progress: ReadProgress,
    group: GroupNumber | None = None,
) -> Scan:
    """Read every receipt and every letter once. Raises ConnectorError where the dead-letter topic does not exist."""
    receipts = _read_receipts(conf, receipt_topic, progress)
    letters.expect_topic()
    index, foreign, done = LetterIndex(receipts), 0, 0
    for records in letters.read():
        for record in records:
            letter = read_letter(record)
            if letter is None:
                foreign += 1
                continue
            value = record.value
            selected = filters.match(letter, value)
            number = 0 if group is None or not selected else group(letter, value)
            index.add_letter(letter, record.key, selected=selected, group=number)
        done += len(records)
        progress("dead letters", done, letters.records)
    return Scan(index, receipts, foreign)


def _read_receipts(conf: Mapping[str, Any], topic: str, progress: ReadProgress) -> Receipts:
    """Return the receipts of a topic; none where it does not exist yet."""
    receipts = Receipts()
    with TopicReader(conf, topic) as reader:
        done = 0
        for records in reader.read():
            for record in records:
                receipts.apply_record(record.key or b"", record.value, record.partition)
            done += len(records)
            progress("receipts", done, reader.records)
    return receipts


class SinkNumbers:
    """Numbers letters by sink during a scan, so that the selected letters' sinks are known without a second one."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def number_of(self, letter: DeadLetter, _: bytes | None) -> int:
        """Return the number of a letter's sink; a GroupNumber."""
        if letter.sink not in self._names:
            self._names.append(letter.sink)
        return self._names.index(letter.sink)

    def names_in(self, index: LetterIndex) -> list[str]:
        """Return the sinks of the open letters that the filters select, sorted."""
        return sorted(self._names[number] for number in {index.groups[row] for row in index.rows()})
