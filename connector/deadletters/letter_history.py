"""All that is known of one failed event: every letter that was written of it, and every receipt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.deadletters.receipts import Receipt, Receipts, State
from connector.deadletters.scan import Progress
from connector.errors import ConnectorError
from connector.kafka.dead_letter import DeadLetter, Flaw, examine, failed_record, read_letter
from connector.kafka.records import Address
from connector.kafka.topic_reader import TopicReader
from connector.model import Record

_Written = tuple[DeadLetter, Record]


@dataclass(frozen=True, slots=True)
class LetterHistory:
    """One failed event as one sink's route met it: its letters, oldest first, and its receipts likewise.

    `record` is the event as it was. `state` is what became of the newest letter.
    """

    letters: list[DeadLetter]
    receipts: list[Receipt]
    record: Record
    state: State


def find_histories(
    conf: Mapping[str, Any], letters: TopicReader, receipt_topic: str, address: Address, progress: Progress
) -> list[LetterHistory]:
    """The histories of the letter at this address, or of the event at it, which may be several sinks' and routes'.

    Raises ConnectorError where there is none, where the record there is no letter, or where there is no such topic.
    """
    letters.expect_topic()
    origin, only = address, None
    if address.topic == letters.topic:
        letter = _letter_at(letters, address)
        origin, only = Address(letter.topic, letter.partition, letter.offset), letter.identity
    found: dict[bytes, list[_Written]] = {}
    done = 0
    for records in letters.read():
        for record in records:
            read = read_letter(record)
            if read is not None and (read.topic, read.partition, read.offset) == origin:
                found.setdefault(read.identity, []).append((read, failed_record(read, record)))
        done += len(records)
        progress("dead letters", done, letters.records)
    wanted = [identity for identity in found if only in (None, identity)]
    if not wanted:
        raise ConnectorError(f"{address}: no dead letter of this event in {letters.topic}")
    keys = {key for identity in wanted for key in _keys(found[identity])}
    known = _receipts_of(conf, receipt_topic, keys, progress)
    return [history_of(found[identity], known) for identity in wanted]


def _letter_at(letters: TopicReader, address: Address) -> DeadLetter:
    record = letters.at(address.partition, address.offset)
    if record is None:
        raise ConnectorError(f"{address}: no dead letter lies there (it may have been deleted by retention)")
    letter = examine(record)
    if isinstance(letter, Flaw):
        raise ConnectorError(
            f"{address}: no dead letter of the connector's: {letter}. It is a record of {len(record.value or b''):,} "
            f"bytes with {len(record.headers)} headers; every dlq command leaves it alone"
        )
    return letter


def _keys(letters: list[_Written]) -> tuple[bytes, bytes]:
    """Under which receipts of these letters lie: their identity, and what older versions take for it."""
    letter, _ = letters[0]
    return letter.identity, letter.older_identity_by(letter.route)


@dataclass(slots=True)
class Known:
    """The receipts of some identities, one by one and as they add up."""

    together: Receipts = field(default_factory=Receipts)
    _single: dict[bytes, list[tuple[int, Receipt]]] = field(default_factory=dict)  # with the partition of each

    def add(self, key: bytes, value: bytes | None, source: int) -> None:
        """Take in a record of partition `source` of the receipts topic."""
        receipt = self.together.add_record(key, value, source)
        if receipt is not None:
            self._single.setdefault(key, []).append((source, receipt))
        elif value is None:
            self._single[key] = [each for each in self._single.get(key, ()) if each[0] != source]

    def under(self, key: bytes) -> list[Receipt]:
        """Those that no tombstone has taken back."""
        return [receipt for _, receipt in self._single.get(key, ())]


def _receipts_of(conf: Mapping[str, Any], topic: str, wanted: Collection[bytes], progress: Progress) -> Known:
    found, done = Known(), 0
    with TopicReader(conf, topic) as reader:
        for records in reader.read():
            for record in records:
                if (key := record.key or b"") in wanted:
                    found.add(key, record.value, record.partition)
            done += len(records)
            progress("receipts", done, reader.records)
    return found


def history_of(letters: list[_Written], known: Known) -> LetterHistory:
    """The history of the letters of one identity."""
    letters.sort(key=lambda each: (each[0].replays, each[0].failed_at, each[0].place))
    newest, record = letters[-1]
    states = {known.together.state_of(letter, letter.route) for letter, _ in letters}
    state = State.OPEN if State.OPEN in states else known.together.state_of(newest, newest.route)
    return LetterHistory([letter for letter, _ in letters], _shown(letters, known), record, state)


def _shown(letters: list[_Written], known: Known) -> list[Receipt]:
    """The receipts that speak of these letters, oldest first."""
    identity, older = _keys(letters)
    receipts = known.under(identity)
    if older != identity:
        places = {letter.place for letter, _ in letters}
        receipts += [receipt for receipt in known.under(older) if receipt.place in places]
    return sorted(receipts, key=lambda receipt: receipt.at)
