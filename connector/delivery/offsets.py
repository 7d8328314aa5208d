"""Offsets of one partition under one assignment: what is open, what is settled, and what may be committed. Pure.

The position is the lowest offset that is read and not settled, or the next one to read if none is open: only what lies
below it may be committed. Offsets that hold no record (of transactions, compacted away) are passed with it. What is
settled above it is committed as metadata (see commit_metadata).

That metadata is bound to the record at the position. If nothing is open, but an earlier owner settled offsets that are
not read yet, the position stays at the record read last: the metadata that names those offsets is valid only with it.

A record of several parts may be settled in part. Its parts are started only where the metadata has room for all such
records of the partition (see record_parts), whichever of their parts come to be settled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from connector.delivery.inherited_progress import InheritedProgress, fingerprint
from connector.delivery.record_parts import MetadataBudget, MultiPartRecord, RecordPart, lengths_of
from connector.kafka.commit_metadata import SETTLED, SURE_BITS, UNSETTLED, Metadata, Settled
from connector.kafka.part_bits import HalfSettled, PartsByRoute, count_parts
from connector.kafka.source_interface import ReadEnd
from connector.model import Record

# Values of `limit`: every record may be begun unasked, or none.
NO_LIMIT = 1 << 63
ASK_ALWAYS = -1


class PartitionOffsets:
    """The offsets of one epoch: one assignment of one partition.

    `metadata` was committed with the position, `leader_epoch` too. `tags` maps the routes whose parts can be named in
    metadata to their tags. A record below `limit` may be begun without asking; for others ask `check_room`.
    `inherited` is what an earlier owner settled, until all of it is read.
    """

    __slots__ = (
        "_budget",
        "_free",
        "_last_leader_epoch",
        "_more_parts",
        "_multi_part",
        "_next",
        "_open",
        "_order",
        "_read_end",
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
        self._read_end = ReadEnd(-1, -1)  # what lies between the record read last and this end holds no record
        self._order: deque[Record] = deque()  # as read; those in front may be settled
        self._open: dict[int, MultiPartRecord | None] = {}  # by offset; None: the record has one part
        self._multi_part: dict[int, MultiPartRecord] = {}  # the open records that have, or had, several
        self._more_parts = 0  # unsettled ones of these, beyond one of each
        self._tags = {} if tags is None else tags
        self._started = 0  # how many of `_multi_part` are started
        self._budget = MetadataBudget()
        self._free = 0  # bits that may still be given to records of several parts without measuring again
        self._will_commit = True  # False once another epoch took over: then room does not matter
        self.limit = NO_LIMIT

    # --- from reading to settled -----------------------------------------------------------------------------------

    def advance(self, record: Record) -> bool:
        """Advance past a record that was read. Return False if an earlier owner settled it: do not send it."""
        settled = self.inherited is not None and self._take_if_settled(self.inherited, record)
        self._next = record.offset + 1
        self._last_leader_epoch = record.leader_epoch
        return not settled

    def split_parts(self, record: Record, parts: Sequence[RecordPart]) -> tuple[list[bool], dict[int, int]]:
        """Split the parts of a record that was just read by what an earlier owner did, taking that out of `inherited`.

        Returns for each part True if it is still to be sent, and the settled ones by route's tag. A part of a route
        that was changed since counts as not sent.
        """
        parts_before = self._take_half_settled_up_to(record.offset)
        settled: dict[int, int] = {}
        unsettled: list[bool] = []
        for route, index in parts:
            tag = self._tag(route)
            is_settled = parts_before.get(tag, 0) >> index & 1 if tag else 0
            if is_settled:
                settled[tag] = settled.get(tag, 0) | 1 << index
            unsettled.append(not is_settled)
        return unsettled, settled

    def open(
        self, record: Record, parts: Sequence[RecordPart] | None = None, settled: Mapping[int, int] | None = None
    ) -> int:
        """Open the record that was just read: it is settled when each of its `parts` is (None: it has one).

        `settled` is what an earlier owner settled of it. Returns the size of its value.
        """
        size = len(record.value or b"")  # `value_size` inlined, here and below: it saves a call
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
        self._more_parts += len(parts) - 1
        opened = MultiPartRecord(len(parts), lengths, settled_parts)
        self._open[record.offset] = self._multi_part[record.offset] = opened
        if settled_parts:
            self._budget.reserve(
                lengths
            )  # `split_parts` freed the room of its settled parts: reserve it for all of them
            self._measure_next_time()
        return size

    def settle(self, record: Record, route: str | None = None, index: int = 0) -> int | None:
        """Settle a part of an open record. Return the size of its value if that was its last part, else None.

        Raises KeyError if the record is not open.
        """
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
        if multi_part.unsettled:
            self._more_parts -= 1
        tag = self._tag(route)
        if tag and multi_part.unsettled:
            multi_part.settled[tag] = multi_part.settled.get(tag, 0) | 1 << index
        return not multi_part.unsettled

    def pass_empty(self, end: ReadEnd) -> None:
        """Pass the offsets below an end that hold no record: all records below it were begun.

        What an earlier owner settled there is of no use any more, and never will be.
        """
        if self._next is not None and end.offset <= self._next:
            return
        self._read_end = end
        inherited = self.inherited
        if inherited is not None and end.offset > inherited.farthest:
            self._take_half_settled_up_to(inherited.farthest)
            self.inherited = None

    def pass_settled(self) -> int | None:
        """Pass the offsets that an earlier owner settled, as the record at the next offset cannot be read.

        Returns the offset to read on from; None if the next record is not known to be settled.
        """
        start = self.next_offset
        if start is None or self.inherited is None:
            return None
        passed = self.inherited.pass_settled(start)
        if passed == start:
            return None
        self._next = passed
        return passed

    # --- room in the metadata for records of several parts ----------------------------------------------------------

    def start_parts(self, offset: int, *, without_room: bool = False) -> bool:
        """Start the parts of an open record, so that they may settle from now on.

        Returns False if a commit might have no room to name them. The first such record is always started, as nothing
        would move else; so is one with `without_room`.
        """
        multi_part = self._multi_part.get(offset)
        if multi_part is None:
            return True
        more = 0 if multi_part.settled else self._budget.reserve(multi_part.lengths)
        if more <= self._free and offset < self.limit:
            self._free -= more
        else:
            has_room = self._measure_room(offset)
            if not has_room and self._started and self._will_commit and not without_room:
                if not multi_part.settled:
                    self._budget.free(multi_part.lengths)
                return False
        multi_part.started = True
        self._started += 1
        return True

    def check_room(self, offset: int) -> bool:
        """Measure the room of a commit, and set `limit` by it. Return True if the record at `offset` may be begun."""
        if not self._budget or not self._will_commit:
            self.limit, self._free = NO_LIMIT, 0
            return True
        return self._measure_room(offset) or not self._open  # with nothing open, waiting would gain no room

    def unbind(self) -> None:
        """Lift every limit: these offsets will not be committed any more."""
        self._will_commit = False

    def _measure_room(self, offset: int) -> bool:
        """Return True if a commit has room for all that may be settled up to `offset`, and set `limit` and `_free`.

        Of the bits that are left, half are given to later offsets and half to further records of several parts, so that
        not each of these needs to be measured.
        """
        at_position = self.oldest() or self._record_binding_metadata()
        farthest = -1 if self.inherited is None else self.inherited.farthest
        span = 1 if at_position is None else max(offset, farthest) + 1 - at_position.offset
        routes = self._budget.route_count
        free = (SURE_BITS - span - self._budget.bits(span) - routes) // 2
        # A later offset takes at most one bit for itself and one for each route; one more is kept as a margin.
        self.limit = offset + 1 + free // (2 + routes) if free >= 0 else ASK_ALWAYS
        self._free = max(0, free)
        return free >= 0

    def _measure_next_time(self) -> None:
        """Have room measured at the next record: bits were reserved that the last measurement does not know."""
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
        return len(self._open) + self._more_parts

    def offsets_to_finish(self, in_flight: frozenset[int] | set[int] = frozenset()) -> list[int]:
        """Return the offsets of open records of several parts that are settled in part or are `in_flight`."""
        return [offset for offset, each in self._multi_part.items() if each.settled_count or offset in in_flight]

    @property
    def position(self) -> int | None:
        """The offset to commit; None while it is not known."""
        record = self.oldest() or self._record_binding_metadata()
        return self.next_offset if record is None else record.offset

    @property
    def leader_epoch(self) -> int:
        """The leader epoch to commit with the position, by which a truncation below it is noticed."""
        record = self.oldest() or self._record_binding_metadata()
        if record is not None:
            return record.leader_epoch
        # With the epoch of a record before it, a mark that a later leader wrote would pass for a truncation.
        return self._read_end.leader_epoch if self.next_offset != self._next else self._last_leader_epoch

    @property
    def next_offset(self) -> int | None:
        """The offset to read next: after the last record, and after what follows it and holds no record."""
        end = self._read_end.offset
        if self._next is None:
            return end if end >= 0 else None
        return max(self._next, end)

    @property
    def span(self) -> int:
        """How many offsets reading is ahead of the lowest open record; 0 if none is open."""
        oldest = self.oldest()
        return 0 if oldest is None or self._next is None else self._next - oldest.offset

    def oldest(self) -> Record | None:
        """Return the lowest open record; None if none is open."""
        order, open_ = self._order, self._open
        while order and order[0].offset not in open_:
            order.popleft()
        return order[0] if order else None

    # --- what is committed with the position -----------------------------------------------------------------------

    def metadata(self, farthest: int) -> Metadata:
        """Return the metadata to commit; it covers `farthest` offsets above the position."""
        leader_epoch = self._last_leader_epoch
        if self.inherited is not None and self.inherited.reaches(self._next):
            # What an earlier owner has read and we have not yet belongs to this log, too.
            leader_epoch = max(leader_epoch, self.inherited.leader_epoch)
        return Metadata(self.settled_above(farthest), self.topic_id, leader_epoch)

    def settled_above(self, farthest: int) -> Settled | None:
        """Return what is settled up to `farthest` offsets above the position; None if nothing is."""
        inherited = self.inherited
        if inherited is not None and inherited.unproven is not None:
            return inherited.unproven
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
        unread = [] if inherited is None else inherited.unread_offsets(self._next, end)
        if unread:
            flags = flags.ljust(max(unread) + 1 - start, b"0")
            for offset in unread:
                flags[offset - start] = SETTLED
        first = 0 if oldest is None else 1
        settled = bytes(flags[first:].rstrip(b"0"))
        half_settled = self._half_settled_above(start)
        return Settled(fingerprint(at_position), settled, first, half_settled) if settled or half_settled else None

    def not_in_metadata(self, farthest: int) -> int:
        """Return how many records and parts are settled above the position that the metadata has no room for.

        The metadata covers `farthest` offsets. Offsets beyond them without a record, as a compacted log has, are
        counted as settled, so that the number may be too high.
        """
        settled = self.settled_above(farthest)
        at_position = self.oldest() or self._record_binding_metadata()
        unproven = self.inherited is not None and self.inherited.unproven is not None
        if settled is None or unproven or self._next is None or at_position is None:
            return 0
        end = at_position.offset + farthest + 1
        beyond = max(0, self._next - end) - sum(offset >= end for offset in self._open)
        parts = sum(each.settled_count - count_parts(each.settled) for each in self._multi_part.values())
        return max(0, beyond) + parts + settled.weight() - settled.fitting().weight()

    def _half_settled_above(self, position: int) -> HalfSettled:
        """Return the settled parts of records that are not settled as a whole, by offset above the position."""
        above = {offset - position: dict(each.settled) for offset, each in self._multi_part.items() if each.settled}
        return above if self.inherited is None else {**above, **self.inherited.unread_half_settled(position)}

    # --- what an earlier owner settled -------------------------------------------------------------------------------

    def _take_if_settled(self, inherited: InheritedProgress, record: Record) -> bool:
        """Return True if an earlier owner had settled the record; forget what was read of `inherited`."""
        if inherited.unproven is not None and inherited.prove(record, self._next):
            for parts in inherited.half_settled_parts:
                self._budget.reserve(lengths_of(parts))
            self._measure_next_time()
        if record.offset > inherited.farthest or inherited.is_outdated_by(record):
            self._take_half_settled_up_to(inherited.farthest)
            self.inherited = None
            return False
        inherited.last = record
        return inherited.take_settled(record.offset)

    def _take_half_settled_up_to(self, offset: int) -> PartsByRoute:
        """Forget the inherited half-settled records up to `offset`, freeing their room.

        Returns the settled parts of the record at `offset`.
        """
        found: PartsByRoute = {}
        for at, parts in () if self.inherited is None else self.inherited.take_half_settled_up_to(offset):
            self._budget.free(lengths_of(parts))
            if at == offset:
                found = parts
        return found

    def _record_binding_metadata(self) -> Record | None:
        """Return the record read last if the position must stay at it (see the module); else None."""
        inherited = self.inherited
        if inherited is None or self._next is None or inherited.farthest < self._next:
            return None
        return inherited.last

    def _tag(self, route: str | None) -> int:
        return 0 if route is None else self._tags.get(route, 0)
