"""Applies the outcome of a request to its items: they are settled, halved, dead-lettered or tried again.

Everything here runs on the event loop's thread, and nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from connector.batching.isolation import SubBatch
from connector.delivery.alike_refusals import ALIKE_TO_BLAME_US, AlikeRefusals
from connector.delivery.backoff import Backoff
from connector.delivery.gate import Gate
from connector.delivery.healing import seconds_before_retry
from connector.delivery.stats import RecentFailure, Stats
from connector.delivery.unsettled_batches import SendAttempt, UnsettledBatches
from connector.model import Failure, Item, Outcome, OutcomeKind, Reason, Stage

# So many halve a batch; while the gate is down for 500s alone, one is enough for what was split off such a batch.
HTTP_500S_TO_HALVE = 3
HTTP_500S_TO_DEAD_LETTER = 5
INTERNAL_SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429

log = structlog.get_logger()


class DispatchListener(Protocol):
    """Whoever enqueued the items: the live pipeline, or a replay."""

    def on_accepted(self, items: Sequence[Item]) -> None:
        """Settle items that the vendor accepted."""
        ...

    def on_failed(self, failure: Failure) -> None:
        """Write a dead letter for an item that cannot be delivered."""
        ...


class OutcomeHandler:
    """Applies the outcomes of one sink's requests to its batches and counters, and all but acceptances to its gate.

    The dispatcher tells the gate of acceptances, which it does sooner. The listener is called at most once for each
    item. The initial wait of `retry_code_backoff` is the shortest before the retry of a configured retry code. With
    `dead_letter_unknown`, an item whose request may have taken effect becomes a dead letter, and is not sent again.
    With `doubt_refusals`, the first refusals since the start are taken for our own fault if they all say the same.
    """

    def __init__(
        self,
        unsettled: UnsettledBatches,
        gate: Gate,
        *,
        sink: str,
        stats: Stats,
        listener: DispatchListener,
        retry_code_backoff: Backoff,
        dead_letter_unknown: bool,
        doubt_refusals: bool,
    ) -> None:
        self._unsettled = unsettled
        self._gate = gate
        self._sink = sink
        self._stats = stats
        self._listener = listener
        self._retry_code_backoff = retry_code_backoff
        self._dead_letter_unknown = dead_letter_unknown
        self._alike_refusals = AlikeRefusals() if doubt_refusals else None

    @property
    def probes_single_events(self) -> bool:
        """True if a probe must be one event, and of another batch each time: what refuses one may refuse all."""
        refusals = self._alike_refusals
        return self._gate.flooded or (refusals is not None and refusals.suspects_us(self._gate.successes))

    def handle(self, attempt: SendAttempt, outcome: Outcome, now: float) -> None:
        """Apply the outcome of a request that ended at `now` (monotonic seconds)."""
        outcome = self._doubted(attempt, outcome)
        self._count(attempt, outcome, now)
        match outcome.kind:
            case OutcomeKind.ACCEPTED:
                attempt.batch.sub_batches.settle_current()
                self._stats.items_delivered += len(attempt.sub_batch.items)
                self._listener.on_accepted(attempt.sub_batch.items)
            case OutcomeKind.REJECTED:
                self._vendor_answered(now)
                # While flooded, a rejected probe proves nothing against its event: it stays in its batch, and the next
                # probe is another.
                if not self._gate.flooded:
                    self._isolate_or_dead_letter(attempt, outcome, Reason.REFUSED)
            case OutcomeKind.UNAVAILABLE if outcome.retry_for is not None:
                self._retry_later(attempt, outcome, outcome.retry_for, now)
            case OutcomeKind.UNAVAILABLE:
                self._unavailable(attempt, outcome, now)
            case OutcomeKind.MISCONFIGURED:  # the batch stays: it is the next probe
                if self._gate.record_misconfiguration(now, outcome.message):
                    log.error("we are refused, or our secrets cannot be read: this sink stops sending",
                              sink=self._sink, request=attempt.label, status=outcome.status,
                              vendor=outcome.message)  # fmt: skip

    def sending_resumed(self) -> None:
        """Let every batch that awaits a retry be sent: the gate is sending again."""
        log.info("the vendor answers again: sending resumes", sink=self._sink)
        self._unsettled.retry_all()

    def _doubted(self, attempt: SendAttempt, outcome: Outcome) -> Outcome:
        """Return the outcome, or what it means where all that was refused since the start was refused alike."""
        refusals = self._alike_refusals
        if refusals is None or outcome.kind is not OutcomeKind.REJECTED or self._gate.flooded:
            return outcome
        if not refusals.blames_us(outcome, len(attempt.sub_batch.items), self._gate.successes):
            return outcome
        message = (
            f"{ALIKE_TO_BLAME_US} events were refused alike and none was accepted since the start, so the fault is "
            f"taken for ours: {outcome.message}"
        )
        return replace(outcome, kind=OutcomeKind.MISCONFIGURED, message=message)

    def _count(self, attempt: SendAttempt, outcome: Outcome, now: float) -> None:
        stats = self._stats
        stats.request_seconds.observe(now - attempt.started_at)
        stats.requests["error" if outcome.status is None else f"{outcome.status // 100}xx"] += 1
        stats.outcomes[outcome.kind] += 1
        if outcome.code is not None:
            stats.codes[outcome.code] += 1
        if outcome.kind in (OutcomeKind.UNAVAILABLE, OutcomeKind.MISCONFIGURED):
            method = attempt.batch.packed.method
            stats.recent_faults.append(RecentFailure(now, outcome.kind, method, outcome.status, outcome.message))

    def _isolate_or_dead_letter(self, attempt: SendAttempt, outcome: Outcome, reason: Reason) -> None:
        """Halve the sub-batch, or dead-letter its only item."""
        if len(attempt.sub_batch.items) > 1:
            attempt.batch.sub_batches.halve()
        else:
            self._dead_letter(attempt, outcome, reason)

    def _dead_letter(self, attempt: SendAttempt, outcome: Outcome, reason: Reason) -> None:
        attempt.batch.sub_batches.settle_current()
        for item in attempt.sub_batch.items:
            failure = Failure(
                item.record,
                reason,
                Stage.SEND,
                outcome.message,
                item.route,
                item.method,
                outcome.status,
                attempt.sub_batch.attempts,
                item.element,
            )
            self._listener.on_failed(failure)

    def _retry_later(self, attempt: SendAttempt, outcome: Outcome, retry_for: float, now: float) -> None:
        """Let the sub-batch be retried for `retry_for` seconds at most; its keys wait, and the vendor is up."""
        self._vendor_answered(now)
        sub_batch = attempt.sub_batch
        if sub_batch.retrying_since is None:
            sub_batch.retrying_since = now
        if now - sub_batch.retrying_since >= retry_for:
            self._isolate_or_dead_letter(attempt, outcome, Reason.REFUSED)
        else:
            wait = seconds_before_retry(
                sub_batch.attempts, retry_for, now - sub_batch.retrying_since, self._retry_code_backoff.initial
            )
            self._unsettled.await_healing(attempt.batch, now + wait)

    def _unavailable(self, attempt: SendAttempt, outcome: Outcome, now: float) -> None:
        is_500 = outcome.status == INTERNAL_SERVER_ERROR
        # Before the fault may take the gate down: the 500s of an outage are no poison.
        poison = is_500 and self._add_http_500(attempt.sub_batch)
        if is_500:
            self._unsettled.rule_out_last_probe()
        attempt.batch.retry_at = self._report_fault(attempt, outcome, now)
        if outcome.effect_unknown and self._dead_letter_unknown:
            self._dead_letter(attempt, outcome, Reason.UNKNOWN_OUTCOME)
        elif poison:
            self._isolate_or_dead_letter(attempt, outcome, Reason.POISON)

    def _report_fault(self, attempt: SendAttempt, outcome: Outcome, now: float) -> float:
        """Tell the gate of a vendor fault and return when the batch may be tried again."""
        was_sending = self._gate.is_sending
        retry_at = self._gate.record_fault(
            now,
            outcome.message,
            retry_after=outcome.retry_after,
            throttled=outcome.status == TOO_MANY_REQUESTS,
            http_500=outcome.status == INTERNAL_SERVER_ERROR,
        )
        if was_sending and self._gate.is_down:
            self._stats.vendor_outages += 1
            log.warning("the vendor fails: only a probe goes until it answers", sink=self._sink,
                        request=attempt.label, status=outcome.status, vendor=outcome.message)  # fmt: skip
        return retry_at

    def _add_http_500(self, sub_batch: SubBatch) -> bool:
        """Count a status 500 against the sub-batch. Return True once there are enough to isolate or dead-letter it.

        Against a single event it counts only while the gate sends, and only if another request was accepted since the
        last one: else the vendor may be failing for all. A batch is halved, too, while the gate is down for 500s alone:
        that condemns no event, and shows if the vendor fails for all or at one of them.
        """
        gate = self._gate
        if len(sub_batch.items) == 1:
            awaited_success = sub_batch.awaits_success(gate.successes)
            sub_batch.successes_at_last_500 = gate.successes
            if awaited_success or not gate.is_sending:
                return False
            sub_batch.http_500s += 1
            return sub_batch.http_500s >= HTTP_500S_TO_DEAD_LETTER
        if not (gate.is_sending or gate.fails_with_500s_alone):
            return False
        sub_batch.http_500s += 1
        return sub_batch.http_500s >= HTTP_500S_TO_HALVE or (sub_batch.is_half and gate.is_down)

    def _vendor_answered(self, now: float) -> None:
        if self._gate.record_answer(now):
            self.sending_resumed()
