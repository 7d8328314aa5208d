"""The marks up to which events of one sink may be open, and what one partition may take of them. Pure.

A partition whose events do not settle (its dead letters cannot be written, a key of it waits) must not take all the
room from the others. So each may have half of what is left, at most: where one stands it ends at a third of the marks,
where two do at a quarter each, and the others always find twice that.
"""

from __future__ import annotations

from typing import NamedTuple

PART_OF_THE_REST = 2
# A paused partition is read again below a half of what it may have, so that it is not paused again at once.
HYSTERESIS = 2


class Room(NamedTuple):
    """How much one partition may have open: events (items, and failures before any route) and bytes."""

    events: float
    size: float

    def is_exceeded_by(self, events: int, size: int) -> bool:
        """True if a partition with so much open is to be paused."""
        return events >= self.events or size >= self.size

    def leaves_space_for(self, events: int, size: int) -> bool:
        """True if a paused partition with so much open is to be read again."""
        return events * HYSTERESIS <= self.events and size * HYSTERESIS <= self.size


UNLIMITED = Room(float("inf"), float("inf"))


class Marks(NamedTuple):
    """The marks of one sink, for all its partitions together."""

    events: int
    size: int

    def are_reached(self, events: int, size: int) -> bool:
        """True if nothing more may be read while so much is open."""
        return events >= self.events or size >= self.size

    def room_of_one(self, events: int, size: int) -> Room:
        """Return how much one of several partitions may have open, where all together have so much."""
        return Room(
            max(0, self.events - events) / PART_OF_THE_REST,
            max(0, self.size - size) / PART_OF_THE_REST,
        )
