"""Selects what one sink sends next: a retry, new events, or the probe of a gate that is shut. Pure.

Events that are held do not hold others: of a batch in which one awaits a success, the neighbours go first; retries of
codes that may heal have a share; and a flood's probes go round all that is held.
"""

from __future__ import annotations

from collections.abc import Callable

from connector.batching.batcher import Batch, Batcher
from connector.delivery.gate import NEVER, Gate
from connector.delivery.healing import HealingShare
from connector.delivery.unsettled_batches import UnsettledBatch, UnsettledBatches


class Selection:
    """What was sent before is in `unsettled`, the rest in `batcher`; `take` moves a batch from here to there."""

    def __init__(
        self,
        unsettled: UnsettledBatches,
        batcher: Batcher,
        gate: Gate,
        take: Callable[[Batch], UnsettledBatch],
    ) -> None:
        self._unsettled = unsettled
        self._batcher = batcher
        self._gate = gate
        self._take = take
        self._healing = HealingShare(gate)

    def select(self, now: float) -> UnsettledBatch | None:
        """Return what to send next; None if there is nothing. Its current sub-batch is meant."""
        if self._gate.flooded:
            return self._select_flood_probe()
        sent_before = self._unsettled.due_for_retry(now) if self._gate.is_sending else self._select_probe()
        if sent_before is not None:
            self._unsettled.let_neighbours_pass(sent_before, self._gate.successes)
            return sent_before
        return self._select_new_or_healing(now) if self._gate.is_sending else None

    def start(self, batch: UnsettledBatch, now: float) -> None:
        """Mark a batch as in flight."""
        if batch.heals:
            self._healing.retry_started(now)
        else:
            self._healing.other_started()
        self._unsettled.start(batch)

    def finish(self, batch: UnsettledBatch) -> None:
        """Mark a batch whose request ended as awaiting a retry."""
        if batch.heals:
            self._healing.retry_finished()
        self._unsettled.finish(batch)

    def next_at(self) -> float:
        """Return when there is something to send while the gate sends; NEVER: not before something else happens."""
        times = [self._unsettled.next_retry(), self._batcher.next_batch_at(), self._next_healing()]
        return min((at for at in times if at is not None), default=NEVER)

    def can_probe(self) -> bool:
        """True if there is a batch to probe with."""
        return bool(self._unsettled.awaiting_retry) or self._batcher.oldest_number() is not None

    def can_probe_untried(self) -> bool:
        """True if there is a batch to probe with, while flooded, that has not been a probe in this flood."""
        return self._unsettled.untried_flood_probe() is not None or self._batcher.oldest_number() is not None

    def only_suspects(self) -> bool:
        """True if all that could be sent are single events that drew a status 500 since the last success."""
        return self._batcher.oldest_number() is None and self._unsettled.only_suspects(self._gate.successes)

    def _select_new_or_healing(self, now: float) -> UnsettledBatch | None:
        at = self._next_healing()
        healing_is_due = at is not None and at <= now
        if not (healing_is_due and self._healing.is_next):
            batch = self._batcher.take_next_batch(now)
            if batch is not None:
                return self._take(batch)
        return self._unsettled.first_to_heal() if healing_is_due else None

    def _next_healing(self) -> float | None:
        due, allowed = self._unsettled.next_to_heal(), self._healing.next_at()
        return None if due is None or allowed is None else max(due, allowed)

    def _select_probe(self) -> UnsettledBatch | None:
        """Return what to probe with, and note that it was chosen; None if there is nothing.

        It is the oldest batch, but after three tries or a status 500 the next one, as that batch may cause the fault
        itself.
        """
        unsettled = self._unsettled
        probe = unsettled.probe_to_repeat() or unsettled.next_probe() or self._take_oldest()
        if probe is None:  # every batch was a probe: begin with the oldest again
            unsettled.restart_probing()
            probe = unsettled.next_probe()
        if probe is None:  # nothing is left but what awaits a code to heal
            return unsettled.first_to_heal()
        unsettled.record_probe(probe)
        return probe

    def _select_flood_probe(self) -> UnsettledBatch | None:
        """Return what to probe with while flooded: one event, each time another one; None if there is nothing."""
        unsettled = self._unsettled
        probe = unsettled.untried_flood_probe() or self._take_oldest() or unsettled.next_flood_probe()
        if probe is not None:
            unsettled.isolate_flood_probe(probe)
        return probe

    def _take_oldest(self) -> UnsettledBatch | None:
        batch = self._batcher.take_oldest_batch()
        return None if batch is None else self._take(batch)
