"""The partitions that are ours now: their offsets by epoch, how much is open, and what is worth committing. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from connector.delivery.half_settled import RecordPart
from connector.delivery.offsets import PartitionOffsets
from connector.kafka import commit_metadata
from connector.kafka.source_interface import AssignedPartition, Commit
from connector.model import Record

# How far reading may be ahead of a partition's position: what the commit's metadata can still tell.
MAX_SPAN = 20_000
RESUME_SPAN = 10_000


class Assignment:
    """Offsets of every epoch of one consumer group's member.

    `tags` has that of each route of which parts can be told (see routing.identity).
    """

    def __init__(self, group: str, tags: Mapping[str, int] | None = None) -> None:
        self.open_parts = 0  # (record, route) pairs that are read and not settled
        self.open_bytes = 0
        self.offsets: dict[int, PartitionOffsets] = {}  # by epoch
        self.high_watermarks: Mapping[
            tuple[str, int], int
        ] = {}  # one past the last offset of a partition, as last heard
        self.paused: set[int] = set()  # epochs whose reading is too far ahead of their position
        self._group = group
        self._tags = {} if tags is None else tags
        self._current: dict[tuple[str, int], int] = {}  # the epoch that commits for a partition
        self._committed: dict[int, tuple[int, str]] = {}
        # Claims in place of earlier ones whose log was truncated: those, and the offset at which it was.
        self._cut: dict[int, list[tuple[int, int]]] = {}
        self._kept_back: set[int] = set()  # epochs of which records were read and are not begun

    def __len__(self) -> int:
        return len(self._current)

    @property
    def open_events(self) -> int:
        """How many records are read and not settled."""
        return sum(offsets.open_events for offsets in self.offsets.values())

    def epoch_of(self, topic: str, partition: int) -> int | None:
        """The epoch that commits for a partition."""
        return self._current.get((topic, partition))

    def assign(self, assigned: AssignedPartition) -> None:
        """A partition is ours; what the commit's metadata says is settled stays so."""
        epoch, topic, partition, position, metadata, leader_epoch, topic_id, truncated_at = assigned
        told = None
        if position is not None:
            told = commit_metadata.decode(self._group, topic, partition, position, metadata)
            if metadata is not None:
                self._committed[epoch] = (position, metadata)
        topic_id = topic_id or ("" if told is None else told.topic_id)
        self.offsets[epoch] = PartitionOffsets(
            topic, partition, position, told, topic_id=topic_id, leader_epoch=leader_epoch, tags=self._tags
        )
        replaced = self._current.get((topic, partition))
        self._current[topic, partition] = epoch
        if replaced is None:
            return
        if truncated_at >= 0:
            earlier = [(each, min(cut, truncated_at)) for each, cut in self._cut.pop(replaced, ())]
            self._cut[epoch] = [*earlier, (replaced, truncated_at)]
        self._forget_if_done(replaced)

    def set_topic_id(self, epochs: Iterable[int], topic_id: str) -> None:
        """The id of these epochs' topic is known now; it goes with their commits."""
        for epoch in epochs:
            if epoch in self.offsets:
                self.offsets[epoch].topic_id = topic_id

    def with_earlier(self, epochs: AbstractSet[int]) -> frozenset[int]:
        """These epochs, and the earlier ones of the same partitions whose events lie in the same log."""
        earlier = (each for epoch in epochs for each, _ in self._cut.get(epoch, ()))
        return frozenset(epochs).union(each for each in earlier if each in self.offsets)

    def revoke(self, epochs: AbstractSet[int]) -> int:
        """These are no longer ours: what comes of their events is no concern of this group's offsets.

        Returns how many parts of their records were not settled.
        """
        unsettled = 0
        for epoch in epochs:
            self.paused.discard(epoch)
            self._committed.pop(epoch, None)
            self._cut.pop(epoch, None)
            self._kept_back.discard(epoch)
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
        """A record of these offsets is settled only when its `parts` are; see PartitionOffsets.open."""
        self.open_parts += 1 if parts is None else len(parts)
        self.open_bytes += offsets.open(record, parts, settled)

    def settle(self, record: Record, route: str | None = None, index: int = 0) -> bool:
        """A part of a record is settled. False, and nothing happens, if its epoch is forgotten."""
        offsets = self.offsets.get(record.assignment_epoch)
        if offsets is None:
            return False
        freed = offsets.settle(record, route, index)
        self.open_parts -= 1
        if freed is not None:
            self.open_bytes -= freed
            self._forget_if_done(record.assignment_epoch)
        return True

    def defer(self, epochs: Iterable[int]) -> None:
        """Records of these epochs were read and will be begun later: the epochs stay, and so do their positions."""
        self._kept_back.update(epoch for epoch in epochs if epoch in self.offsets)

    def deferred_records_begun(self) -> None:
        """Nothing is kept back any more."""
        epochs, self._kept_back = self._kept_back, set()
        for epoch in epochs:
            self._forget_if_done(epoch)

    def _forget_if_done(self, epoch: int) -> None:
        """A epoch whose place another has taken is forgotten when nothing of it is open or still to be begun."""
        offsets = self.offsets[epoch]
        if not offsets.open_events and epoch not in self._kept_back and not self._is_current(epoch, offsets):
            self.revoke({epoch})

    def lag(self) -> int | None:
        """How many records lie between our positions and the partitions' ends; None while no end is known."""
        lags = [
            max(0, high - offsets.position)
            for offsets in self.offsets.values()
            if offsets.position is not None
            and (high := self.high_watermarks.get((offsets.topic, offsets.partition))) is not None
        ]
        return sum(lags) if lags or not self.offsets else None

    def half_settled(self, epochs: Iterable[int], alive: AbstractSet[tuple[int, int]]) -> set[tuple[int, int]]:
        """The records of these epochs, as epoch and offset, of which one part is settled, or `alive`, and another is
        not."""
        found = set()
        for epoch in epochs:
            if (offsets := self.offsets.get(epoch)) is not None:
                here = {offset for each, offset in alive if each == epoch}
                found |= {(epoch, offset) for offset in offsets.half_settled(here)}
        return found

    def not_in_metadata(self, epochs: Iterable[int]) -> int:
        """How many records and parts of these epochs are settled of which their commits will not tell."""
        return sum(
            self.offsets[epoch].not_in_metadata(commit_metadata.MAX_BITS) for epoch in epochs if epoch in self.offsets
        )

    def to_pause_and_resume(
        self, waiting: Container[int] = ()
    ) -> tuple[list[tuple[int, PartitionOffsets]], list[tuple[int, PartitionOffsets]]]:
        """The epochs to halt, because reading is too far ahead of their position or what was read of them is `waiting`,
        and those to resume."""
        halt, resume = [], []
        for epoch, offsets in self.offsets.items():
            if epoch in self.paused:
                if offsets.span <= RESUME_SPAN and epoch not in waiting:
                    self.paused.discard(epoch)
                    resume.append((epoch, offsets))
            elif offsets.span >= MAX_SPAN or epoch in waiting:
                self.paused.add(epoch)
                halt.append((epoch, offsets))
        return halt, resume

    def pending_commits(self, epochs: Iterable[int] | None = None) -> dict[int, Commit]:
        """The commits of these epochs (None: of all) that would tell the group something new."""
        changed = {}
        for epoch in self._current.values() if epochs is None else epochs:
            offsets = self.offsets.get(epoch)
            if offsets is None or (position := offsets.position) is None or not self._is_current(epoch, offsets):
                continue
            farthest = commit_metadata.MAX_BITS
            for earlier, cut in self._still_open(epoch):
                held = earlier.position
                if held is not None and held < min(position, cut):
                    offsets, position = earlier, held
                    farthest = min(cut - held - 1, commit_metadata.MAX_BITS)
            metadata = commit_metadata.encode(
                self._group, offsets.topic, offsets.partition, position, offsets.metadata(farthest)
            )
            if self._committed.get(epoch) != (position, metadata):
                changed[epoch] = Commit(
                    epoch, offsets.topic, offsets.partition, position, metadata, offsets.leader_epoch
                )
        return changed

    def _still_open(self, epoch: int) -> list[tuple[PartitionOffsets, int]]:
        """The earlier epochs in whose place this one came and of which something is open or still to be begun, and
        where their log was truncated."""
        return [
            (offsets, cut)
            for each, cut in self._cut.get(epoch, ())
            if (offsets := self.offsets.get(each)) is not None and (offsets.open_events or each in self._kept_back)
        ]

    def commits_succeeded(self, commits: dict[int, Commit]) -> None:
        """These commits went well."""
        for epoch, commit in commits.items():
            if epoch in self.offsets:
                self._committed[epoch] = (commit.position, commit.metadata)

    def _is_current(self, epoch: int, offsets: PartitionOffsets) -> bool:
        """Whether no later epoch has taken this one's place (see Listener.on_assigned)."""
        return self._current.get((offsets.topic, offsets.partition)) == epoch
