"""The partitions that are ours now: their offsets by claim, how much is open, and what is worth committing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from connector.delivery.offsets import PartitionOffsets
from connector.kafka import commit_metadata
from connector.kafka.handover import Assigned, Commit
from connector.model import Record

# How far reading may be ahead of a partition's position: what the commit's metadata can still tell.
MAX_SPAN = 20_000
RESUME_SPAN = 10_000


class Assignment:
    """Offsets of every claim of one consumer group's member."""

    def __init__(self, group: str) -> None:
        self.open_events = 0
        self.open_bytes = 0
        self.offsets: dict[int, PartitionOffsets] = {}  # by claim
        self.highs: Mapping[tuple[str, int], int] = {}  # one past the last offset of a partition, as last heard
        self.halted: set[int] = set()  # claims whose reading is too far ahead of their position
        self._group = group
        self._current: dict[tuple[str, int], int] = {}  # the claim that commits for a partition
        self._committed: dict[int, tuple[int, str]] = {}
        # Claims in place of earlier ones whose log was truncated: those, and the offset at which it was.
        self._cut: dict[int, list[tuple[int, int]]] = {}

    def __len__(self) -> int:
        return len(self._current)

    def add(self, assigned: Assigned) -> None:
        """A partition is ours; what the commit's metadata says is settled stays so."""
        claim, topic, partition, position, metadata, leader_epoch, topic_id, cut_at = assigned
        told = None
        if position is not None:
            told = commit_metadata.decode(self._group, topic, partition, position, metadata)
            if metadata is not None:
                self._committed[claim] = (position, metadata)
        topic_id = topic_id or ("" if told is None else told.topic_id)
        self.offsets[claim] = PartitionOffsets(
            topic, partition, position, told, topic_id=topic_id, leader_epoch=leader_epoch
        )
        replaced = self._current.get((topic, partition))
        self._current[topic, partition] = claim
        if replaced is None:
            return
        if cut_at >= 0:
            earlier = [(each, min(cut, cut_at)) for each, cut in self._cut.pop(replaced, ())]
            self._cut[claim] = [*earlier, (replaced, cut_at)]
        if not self.offsets[replaced].open_events:
            self.forget({replaced})

    def identify(self, claims: Iterable[int], topic_id: str) -> None:
        """The id of these claims' topic is known now; it goes with their commits."""
        for claim in claims:
            if claim in self.offsets:
                self.offsets[claim].topic_id = topic_id

    def with_earlier(self, claims: AbstractSet[int]) -> frozenset[int]:
        """These claims, and the earlier ones of the same partitions whose events lie in the same log."""
        return frozenset(claims).union(*({each for each, _ in self._cut.get(claim, ())} for claim in claims))

    def forget(self, claims: AbstractSet[int]) -> int:
        """These are no longer ours: what comes of their events is no concern of this group's offsets.

        Returns how many parts of their records were not settled.
        """
        unsettled = 0
        for claim in claims:
            self.halted.discard(claim)
            self._committed.pop(claim, None)
            self._cut.pop(claim, None)
            offsets = self.offsets.pop(claim, None)
            if offsets is not None:
                if self._is_current(claim, offsets):
                    del self._current[offsets.topic, offsets.partition]
                self.open_events -= offsets.open_events
                self.open_bytes -= offsets.open_bytes
                unsettled += offsets.open_parts
        return unsettled

    def open(self, offsets: PartitionOffsets, record: Record, parts: int) -> None:
        """A record of these offsets is settled only when `parts` settlements of it have come."""
        self.open_events += 1
        self.open_bytes += offsets.open(record, parts)

    def settle(self, record: Record) -> bool:
        """One part of a record is settled. False, and nothing happens, if its claim is forgotten."""
        offsets = self.offsets.get(record.claim)
        if offsets is None:
            return False
        freed = offsets.settle(record)
        if freed is not None:
            self.open_events -= 1
            self.open_bytes -= freed
            if not offsets.open_events and not self._is_current(record.claim, offsets):
                self.forget({record.claim})
        return True

    def lag(self) -> int | None:
        """How many records lie between our positions and the partitions' ends; None while no end is known."""
        lags = [
            max(0, high - offsets.position)
            for offsets in self.offsets.values()
            if offsets.position is not None and (high := self.highs.get((offsets.topic, offsets.partition))) is not None
        ]
        return sum(lags) if lags or not self.offsets else None

    def overrun(self) -> tuple[list[tuple[int, PartitionOffsets]], list[tuple[int, PartitionOffsets]]]:
        """The claims to halt, because reading is too far ahead of their position, and those to resume."""
        halt, resume = [], []
        for claim, offsets in self.offsets.items():
            if claim in self.halted:
                if offsets.span <= RESUME_SPAN:
                    self.halted.discard(claim)
                    resume.append((claim, offsets))
            elif offsets.span >= MAX_SPAN:
                self.halted.add(claim)
                halt.append((claim, offsets))
        return halt, resume

    def changes(self, claims: Iterable[int] | None = None) -> dict[int, Commit]:
        """The commits of these claims (None: of all) that would tell the group something new."""
        changed = {}
        for claim in self._current.values() if claims is None else claims:
            offsets = self.offsets.get(claim)
            if offsets is None or (position := offsets.position) is None or not self._is_current(claim, offsets):
                continue
            farthest = commit_metadata.MAX_BITS
            for earlier, cut in self._still_open(claim):
                head = earlier.oldest()
                if head is not None and head.offset < min(position, cut):
                    offsets, position, farthest = earlier, head.offset, cut - head.offset - 1
            metadata = commit_metadata.encode(
                self._group, offsets.topic, offsets.partition, position, offsets.metadata(farthest)
            )
            if self._committed.get(claim) != (position, metadata):
                changed[claim] = Commit(
                    claim, offsets.topic, offsets.partition, position, metadata, offsets.leader_epoch
                )
        return changed

    def _still_open(self, claim: int) -> list[tuple[PartitionOffsets, int]]:
        """What earlier claims in whose place this one came have open, and where their log was truncated."""
        return [(self.offsets[each], cut) for each, cut in self._cut.get(claim, ()) if each in self.offsets]

    def committed(self, commits: dict[int, Commit]) -> None:
        """These commits went well."""
        for claim, commit in commits.items():
            if claim in self.offsets:
                self._committed[claim] = (commit.position, commit.metadata)

    def _is_current(self, claim: int, offsets: PartitionOffsets) -> bool:
        """Whether no later claim has taken this one's place (see Listener.on_assigned)."""
        return self._current.get((offsets.topic, offsets.partition)) == claim
