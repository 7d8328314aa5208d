"""All that is known of one failed event: every letter that was written of it, and every receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.deadletters.letter import DeadLetter, digest, failed_record, read_letter
from connector.deadletters.reader import TopicReader
from connector.deadletters.receipts import Receipt, Receipts, State, decode_receipt
from connector.deadletters.stock import Progress
from connector.errors import ConnectorError
from connector.kafka.lookup import Address
from connector.model import Record


@dataclass(frozen=True, slots=True)
class History:
    """One failed event as one sink's route met it: its letters, oldest first, and its receipts.

    `record` is the event as it was. `state` is what became of the newest letter.
    """

    letters: list[DeadLetter]
    receipts: list[Receipt]
    record: Record
    state: State


def find_histories(
    conf: Mapping[str, Any], letters: TopicReader, receipt_topic: str, address: Address, progress: Progress
) -> list[History]:
    """The histories of the letter at this address, or of the event at it, which may be several sinks' and routes'.

    Raises ConnectorError where there is none, or no such topic.
    """
    letters.expect_topic()
    origin, only = address, None
    if address.topic == letters.topic:
        record = letters.at(address.partition, address.offset)
        letter = None if record is None else read_letter(record)
        if letter is None:
            raise ConnectorError(f"{address}: no dead letter lies there (it may have been deleted by retention)")
        origin, only = Address(letter.topic, letter.partition, letter.offset), letter.identity
    found: dict[bytes, list[tuple[DeadLetter, Record]]] = {}
    done = 0
    for records in letters.read():
        for record in records:
            letter = read_letter(record)
            if letter is not None and (letter.topic, letter.partition, letter.offset) == origin:
                found.setdefault(letter.identity, []).append((letter, failed_record(letter, record)))
        done += len(records)
        progress("dead letters", done, letters.records)
    wanted = [identity for identity in found if only in (None, identity)]
    if not wanted:
        raise ConnectorError(f"{address}: no dead letter of this event in {letters.topic}")
    receipts = _receipts_of(conf, receipt_topic, set(wanted), progress)
    return [_history(identity, found[identity], receipts.get(identity, [])) for identity in wanted]


def _receipts_of(
    conf: Mapping[str, Any], topic: str, wanted: set[bytes], progress: Progress
) -> dict[bytes, list[Receipt]]:
    found: dict[bytes, list[Receipt]] = {}
    done = 0
    with TopicReader(conf, topic) as reader:
        for records in reader.read():
            for record in records:
                key = record.key or b""
                receipt = decode_receipt(record.value) if key in wanted else None
                if receipt is not None:
                    found.setdefault(key, []).append(receipt)
            done += len(records)
            progress("receipts", done, reader.records)
    return found


def _history(identity: bytes, letters: list[tuple[DeadLetter, Record]], receipts: list[Receipt]) -> History:
    letters.sort(key=lambda each: (each[0].replays, each[0].failed_at, each[0].place))
    known = Receipts()
    for receipt in receipts:
        known.add(identity, receipt)
    newest, record = letters[-1]
    states = {known.state(digest(identity), letter.place) for letter, _ in letters}
    state = State.OPEN if State.OPEN in states else known.state(digest(identity), newest.place)
    return History([letter for letter, _ in letters], receipts, record, state)
