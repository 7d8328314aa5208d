"""The history of one failed event: every letter that was written for it, and every receipt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.deadletters.receipts import LetterState, Receipt, Receipts
from connector.deadletters.scan import ReadProgress
from connector.errors import ConnectorError
from connector.kafka.dead_letter import DeadLetter, Flaw, examine, failed_record, read_letter
from connector.kafka.records import Address
from connector.kafka.topic_reader import TopicReader
from connector.model import Record

_Written = tuple[DeadLetter, Record]


@dataclass(frozen=True, slots=True)
class LetterHistory:
    """The letters of one identity and their receipts, both oldest first.

    `record` is the record that failed. `state` is OPEN while any of the letters is, else the newest letter's.
    """

    letters: list[DeadLetter]
    receipts: list[Receipt]
    record: Record
    state: LetterState


def find_histories(
    conf: Mapping[str, Any], letters: TopicReader, receipt_topic: str, address: Address, progress: ReadProgress
) -> list[LetterHistory]:
    """Return the history of the letter at this address; for an event's address, one for each sink and route it has.

    Raises ConnectorError where there is none, where the record there is no letter, or where there is no such topic.
    """
    letters.expect_topic()
    event, identity = address, None
    if address.topic == letters.topic:
        letter = _letter_at(letters, address)
        event, identity = Address(letter.topic, letter.partition, letter.offset), letter.identity
    found = _letters_of(letters, event, progress)
    if identity is not None:
        found = {identity: found[identity]} if identity in found else {}
    if not found:
        raise ConnectorError(f"{address}: no dead letter of this event in {letters.topic}")
    keys = {key for written in found.values() for key in _receipt_keys(written)}
    receipts = _read_receipts(conf, receipt_topic, keys, progress)
    return [history_of(written, receipts) for written in found.values()]


def _letters_of(letters: TopicReader, event: Address, progress: ReadProgress) -> dict[bytes, list[_Written]]:
    """Return the letters of the event at an address, by identity, in the order of reading."""
    found: dict[bytes, list[_Written]] = {}
    done = 0
    for records in letters.read():
        for record in records:
            letter = read_letter(record)
            if letter is not None and (letter.topic, letter.partition, letter.offset) == event:
                found.setdefault(letter.identity, []).append((letter, failed_record(letter, record)))
        done += len(records)
        progress("dead letters", done, letters.records)
    return found


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


def _receipt_keys(letters: list[_Written]) -> tuple[bytes, bytes]:
    """Return the keys of these letters' receipts: their identity, and the one that older versions would use."""
    letter, _ = letters[0]
    return letter.identity, letter.older_identity_by(letter.route)


@dataclass(slots=True)
class RequestedReceipts:
    """The receipts of the requested identities: one by one, and combined."""

    combined: Receipts = field(default_factory=Receipts)
    _single: dict[bytes, list[tuple[int, Receipt]]] = field(default_factory=dict)  # with the partition of each

    def apply_record(self, key: bytes, value: bytes | None, source: int) -> None:
        """Apply a record of partition `source` of the receipts topic."""
        receipt = self.combined.apply_record(key, value, source)
        if receipt is not None:
            self._single.setdefault(key, []).append((source, receipt))
        elif value is None:
            self._single[key] = [each for each in self._single.get(key, ()) if each[0] != source]

    def receipts_of(self, key: bytes) -> list[Receipt]:
        """Return the receipts with this key that no tombstone has removed."""
        return [receipt for _, receipt in self._single.get(key, ())]


def _read_receipts(
    conf: Mapping[str, Any], topic: str, keys: Collection[bytes], progress: ReadProgress
) -> RequestedReceipts:
    receipts, done = RequestedReceipts(), 0
    with TopicReader(conf, topic) as reader:
        for records in reader.read():
            for record in records:
                if (key := record.key or b"") in keys:
                    receipts.apply_record(key, record.value, record.partition)
            done += len(records)
            progress("receipts", done, reader.records)
    return receipts


def history_of(letters: list[_Written], receipts: RequestedReceipts) -> LetterHistory:
    """Return the history of the letters of one identity."""
    letters.sort(key=lambda each: (each[0].replays, each[0].failed_at, each[0].place))
    newest, record = letters[-1]
    states = {receipts.combined.state_of(letter, letter.route) for letter, _ in letters}
    open_ = LetterState.OPEN in states
    state = LetterState.OPEN if open_ else receipts.combined.state_of(newest, newest.route)
    return LetterHistory([letter for letter, _ in letters], _receipts_for(letters, receipts), record, state)


def _receipts_for(letters: list[_Written], receipts: RequestedReceipts) -> list[Receipt]:
    """Return the receipts that concern these letters, oldest first."""
    identity, older = _receipt_keys(letters)
    found = receipts.receipts_of(identity)
    if older != identity:
        locations = {letter.place for letter, _ in letters}
        found += [receipt for receipt in receipts.receipts_of(older) if receipt.letter_location in locations]
    return sorted(found, key=lambda receipt: receipt.at)
