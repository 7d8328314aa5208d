"""Offsets of one partition under one assignment: what is open, what is settled, and what may be committed. Pure.

The position is the lowest offset that is read and not settled, or the next one to read if none is open: only what
lies below it may be committed. What is settled above it goes with the commit as metadata (see commit_metadata).

That metadata is bound to the record at the position. While none is open and what an earlier owner settled is still to
be read, there is no such record yet: then the position stays at the last one that was read, which is settled too.
"""

from __future__ import annotations

from collections import deque
from zlib import crc32

from connector.kafka.commit_metadata import SETTLED, UNSETTLED, Metadata, Settled
from connector.model import Record


def fingerprint(record: Record) -> int:
    """32 bits that tell a record from another one at the same offset of a topic that was made anew."""
    return crc32(record.value or b"", crc32(record.key or b"", record.timestamp & 0xFFFFFFFF))


class PartitionOffsets:
    """The offsets of one claim: one assignment of one partition.

    `told` is what the metadata of the committed position says. `leader_epoch` is the one that was committed.
    """

    __slots__ = (
        "_before",
        "_epoch",
        "_farthest",
        "_last",
        "_next",
        "_order",
        "_pending",
        "_settled_epoch",
        "_unproven",
        "open_bytes",
        "partition",
        "topic",
        "topic_id",
    )

    def __init__(
        self,
        topic: str,
        partition: int,
        position: int | None,
        told: Metadata | None = None,
        *,
        topic_id: str = "",
        leader_epoch: int = -1,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.topic_id = topic_id  # Kafka's, of the topic that these offsets are of; empty if not known
        self.open_bytes = 0
        self._next = position
        self._epoch = leader_epoch  # of the record that was read last
        self._unproven = None if told is None else told.settled
        self._settled_epoch = -1 if told is None else told.leader_epoch  # the newest that an earlier owner read
        self._before: set[int] = set()  # settled by an earlier owner, and still to be read
        self._farthest = -1  # the highest of them
        self._last: Record | None = None  # that was read while there were any
        self._order: deque[Record] = deque()
        self._pending: dict[int, int] = {}

    def begin(self, record: Record) -> bool:
        """A record was read. False if an earlier owner had settled it: then it must not be sent again."""
        if self._unproven is not None:
            self._prove(record, self._unproven)
        offset = record.offset
        self._next = offset + 1
        self._epoch = record.leader_epoch
        if self._before:
            self._last = record
            if self._is_overwritten(record):
                self._before.clear()
                self._farthest = -1
            elif offset in self._before:
                self._before.discard(offset)
                return False
        return True

    def open(self, record: Record, parts: int) -> int:
        """The record that was just begun is settled only when `parts` settlements of it have come.

        Returns the bytes that it keeps open.
        """
        size = len(record.value or b"")
        self._order.append(record)
        self._pending[record.offset] = parts
        self.open_bytes += size
        return size

    def settle(self, record: Record) -> int | None:
        """One part of an open record is settled. Returns the bytes that this freed if it was the last one."""
        left = self._pending[record.offset] - 1
        if left:
            self._pending[record.offset] = left
            return None
        del self._pending[record.offset]
        size = len(record.value or b"")
        self.open_bytes -= size
        return size

    @property
    def open_events(self) -> int:
        """How many records are read and not settled."""
        return len(self._pending)

    @property
    def open_parts(self) -> int:
        """How many settlements they still wait for."""
        return sum(self._pending.values())

    def pass_settled(self) -> int | None:
        """The record to be read next cannot be read. If an earlier owner settled it, reading goes on behind it, and
        behind what else it settled there: returns at which offset; else None."""
        start = offset = self._next
        while offset is not None and offset in self._before:
            self._before.discard(offset)
            offset += 1
        self._next = offset
        return None if offset == start else offset

    @property
    def position(self) -> int | None:
        """The offset that may be committed; None while nothing is known of this partition."""
        record = self.oldest() or self._settled_last()
        return self._next if record is None else record.offset

    @property
    def leader_epoch(self) -> int:
        """The leader epoch to commit with the position: by it a log that was truncated below is told from this one."""
        record = self.oldest() or self._settled_last()
        return self._epoch if record is None else record.leader_epoch

    @property
    def next_offset(self) -> int | None:
        """One past the highest offset that was read."""
        return self._next

    @property
    def span(self) -> int:
        """How far reading is ahead of the position."""
        head = self.oldest()
        return 0 if head is None or self._next is None else self._next - head.offset

    def oldest(self) -> Record | None:
        """The record at the position, if one is open."""
        order, pending = self._order, self._pending
        while order and order[0].offset not in pending:
            order.popleft()
        return order[0] if order else None

    def metadata(self, farthest: int) -> Metadata:
        """What is to be committed with the position, with what is settled up to `farthest` offsets above it."""
        unread = self._before or self._unproven is not None
        epoch = max(self._epoch, self._settled_epoch) if unread else self._epoch
        return Metadata(self.settled_above(farthest), self.topic_id, epoch)

    def settled_above(self, farthest: int) -> Settled | None:
        """What is settled up to `farthest` offsets above the position, to be committed with it; None where there is
        nothing to say."""
        if self._unproven is not None:
            return self._unproven
        head = self.oldest()
        at_position = head or self._settled_last()
        if at_position is None or self._next is None:
            return None
        start = at_position.offset
        end = start + farthest + 1  # a compacted log may have a gap of any size
        flags = bytearray(b"1") * (min(self._next, end) - start)
        for offset in self._pending:
            if offset < end:
                flags[offset - start] = UNSETTLED
        unread = [offset for offset in self._before if self._next <= offset < end]
        if unread:
            flags = flags.ljust(max(unread) + 1 - start, b"0")
            for offset in unread:
                flags[offset - start] = SETTLED
        first = 0 if head is None else 1
        settled = bytes(flags[first:].rstrip(b"0"))
        return Settled(fingerprint(at_position), settled, first) if settled else None

    def _settled_last(self) -> Record | None:
        """The record that was read last, if none is open and what an earlier owner settled is still to be read."""
        return self._last if self._next is not None and self._farthest >= self._next else None

    def _is_overwritten(self, record: Record) -> bool:
        """Whether the log was truncated and written anew: an offset that an earlier owner could have read now holds a
        record of a leader that came later."""
        return record.leader_epoch > self._settled_epoch >= 0 and record.offset <= self._farthest

    def _prove(self, record: Record, settled: Settled) -> None:
        """The first record read decides whether what the commit's metadata says is about this very log."""
        self._unproven = None
        if record.offset == self._next and fingerprint(record) == settled.fingerprint:
            self._before = settled.offsets(record.offset)
            self._farthest = max(self._before)
