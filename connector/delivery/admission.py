"""What was read of a partition and may not be begun yet, because a commit would have no room to tell of it.

Records of several items settle one by one, and what is settled of them must have room in the commit's metadata (see
half_settled). Where it might not, such a record waits, and all that comes behind it in its partition, until others of
the partition are settled. Everything here runs on the event loop's thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from connector.delivery.assignment import Assignment
from connector.delivery.offsets import SHUT, PartitionOffsets
from connector.delivery.stats import Stats
from connector.model import Failure, Item, Record


class _Queue:
    """Of one claim: the first record may be open already, and then its `results` wait to be sent."""

    __slots__ = ("bytes", "head", "records", "results")

    def __init__(self, head: Record | None = None, results: Sequence[Item | Failure] = ()) -> None:
        self.head = head
        self.results = results
        self.records: deque[Record] = deque()
        self.bytes = 0  # of these records


class Waiting:
    """By claim, in order. `give_out` sends what a record became, `take_in` begins records."""

    def __init__(
        self,
        assignment: Assignment,
        stats: Stats,
        *,
        give_out: Callable[[Sequence[Item | Failure]], None],
        take_in: Callable[[Sequence[Record]], None],
    ) -> None:
        self._assignment = assignment
        self._stats = stats
        self._give_out = give_out
        self._take_in = take_in
        self._queues: dict[int, _Queue] = {}

    def __contains__(self, claim: object) -> bool:
        return claim in self._queues

    def __iter__(self) -> Iterator[int]:
        return iter(self._queues)

    def __len__(self) -> int:
        return len(self._queues)

    @property
    def records(self) -> int:
        """How many records wait that were not looked at."""
        return sum(len(queue.records) for queue in self._queues.values())

    @property
    def bytes(self) -> int:
        """What these weigh."""
        return sum(queue.bytes for queue in self._queues.values())

    def end(self, claim: int, default: int) -> int:
        """One past the last record that waits of a claim; `default` where none does."""
        queue = self._queues.get(claim)
        return queue.records[-1].offset + 1 if queue is not None and queue.records else default

    def admits(self, offsets: PartitionOffsets, record: Record) -> bool:
        """Whether a record may be begun; else it waits."""
        queue = self._queues.get(record.claim)
        if queue is None:
            if offsets.admits(record.offset):
                return True
            queue = self._queues[record.claim] = _Queue()
            offsets.limit = SHUT
        queue.records.append(record)
        queue.bytes += len(record.value or b"")
        return False

    def open(self, offsets: PartitionOffsets, record: Record, results: Sequence[Item | Failure]) -> None:
        """Open a record that was just begun and may have several parts, and send what an earlier owner did not settle,
        at once or when there is room."""
        parts = [(each.route, each.element) for each in results]
        settled = None
        if offsets.told:
            unsettled, settled = offsets.unsettled(record, parts)
            if not any(unsettled):
                self._stats.settled_before += 1
                return
            self._stats.parts_settled_before += unsettled.count(False)
            results = [each for each, is_open in zip(results, unsettled, strict=True) if is_open]
            parts = [each for each, is_open in zip(parts, unsettled, strict=True) if is_open]
        self._stats.read += len(results)
        self._assignment.open(offsets, record, parts if len(parts) > 1 or settled else None, settled)
        if offsets.start(record.offset):
            self._give_out(results)
        else:
            self._queues[record.claim] = _Queue(record, results)
            offsets.limit = SHUT

    def go_on(self) -> bool:
        """Take in what has room now; whether there was something."""
        went = False
        for claim in list(self._queues):
            offsets, queue = self._assignment.offsets[claim], self._queues[claim]
            first = queue.records[0] if queue.head is None else queue.head
            if offsets.admits(first.offset) if queue.head is None else offsets.start(first.offset):
                self._take(claim)
                went = True
        return went

    def let_in(self, claim: int | None) -> None:
        """Take in all that waits of a claim of which nothing is committed any more."""
        if claim is None:
            return
        offsets = self._assignment.offsets[claim]
        offsets.unbind()
        queue = self._queues.get(claim)
        if queue is not None:
            if queue.head is not None:
                offsets.start(queue.head.offset)
            self._take(claim)

    def forget(self, claims: AbstractSet[int]) -> None:
        """These claims are no longer ours."""
        for claim in claims:
            self._queues.pop(claim, None)

    def _take(self, claim: int) -> None:
        queue = self._queues.pop(claim)
        self._give_out(queue.results)
        self._take_in(queue.records)
