"""Selects what one sink sends next: a retry, new events, or the probe of a gate that is shut. Pure.

Events that are held do not hold others: of a batch in which one awaits a success, the neighbours go first; retries of
codes that may heal have a share; and probes of single events go round all that is held.
"""

from __future__ import annotations

from collections.abc import Callable

from connector.batching.batcher import Batch, Batcher
from connector.delivery.gate import NEVER, Gate
from connector.delivery.healing import HealingShare
from connector.delivery.unsettled_batches import UnsettledBatch, UnsettledBatches


class Selection:
    """What was sent before is in `unsettled`, the rest in `batcher`; `take` moves a batch from here to there.

    `probes_single_events` is true while a probe must be one event: in a flood, and while all are refused alike.
    """

    def __init__(
        self,
        unsettled: UnsettledBatches,
        batcher: Batcher,
        gate: Gate,
        take: Callable[[Batch], UnsettledBatch],
        probes_single_events: Callable[[], bool],
    ) -> None:
        self._unsettled = unsettled
        self._batcher = batcher
        self._gate = gate
        self._take = take
        self._probes_single_events = probes_single_events
        self._healing = HealingShare(gate, unsettled)

    def select(self, now: float) -> UnsettledBatch | None:
        """Return what to send next; None if there is nothing. Its current sub-batch is meant."""
        if self._gate.is_sending:
            if not self._unsettled.awaiting_retry:
                batch = self._batcher.take_next_batch(now)
                return None if batch is None else self._take(batch)
            sent_before = self._unsettled.due_for_retry(now)
            if sent_before is None:
                return self._select_new_or_healing(now)
        elif self._probes_single_events():
            return self._select_single_probe()
        else:
            sent_before = self._select_probe()
        if sent_before is not None:
            self._unsettled.let_neighbours_pass(sent_before, self._gate.successes)
        return sent_before

    def next_at(self) -> float:
        """Return when there is something to send while the gate sends; NEVER: not before something else happens."""
        at = self._batcher.next_batch_at()
        times = [NEVER if at is None else at]
        if self._unsettled.awaiting_retry:
            times += [at for at in (self._unsettled.next_retry(), self._healing.next_at()) if at is not None]
        return min(times)

    def can_probe(self) -> bool:
        """True if there is a batch to probe with."""
        return bool(self._unsettled.awaiting_retry) or self._batcher.oldest_number() is not None

    def can_probe_untried(self) -> bool:
        """True if there is a batch to probe with, while flooded, that has not been a probe in this flood."""
        return self._unsettled.untried_single_probe() is not None or self._batcher.oldest_number() is not None

    def only_suspects(self) -> bool:
        """True if all that could be sent are single events that drew a status 500 since the last success."""
        return self._batcher.oldest_number() is None and self._unsettled.only_suspects(self._gate.successes)

    def _select_new_or_healing(self, now: float) -> UnsettledBatch | None:
        at = self._healing.next_at()
        healing_is_due = at is not None and at <= now
        if not (healing_is_due and self._healing.is_next):
            batch = self._batcher.take_next_batch(now)
            if batch is not None:
                return self._take(batch)
        return self._healing.take(now) if healing_is_due else None

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

    def _select_single_probe(self) -> UnsettledBatch | None:
        """Return one event to probe with, each time another one; None if there is nothing."""
        unsettled = self._unsettled
        probe = unsettled.untried_single_probe() or self._take_oldest() or unsettled.next_single_probe()
        if probe is not None:
            unsettled.isolate_single_probe(probe)
        return probe

    def _take_oldest(self) -> UnsettledBatch | None:
        batch = self._batcher.take_oldest_batch()
        return None if batch is None else self._take(batch)
