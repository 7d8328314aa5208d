"""Receipts: which letters are closed, by what, and since when. Pure.

A receipt's key is an identity; the topic is compacted, so the newest receipt of an identity must say everything. Its
value is JSON:

  {"what": "replayed" | "refused" | "discarded", "why": TEXT or null, "at": ISO 8601, "letter": "topic/p/o",
   "closes": {"0": 17}}

`closes` says, by partition of the dead-letter topic, up to which offset the letters of that identity are closed. A
letter that is written later, by a replay that fails again or after an offset was set back by hand, lies behind
and is open; no clock is asked.

Receipts add up, in whatever order they are read: what one has closed no other opens. Only a tombstone takes back what
lies before it in its partition, as compaction would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from struct import Struct
from typing import Any, NamedTuple

import orjson

from connector.kafka.dead_letter import MAX_INT32, MAX_INT64, DeadLetter, LetterPlace, digest, parse_time, whole_number


class State(IntEnum):
    """What became of a letter. The numbers are how `Receipts` keeps it in memory."""

    OPEN = 0
    REPLAYED = 1  # the vendor accepted it
    REFUSED = 2  # the vendor refused it again: a newer letter stands for it
    DISCARDED = 3  # somebody said why it need not be delivered

    @property
    def word(self) -> str:
        """As receipts and people write it."""
        return self.name.lower()


_CLOSING = {state.word: state for state in State if state is not State.OPEN}


class Receipt(NamedTuple):
    """One receipt. `at` in seconds since the epoch; `letter` is the address of the letter that it was written for."""

    what: State
    at: float
    letter: str
    closes: Mapping[int, int]
    why: str | None = None

    @property
    def place(self) -> LetterPlace | None:
        """Where the letter lies that it was written for; None where `letter` is no address."""
        partition, offset = (whole_number(part.encode(), MAX_INT64) for part in ("//" + self.letter).split("/")[-2:])
        return None if partition is None or offset is None or partition > MAX_INT32 else LetterPlace(partition, offset)

    def encode(self) -> bytes:
        """The record's value."""
        return orjson.dumps(
            {
                "what": self.what.word,
                "why": self.why,
                "at": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds"),
                "letter": self.letter,
                "closes": {str(partition): offset for partition, offset in self.closes.items()},
            }
        )


def decode_receipt(value: bytes | None) -> Receipt | None:
    """The receipt that a record's value holds; None for a tombstone and for what the connector did not write."""
    try:
        told = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(told, dict):
        return None
    what, at, letter, why = (told.get(name) for name in ("what", "at", "letter", "why"))
    state = _CLOSING.get(what) if isinstance(what, str) else None
    seconds = parse_time(at) if isinstance(at, str) else None
    closes = _closes(told.get("closes"))
    if state is None or seconds is None or closes is None or not isinstance(letter, str):
        return None
    return Receipt(state, seconds, letter, closes, why) if why is None or isinstance(why, str) else None


def _closes(told: Any) -> dict[int, int] | None:
    if not isinstance(told, dict):
        return None
    closes = {}
    for name, offset in told.items():
        partition = whole_number(name.encode(), MAX_INT32)
        # `type`: a bool is an int to isinstance.
        if partition is None or type(offset) is not int or not 0 <= offset <= MAX_INT64:
            return None
        closes[partition] = offset
    return closes


_HEAD = Struct("<dBI")  # the newest receipt's time and state, how many partitions are closed
_PLACE = Struct("<iq")  # partition and offset


