"""The batches of one sink that were taken from the batcher and are not settled yet, and which of them probes. Pure.

Such a batch is in flight (in a request), awaits a retry, or awaits the request of its next sub-batch. A round of probes
goes from the oldest batch to the newest. Batches that await a code to heal are kept apart: there may be many of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from heapq import heappop, heappush
from typing import NamedTuple

from connector.batching.batcher import Batch
from connector.batching.isolation import FreeItem, SubBatch, SubBatches
from connector.model import Item, RecordRef

# While the vendor is down the oldest batch probes, at most so many times in a row: the vendor may fail because of it.
PROBES_OF_ONE = 3


class UnsettledBatch:
    """One batch, `packed`, from its first request until every item of it is settled.

    Until then the batcher keeps its keys from other batches. `heals`: its last answer was a code that may heal.
    `single_probe` is the number of the last probe of a single event that was of it (0: none).
    """

    __slots__ = ("heals", "in_flight", "packed", "retry_at", "single_probe", "sub_batches")

    def __init__(self, batch: Batch) -> None:
        self.packed = batch
        self.sub_batches = SubBatches(batch.items)
        self.retry_at = 0.0  # monotonic seconds
        self.in_flight = False
        self.heals = False
        self.single_probe = 0


class SendAttempt(NamedTuple):
    """One request: its batch, the sub-batch that is sent, and when it was started (monotonic seconds)."""

    batch: UnsettledBatch
    sub_batch: SubBatch
    started_at: float

    @property
    def label(self) -> str:
        """The request's name in log lines: the batch's number, and how often this sub-batch was sent."""
        return f"{self.batch.packed.number}.{self.sub_batch.attempts}"


class UnsettledBatches:
    """Every batch that is in flight or awaits a retry, by its number; the oldest has the lowest.

    If not `ordered`, keys do not matter.
    """

    def __init__(self, *, ordered: bool = True) -> None:
        self.awaiting_retry = 0  # batches
        self.healing_in_flight = 0  # batches of which a code that may heal is asked for again
        self.requests_since_healing = 0  # others that were started since the last of these
        self._ordered = ordered
        self._all: dict[int, UnsettledBatch] = {}  # but for those in `_healing`
        self._healing: dict[int, UnsettledBatch] = {}  # that await a code to heal
        self._healing_at: list[tuple[float, int]] = []  # a heap of retry times and numbers; some are outdated
        self._probes = 0  # of single items
        self._last_probe = 0  # the number of the batch that was the last probe; 0: begin with the oldest
        self._probes_of_one = 0  # how often in a row it was

    def __len__(self) -> int:
        return len(self._all) + len(self._healing)

    # --- from the batcher until settled ----------------------------------------------------------------------------

    def add(self, batch: Batch) -> UnsettledBatch:
        """Add a batch that was taken from the batcher; `start` must follow."""
        added = self._all[batch.number] = UnsettledBatch(batch)
        self.awaiting_retry += 1
        return added

    def start(self, batch: UnsettledBatch) -> None:
        """Mark a batch as in flight."""
        batch.in_flight = True
        self.awaiting_retry -= 1
        if batch.heals:
            self._all[batch.packed.number] = self._healing.pop(batch.packed.number)
            self.healing_in_flight += 1
            self.requests_since_healing = 0
        else:
            self.requests_since_healing += 1

    def finish(self, batch: UnsettledBatch) -> None:
        """Mark a batch whose request ended as awaiting a retry; `remove` it if all of it is settled."""
        batch.in_flight = False
        self.awaiting_retry += 1
        if batch.heals:
            batch.heals = False
            self.healing_in_flight -= 1

    def await_healing(self, batch: UnsettledBatch, retry_at: float) -> None:
        """Let a batch that is in no request await the retry of a code that may heal, at `retry_at`."""
        number = batch.packed.number
        batch.heals, batch.retry_at = True, retry_at
        self._healing[number] = self._all.pop(number)
        heappush(self._healing_at, (retry_at, number))

    def remove(self, batch: UnsettledBatch) -> None:
        """Remove a batch that is in no request and has nothing left to send."""
        del (self._healing if batch.heals else self._all)[batch.packed.number]
        self.awaiting_retry -= 1

    def drop_awaiting_retry(self, revoked: Callable[[Item], bool]) -> tuple[list[Item], list[UnsettledBatch]]:
        """Drop the items that are `revoked` from batches that await a retry.

        Returns these items, and the batches that have nothing left, which are still to be removed.
        """
        waiting = list(self._waiting())
        dropped = [item for batch in waiting for item in batch.sub_batches.drop_items(revoked)]
        return dropped, [batch for batch in waiting if batch.sub_batches.all_settled]

    # --- what they contain -----------------------------------------------------------------------------------------

    def items_in_flight(self, epochs: AbstractSet[int] | None = None) -> int:
        """Return how many items of these epochs (None: of all) are in a request."""
        return sum(
            1
            for batch in self._all.values()
            if batch.in_flight
            for item in batch.sub_batches.current.items
            if epochs is None or item.record.assignment_epoch in epochs
        )

    def records_in_flight(self) -> set[RecordRef]:
        """Return the records of which an item is in a request."""
        return {
            item.record.ref
            for batch in self._all.values()
            if batch.in_flight
            for item in batch.sub_batches.current.items
        }

    def items_awaiting_retry(self) -> int:
        """Return how many items are in no request: they await a retry, or the rest of their batch."""
        return sum(len(batch.sub_batches.items()) for batch in self._every()) - self.items_in_flight()

    def epochs(self) -> set[int]:
        """Return the epochs of all items, settled ones included."""
        return {item.record.assignment_epoch for batch in self._every() for item in batch.packed.items}

    def _every(self) -> Iterator[UnsettledBatch]:
        yield from self._all.values()
        yield from self._healing.values()

    def _waiting(self) -> Iterator[UnsettledBatch]:
        return (batch for batch in self._every() if not batch.in_flight)

    # --- which is sent next ----------------------------------------------------------------------------------------

    def due_for_retry(self, now: float) -> UnsettledBatch | None:
        """Return the first batch that may be tried again at `now`, in the order of `add`; None if there is none.

        Not one that awaits a code to heal.
        """
        if self.awaiting_retry == len(self._healing):
            return None
        return next((batch for batch in self._all.values() if not batch.in_flight and batch.retry_at <= now), None)

    def next_retry(self) -> float | None:
        """Return when the next batch may be tried again; None if none awaits a retry, but for a code to heal."""
        if self.awaiting_retry == len(self._healing):
            return None
        return min(batch.retry_at for batch in self._all.values() if not batch.in_flight)

    def next_to_heal(self) -> float | None:
        """Return when the next batch is to be tried that awaits a code to heal; None if none does."""
        heap = self._healing_at
        while heap:
            at, number = heap[0]
            batch = self._healing.get(number)
            if batch is not None and batch.retry_at == at:
                return at
            heappop(heap)
        return None

    def first_to_heal(self) -> UnsettledBatch | None:
        """Return the batch awaiting a code to heal whose time comes first; None if there is none."""
        return None if self.next_to_heal() is None else self._healing[self._healing_at[0][1]]

    def let_neighbours_pass(self, batch: UnsettledBatch, successes: int) -> None:
        """Make another event of a batch its current one, if the current one awaits a success of others.

        The first that does not await one itself; if all do, the one that was sent least recently. `successes` is
        Gate.successes. A success of that event shows that the vendor is well.
        """
        sub_batches = batch.sub_batches
        if not sub_batches.current.awaits_success(successes):
            return

        def waited(free: FreeItem) -> tuple[bool, int]:
            waits = free.sub_batch.awaits_success(successes)
            return waits, free.sub_batch.probed if waits else 0

        self._isolate(batch, min(sub_batches.free_items(ordered=self._ordered), key=waited))

    def only_suspects(self, successes: int) -> bool:
        """True if all that is, or could be, sent of every batch are single events that await a success of others."""
        return len(self) > 0 and all(
            free.sub_batch.awaits_success(successes)
            for batch in self._every()
            for free in batch.sub_batches.free_items(ordered=self._ordered)
        )

    def _isolate(self, batch: UnsettledBatch, free: FreeItem) -> None:
        batch.sub_batches.isolate(free)
        self._probes += 1
        batch.sub_batches.current.probed = self._probes

    # --- which probes ----------------------------------------------------------------------------------------------

    def probe_to_repeat(self) -> UnsettledBatch | None:
        """Return the last probe if it should be sent again; else None."""
        batch = self._all.get(self._last_probe)
        return batch if self._probes_of_one < PROBES_OF_ONE and batch is not None and not batch.in_flight else None

    def next_probe(self) -> UnsettledBatch | None:
        """Return the next batch of this round: the oldest newer than the last probe; None if there is none.

        Not one that awaits a code to heal.
        """
        waiting = (batch for batch in self._all.values() if not batch.in_flight)
        newer = (batch for batch in waiting if batch.packed.number > self._last_probe)
        return min(newer, key=lambda batch: batch.packed.number, default=None)

    def record_probe(self, batch: UnsettledBatch) -> None:
        """Note that this batch is sent as a probe."""
        self._probes_of_one = self._probes_of_one + 1 if batch.packed.number == self._last_probe else 1
        self._last_probe = batch.packed.number

    def rule_out_last_probe(self) -> None:
        """Let another batch than the last probe, if there was one, be the next: it may cause the fault itself."""
        self._probes_of_one = PROBES_OF_ONE

    def restart_probing(self) -> None:
        """Let the oldest batch be the next probe."""
        self._last_probe = 0

    def untried_single_probe(self) -> UnsettledBatch | None:
        """Return the oldest batch of which no event has been a probe by itself; None if there is none."""
        untried = (batch for batch in self._waiting() if not batch.single_probe)
        return min(untried, key=lambda batch: batch.packed.number, default=None)

    def next_single_probe(self) -> UnsettledBatch | None:
        """Return the batch with the event that was no probe yet or is the longest ago; None if there is none.

        Of several batches with such an event, the one that probed the longest ago.
        """
        return min(
            self._waiting(),
            key=lambda batch: (self._least_probed(batch).sub_batch.probed, batch.single_probe, batch.packed.number),
            default=None,
        )

    def isolate_single_probe(self, batch: UnsettledBatch) -> None:
        """Make that event of a batch, alone, its current one, and note that it is sent as a probe by itself."""
        self._isolate(batch, self._least_probed(batch))
        batch.single_probe = self._probes

    def _least_probed(self, batch: UnsettledBatch) -> FreeItem:
        return min(batch.sub_batches.free_items(ordered=self._ordered), key=lambda free: free.sub_batch.probed)

    def retry_all(self) -> None:
        """Let every batch be tried again at once, as the vendor answers again, and begin new rounds of probes.

        Those that await a code to heal go on waiting for that.
        """
        self.restart_probing()
        for batch in self._every():
            batch.single_probe = 0
        for batch in self._all.values():
            batch.retry_at = 0.0
