"""The offsets above the position that an earlier owner of a partition settled, until they are read. Pure.

It comes from the committed metadata, which is valid only for the log that it was committed for: the first record read
must have the fingerprint that the metadata names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from zlib import crc32

from connector.kafka.commit_metadata import Settled
from connector.kafka.part_bits import HalfSettled, PartsByRoute
from connector.model import Record


def fingerprint(record: Record) -> int:
    """Return 32 bits that differ, most likely, for another record at the same offset of a topic that was recreated."""
    return crc32(record.value or b"", crc32(record.key or b"", record.timestamp & 0xFFFFFFFF))


class InheritedProgress:
    """The offsets that an earlier owner settled, and the parts that it settled of other records.

    `unproven` is the metadata as committed, until the first record read has shown if it is about this log.
    `leader_epoch` is that of the newest record which the earlier owner had read (-1: unknown). `last` is the record
    read last, as set by the owner of this object.
    """

    __slots__ = ("_farthest", "_half_settled", "_offsets", "last", "leader_epoch", "unproven")

    def __init__(self, settled: Settled, leader_epoch: int) -> None:
        self.unproven: Settled | None = settled
        self.leader_epoch = leader_epoch
        self.last: Record | None = None
        self._offsets: set[int] = set()
        self._half_settled: deque[tuple[int, PartsByRoute]] = deque()
        self._farthest = -1  # the highest offset of both

    def prove(self, record: Record, position: int | None) -> bool:
        """Compare the first record read with the metadata. Return False if the metadata is about another log."""
        settled, self.unproven = self.unproven, None
        if settled is None or record.offset != position or fingerprint(record) != settled.fingerprint:
            return False
        self._offsets = settled.offsets(record.offset)
        self._half_settled.extend((record.offset + above, settled.halves[above]) for above in sorted(settled.halves))
        self._farthest = max(max(self._offsets, default=-1), self._half_settled[-1][0] if self._half_settled else -1)
        return True

    def reaches(self, next_offset: int | None) -> bool:
        """True if this has, or may have, something at `next_offset` or above."""
        return self.unproven is not None or self._farthest >= (next_offset or 0)

    @property
    def farthest(self) -> int:
        """The highest offset of which something is settled; -1 if nothing is."""
        return self._farthest

    def is_outdated_by(self, record: Record) -> bool:
        """True if the log was truncated and written again: this record's leader is newer than all that was read."""
        return record.leader_epoch > self.leader_epoch >= 0

    def take_settled(self, offset: int) -> bool:
        """Return True if the record at an offset is settled; it is not remembered any longer."""
        if offset in self._offsets:
            self._offsets.discard(offset)
            return True
        return False

    def pass_settled(self, offset: int) -> int:
        """Return the first offset from `offset` on that is not settled; those passed are not remembered any longer."""
        while self.take_settled(offset):
            offset += 1
        return offset

    def take_half_settled_up_to(self, offset: int) -> Sequence[tuple[int, PartsByRoute]]:
        """Remove and return what is settled in part up to an offset: offsets and parts, in order."""
        taken = []
        while self._half_settled and self._half_settled[0][0] <= offset:
            taken.append(self._half_settled.popleft())
        return taken

    @property
    def half_settled_parts(self) -> Sequence[PartsByRoute]:
        """The parts of each record that is settled in part, in order of offsets."""
        return [parts for _, parts in self._half_settled]

    def unread_offsets(self, start: int, end: int) -> list[int]:
        """Return the settled offsets from `start` up to, without, `end`."""
        return [offset for offset in self._offsets if start <= offset < end]

    def unread_half_settled(self, position: int) -> HalfSettled:
        """Return what is settled in part, by offset above the position."""
        return {offset - position: dict(parts) for offset, parts in self._half_settled if offset >= position}
