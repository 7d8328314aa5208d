"""What was read of a partition and may not be begun yet, by claim, in order. Pure.

The first record of a queue may have been looked at already: it is open, and its results wait to be sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from connector.model import Failure, Item, Record


class Queue:
    """Of one claim. `results` are those of the open record `head`, if there is one; `records` come behind it."""

    __slots__ = ("head", "records", "results")

    def __init__(self) -> None:
        self.head: Record | None = None
        self.results: Sequence[Item | Failure] = ()
        self.records: deque[Record] = deque()


class Queues:
    """All of them. An empty one is none."""

    def __init__(self) -> None:
        self._queues: dict[int, Queue] = {}

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

    def begin(self, record: Record, results: Sequence[Item | Failure]) -> None:
        """An open record waits, and so does what follows it. No queue of its claim stands."""
        queue = self._queues[record.claim] = Queue()
        queue.head, queue.results = record, results

    def append(self, record: Record) -> None:
        """This one waits behind what waits already."""
        queue = self._queues.get(record.claim)
        if queue is None:
            queue = self._queues[record.claim] = Queue()
        queue.records.append(record)

    def looked_at(self, claim: int) -> bool:
        """Whether what goes next of it is open."""
        return self._queues[claim].head is not None

    def end(self, claim: int, default: int) -> int:
        """One past the last record that waits of a claim; `default` where none does."""
        queue = self._queues.get(claim)
        return queue.records[-1].offset + 1 if queue is not None and queue.records else default

    def first(self, claim: int) -> Record:
        """What goes next of a claim that has a queue."""
        queue = self._queues[claim]
        return queue.records[0] if queue.head is None else queue.head

    def take(self, claim: int) -> Queue:
        """The queue, which is none any more."""
        return self._queues.pop(claim)

    def forget(self, claims: AbstractSet[int]) -> None:
        """These claims are no longer ours."""
        for claim in claims:
            self._queues.pop(claim, None)
