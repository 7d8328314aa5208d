"""Receipts: which letters are closed, by what, and since when. Pure.

A receipt's key is an identity; the topic is compacted, so the newest receipt of an identity must say everything. Its
value is JSON:

  {"what": "replayed" | "refused" | "discarded", "why": TEXT or null, "at": ISO 8601, "letter": "topic/p/o",
   "closes": {"0": 17}}

`closes` says, by partition of the dead-letter topic, up to which offset the letters of that identity are closed. A
letter that is written later, by a replay that fails again or after an offset was set back by hand, lies behind
and is open; no clock is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

import orjson

from connector.deadletters.letter import Place, digest


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


class Receipt(NamedTuple):
    """One receipt. `at` in seconds since the epoch; `letter` is the address of the letter that it was written for."""

    what: State
    at: float
    letter: str
    closes: Mapping[int, int]
    why: str | None = None

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
    """The receipt that a record's value holds; None for a tombstone and for what is no receipt."""
    try:
        told = orjson.loads(value or b"")
        return Receipt(
            State[told["what"].upper()],
            datetime.fromisoformat(told["at"]).timestamp(),
            str(told["letter"]),
            {int(partition): int(offset) for partition, offset in told["closes"].items()},
            told.get("why"),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None


class Receipts:
    """All receipts of a topic in about 150 bytes each: digest of the identity → what is closed, packed.

    An entry is `offset << 18 | partition << 2 | state`, or a tuple of those where letters of one identity lie in
    several partitions.
    """

    def __init__(self) -> None:
        self._entries: dict[bytes, int | tuple[int, ...]] = {}

    def add(self, identity: bytes, receipt: Receipt | None) -> None:
        """Take in a receipt as read, the newest last; None (a tombstone) takes the earlier ones back."""
        key = digest(identity)
        if receipt is None:
            self._entries.pop(key, None)
            return
        packed = tuple(
            offset << 18 | partition << 2 | receipt.what for partition, offset in sorted(receipt.closes.items())
        )
        self._entries[key] = packed[0] if len(packed) == 1 else packed

    def state(self, key: bytes, place: Place) -> State:
        """What became of the letter at `place` whose identity has this digest."""
        entry = self._entries.get(key)
        if entry is None:
            return State.OPEN
        for packed in (entry,) if isinstance(entry, int) else entry:
            if packed >> 2 & 0xFFFF == place.partition and place.offset <= packed >> 18:
                return State(packed & 3)
        return State.OPEN

    def closing(self, key: bytes, places: Mapping[int, int]) -> dict[int, int]:
        """What a new receipt must close: these places, and what earlier receipts of the identity closed."""
        entry = self._entries.get(key, ())
        closes = {packed >> 2 & 0xFFFF: packed >> 18 for packed in ((entry,) if isinstance(entry, int) else entry)}
        for partition, offset in places.items():
            closes[partition] = max(offset, closes.get(partition, -1))
        return closes
