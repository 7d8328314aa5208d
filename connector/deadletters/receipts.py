"""Receipts: which letters are closed, how, and since when. Pure.

A receipt's key is an identity; the topic is compacted, so the newest receipt of an identity must say everything. Its
value is JSON:

  {"what": "replayed" | "refused" | "discarded", "why": TEXT or null, "at": ISO 8601, "letter": "topic/p/o",
   "closes": {"0": 17}}

`closes` says, by partition of the dead-letter topic, up to which offset the letters of that identity are closed. A
letter that is written later, by a replay that fails again or after somebody moved a group's offsets back, lies above
that offset and is open; no clock is asked.

Receipts accumulate in any order of reading: none reopens what another has closed. Only a tombstone undoes what lies
before it in its partition, as compaction would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from struct import Struct
from typing import Any, NamedTuple

import orjson

from connector.kafka.dead_letter import MAX_INT32, MAX_INT64, DeadLetter, LetterPlace, digest, parse_time, whole_number


class LetterState(IntEnum):
    """The state of a letter: open, or closed in one of three ways. `Receipts` stores the numbers in memory."""

    OPEN = 0
    REPLAYED = 1  # the vendor accepted it
    REFUSED = 2  # the vendor refused it again: a newer letter replaces it
    DISCARDED = 3  # somebody closed it, with a reason

    @property
    def label(self) -> str:
        """The name in receipts and in what people are shown."""
        return self.name.lower()


_CLOSING = {state.label: state for state in LetterState if state is not LetterState.OPEN}


class Receipt(NamedTuple):
    """One receipt.

    `at` is in Unix seconds, `letter` the address of the letter that it was written for, `closes` the highest
    closed offset by partition of the dead-letter topic.
    """

    state: LetterState
    at: float
    letter: str
    closes: Mapping[int, int]
    why: str | None = None

    @property
    def letter_location(self) -> LetterPlace | None:
        """The partition and offset in `letter`; None where that is no address."""
        partition, offset = (whole_number(part.encode(), MAX_INT64) for part in ("//" + self.letter).split("/")[-2:])
        return None if partition is None or offset is None or partition > MAX_INT32 else LetterPlace(partition, offset)

    def encode(self) -> bytes:
        """Return the record's value."""
        return orjson.dumps(
            {
                "what": self.state.label,
                "why": self.why,
                "at": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds"),
                "letter": self.letter,
                "closes": {str(partition): offset for partition, offset in self.closes.items()},
            }
        )


def decode_receipt(value: bytes | None) -> Receipt | None:
    """Return the receipt in a record's value; None for a tombstone and for what the connector did not write."""
    try:
        content = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(content, dict):
        return None
    what, at, letter, why = (content.get(name) for name in ("what", "at", "letter", "why"))
    state = _CLOSING.get(what) if isinstance(what, str) else None
    seconds = parse_time(at) if isinstance(at, str) else None
    closes = _closes(content.get("closes"))
    if state is None or seconds is None or closes is None or not isinstance(letter, str):
        return None
    return Receipt(state, seconds, letter, closes, why) if why is None or isinstance(why, str) else None


def _closes(content: Any) -> dict[int, int] | None:
    """Return a receipt's `closes` as JSON has it; None where it is not one."""
    if not isinstance(content, dict):
        return None
    closes = {}
    for name, offset in content.items():
        partition = whole_number(name.encode(), MAX_INT32)
        # `type`: a bool is an int to isinstance.
        if partition is None or type(offset) is not int or not 0 <= offset <= MAX_INT64:
            return None
        closes[partition] = offset
    return closes


_HEAD = Struct("<dBI")  # the newest receipt's time and state, how many partitions are closed
_LOCATION = Struct("<iq")  # partition and offset


