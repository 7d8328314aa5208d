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
    """Of one epoch: the first record may be open already, and then its `results` wait to be sent."""

    __slots__ = ("bytes", "head", "records", "results")

    def __init__(self, head: Record | None = None, results: Sequence[Item | Failure] = ()) -> None:
        self.head = head
        self.results = results
        self.records: deque[Record] = deque()
        self.bytes = 0  # of these records


class AdmissionQueue:
    """By epoch, in order. `give_out` sends what a record became, `take_in` begins records."""

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

    def __contains__(self, epoch: object) -> bool:
        return epoch in self._queues

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

    def end(self, epoch: int, default: int) -> int:
        """One past the last record that waits of a epoch; `default` where none does."""
        queue = self._queues.get(epoch)
        return queue.records[-1].offset + 1 if queue is not None and queue.records else default

    def admits(self, offsets: PartitionOffsets, record: Record) -> bool:
        """Whether a record may be begun; else it waits."""
        queue = self._queues.get(record.assignment_epoch)
        if queue is None:
            if offsets.admits(record.offset):
                return True
            queue = self._queues[record.assignment_epoch] = _Queue()
            offsets.limit = SHUT
        queue.records.append(record)
        queue.bytes += len(record.value or b"")
        return False

    def open(self, offsets: PartitionOffsets, record: Record, results: Sequence[Item | Failure]) -> None:
        """Open a record that was just begun and may have several parts, and send what an earlier owner did not settle,
        at once or when there is room."""
        parts = [(each.route, each.element) for each in results]
        settled = None
        if offsets.half_settled_before:
            unsettled, settled = offsets.unsettled(record, parts)
            if not any(unsettled):
                self._stats.settled_before += 1
                return
            self._stats.parts_settled_before += unsettled.count(False)
            results = [each for each, is_open in zip(results, unsettled, strict=True) if is_open]
            parts = [each for each, is_open in zip(parts, unsettled, strict=True) if is_open]
        self._stats.read += len(results)
        self._assignment.open(offsets, record, parts if len(parts) > 1 or settled else None, settled)
        if offsets.start_parts(record.offset):
            self._give_out(results)
        else:
            self._queues[record.assignment_epoch] = _Queue(record, results)
            offsets.limit = SHUT

    def admit_waiting(self) -> bool:
        """Take in what has room now; whether there was something."""
        went = False
        for epoch in list(self._queues):
            offsets, queue = self._assignment.offsets[epoch], self._queues[epoch]
            first = queue.records[0] if queue.head is None else queue.head
            if offsets.admits(first.offset) if queue.head is None else offsets.start_parts(first.offset):
                self._take(epoch)
                went = True
        return went

    def admit_all(self, epoch: int | None) -> None:
        """Take in all that waits of a epoch of which nothing is committed any more."""
        if epoch is None:
            return
        offsets = self._assignment.offsets[epoch]
        offsets.unbind()
        queue = self._queues.get(epoch)
        if queue is not None:
            if queue.head is not None:
                offsets.start_parts(queue.head.offset)
            self._take(epoch)

    def drop(self, epochs: AbstractSet[int]) -> None:
        """These epochs are no longer ours."""
        for epoch in epochs:
            self._queues.pop(epoch, None)

    def _take(self, epoch: int) -> None:
        queue = self._queues.pop(epoch)
        self._give_out(queue.results)
        self._take_in(queue.records)
