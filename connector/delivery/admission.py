"""The admission queue: records that were read, but must wait until a commit has room for them.

Records of several items settle item by item, and what is settled of them must fit into the commit's metadata (see
record_parts). Where it might not, such a record waits, and every later record of its partition behind it, until enough
of the partition is settled. Everything here runs on the event loop's thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from connector.delivery.assignment import Assignment
from connector.delivery.element_pairs import ElementPairs
from connector.delivery.offsets import ASK_ALWAYS, PartitionOffsets
from connector.delivery.stats import Stats
from connector.model import Failure, Item, Record


class _Queue:
    """The records of one epoch that wait.

    `head`, if there is one, is the record before them: it is routed and open, and its `results` (items and failures)
    wait to be handed on.
    """

    __slots__ = ("bytes", "head", "records", "results")

    def __init__(self, head: Record | None = None, results: Sequence[Item | Failure] = ()) -> None:
        self.head = head
        self.results = results
        self.records: deque[Record] = deque()
        self.bytes = 0  # of `records`


class AdmissionQueue:
    """A queue for each epoch that has no room.

    `hand_on` passes items to the dispatcher and failures on to their letters; `begin_records` begins records.
    """

    def __init__(
        self,
        assignment: Assignment,
        pairs: ElementPairs,
        stats: Stats,
        *,
        hand_on: Callable[[Sequence[Item | Failure]], None],
        begin_records: Callable[[Sequence[Record]], None],
    ) -> None:
        self._assignment = assignment
        self._pairs = pairs
        self._stats = stats
        self._hand_on = hand_on
        self._begin_records = begin_records
        self._queues: dict[int, _Queue] = {}

    def __contains__(self, epoch: object) -> bool:
        return epoch in self._queues

    @property
    def is_empty(self) -> bool:
        """True if nothing waits."""
        return not self._queues

    @property
    def waiting_records(self) -> int:
        """How many records wait that are not begun."""
        return sum(len(queue.records) for queue in self._queues.values())

    @property
    def waiting_bytes(self) -> int:
        """The size of these records' values."""
        return sum(queue.bytes for queue in self._queues.values())

    def next_offset_after(self, epoch: int, default: int) -> int:
        """Return the offset after the last record of an epoch that waits here; `default` if none does."""
        queue = self._queues.get(epoch)
        return queue.records[-1].offset + 1 if queue is not None and queue.records else default

    def admit_or_queue(self, offsets: PartitionOffsets, record: Record) -> bool:
        """Return True if a record may be begun now. Otherwise queue it, and with it every later record of its epoch."""
        queue = self._queues.get(record.assignment_epoch)
        if queue is None:
            if offsets.check_room(record.offset):
                return True
            queue = self._queues[record.assignment_epoch] = _Queue()
            offsets.limit = ASK_ALWAYS
        queue.records.append(record)
        queue.bytes += record.value_size
        return False

    def open_parts(self, offsets: PartitionOffsets, record: Record, results: Sequence[Item | Failure]) -> None:
        """Open a record that was just begun, and count it as read or as settled by an earlier owner.

        Those of its parts that an earlier owner has not settled are handed on: at once, or when there is room.
        """
        parts = [(each.route, each.element) for each in results]
        settled = None
        if offsets.inherited is not None:
            unsettled, settled = offsets.split_parts(record, parts)
            if not any(unsettled):
                self._stats.settled_before += 1
                return
            self._stats.parts_settled_before += unsettled.count(False)
            results = [each for each, is_open in zip(results, unsettled, strict=True) if is_open]
            parts = [each for each, is_open in zip(parts, unsettled, strict=True) if is_open]
        pairs = self._pairs.open(record, results)
        self._stats.read += pairs
        self._stats.more_items += len(results) - pairs
        # A record of one part of which nothing is settled is not worth a MultiPartRecord.
        self._assignment.open(offsets, record, parts if len(parts) > 1 or settled else None, settled)
        if offsets.start_parts(record.offset):
            self._hand_on(results)
        else:
            self._queues[record.assignment_epoch] = _Queue(record, results)
            offsets.limit = ASK_ALWAYS

    def admit_waiting(self) -> bool:
        """Begin what has room now. Return True if there was something."""
        admitted = False
        for epoch in list(self._queues):
            offsets, queue = self._assignment.offsets[epoch], self._queues[epoch]
            if queue.head is None:
                has_room = offsets.check_room(queue.records[0].offset)
            else:
                has_room = offsets.start_parts(queue.head.offset)
            if has_room:
                self._begin_queue(epoch)
                admitted = True
        return admitted

    def admit_without_limit(self, epoch: int) -> None:
        """Begin all that waits of an epoch of which nothing will be committed any more."""
        offsets = self._assignment.offsets[epoch]
        offsets.unbind()
        queue = self._queues.get(epoch)
        if queue is not None:
            if queue.head is not None:
                offsets.start_parts(queue.head.offset)
            self._begin_queue(epoch)

    def begin_oldest_without_room(self) -> bool:
        """Begin one record that waits, although a commit may have no room for it. Return False if none waits.

        The oldest of one partition, next time the oldest of another.
        """
        epoch = next(iter(self._queues), None)
        if epoch is None:
            return False
        offsets, queue = self._assignment.offsets[epoch], self._queues.pop(epoch)
        blocked: _Queue | None = queue  # the queue whose head is to be started
        if queue.head is None:
            record = queue.records.popleft()
            queue.bytes -= record.value_size
            offsets.limit = record.offset + 1
            self._begin_records((record,))
            blocked = self._queues.pop(epoch, None)  # the record was queued again, as a head, if its parts have no room
        results: Sequence[Item | Failure] = ()
        if blocked is not None and blocked.head is not None:
            offsets.start_parts(blocked.head.offset, without_room=True)
            results, queue.head, queue.results = blocked.results, None, ()
        if queue.records:
            self._queues[epoch] = queue
            offsets.limit = ASK_ALWAYS
        self._hand_on(results)
        return True

    def drop_waiting(self, epochs: AbstractSet[int]) -> None:
        """Drop what waits of these epochs."""
        for epoch in epochs:
            self._queues.pop(epoch, None)

    def _begin_queue(self, epoch: int) -> None:
        queue = self._queues.pop(epoch)
        self._hand_on(queue.results)
        self._begin_records(queue.records)