class _Entry(NamedTuple):
    """The receipts of one identity, merged.

    `at` and `state` are the newest receipt's. `closes` has the highest closed offset by partition. `written_for` holds
    the locations of the letters that the receipts were written for.
    """

    at: float
    state: LetterState
    closes: dict[int, int]
    written_for: frozenset[LetterPlace]

    def merged(self, other: _Entry) -> _Entry:
        """Return both entries as one; the order does not matter."""
        at, state = max((self.at, self.state), (other.at, other.state))
        return _Entry(at, state, _highest(self.closes, other.closes), self.written_for | other.written_for)

    def pack(self) -> bytes:
        """Return the entry in a few bytes."""
        locations = [*self.closes.items(), *self.written_for]
        head = _HEAD.pack(self.at, self.state, len(self.closes))
        return head + b"".join(_LOCATION.pack(*location) for location in locations)

    @classmethod
    def unpack(cls, packed: bytes) -> _Entry:
        """Return the entry that `pack` packed."""
        at, state, count = _HEAD.unpack_from(packed)
        locations = [LetterPlace(*each) for each in _LOCATION.iter_unpack(memoryview(packed)[_HEAD.size :])]
        return cls(at, LetterState(state), dict(locations[:count]), frozenset(locations[count:]))


class Receipts:
    """All receipts of a topic, in about 200 bytes for each identity.

    Entries are kept by partition of the receipts topic (nearly always one), because a tombstone applies to its own
    partition alone.
    """

    def __init__(self) -> None:
        self._entries: dict[int, dict[bytes, bytes]] = {}  # partition → digest of the identity → packed _Entry

    def add_receipt(self, identity: bytes, receipt: Receipt, receipt_partition: int = 0) -> None:
        """Add a receipt that was read from partition `receipt_partition` of the receipts topic."""
        key, location = digest(identity), receipt.letter_location
        written_for = frozenset() if location is None else frozenset((location,))
        entry = _Entry(receipt.at, receipt.state, dict(receipt.closes), written_for)
        entries = self._entries.setdefault(receipt_partition, {})
        earlier = entries.get(key)
        entries[key] = (entry if earlier is None else entry.merged(_Entry.unpack(earlier))).pack()

    def apply_tombstone(self, identity: bytes, receipt_partition: int = 0) -> None:
        """Drop the receipts of this identity that were read from this partition so far."""
        self._entries.get(receipt_partition, {}).pop(digest(identity), None)

    def apply_record(self, identity: bytes, value: bytes | None, receipt_partition: int) -> Receipt | None:
        """Apply a record of partition `receipt_partition` of the receipts topic; return its receipt, if it is one.

        A record without a value is a tombstone; every other record that the connector did not write is ignored.
        """
        receipt = decode_receipt(value)
        if receipt is not None:
            self.add_receipt(identity, receipt, receipt_partition)
        elif value is None:
            self.apply_tombstone(identity, receipt_partition)
        return receipt

    def state_at(self, key: bytes, location: LetterPlace) -> LetterState:
        """Return the state of the letter at `location` whose identity has the digest `key`."""
        entry = self._entry(key)
        if entry is None or location.offset > entry.closes.get(location.partition, -1):
            return LetterState.OPEN
        return entry.state

    def state_of(self, letter: DeadLetter, route: str | None) -> LetterState:
        """Return the state of a letter as far as this route is concerned.

        Older versions do not know fingerprints. A receipt under the older identity may be that of a letter from before
        the topic was recreated, so it counts only for the very letter that it was written for.
        """
        if not self._entries:
            return LetterState.OPEN
        state = self.state_at(digest(letter.identity_by(route)), letter.place)
        if state is not LetterState.OPEN or not letter.fingerprint:
            return state
        older = digest(letter.older_identity_by(route))
        entry = self._entry(older)
        return self.state_at(older, letter.place) if entry is not None and letter.place in entry.written_for else state

    def offsets_to_close(self, key: bytes, offsets: Mapping[int, int]) -> dict[int, int]:
        """Return `closes` for a new receipt: these offsets by partition, and what earlier receipts closed."""
        entry = self._entry(key)
        return _highest({} if entry is None else entry.closes, offsets)

    def _entry(self, key: bytes) -> _Entry | None:
        merged: _Entry | None = None
        for entry in self._entries_of(key):
            merged = entry if merged is None else merged.merged(entry)
        return merged

    def _entries_of(self, key: bytes) -> Iterator[_Entry]:
        for entries in self._entries.values():
            packed = entries.get(key)
            if packed is not None:
                yield _Entry.unpack(packed)


def _highest(offsets: Mapping[int, int], others: Mapping[int, int]) -> dict[int, int]:
    """Return the higher offset of each partition."""
    highest = dict(offsets)
    for partition, offset in others.items():
        highest[partition] = max(offset, highest.get(partition, -1))
    return highest