class _Entry(NamedTuple):
    """What the receipts of one identity say together.

    `at` and `what` are the newest's. `closes` has the highest offset by partition. `written_for` are the places of
    the letters that they were written for.
    """

    at: float
    what: State
    closes: dict[int, int]
    written_for: frozenset[LetterPlace]

    def merged(self, other: _Entry) -> _Entry:
        """Both together; the same whichever comes first."""
        at, what = max((self.at, self.what), (other.at, other.what))
        closes = dict(self.closes)
        for partition, offset in other.closes.items():
            closes[partition] = max(offset, closes.get(partition, -1))
        return _Entry(at, what, closes, self.written_for | other.written_for)

    def pack(self) -> bytes:
        """In a few bytes."""
        places = [*self.closes.items(), *self.written_for]
        head = _HEAD.pack(self.at, self.what, len(self.closes))
        return head + b"".join(_PLACE.pack(*place) for place in places)

    @classmethod
    def unpack(cls, packed: bytes) -> _Entry:
        """What `pack` packed."""
        at, what, count = _HEAD.unpack_from(packed)
        places = [LetterPlace(*each) for each in _PLACE.iter_unpack(memoryview(packed)[_HEAD.size :])]
        return cls(at, State(what), dict(places[:count]), frozenset(places[count:]))


class Receipts:
    """All receipts of a topic in about 200 bytes each: digest of the identity → what its receipts say, packed.

    Kept by partition of the receipts topic (nearly always one): in each of them a tombstone is a matter of its own.
    """

    def __init__(self) -> None:
        self._entries: dict[int, dict[bytes, bytes]] = {}

    def add(self, identity: bytes, receipt: Receipt, source: int = 0) -> None:
        """Take in a receipt, read from partition `source` of the receipts topic."""
        key, place = digest(identity), receipt.place
        written_for = frozenset() if place is None else frozenset((place,))
        entry = _Entry(receipt.at, receipt.what, dict(receipt.closes), written_for)
        entries = self._entries.setdefault(source, {})
        earlier = entries.get(key)
        entries[key] = (entry if earlier is None else entry.merged(_Entry.unpack(earlier))).pack()

    def take_back(self, identity: bytes, source: int = 0) -> None:
        """A tombstone: what was read of this identity from this partition so far counts no more."""
        self._entries.get(source, {}).pop(digest(identity), None)

    def add_record(self, key: bytes, value: bytes | None, source: int) -> Receipt | None:
        """Take in a record of the receipts topic; the receipt that it is. What the connector did not write is ignored.

        Only a record without a value is a tombstone.
        """
        receipt = decode_receipt(value)
        if receipt is not None:
            self.add(key, receipt, source)
        elif value is None:
            self.take_back(key, source)
        return receipt

    def state(self, key: bytes, place: LetterPlace) -> State:
        """What became of the letter at `place` whose identity has this digest."""
        entry = self._entry(key)
        if entry is None or place.offset > entry.closes.get(place.partition, -1):
            return State.OPEN
        return entry.what

    def state_of(self, letter: DeadLetter, route: str | None) -> State:
        """What became of a letter, as far as this route goes.

        An older version does not know the letter's fingerprint: its receipt, under the older identity, may stand for
        another life's letter, and is believed only of the very letter that it was written for.
        """
        if not self._entries:
            return State.OPEN
        state = self.state(digest(letter.identity_by(route)), letter.place)
        if state is not State.OPEN or not letter.fingerprint:
            return state
        older = digest(letter.older_identity_by(route))
        entry = self._entry(older)
        return self.state(older, letter.place) if entry is not None and letter.place in entry.written_for else state

    def closing(self, key: bytes, places: Mapping[int, int]) -> dict[int, int]:
        """What a new receipt must close: these places, and what earlier receipts of the identity closed."""
        entry = self._entry(key)
        closes = {} if entry is None else dict(entry.closes)
        for partition, offset in places.items():
            closes[partition] = max(offset, closes.get(partition, -1))
        return closes

    def _entry(self, key: bytes) -> _Entry | None:
        whole: _Entry | None = None
        for entry in self._packed(key):
            whole = entry if whole is None else whole.merged(entry)
        return whole

    def _packed(self, key: bytes) -> Iterator[_Entry]:
        for entries in self._entries.values():
            packed = entries.get(key)
            if packed is not None:
                yield _Entry.unpack(packed)
