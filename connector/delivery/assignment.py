"""The partitions that are ours now: their offsets by claim, how much is open, and what is worth committing. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from connector.delivery.half_settled import Part
from connector.delivery.offsets import PartitionOffsets
from connector.kafka import commit_metadata
from connector.kafka.source_interface import Assigned, Commit
from connector.model import Record

# How far reading may be ahead of a partition's position: what the commit's metadata can still tell.
MAX_SPAN = 20_000
RESUME_SPAN = 10_000


class Assignment:
    """Offsets of every claim of one consumer group's member.

    `tags` has that of each route of which parts can be told (see routing.identity).
    """

    def __init__(self, group: str, tags: Mapping[str, int] | None = None) -> None:
        self.open_parts = 0  # (record, route) pairs that are read and not settled
        self.open_bytes = 0
        self.offsets: dict[int, PartitionOffsets] = {}  # by claim
        self.highs: Mapping[tuple[str, int], int] = {}  # one past the last offset of a partition, as last heard
        self.halted: set[int] = set()  # claims whose reading is too far ahead of their position
        self._group = group
        self._tags = {} if tags is None else tags
        self._current: dict[tuple[str, int], int] = {}  # the claim that commits for a partition
        self._committed: dict[int, tuple[int, str]] = {}
        # Claims in place of earlier ones whose log was truncated: those, and the offset at which it was.
        self._cut: dict[int, list[tuple[int, int]]] = {}
        self._kept_back: set[int] = set()  # claims of which records were read and are not begun

    def __len__(self) -> int:
        return len(self._current)

    @property
    def open_events(self) -> int:
        """How many records are read and not settled."""
        return sum(offsets.open_events for offsets in self.offsets.values())

    def claim_of(self, topic: str, partition: int) -> int | None:
        """The claim that commits for a partition."""
        return self._current.get((topic, partition))

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
            topic, partition, position, told, topic_id=topic_id, leader_epoch=leader_epoch, tags=self._tags
        )
        replaced = self._current.get((topic, partition))
        self._current[topic, partition] = claim
        if replaced is None:
            return
        if cut_at >= 0:
            earlier = [(each, min(cut, cut_at)) for each, cut in self._cut.pop(replaced, ())]
            self._cut[claim] = [*earlier, (replaced, cut_at)]
        self._forget_if_done(replaced)

    def identify(self, claims: Iterable[int], topic_id: str) -> None:
        """The id of these claims' topic is known now; it goes with their commits."""
        for claim in claims:
            if claim in self.offsets:
                self.offsets[claim].topic_id = topic_id

    def with_earlier(self, claims: AbstractSet[int]) -> frozenset[int]:
        """These claims, and the earlier ones of the same partitions whose events lie in the same log."""
        earlier = (each for claim in claims for each, _ in self._cut.get(claim, ()))
        return frozenset(claims).union(each for each in earlier if each in self.offsets)

    def forget(self, claims: AbstractSet[int]) -> int:
        """These are no longer ours: what comes of their events is no concern of this group's offsets.

        Returns how many parts of their records were not settled.
        """
        unsettled = 0
        for claim in claims:
            self.halted.discard(claim)
            self._committed.pop(claim, None)
            self._cut.pop(claim, None)
            self._kept_back.discard(claim)
            offsets = self.offsets.pop(claim, None)
            if offsets is not None:
                if self._is_current(claim, offsets):
                    del self._current[offsets.topic, offsets.partition]
                self.open_bytes -= offsets.open_bytes
                unsettled += offsets.open_parts
        self.open_parts -= unsettled
        return unsettled

    def open(
        self,
        offsets: PartitionOffsets,
        record: Record,
        parts: Sequence[Part] | None = None,
        settled: Mapping[int, int] | None = None,
    ) -> None:
        """A record of these offsets is settled only when its `parts` are; see PartitionOffsets.open."""
        self.open_parts += 1 if parts is None else len(parts)
        self.open_bytes += offsets.open(record, parts, settled)

    def settle(self, record: Record, route: str | None = None, index: int = 0) -> bool:
        """A part of a record is settled. False, and nothing happens, if its claim is forgotten."""
        offsets = self.offsets.get(record.claim)
        if offsets is None:
            return False
        freed = offsets.settle(record, route, index)
        self.open_parts -= 1
        if freed is not None:
            self.open_bytes -= freed
            self._forget_if_done(record.claim)
        return True

    def keep_back(self, claims: Iterable[int]) -> None:
        """Records of these claims were read and will be begun later: the claims stay, and so do their positions."""
        self._kept_back.update(claim for claim in claims if claim in self.offsets)

    def all_begun(self) -> None:
        """Nothing is kept back any more."""
        claims, self._kept_back = self._kept_back, set()
        for claim in claims:
            self._forget_if_done(claim)

    def _forget_if_done(self, claim: int) -> None:
        """A claim whose place another has taken is forgotten when nothing of it is open or still to be begun."""
        offsets = self.offsets[claim]
        if not offsets.open_events and claim not in self._kept_back and not self._is_current(claim, offsets):
            self.forget({claim})

    def lag(self) -> int | None:
        """How many records lie between our positions and the partitions' ends; None while no end is known."""
        lags = [
            max(0, high - offsets.position)
            for offsets in self.offsets.values()
            if offsets.position is not None and (high := self.highs.get((offsets.topic, offsets.partition))) is not None
        ]
        return sum(lags) if lags or not self.offsets else None

    def half_settled(self, claims: Iterable[int], alive: AbstractSet[tuple[int, int]]) -> set[tuple[int, int]]:
        """The records of these claims, as claim and offset, of which one part is settled, or `alive`, and another is
        not."""
        found = set()
        for claim in claims:
            if (offsets := self.offsets.get(claim)) is not None:
                here = {offset for each, offset in alive if each == claim}
                found |= {(claim, offset) for offset in offsets.half_settled(here)}
        return found

    def untold(self, claims: Iterable[int]) -> int:
        """How many records and parts of these claims are settled of which their commits will not tell."""
        return sum(self.offsets[claim].untold(commit_metadata.MAX_BITS) for claim in claims if claim in self.offsets)

    def overrun(
        self, waiting: Container[int] = ()
    ) -> tuple[list[tuple[int, PartitionOffsets]], list[tuple[int, PartitionOffsets]]]:
        """The claims to halt, because reading is too far ahead of their position or what was read of them is `waiting`,
        and those to resume."""
        halt, resume = [], []
        for claim, offsets in self.offsets.items():
            if claim in self.halted:
                if offsets.span <= RESUME_SPAN and claim not in waiting:
                    self.halted.discard(claim)
                    resume.append((claim, offsets))
            elif offsets.span >= MAX_SPAN or claim in waiting:
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
                held = earlier.position
                if held is not None and held < min(position, cut):
                    offsets, position = earlier, held
                    farthest = min(cut - held - 1, commit_metadata.MAX_BITS)
            metadata = commit_metadata.encode(
                self._group, offsets.topic, offsets.partition, position, offsets.metadata(farthest)
            )
            if self._committed.get(claim) != (position, metadata):
                changed[claim] = Commit(
                    claim, offsets.topic, offsets.partition, position, metadata, offsets.leader_epoch
                )
        return changed

    def _still_open(self, claim: int) -> list[tuple[PartitionOffsets, int]]:
        """The earlier claims in whose place this one came and of which something is open or still to be begun, and
        where their log was truncated."""
        return [
            (offsets, cut)
            for each, cut in self._cut.get(claim, ())
            if (offsets := self.offsets.get(each)) is not None and (offsets.open_events or each in self._kept_back)
        ]

    def committed(self, commits: dict[int, Commit]) -> None:
        """These commits went well."""
        for claim, commit in commits.items():
            if claim in self.offsets:
                self._committed[claim] = (commit.position, commit.metadata)

    def _is_current(self, claim: int, offsets: PartitionOffsets) -> bool:
        """Whether no later claim has taken this one's place (see Listener.on_assigned)."""
        return self._current.get((offsets.topic, offsets.partition)) == claim
