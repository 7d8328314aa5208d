"""The dispatcher of one sink: batches items, sends what the gate allows, and hands each outcome to be handled.

The live pipeline and the replay of dead letters both use it. It knows nothing of positions and commits. For each
enqueued item it calls the listener once, with accepted or failed, unless `revoke` dropped the item. Everything here
runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import structlog

from connector.batching.batcher import Batch, Batcher
from connector.clock import Clock
from connector.delivery.backoff import Backoff
from connector.delivery.gate import NEVER, Gate, SinkState
from connector.delivery.outcomes import DispatchListener, OutcomeHandler
from connector.delivery.progress import Progress
from connector.delivery.selection import Selection
from connector.delivery.stats import Stats
from connector.delivery.tasks import Tasks
from connector.delivery.unsettled_batches import SendAttempt, UnsettledBatch, UnsettledBatches
from connector.model import Item, Outcome, OutcomeKind, RecordRef
from connector.redaction.vendor_messages import redact_outcome
from connector.vendors.base import Sink

# How many full batches are kept ready for each request that may be in flight. What exceeds that stays in Kafka: the
# more batches are ready, the more keys are taken, and the more must be read to find free ones.
READY_PER_SLOT = 0.5
# Responses arrive in bursts: with few slots this many batches are kept ready.
READY_AT_LEAST = 16

log = structlog.get_logger()


class Ownership(Protocol):
    """Knows if the partitions of the enqueued items are still ours."""

    def confirmed(self, now: float) -> bool:
        """True if the polling thread has confirmed them recently enough that they must still be ours at `now`."""
        ...


class AlwaysOwned:
    """The ownership of a replay, whose items belong to no assignment that could be revoked."""

    def confirmed(self, _: float) -> bool:
        """True."""
        return True


class Dispatcher:
    """See the module. `enqueue(item)` takes one item in, and `pump` sends it.

    `on_unknown_outcome` ("retry" or "dead_letter") says what becomes of an event whose request may have taken effect.
    `doubt_refusals` takes the first refusals for our own fault if they all say the same: not for a replay, whose events
    were refused before.
    """

    def __init__(
        self,
        sink: Sink,
        batcher: Batcher,
        gate: Gate,
        *,
        ownership: Ownership,
        clock: Clock,
        stats: Stats,
        listener: DispatchListener,
        retry_code_backoff: Backoff,
        on_unknown_outcome: str = "retry",
        doubt_refusals: bool = False,
    ) -> None:
        self.gate = gate
        # The batcher's own method: a call in between would be felt, once for each item.
        self.enqueue: Callable[[Item], None] = batcher.enqueue
        self._sink = sink
        self._batcher = batcher
        self._ownership = ownership
        self._clock = clock
        self._stats = stats
        self._unsettled = UnsettledBatches(ordered=batcher.ordered)
        self._selection = Selection(
            self._unsettled, batcher, gate, self._take_from_batcher, lambda: self._outcomes.probes_single_events
        )
        self._outcomes = OutcomeHandler(
            self._unsettled,
            gate,
            sink=sink.name,
            stats=stats,
            listener=listener,
            retry_code_backoff=retry_code_backoff,
            dead_letter_unknown=on_unknown_outcome == "dead_letter",
            doubt_refusals=doubt_refusals,
        )
        self._revoked: set[int] = set()  # epochs that are not ours any more, as long as something of them is left
        self._kept_unsent = 0  # unsent items of revoked epochs that `revoke` kept: they may still be sent, once
        self._stopped = False
        self._tasks = Tasks()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = NEVER
        self._progress = Progress()
        # Accepting responses of which the items are not settled yet, and when they came.
        self._unhandled_acceptances: deque[tuple[SendAttempt, Outcome, float]] = deque()

    # --- from the owner of the items ------------------------------------------------------------------------------

    def pump(self) -> None:
        """Send all that may be sent now, and set the timer for what may be sent later."""
        while (attempt := self._start_next()) is not None:
            self._tasks.start(self._send_while_allowed(attempt))
        if not self._stopped:
            self._set_timer(self._clock.monotonic())

    def revoke(self, epochs: AbstractSet[int], keep: AbstractSet[RecordRef] = frozenset()) -> None:
        """Take these epochs as not ours any more: drop their unsent items, and retry nothing of them.

        Requests in flight end as usual. Items of the records in `keep` that were never sent may still be sent
        once: await `wait_until_kept_are_sent`, then call this again without `keep`.
        """
        alive = self._unsettled.epochs() | (self._unsent_epochs() if self._kept_unsent else set())
        self._revoked = self._revoked & alive | epochs
        dropped, empty = self._unsettled.drop_awaiting_retry(self._is_revoked)
        self._drop_from_batcher(dropped, lambda item: item.record.ref in keep)
        for batch in empty:
            self._remove(batch)
        self.pump()  # other epochs' items may have waited behind what was dropped

    async def wait_until_kept_are_sent(self) -> None:
        """Wait until the items that `revoke` kept are in flight, or cannot be sent now."""
        await self._progress.wait_until(lambda: not (self._kept_unsent and self._can_send(self._clock.monotonic())))

    async def wait_until_nothing_in_flight(self, epochs: AbstractSet[int] | None = None) -> None:
        """Wait until no request has items of these epochs (None: until there is no request)."""
        await self._progress.wait_until(lambda: not self.items_in_flight(epochs))

    def stop(self) -> None:
        """Send nothing more; requests in flight end as usual."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    # --- its state -----------------------------------------------------------------------------------------------

    def state(self, now: float) -> SinkState:
        """Return the sink's state at `now`: UNCONFIRMED while ownership is in doubt, else the gate's state."""
        return self.gate.state if self._ownership.confirmed(now) else SinkState.UNCONFIRMED

    @property
    def wants_more(self) -> bool:
        """True if more items would help: fewer full batches are ready than there are free slots, and some in reserve.

        All slots up to `max_in_flight` count, however small the window is now: a gate that resumes needs something to
        send beside what failed.
        """
        slots = self.gate.max_in_flight
        ready = max(READY_PER_SLOT * slots, READY_AT_LEAST)
        return self._batcher.full_batches < slots - self.gate.in_flight + ready

    @property
    def batches_awaiting_retry(self) -> int:
        """How many batches were sent before and await another try."""
        return self._unsettled.awaiting_retry

    @property
    def items_awaiting_retry(self) -> int:
        """How many items of batches that were sent before are in no request now."""
        return self._unsettled.items_awaiting_retry()

    @property
    def unsent_items(self) -> int:
        """How many items are in no batch that was sent."""
        return sum(1 for _ in self._batcher.unsent())

    @property
    def longest_key_queue(self) -> int:
        """How many items wait behind the busiest key."""
        return self._batcher.longest_key_queue()

    @property
    def next_batch_at(self) -> float | None:
        """When the next batch is full or has lingered long enough (0: now); None if no item is batched."""
        return self._batcher.next_batch_at()

    def records_in_flight(self) -> set[RecordRef]:
        """Return the records of which a request in flight has an item."""
        return self._unsettled.records_in_flight()

    def items_in_flight(self, epochs: AbstractSet[int] | None = None) -> int:
        """Return how many items of these epochs (None: of all) are in a request."""
        return self._unsettled.items_in_flight(epochs)

    def can_probe(self) -> bool:
        """True if there is a batch to probe with."""
        return self._selection.can_probe()

    def can_probe_untried(self) -> bool:
        """True if there is a batch to probe with, while flooded, that has not been a probe in this flood."""
        return self._selection.can_probe_untried()

    @property
    def is_empty(self) -> bool:
        """True if nothing is enqueued that is not settled."""
        return not self._unsettled and self._batcher.oldest_number() is None

    def only_suspects(self) -> bool:
        """True if all that could be sent are single events that have drawn a status 500 since the last success.

        Nothing that is left can show if the vendor is well, and they are at fault.
        """
        return self._selection.only_suspects()

    # --- sending -------------------------------------------------------------------------------------------------

    def _take_from_batcher(self, batch: Batch) -> UnsettledBatch:
        self._stats.batches_closed[batch.closed_by] += 1
        self._stats.batch_events += len(batch.items)
        self._stats.batch_bytes += batch.size
        if self._kept_unsent:
            self._kept_unsent -= sum(map(self._is_revoked, batch.items))
        return self._unsettled.add(batch)

    def _start_next(self) -> SendAttempt | None:
        """Choose what is to be sent next, count its request as started and return it; None if none may be sent now."""
        now = self._clock.monotonic()
        if self._stopped or self.gate.next_send_at() > now or not self._ownership.confirmed(now):
            return None
        batch = self._selection.select(now)
        if batch is None:
            return None
        self._unsettled.start(batch)
        sub_batch = batch.sub_batches.current
        if sub_batch.attempts:
            self._stats.retries += 1
        sub_batch.attempts += 1
        self.gate.request_started(now)
        return SendAttempt(batch, sub_batch, now)

    async def _send_while_allowed(self, first: SendAttempt) -> None:
        """Send, then go on with whatever may be sent next.

        The items of an accepted request are settled only after the next request is under way, so that its slot is not
        empty meanwhile.
        """
        attempt: SendAttempt | None = first
        while attempt is not None:
            if not self._ownership.confirmed(self._clock.monotonic()):
                self._withdraw(attempt)
                return
            outcome = await self._send(attempt)
            now = self._clock.monotonic()
            self.gate.request_finished()
            if outcome.kind is OutcomeKind.ACCEPTED:
                if self.gate.record_acceptance():  # at once, as the gate decides on the next request
                    self._outcomes.sending_resumed()
                if not self._unhandled_acceptances:
                    asyncio.get_running_loop().call_soon(self._settle_accepted)
                self._unhandled_acceptances.append((attempt, outcome, now))
            else:
                self._settle_accepted()  # what was accepted earlier is counted earlier
                self._end_attempt(attempt, outcome, now)
            attempt = self._start_next()

    def _withdraw(self, attempt: SendAttempt) -> None:
        """End an attempt that was not sent: after a stall its partitions may be another member's by now.

        The rate's next request stays reserved for it.
        """
        attempt.sub_batch.attempts -= 1
        if attempt.sub_batch.attempts:
            self._stats.retries -= 1
        self.gate.request_finished()
        self._unsettled.finish(attempt.batch)
        self._after_attempt(attempt.batch)

    async def _send(self, attempt: SendAttempt) -> Outcome:
        items = attempt.sub_batch.items
        try:
            outcome = await self._sink.send(attempt.batch.packed.method, items)
        except Exception as error:  # a bug of ours must not lose the batch
            log.exception("sending failed inside the connector", sink=self._sink.name, request=attempt.label,
                          error=type(error).__name__)  # fmt: skip
            outcome = Outcome(
                OutcomeKind.UNAVAILABLE, message=f"internal error: {type(error).__name__}", effect_unknown=True
            )
        return redact_outcome(outcome, items) if outcome.message else outcome

    def _settle_accepted(self) -> None:
        while self._unhandled_acceptances:
            self._end_attempt(*self._unhandled_acceptances.popleft())

    def _end_attempt(self, attempt: SendAttempt, outcome: Outcome, now: float) -> None:
        self._unsettled.finish(attempt.batch)
        self._outcomes.handle(attempt, outcome, now)
        self._after_attempt(attempt.batch)

    def _after_attempt(self, batch: UnsettledBatch) -> None:
        """Drop what was revoked while the request ran, remove a settled batch, and send what may be sent now."""
        if self._revoked:
            dropped = batch.sub_batches.drop_items(self._is_revoked)
            # The next owner sends these first: what was kept of the same keys must not overtake them.
            if dropped and self._kept_unsent:
                self._drop_from_batcher(dropped, lambda _: True)
        if batch.sub_batches.all_settled:
            self._remove(batch)
        self._progress.notify()
        self.pump()

    def _drop_from_batcher(self, dropped: Sequence[Item], keep: Callable[[Item], bool]) -> None:
        """Drop revoked items that are unsent, except those to `keep`, unless an item of their key is in `dropped`.

        Another member sends the dropped items, so nothing of their key may be sent before them.
        """
        dropped_keys = {item.record.key for item in dropped if item.record.key is not None}
        self._kept_unsent = self._batcher.drop_revoked(self._is_revoked, keep, dropped_keys)

    def _unsent_epochs(self) -> set[int]:
        return {item.record.assignment_epoch for item in self._batcher.unsent()}

    def _can_send(self, now: float) -> bool:
        return not self._stopped and self.state(now) is SinkState.SENDING and not self.gate.retry_after_left(now)

    def _remove(self, batch: UnsettledBatch) -> None:
        self._unsettled.remove(batch)
        self._batcher.release_keys(batch.packed)

    def _is_revoked(self, item: Item) -> bool:
        return item.record.assignment_epoch in self._revoked

    # --- the timer -----------------------------------------------------------------------------------------------

    def _set_timer(self, now: float) -> None:
        """Schedule `pump` for when the next request may be sent.

        Whatever makes that earlier (a response, a record, a tick) calls `pump` itself.
        """
        allowed_at = self.gate.next_send_at() if self._ownership.confirmed(now) else NEVER
        if allowed_at == NEVER:
            return
        if not self.gate.is_sending:
            at = allowed_at if self.can_probe() else NEVER
        else:
            at = max(self._selection.next_at(), allowed_at)
        if at == NEVER:
            return
        if self._timer is not None and now < self._timer_at <= at:  # an earlier call is scheduled
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = asyncio.get_running_loop().call_later(max(at - now, 0.001), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._timer_at = NEVER
        self.pump()
