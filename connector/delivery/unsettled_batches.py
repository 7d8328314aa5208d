"""The batches of one sink that were taken from the batcher and are not settled yet, and which of them probes. Pure.

Such a batch is in flight (in a request), awaits a retry, or awaits the request of its next sub-batch. A round of probes
goes from the oldest batch to the newest.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from connector.batching.batcher import Batch
from connector.batching.isolation import SubBatch, SubBatches
from connector.model import Item, RecordRef

# While the vendor is down the oldest batch probes, at most so many times in a row: the vendor may fail because of it.
PROBES_OF_ONE = 3


class UnsettledBatch:
    """One batch, `packed`, from its first request until every item of it is settled.

    Until then the batcher keeps its keys from other batches.
    """

    __slots__ = ("in_flight", "packed", "retry_at", "sub_batches")

    def __init__(self, batch: Batch) -> None:
        self.packed = batch
        self.sub_batches = SubBatches(batch.items)
        self.retry_at = 0.0  # monotonic seconds
        self.in_flight = False


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
    """Every batch that is in flight or awaits a retry, by its number; the oldest has the lowest."""

    def __init__(self) -> None:
        self.awaiting_retry = 0  # batches
        self._all: dict[int, UnsettledBatch] = {}
        self._last_probe = 0  # the number of the batch that was the last probe; 0: begin with the oldest
        self._probes_of_one = 0  # how often in a row it was

    def __len__(self) -> int:
        return len(self._all)

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

    def finish(self, batch: UnsettledBatch) -> None:
        """Mark a batch whose request ended as awaiting a retry; `remove` it if all of it is settled."""
        batch.in_flight = False
        self.awaiting_retry += 1

    def remove(self, batch: UnsettledBatch) -> None:
        """Remove a batch that is in no request and has nothing left to send."""
        del self._all[batch.packed.number]
        self.awaiting_retry -= 1

    def drop_awaiting_retry(self, revoked: Callable[[Item], bool]) -> tuple[list[Item], list[UnsettledBatch]]:
        """Drop the items that are `revoked` from batches that await a retry.

        Returns these items, and the batches that have nothing left, which are still to be removed.
        """
        waiting = [batch for batch in self._all.values() if not batch.in_flight]
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
        return sum(len(batch.sub_batches.items()) for batch in self._all.values()) - self.items_in_flight()

    def epochs(self) -> set[int]:
        """Return the epochs of all items, settled ones included."""
        return {item.record.assignment_epoch for batch in self._all.values() for item in batch.packed.items}

    # --- which is sent next ----------------------------------------------------------------------------------------

    def due_for_retry(self, now: float) -> UnsettledBatch | None:
        """Return the first batch that may be tried again at `now`, in the order of `add`; None if there is none."""
        if not self.awaiting_retry:
            return None
        return next((batch for batch in self._all.values() if not batch.in_flight and batch.retry_at <= now), None)

    def next_retry(self) -> float | None:
        """Return when the next batch may be tried again; None if none awaits a retry."""
        if not self.awaiting_retry:
            return None
        return min(batch.retry_at for batch in self._all.values() if not batch.in_flight)

    def probe_to_repeat(self) -> UnsettledBatch | None:
        """Return the last probe if it should be sent again; else None."""
        batch = self._all.get(self._last_probe)
        return batch if self._probes_of_one < PROBES_OF_ONE and batch is not None and not batch.in_flight else None

    def next_probe(self) -> UnsettledBatch | None:
        """Return the next batch of this round: the oldest newer than the last probe; None if there is none."""
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

    def retry_all(self) -> None:
        """Let every batch be tried again at once, as the vendor answers again, and begin a new round of probes."""
        self.restart_probing()
        for batch in self._all.values():
            batch.retry_at = 0.0
