"""Offsets of one partition under one assignment: what is open, what is settled, and what may be committed. Pure.

The position is the lowest offset that is read and not settled, or the next one to read if none is open: only what lies
below it may be committed. What is settled above it is committed as metadata (see commit_metadata).

That metadata is bound to the record at the position. If nothing is open but offsets settled earlier are unread, the
position stays at the last record read: the metadata is valid only with it.

A record of several parts may be settled in part. Its parts are begun only where the metadata has room for all such
records of the partition (see half_settled), whichever of their parts come to be settled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from connector.delivery.inherited_progress import InheritedProgress, fingerprint
from connector.delivery.record_parts import MetadataBudget, MultiPartRecord, RecordPart, lengths_of
from connector.kafka.commit_metadata import SETTLED, SURE_BITS, UNSETTLED, Metadata, Settled
from connector.kafka.part_bits import HalfSettled, PartsByRoute
from connector.model import Record

# Values of `limit`: every record may be begun, or none, since one before it waits.
NO_LIMIT = 1 << 63
ASK_ALWAYS = -1


class PartitionOffsets:
    """The offsets of one epoch: one assignment of one partition.

    `metadata` was committed with the position, `leader_epoch` too. `tags` maps the routes whose parts can be named in
    metadata to their tags. An offset below `limit` may be begun; from there on, ask `admits`. `before` is what an
    earlier owner settled, until all of it is read.
    """

    __slots__ = (
        "_budget",
        "_free",
        "_last_leader_epoch",
        "_multi_part",
        "_next",
        "_open",
        "_order",
        "_started",
        "_tags",
        "_will_commit",
        "inherited",
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
        metadata: Metadata | None = None,
        *,
        topic_id: str = "",
        leader_epoch: int = -1,
        tags: Mapping[str, int] | None = None,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.topic_id = topic_id  # Kafka's; empty if it is not known
        self.open_bytes = 0
        self.inherited: InheritedProgress | None = None
        if metadata is not None and metadata.settled is not None:
            self.inherited = InheritedProgress(metadata.settled, metadata.leader_epoch)
        self._next = position
        self._last_leader_epoch = leader_epoch  # of the record read last
        self._order: deque[Record] = deque()  # as read; those in front may be settled
        self._open: dict[int, MultiPartRecord | None] = {}  # by offset; None: the record has one part
        self._multi_part: dict[int, MultiPartRecord] = {}  # those of them that have, or had, several
        self._tags = {} if tags is None else tags
        self._started = 0  # how many of these are begun
        self._budget = MetadataBudget()
        self._free = 0  # bits that records of several parts may take before all is measured again
        self._will_commit = True
        self.limit = NO_LIMIT

    # --- from reading to settled -----------------------------------------------------------------------------------

    def advance(self, record: Record) -> bool:
        """Advance past a record that was read. Return False if an earlier owner had settled it: do not send it."""
        settled = self.inherited is not None and self._take_if_settled(self.inherited, record)
        self._next = record.offset + 1
        self._last_leader_epoch = record.leader_epoch
        return not settled

    def split_parts(self, record: Record, parts: Sequence[RecordPart]) -> tuple[list[bool], dict[int, int]]:
        """Split the parts of the record that was just begun by what an earlier owner did.

        Returns for each part True if it is still to be sent, and the settled ones by route's tag. A part of a route
        that was changed since counts as not sent.
        """
        before = self._take_half_settled_up_to(record.offset)
        settled: dict[int, int] = {}
        unsettled: list[bool] = []
        for route, index in parts:
            tag = self._tag(route)
            is_settled = before.get(tag, 0) >> index & 1 if tag else 0
            if is_settled:
                settled[tag] = settled.get(tag, 0) | 1 << index
            unsettled.append(not is_settled)
        return unsettled, settled

    def open(
        self, record: Record, parts: Sequence[RecordPart] | None = None, settled: Mapping[int, int] | None = None
    ) -> int:
        """Open the record that was just begun: it is settled when each of its `parts` is (None: it has one).

        `settled` is what an earlier owner settled of it. Returns the size of its value.
        """
        size = len(record.value or b"")
        self._order.append(record)
        self.open_bytes += size
        if parts is None:
            self._open[record.offset] = None
            return size
        settled_parts = dict(settled) if settled else {}
        lengths = lengths_of(settled_parts)
        for route, index in parts:
            if (tag := self._tag(route)) and lengths.get(tag, 0) <= index:
                lengths[tag] = index + 1
        opened = MultiPartRecord(len(parts), lengths, settled_parts)
        self._open[record.offset] = self._multi_part[record.offset] = opened
        if settled_parts:
            self._budget.reserve(lengths)  # room was reserved for its settled parts only
            self._measure_next_time()
        return size

    def settle(self, record: Record, route: str | None = None, index: int = 0) -> int | None:
        """Settle a part of an open record. Return the size of its value if that was its last part, else None."""
        multi_part = self._open[record.offset]
        if multi_part is not None and not self._settle_part(multi_part, route, index):
            return None
        del self._open[record.offset]
        size = len(record.value or b"")
        self.open_bytes -= size
        if multi_part is not None:
            del self._multi_part[record.offset]
            self._started -= multi_part.started
            if multi_part.started or multi_part.settled:
                self._budget.free(multi_part.lengths)
        return size

    def _settle_part(self, multi_part: MultiPartRecord, route: str | None, index: int) -> bool:
        """Note a settled part. Return True if it was the last one."""
        multi_part.unsettled -= 1
        multi_part.settled_count += 1
        tag = self._tag(route)
        if tag and multi_part.unsettled:
            multi_part.settled[tag] = multi_part.settled.get(tag, 0) | 1 << index
        return not multi_part.unsettled

    def pass_settled(self) -> int | None:
        """Skip what an earlier owner settled from the next offset on, as the record there cannot be read.

        Returns the offset at which reading goes on; None if the next record is not settled.
        """
        start = self._next
        if start is None or self.inherited is None:
            return None
        self._next = self.inherited.pass_settled(start)
        return None if self._next == start else self._next

    # --- room in the metadata for records of several parts ----------------------------------------------------------

    def start_parts(self, offset: int, *, without_room: bool = False) -> bool:
        """Start an open record of several parts. Return False if a commit might have no room for what settles of it.

        If no other such record is started, or `without_room` is given, it is started in any case.
        """
        multi_part = self._multi_part.get(offset)
        if multi_part is None:
            return True
        more = 0 if multi_part.settled else self._budget.reserve(multi_part.lengths)
        if more <= self._free and offset < self.limit:
            self._free -= more
        elif not self._measure_room(offset) and self._started and self._will_commit and not without_room:
            if not multi_part.settled:
                self._budget.free(multi_part.lengths)
            return False
        multi_part.started = True
        self._started += 1
        return True

    def check_room(self, offset: int) -> bool:
        """Return True if a record may be begun: a commit has room for it beside the half-settled ones before it."""
        if not self._budget or not self._will_commit:
            self.limit, self._free = NO_LIMIT, 0
            return True
        return self._measure_room(offset) or not self._open

    def unbind(self) -> None:
        """Lift every limit: these offsets will not be committed any more."""
        self._will_commit = False

    def _measure_room(self, offset: int) -> bool:
        """True if a commit has room for all that may be settled up to an offset.

        Of the bits that are left, half are given to later offsets (one for the offset, and one for each route) and half
        to further records of several parts, so that not each of these needs to be measured.
        """
        at_position = self.oldest() or self._record_binding_metadata()
        farthest = -1 if self.inherited is None else self.inherited.farthest
        span = 1 if at_position is None else max(offset, farthest) + 1 - at_position.offset
        free = (SURE_BITS - span - self._budget.bits(span) - len(self._budget)) // 2
        self.limit = offset + 1 + free // (2 + len(self._budget)) if free >= 0 else ASK_ALWAYS
        self._free = max(0, free)
        return free >= 0

    def _measure_next_time(self) -> None:
        """Withdraw the room given in advance: more of it was reserved than was measured."""
        if self._will_commit:
            self.limit, self._free = ASK_ALWAYS, 0

    # --- the position, and what is open ----------------------------------------------------------------------------

    @property
    def open_records(self) -> int:
        """How many records are read and not settled."""
        return len(self._open)

    @property
    def open_parts(self) -> int:
        """How many parts of these are not settled."""
        return len(self._open) + sum(each.unsettled - 1 for each in self._multi_part.values())

    def offsets_to_finish(self, in_flight: frozenset[int] | set[int] = frozenset()) -> list[int]:
        """Return the offsets of open records of several parts of which one is settled or that are `in_flight`."""
        return [offset for offset, each in self._multi_part.items() if each.settled_count or offset in in_flight]

    @property
    def position(self) -> int | None:
        """The offset to commit; None while it is not known."""
        record = self.oldest() or self._record_binding_metadata()
        return self._next if record is None else record.offset

    @property
    def leader_epoch(self) -> int:
        """The leader epoch to commit with the position, by which a truncation below it is noticed."""
        record = self.oldest() or self._record_binding_metadata()
        return self._last_leader_epoch if record is None else record.leader_epoch

    @property
    def next_offset(self) -> int | None:
        """The offset after the last record that was read."""
        return self._next

    @property
    def span(self) -> int:
        """How many offsets reading is ahead of the position."""
        oldest = self.oldest()
        return 0 if oldest is None or self._next is None else self._next - oldest.offset

    def oldest(self) -> Record | None:
        """Return the record at the position if it is open; None if nothing is."""
        order, open_ = self._order, self._open
        while order and order[0].offset not in open_:
            order.popleft()
        return order[0] if order else None

    # --- what is committed with the position -----------------------------------------------------------------------

    def metadata(self, farthest: int) -> Metadata:
        """Return the metadata to commit; it covers `farthest` offsets above the position."""
        leader_epoch = self._last_leader_epoch
        if self.inherited is not None and self.inherited.reaches(self._next):
            leader_epoch = max(leader_epoch, self.inherited.leader_epoch)
        return Metadata(self.settled_above(farthest), self.topic_id, leader_epoch)

    def settled_above(self, farthest: int) -> Settled | None:
        """Return what is settled up to `farthest` offsets above the position; None if nothing is."""
        before = self.inherited
        if before is not None and before.unproven is not None:
            return before.unproven
        oldest = self.oldest()
        at_position = oldest or self._record_binding_metadata()
        if at_position is None or self._next is None:
            return None
        start = at_position.offset
        end = start + farthest + 1  # a compacted log may have a gap of any size
        flags = bytearray(b"1") * (min(self._next, end) - start)
        for offset in self._open:
            if offset < end:
                flags[offset - start] = UNSETTLED
        unread = [] if before is None else before.unread_offsets(self._next, end)
        if unread:
            flags = flags.ljust(max(unread) + 1 - start, b"0")
            for offset in unread:
                flags[offset - start] = SETTLED
        first = 0 if oldest is None else 1
        settled = bytes(flags[first:].rstrip(b"0"))
        halves = self._half_settled_above(start)
        return Settled(fingerprint(at_position), settled, first, halves) if settled or halves else None

    def not_in_metadata(self, farthest: int) -> int:
        """Return how many records and parts are settled above the position that the metadata has no room for.

        The metadata covers `farthest` offsets. Where the log has gaps beyond them, the number may be too low.
        """
        settled = self.settled_above(farthest)
        at_position = self.oldest() or self._record_binding_metadata()
        unproven = self.inherited is not None and self.inherited.unproven is not None
        if settled is None or unproven or self._next is None or at_position is None:
            return 0
        end = at_position.offset + farthest + 1
        beyond = max(0, self._next - end) - sum(offset >= end for offset in self._open)
        parts = sum(each.settled_count - _count(each.settled) for each in self._multi_part.values())
        return max(0, beyond) + parts + settled.weight() - settled.fitting().weight()

    def _half_settled_above(self, position: int) -> HalfSettled:
        """Return what is settled of records that are not settled as a whole, by offset above the position."""
        halves = {offset - position: dict(each.settled) for offset, each in self._multi_part.items() if each.settled}
        return halves if self.inherited is None else {**halves, **self.inherited.unread_half_settled(position)}

    # --- what an earlier owner settled -------------------------------------------------------------------------------

    def _take_if_settled(self, before: InheritedProgress, record: Record) -> bool:
        """Return True if an earlier owner had settled the record, and forget its work once all of it is read."""
        if before.unproven is not None and before.prove(record, self._next):
            for parts in before.half_settled_parts:
                self._budget.reserve(lengths_of(parts))
            self._measure_next_time()
        if record.offset > before.farthest or before.is_outdated_by(record):
            self._take_half_settled_up_to(before.farthest)
            self.inherited = None
            return False
        before.last = record
        return before.take_settled(record.offset)

    def _take_half_settled_up_to(self, offset: int) -> PartsByRoute:
        """Free the room of half-settled records up to an offset. Return the settled parts of the record there."""
        found: PartsByRoute = {}
        for at, parts in () if self.inherited is None else self.inherited.take_half_settled_up_to(offset):
            self._budget.free(lengths_of(parts))
            if at == offset:
                found = parts
        return found

    def _record_binding_metadata(self) -> Record | None:
        """Return the record read last if offsets settled earlier are unread; else None."""
        before = self.inherited
        if before is None or self._next is None or before.farthest < self._next:
            return None
        return before.last

    def _tag(self, route: str | None) -> int:
        return 0 if route is None else self._tags.get(route, 0)


def _count(parts: PartsByRoute) -> int:
    return sum(each.bit_count() for each in parts.values())
