"""Offsets of one partition under one assignment: what is open, what is settled, and what may be committed. Pure.

The position is the lowest offset that is read and not settled, or the next one to read if none is open: only what
lies below it may be committed. What is settled above it goes with the commit as metadata (see commit_metadata).

That metadata is bound to the record at the position. While none is open and what an earlier owner settled is still to
be read, there is no such record yet: then the position stays at the last one that was read, which is settled too.

A record of several parts may be settled in part. Its parts are begun only where the metadata has room for all such
records of the partition (see half_settled), whichever of their parts come to be settled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from zlib import crc32

from connector.delivery.half_settled import MetadataBudget, MultiPartRecord, RecordPart, lengths_of
from connector.kafka.commit_metadata import SETTLED, SURE_BITS, UNSETTLED, Metadata, Settled
from connector.kafka.part_bits import HalfSettled, PartsByRoute
from connector.model import Record

UNBOUNDED = 1 << 63  # past every offset
# No record may be begun: one before it waits.
SHUT = -1


def fingerprint(record: Record) -> int:
    """32 bits that tell a record from another one at the same offset of a topic that was made anew."""
    return crc32(record.value or b"", crc32(record.key or b"", record.timestamp & 0xFFFFFFFF))


def _count(parts: PartsByRoute) -> int:
    return sum(each.bit_count() for each in parts.values())


class PartitionOffsets:
    """The offsets of one epoch: one assignment of one partition.

    `told` is what the metadata of the committed position says. `leader_epoch` is the one that was committed. `tags` has
    that of each route of which parts can be told.

    An offset below `limit` may be begun; from it on, ask `admits`. `told` are the half-settled records of an earlier
    owner that are still to be read.
    """

    __slots__ = (
        "_before",
        "_bound",
        "_farthest",
        "_free",
        "_last",
        "_leader_epoch",
        "_next",
        "_order",
        "_pending",
        "_room",
        "_settled_leader_epoch",
        "_several",
        "_started",
        "_tags",
        "_unproven",
        "half_settled_before",
        "limit",
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
        tags: Mapping[str, int] | None = None,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.topic_id = topic_id  # Kafka's, of the topic that these offsets are of; empty if not known
        self.open_bytes = 0
        self._next = position
        self._leader_epoch = leader_epoch  # of the record that was read last
        self._unproven = None if told is None else told.settled
        self._settled_leader_epoch = -1 if told is None else told.leader_epoch  # the newest that an earlier owner read
        self._before: set[int] = set()  # settled by an earlier owner, and still to be read
        self._farthest = -1  # the highest of them
        self._last: Record | None = None  # that was read while there were any
        self._order: deque[Record] = deque()
        self._pending: dict[int, MultiPartRecord | None] = {}
        self._tags = {} if tags is None else tags
        self._several: dict[int, MultiPartRecord] = {}  # the open records that have several parts, or had
        self._started = 0  # how many of them are begun
        self._room = MetadataBudget()
        self._free = 0  # bits that records of several parts may take before all is measured again
        self._bound = True
        self.half_settled_before: deque[tuple[int, PartsByRoute]] = deque()
        self.limit = UNBOUNDED

    def begin(self, record: Record) -> bool:
        """A record was read. False if an earlier owner had settled it: then it must not be sent again."""
        if self._unproven is not None:
            self._prove(record, self._unproven)
        offset = record.offset
        self._next = offset + 1
        self._leader_epoch = record.leader_epoch
        if self._farthest >= offset:
            self._last = record
            if self._is_overwritten(record):
                self._before.clear()
                self._drop_told(self._farthest)
                self._farthest = -1
            elif offset in self._before:
                self._before.discard(offset)
                return False
        return True

    def unsettled(self, record: Record, parts: Sequence[RecordPart]) -> tuple[list[bool], dict[int, int]]:
        """For each part of the record that was just begun, whether it is still to be sent; and what an earlier owner
        has settled of them. A part of a route that is another one now was not sent."""
        before = self._drop_told(record.offset)
        settled: dict[int, int] = {}
        open_: list[bool] = []
        for route, index in parts:
            tag = self._tag(route)
            done = before.get(tag, 0) >> index & 1 if tag else 0
            if done:
                settled[tag] = settled.get(tag, 0) | 1 << index
            open_.append(not done)
        return open_, settled

    def open(
        self, record: Record, parts: Sequence[RecordPart] | None = None, settled: Mapping[int, int] | None = None
    ) -> int:
        """The record that was just begun is settled only when each of its `parts` is (None: it has one).

        `settled` is what an earlier owner has settled of it. Returns the bytes that it keeps open.
        """
        size = len(record.value or b"")
        self._order.append(record)
        self.open_bytes += size
        if parts is None:
            self._pending[record.offset] = None
            return size
        told = dict(settled) if settled else {}
        lengths = lengths_of(told)
        for route, index in parts:
            if (tag := self._tag(route)) and lengths.get(tag, 0) <= index:
                lengths[tag] = index + 1
        self._pending[record.offset] = self._several[record.offset] = MultiPartRecord(len(parts), lengths, told)
        if told:
            self._room.reserve(lengths)
            self._measure_anew()  # it was told by what is settled of it, and needs room for what is not
        return size

    def start_parts(self, offset: int) -> bool:
        """Whether the parts of an open record may be sent now: a commit could tell of each that is settled.

        If no other such record is begun, they may in any case.
        """
        several = self._several.get(offset)
        if several is None:
            return True
        more = 0 if several.settled else self._room.reserve(several.lengths)
        if more <= self._free and offset < self.limit:
            self._free -= more
        elif not self._measured(offset) and self._started and self._bound:
            if not several.settled:
                self._room.free(several.lengths)
            return False
        several.begun = True
        self._started += 1
        return True

    def admits(self, offset: int) -> bool:
        """Whether a record may be begun, as far as what was begun before it has to be told beside it."""
        if not self._room or not self._bound:
            self.limit, self._free = UNBOUNDED, 0
            return True
        return self._measured(offset) or not self._pending

    def _measured(self, offset: int) -> bool:
        """Whether a commit has room for all that may have to be told up to an offset. What is left is given half to
        offsets beyond it, for each of which every route may take a bit, and half to further records of several parts;
        so not each of these needs to be measured."""
        at_position = self.oldest() or self._last
        span = 1 if at_position is None else max(offset, self._farthest) + 1 - at_position.offset
        free = (SURE_BITS - span - self._room.bits(span) - len(self._room)) // 2
        self.limit = offset + 1 + free // (2 + len(self._room)) if free >= 0 else SHUT
        self._free = max(0, free)
        return free >= 0

    def _measure_anew(self) -> None:
        """The room has got smaller by what nobody asked for."""
        if self._bound:
            self.limit, self._free = SHUT, 0

    def unbind(self) -> None:
        """No commit is made of these offsets any more: whatever comes may be begun."""
        self._bound = False

    def settle(self, record: Record, route: str | None = None, index: int = 0) -> int | None:
        """A part of an open record is settled. Returns the bytes that this freed if it was the last one."""
        several = self._pending[record.offset]
        if several is not None and not self._settle_one(several, route, index):
            return None
        del self._pending[record.offset]
        size = len(record.value or b"")
        self.open_bytes -= size
        if several is not None:
            del self._several[record.offset]
            self._started -= several.begun
            if several.begun or several.settled:
                self._room.free(several.lengths)
        return size

    def _settle_one(self, several: MultiPartRecord, route: str | None, index: int) -> bool:
        """Whether it was the last part."""
        several.unsettled -= 1
        several.settled_count += 1
        tag = self._tag(route)
        if tag and several.unsettled:
            several.settled[tag] = several.settled.get(tag, 0) | 1 << index
        return not several.unsettled

    @property
    def open_events(self) -> int:
        """How many records are read and not settled."""
        return len(self._pending)

    @property
    def open_parts(self) -> int:
        """How many settlements they still wait for."""
        return len(self._pending) + sum(several.unsettled - 1 for several in self._several.values())

    def half_settled(self, alive: frozenset[int] | set[int] = frozenset()) -> list[int]:
        """The offsets of open records of which a part is settled, or that are among those that are `alive`."""
        return [offset for offset, several in self._several.items() if several.settled_count or offset in alive]

    def skip_settled(self) -> int | None:
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
        return self._leader_epoch if record is None else record.leader_epoch

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
        unread = self._farthest >= (self._next or 0) or self._unproven is not None
        leader_epoch = max(self._leader_epoch, self._settled_leader_epoch) if unread else self._leader_epoch
        return Metadata(self.settled_above(farthest), self.topic_id, leader_epoch)

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
        halves = self._halves(start)
        return Settled(fingerprint(at_position), settled, first, halves) if settled or halves else None

    def _halves(self, position: int) -> HalfSettled:
        """What is settled of records that are not settled as a whole, by offset above the position."""
        halves = {offset - position: dict(each.settled) for offset, each in self._several.items() if each.settled}
        return halves | {
            offset - position: dict(parts) for offset, parts in self.half_settled_before if offset >= position
        }

    def not_in_metadata(self, farthest: int) -> int:
        """How many records and parts are settled above the position of which a commit with what is settled up to
        `farthest` offsets above it does not tell. Where the log has gaps that far away, it may be fewer."""
        settled = self.settled_above(farthest)
        at_position = self.oldest() or self._settled_last()
        if settled is None or self._unproven is not None or self._next is None or at_position is None:
            return 0
        end = at_position.offset + farthest + 1
        beyond = max(0, self._next - end) - sum(offset >= end for offset in self._pending)
        parts = sum(each.settled_count - _count(each.settled) for each in self._several.values())
        return max(0, beyond) + parts + settled.weight() - settled.fitting().weight()

    def _settled_last(self) -> Record | None:
        """The record that was read last, if none is open and what an earlier owner settled is still to be read."""
        return self._last if self._next is not None and self._farthest >= self._next else None

    def _is_overwritten(self, record: Record) -> bool:
        """Whether the log was truncated and written anew: an offset that an earlier owner could have read now holds a
        record of a leader that came later."""
        return record.leader_epoch > self._settled_leader_epoch >= 0 and record.offset <= self._farthest

    def _prove(self, record: Record, settled: Settled) -> None:
        """The first record read decides whether what the commit's metadata says is about this very log."""
        self._unproven = None
        if record.offset == self._next and fingerprint(record) == settled.fingerprint:
            self._before = settled.offsets(record.offset)
            self.half_settled_before.extend(
                (record.offset + above, settled.halves[above]) for above in sorted(settled.halves)
            )
            self._farthest = max(
                max(self._before, default=-1), self.half_settled_before[-1][0] if self.half_settled_before else -1
            )
            for _, parts in self.half_settled_before:
                self._room.reserve(lengths_of(parts))
            self._measure_anew()

    def _drop_told(self, offset: int) -> PartsByRoute:
        """Reading has come so far; returns what an earlier owner has settled of the record there."""
        while self.half_settled_before and self.half_settled_before[0][0] <= offset:
            at, parts = self.half_settled_before.popleft()
            self._room.free(lengths_of(parts))
            if at == offset:
                return parts
        return {}

    def _tag(self, route: str | None) -> int:
        return 0 if route is None else self._tags.get(route, 0)
