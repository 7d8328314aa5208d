"""The partitions assigned to one member of a consumer group: what of them is open, and what is to be committed. Pure.

It also knows if the partitions are still ours: only while that is confirmed may events be sent and offsets committed.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from connector.delivery.marks import UNLIMITED, Marks
from connector.delivery.offsets import PartitionOffsets
from connector.delivery.record_parts import RecordPart
from connector.kafka import commit_metadata
from connector.kafka.source_interface import AssignedPartition, Commit, ReadEnd
from connector.model import Record, RecordRef

# How many offsets reading may be ahead of a partition's position: less than a commit's metadata can cover
# (commit_metadata.MAX_BITS), as the records of one more chunk may come before the pause takes effect.
MAX_SPAN = 20_000
RESUME_SPAN = 10_000


class Assignment:
    """The assigned partitions of consumer group `group`.

    Each has its current epoch, and the epochs that this one replaced after a truncation and that are not settled yet.
    `tags` maps routes to the tags by which a commit's metadata names them (see routing.identity). A confirmation by the
    polling thread is valid for `stall` seconds.
    """

    def __init__(self, group: str, tags: Mapping[str, int] | None = None, *, stall: float = float("inf")) -> None:
        self.open_parts = 0  # items, and failures before any route, that are read and not settled
        self.open_bytes = 0
        self.offsets: dict[int, PartitionOffsets] = {}  # by epoch
        # By topic and partition: the offset after the last record, as last reported.
        self.high_watermarks: Mapping[tuple[str, int], int] = {}
        self.paused: set[int] = set()  # epochs whose reading is paused
        self._group = group
        self._tags = {} if tags is None else tags
        self._current: dict[tuple[str, int], int] = {}  # the epoch that commits for a partition
        self._committed: dict[int, tuple[int, str]] = {}  # position and metadata, by epoch
        # By epoch: the epochs that it replaced, each with the offset at which its log was truncated.
        self._replaced: dict[int, list[tuple[int, int]]] = {}
        self._deferred: set[int] = set()  # epochs with records that the flood guard defers
        self._stall = stall
        self._confirmed_at = math.inf  # before the first poll nothing is in doubt

    def __len__(self) -> int:
        return len(self._current)

    # --- ownership -------------------------------------------------------------------------------------------------

    def record_poll(self, polled_at: float, confirmed: bool) -> None:
        """Note that the polling thread polled at `polled_at` (monotonic seconds), however late that is reported.

        If not `confirmed`, the partitions may have been another member's then: they count as unconfirmed until a
        confirmed poll is noted.
        """
        self._confirmed_at = polled_at if confirmed else -math.inf

    def confirmed(self, now: float) -> bool:
        """True if the partitions are known to be ours at `now`."""
        return now - self._confirmed_at <= self._stall

    # --- epochs and their records ----------------------------------------------------------------------------------

    @property
    def open_records(self) -> int:
        """How many records are read and not settled."""
        return sum(offsets.open_records for offsets in self.offsets.values())

    def epoch_of(self, topic: str, partition: int) -> int | None:
        """Return the epoch that commits for a partition; None if it is not ours."""
        return self._current.get((topic, partition))

    def assign(self, assigned: AssignedPartition) -> None:
        """Add a partition; what its commit's metadata says is settled is not sent again."""
        epoch, topic, partition, position, metadata, leader_epoch, topic_id, truncated_at = assigned
        committed = None
        if position is not None:
            committed = commit_metadata.decode(self._group, topic, partition, position, metadata)
            if metadata is not None:
                self._committed[epoch] = (position, metadata)
        topic_id = topic_id or ("" if committed is None else committed.topic_id)
        self.offsets[epoch] = PartitionOffsets(
            topic, partition, position, committed, topic_id=topic_id, leader_epoch=leader_epoch, tags=self._tags
        )
        replaced = self._current.get((topic, partition))
        self._current[topic, partition] = epoch
        if replaced is None:
            return
        if truncated_at >= 0:
            earlier = [(each, min(end, truncated_at)) for each, end in self._replaced.pop(replaced, ())]
            self._replaced[epoch] = [*earlier, (replaced, truncated_at)]
        self._remove_if_done(replaced)

    def set_topic_id(self, epochs: Iterable[int], topic_id: str) -> None:
        """Set the id of these epochs' topic, which their commits carry."""
        for epoch in epochs:
            if epoch in self.offsets:
                self.offsets[epoch].topic_id = topic_id

    def with_replaced(self, epochs: AbstractSet[int]) -> frozenset[int]:
        """Return these epochs, and those that they replaced after a truncation and that are not settled yet."""
        earlier = (each for epoch in epochs for each, _ in self._replaced.get(epoch, ()))
        return frozenset(epochs).union(each for each in earlier if each in self.offsets)

    def remove_epochs(self, epochs: AbstractSet[int]) -> int:
        """Remove epochs that are not ours any more, or replaced and settled. Late results of theirs change nothing.

        Returns how many parts of their records are not settled.
        """
        unsettled = 0
        for epoch in epochs:
            self.paused.discard(epoch)
            self._committed.pop(epoch, None)
            self._replaced.pop(epoch, None)
            self._deferred.discard(epoch)
            offsets = self.offsets.pop(epoch, None)
            if offsets is not None:
                if self._is_current(epoch, offsets):
                    del self._current[offsets.topic, offsets.partition]
                self.open_bytes -= offsets.open_bytes
                unsettled += offsets.open_parts
        self.open_parts -= unsettled
        return unsettled

    def open(
        self,
        offsets: PartitionOffsets,
        record: Record,
        parts: Sequence[RecordPart] | None = None,
        settled: Mapping[int, int] | None = None,
    ) -> None:
        """Open a record, which is settled when each of its `parts` is; see PartitionOffsets.open."""
        self.open_parts += 1 if parts is None else len(parts)
        self.open_bytes += offsets.open(record, parts, settled)

    def settle(self, record: Record, route: str | None = None, index: int = 0) -> bool:
        """Settle a part of a record. Return False, and do nothing, if its epoch is not ours any more."""
        offsets = self.offsets.get(record.assignment_epoch)
        if offsets is None:
            return False
        freed = offsets.settle(record, route, index)
        self.open_parts -= 1
        if freed is not None:
            self.open_bytes -= freed
            self._remove_if_done(record.assignment_epoch)
        return True

    def pass_empty(self, ends: Mapping[int, ReadEnd], waiting: Container[int]) -> None:
        """Pass what holds no record below these ends, up to which all records were read and are begun.

        Not so for epochs with records that are `waiting` or deferred: they lie below the end.
        """
        for epoch, end in ends.items():
            offsets = self.offsets.get(epoch)
            if offsets is not None and epoch not in self._deferred and epoch not in waiting:
                offsets.pass_empty(end)

    def keep_for_deferred(self, epochs: Iterable[int]) -> None:
        """Keep these epochs even if nothing of them is open: the flood guard defers records of theirs."""
        self._deferred.update(epoch for epoch in epochs if epoch in self.offsets)

    def all_deferred_begun(self) -> None:
        """Note that no record is deferred any more, which undoes `keep_for_deferred` for all epochs."""
        epochs, self._deferred = self._deferred, set()
        for epoch in epochs:
            self._remove_if_done(epoch)

    def _remove_if_done(self, epoch: int) -> None:
        """Remove an epoch that another has replaced if nothing of it is open or still to be begun."""
        offsets = self.offsets[epoch]
        if not offsets.open_records and epoch not in self._deferred and not self._is_current(epoch, offsets):
            self.remove_epochs({epoch})

    def lag(self) -> int | None:
        """Return how many offsets lie between our positions and the partitions' ends; None while none is known."""
        lags = [lag for epoch in self._current.values() if (lag := self.lag_of(epoch)) is not None]
        return sum(lags) if lags or not self.offsets else None

    def end_of(self, epoch: int) -> int | None:
        """Return the end of an epoch's partition: the high watermark, or what was read past it since; None: unknown."""
        offsets = self.offsets[epoch]
        high = self.high_watermarks.get((offsets.topic, offsets.partition))
        return None if high is None else max(high, offsets.next_offset or 0)

    def lag_of(self, epoch: int) -> int | None:
        """Return how many offsets lie between an epoch's position and the end of its partition; None: unknown."""
        end, position = self.end_of(epoch), self.offsets[epoch].position
        return None if end is None or position is None else max(0, end - position)

    def records_to_finish(self, epochs: Iterable[int], in_flight: AbstractSet[RecordRef]) -> set[RecordRef]:
        """Return the records of several parts that are settled in part or soon may be.

        The latter are those of `in_flight`: the records of which a request has an item.
        """
        found: set[RecordRef] = set()
        for epoch in epochs:
            if (offsets := self.offsets.get(epoch)) is not None:
                here = {offset for each, offset in in_flight if each == epoch}
                found |= {RecordRef(epoch, offset) for offset in offsets.offsets_to_finish(here)}
        return found

    def not_in_metadata(self, epochs: Iterable[int]) -> int:
        """Return how many settled records and parts of these epochs have no room in their commits' metadata."""
        return sum(
            self.offsets[epoch].not_in_metadata(commit_metadata.MAX_BITS) for epoch in epochs if epoch in self.offsets
        )

    def update_paused(
        self, waiting: Container[int] = (), marks: Marks | None = None
    ) -> tuple[list[tuple[int, PartitionOffsets]], list[tuple[int, PartitionOffsets]]]:
        """Mark epochs as paused or not, and return the changes: the epochs to pause and to resume, with their offsets.

        An epoch is paused when reading is too far ahead of its position, when records of it are `waiting`, or when it
        is one of several and has more open than its room by the `marks`.
        """
        pause, resume = [], []
        room = UNLIMITED
        if marks is not None and len(self) > 1:
            room = marks.room_of_one(self.open_parts, self.open_bytes)
        for epoch, offsets in self.offsets.items():
            if epoch in self.paused:
                has_room = room.leaves_space_for(offsets.open_parts, offsets.open_bytes)
                if has_room and offsets.span <= RESUME_SPAN and epoch not in waiting:
                    self.paused.discard(epoch)
                    resume.append((epoch, offsets))
            elif (
                offsets.span >= MAX_SPAN
                or epoch in waiting
                or room.is_exceeded_by(offsets.open_parts, offsets.open_bytes)
            ):
                self.paused.add(epoch)
                pause.append((epoch, offsets))
        return pause, resume

    def pending_commits(self, epochs: Iterable[int] | None = None) -> dict[int, Commit]:
        """Return by epoch the commits of these epochs (None: of all) that differ from the last that succeeded."""
        changed = {}
        for epoch in self._current.values() if epochs is None else epochs:
            offsets = self.offsets.get(epoch)
            if offsets is None or (position := offsets.position) is None or not self._is_current(epoch, offsets):
                continue
            offsets, position, farthest = self._lowest_position(epoch, offsets, position)
            metadata = commit_metadata.encode(
                self._group, offsets.topic, offsets.partition, position, offsets.metadata(farthest)
            )
            if self._committed.get(epoch) != (position, metadata):
                changed[epoch] = Commit(
                    epoch, offsets.topic, offsets.partition, position, metadata, offsets.leader_epoch
                )
        return changed

    def _lowest_position(
        self, epoch: int, offsets: PartitionOffsets, position: int
    ) -> tuple[PartitionOffsets, int, int]:
        """Return whose position an epoch commits: the lowest of its own and of those it replaced that are still open.

        A replaced epoch counts only below the truncation of its log. With the offsets come their position, and how many
        offsets above it the metadata may cover.
        """
        farthest = commit_metadata.MAX_BITS
        for earlier, end in self._replaced_and_open(epoch):
            unsettled = earlier.position
            if unsettled is not None and unsettled < min(position, end):
                offsets, position = earlier, unsettled
                farthest = min(end - unsettled - 1, commit_metadata.MAX_BITS)
        return offsets, position, farthest

    def _replaced_and_open(self, epoch: int) -> list[tuple[PartitionOffsets, int]]:
        """Return the epochs that this one replaced after a truncation, with records still open or deferred.

        With each comes the offset at which its log was truncated.
        """
        return [
            (offsets, end)
            for each, end in self._replaced.get(epoch, ())
            if (offsets := self.offsets.get(each)) is not None and (offsets.open_records or each in self._deferred)
        ]

    def commits_succeeded(self, commits: dict[int, Commit]) -> None:
        """Note what is committed now, so that it is not committed again."""
        for epoch, commit in commits.items():
            if epoch in self.offsets:
                self._committed[epoch] = (commit.position, commit.metadata)

    def _is_current(self, epoch: int, offsets: PartitionOffsets) -> bool:
        """True if no later epoch of the partition has replaced this one (see SourceListener.on_assigned)."""
        return self._current.get((offsets.topic, offsets.partition)) == epoch
