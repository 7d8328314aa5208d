"""The dispatcher of one sink: keeps items in lanes, sends what the gate lets through, says what became of each.

The live pipeline and the replay of dead letters both stand on it. It knows no offsets: whoever gives it items hears of
each exactly once, through `on_accepted` or `on_failed`, unless it says with `forget` that it no longer wants to.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

import structlog

from connector.batching.batcher import Batch, Batcher
from connector.batching.isolation import SubBatch
from connector.clock import Clock
from connector.delivery.backoff import Backoff
from connector.delivery.gate import NEVER, Gate, GateState
from connector.delivery.in_flight import InFlightBatch, InFlightBatches
from connector.delivery.stats import RecentFailure, Stats
from connector.delivery.tasks import Tasks
from connector.model import Failure, Item, Outcome, OutcomeKind, Reason, Stage
from connector.redaction.vendor_messages import redact_outcome
from connector.vendors.base import Sink

HTTP_500S_TO_HALVE = 3
HTTP_500S_TO_DEAD_LETTER = 5
INTERNAL_SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429
# How many full batches are kept ready for each place in flight. What lies deeper waits in Kafka, not in memory: the
# more are ready, the more keys are taken, and the more must be read to find free ones.
READY_PER_SLOT = 0.5
# Answers come in bunches: where places are few, half of them is less than one bunch takes.
READY_AT_LEAST = 16

log = structlog.get_logger()


class SendAttempt(NamedTuple):
    """A flight that goes out, the part of its batch that is sent, and when (monotonic seconds)."""

    batch: InFlightBatch
    sub_batch: SubBatch
    started_at: float


class DispatchListener(Protocol):
    """Who gave the items."""

    def on_accepted(self, items: Sequence[Item]) -> None:
        """The vendor accepted these."""
        ...

    def on_failed(self, failure: Failure) -> None:
        """This one cannot be delivered."""
        ...


class Dispatcher:
    """See the module. All methods belong to the event loop's thread; none blocks.

    `on_answer_lost` is "retry" or "dead_letter": what to do with an event whose request may have taken effect.
    """

    def __init__(
        self,
        sink: Sink,
        lanes: Batcher,
        gate: Gate,
        *,
        clock: Clock,
        stats: Stats,
        listener: DispatchListener,
        retry_code_backoff: Backoff,
        on_unknown_outcome: str = "retry",
    ) -> None:
        self.gate = gate
        self.batcher = lanes
        self._sink = sink
        self._clock = clock
        self._stats = stats
        self._listener = listener
        self._heal_backoff = retry_code_backoff
        self._dead_letter_lost = on_unknown_outcome == "dead_letter"
        self._in_flight = InFlightBatches()
        self._revoked: set[int] = set()  # epochs that are no longer ours
        self._half_settled_unsent = 0  # unsent items of these that may still be sent, once
        self._stopped = False
        self._tasks = Tasks()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = NEVER
        self._progress = asyncio.Event()
        self._accepted: deque[tuple[SendAttempt, Outcome, float]] = deque()  # answered, and not settled yet

    # --- what comes in -------------------------------------------------------------------------------------------

    def enqueue(self, items: Sequence[Item]) -> None:
        """Take items in; `pump` sends them."""
        add = self.batcher.enqueue
        for item in items:
            add(item)

    def pump(self) -> None:
        """Send all that may go now, and set the alarm for what may go later."""
        while (departure := self._start_next()) is not None:
            self._tasks.start(self._send_while_allowed(departure))
        if not self._stopped:
            self._set_alarm(self._clock.monotonic())

    async def wait_for_rate(self) -> None:
        """Wait for the turn of a call to the vendor that carries no event: it counts against the rate too."""
        now = self._clock.monotonic()
        await asyncio.sleep(self.gate.reserve_slot(now) - now)

    def drop_unsent(self, epochs: AbstractSet[int], keep: AbstractSet[tuple[int, int]] = frozenset()) -> None:
        """These epochs are no longer ours: drop what was never sent, retry nothing; what is in the air comes back.

        What was never sent of the records `keep` (epoch and offset) may still be, once: wait for `finished`, and forget
        them again.
        """
        alive = self._in_flight.epochs() | (self._unsent_claims() if self._half_settled_unsent else set())
        self._revoked = self._revoked & alive | epochs
        dropped, empty = self._in_flight.drop(self._is_revoked)
        self._forget_unsent(dropped, lambda item: (item.record.assignment_epoch, item.record.offset) in keep)
        for flight in empty:
            self._remove(flight)
        self.pump()  # others' items may have waited behind what is gone

    def _forget_unsent(self, dropped: Sequence[Item], keep: Callable[[Item], bool]) -> None:
        """Nothing may overtake what was dropped of its key, which another will send."""
        cut = {item.record.key for item in dropped if item.record.key is not None}
        self._half_settled_unsent = self.batcher.drop_unsent(self._is_revoked, keep, cut)

    def _unsent_claims(self) -> set[int]:
        return {item.record.assignment_epoch for item in self.batcher.unsent()}

    async def half_settled_sent(self) -> None:
        """Wait until what may still be sent of forgotten epochs is in the air, or cannot be sent now."""
        while self._half_settled_unsent and self._sends(self._clock.monotonic()):
            self._progress.clear()
            await self._progress.wait()

    def _sends(self, now: float) -> bool:
        return not self._stopped and self.gate.state(now) is GateState.SENDING and not self.gate.retry_after_left(now)

    def stop(self) -> None:
        """Send nothing more; what is in the air comes back."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    async def nothing_in_flight(self, epochs: AbstractSet[int] | None = None) -> None:
        """Wait until nothing of these epochs (None: nothing at all) is in the air."""
        while self.items_in_flight(epochs):
            self._progress.clear()
            await self._progress.wait()

    def records_in_flight(self) -> set[tuple[int, int]]:
        """Of which records, as epoch and offset, something is in a request now."""
        return self._in_flight.records_in_flight()

    def items_in_flight(self, epochs: AbstractSet[int] | None = None) -> int:
        """How many items of these epochs (None: of all) are in a request now."""
        return self._in_flight.items_in_flight(epochs)

    # --- what is to be seen --------------------------------------------------------------------------------------

    @property
    def batches_awaiting_retry(self) -> int:
        """How many batches were sent, failed, and wait for another try."""
        return self._in_flight.awaiting_retry

    @property
    def items_awaiting_retry(self) -> int:
        """How many items of batches that were sent are not in the air: they wait for another try."""
        return self._in_flight.items_awaiting_retry()

    @property
    def wants_more(self) -> bool:
        """Whether more items would help: fewer batches are full than the places in flight take now and soon.

        All places count, however few are open now: a gate that opens again needs something to send beside what failed.
        """
        places = self.gate.max_in_flight
        ready = max(READY_PER_SLOT * places, READY_AT_LEAST)
        return self.batcher.full_batches < places - self.gate.in_flight + ready

    def can_probe(self) -> bool:
        """Whether a probe could go at once."""
        return bool(self._in_flight.awaiting_retry) or self.batcher.oldest_number() is not None

    def can_probe_untried(self) -> bool:
        """Whether a probe could go at once that would not begin the round of held batches again."""
        return self._in_flight.next_probe() is not None or self.batcher.oldest_number() is not None

    # --- choosing ------------------------------------------------------------------------------------------------

    def _next_to_send(self, now: float) -> InFlightBatch | None:
        if not self.gate.is_sending:
            return self._probe()
        flight = self._in_flight.due_for_retry(now)
        if flight is not None:
            return flight
        batch = self.batcher.next_batch(now)
        return None if batch is None else self._admit(batch)

    def _probe(self) -> InFlightBatch | None:
        """The oldest batch; the next one where the fault may be the batch's own, so that none keeps the gate shut."""
        flights = self._in_flight
        again = None if self.gate.flooded else flights.last_probe()
        flight = again or flights.next_probe()
        if flight is None:
            batch = self.batcher.oldest_batch()
            if batch is not None:
                flight = self._admit(batch)
            else:  # all have been tried: begin again
                flights.restart_probing()
                flight = flights.next_probe()
        if flight is None:
            return None
        flights.record_probe(flight)
        if self.gate.flooded and len(flight.sub_batches.current.items) > 1:
            flight.sub_batches.isolate_first()
        return flight

    def _admit(self, batch: Batch) -> InFlightBatch:
        self._stats.batches_closed[batch.closed_by] += 1
        self._stats.batch_events += len(batch.items)
        self._stats.batch_bytes += batch.size
        if self._half_settled_unsent:
            self._half_settled_unsent -= sum(map(self._is_revoked, batch.items))
        return self._in_flight.admit(batch)

    # --- sending -------------------------------------------------------------------------------------------------

    def _start_next(self) -> SendAttempt | None:
        """Let the next flight go, if one may go now."""
        now = self._clock.monotonic()
        if self._stopped or self.gate.next_send_at(now) > now:
            return None
        flight = self._next_to_send(now)
        if flight is None:
            return None
        self._in_flight.start(flight)
        part = flight.sub_batches.current
        if part.attempts:
            self._stats.retries += 1
        part.attempts += 1
        self.gate.request_started(now)
        return SendAttempt(flight, part, now)

    async def _send_while_allowed(self, departure: SendAttempt | None) -> None:
        """Send, and go on with the next flight that may go; what an acceptance settles can wait until that is out."""
        while departure is not None:
            if not self.gate.confirmed(self._clock.monotonic()):
                self._withdraw(departure)
                return
            outcome = await self._send(departure.batch, departure.sub_batch)
            now = self._clock.monotonic()
            self.gate.request_finished()
            if outcome.kind is OutcomeKind.ACCEPTED:
                if self.gate.accepted():
                    self._sending_resumed()
                if not self._accepted:
                    asyncio.get_running_loop().call_soon(self._settle_accepted)
                self._accepted.append((departure, outcome, now))
            else:
                self._settle_accepted()  # what was accepted before counts before
                self._finish(departure, outcome, now)
            departure = self._start_next()

    def _withdraw(self, departure: SendAttempt) -> None:
        """The process stood still between the choice and the sending: what was chosen may be another's by now."""
        flight, part, _ = departure
        part.attempts -= 1
        if part.attempts:
            self._stats.retries -= 1
        self.gate.request_finished()
        self._in_flight.finish(flight)
        self._after_attempt(flight)

    async def _send(self, flight: InFlightBatch, part: SubBatch) -> Outcome:
        try:
            outcome = await self._sink.send(flight.batch.method, part.items)
        except Exception as error:  # a bug of ours must hold the batch, not lose it
            log.exception("sending failed inside the connector", sink=self._sink.name, request=_request(flight, part),
                          error=type(error).__name__)  # fmt: skip
            outcome = Outcome(
                OutcomeKind.UNAVAILABLE, message=f"internal error: {type(error).__name__}", effect_unknown=True
            )
        return redact_outcome(outcome, part.items) if outcome.message else outcome

    def _settle_accepted(self) -> None:
        while self._accepted:
            self._finish(*self._accepted.popleft())

    def _finish(self, departure: SendAttempt, outcome: Outcome, now: float) -> None:
        flight, part, started = departure
        self._in_flight.finish(flight)
        self._count(flight.batch.method, outcome, now, now - started)
        self._settle(flight, part, outcome, now)
        self._after_attempt(flight)

    def _after_attempt(self, flight: InFlightBatch) -> None:
        """It is no more in the air, and what is left of it is held."""
        if self._revoked:
            dropped = flight.sub_batches.drop(self._is_revoked)
            if dropped and self._half_settled_unsent:
                self._forget_unsent(dropped, lambda _: True)
        if flight.sub_batches.done:
            self._remove(flight)
        self._progress.set()
        self.pump()

    def _count(self, method: str, outcome: Outcome, now: float, seconds: float) -> None:
        stats = self._stats
        stats.request_seconds.observe(seconds)
        stats.requests["error" if outcome.status is None else f"{outcome.status // 100}xx"] += 1
        stats.outcomes[outcome.kind] += 1
        if outcome.code is not None:
            stats.codes[outcome.code] += 1
        if outcome.kind in (OutcomeKind.UNAVAILABLE, OutcomeKind.MISCONFIGURED):
            stats.recent_faults.append(RecentFailure(now, outcome.kind, method, outcome.status, outcome.message))

    def _settle(self, flight: InFlightBatch, part: SubBatch, outcome: Outcome, now: float) -> None:
        match outcome.kind:
            case OutcomeKind.ACCEPTED:
                flight.sub_batches.settle_current()
                self._stats.delivered += len(part.items)
                self._listener.on_accepted(part.items)
            case OutcomeKind.REJECTED:
                self._vendor_answered(now)
                if not self.gate.flooded:
                    self._rejected(flight, part, outcome, Reason.REFUSED)
            case OutcomeKind.UNAVAILABLE if outcome.retry_for is not None:
                self._retry_code(flight, part, outcome, now)
            case OutcomeKind.UNAVAILABLE:
                self._unavailable(flight, part, outcome, now)
            case OutcomeKind.MISCONFIGURED:
                if self.gate.misconfigured(now, outcome.message):
                    log.error("we are refused, or our secrets cannot be read: this sink stops sending",
                              sink=self._sink.name, request=_request(flight, part), status=outcome.status,
                              vendor=outcome.message)  # fmt: skip

    def _rejected(self, flight: InFlightBatch, part: SubBatch, outcome: Outcome, reason: Reason) -> None:
        """Halve the part, or give the culprit up if it stands alone."""
        if len(part.items) > 1:
            flight.sub_batches.halve()
        else:
            self._dead_letter(flight, part, outcome, reason)

    def _dead_letter(self, flight: InFlightBatch, part: SubBatch, outcome: Outcome, reason: Reason) -> None:
        flight.sub_batches.settle_current()
        for item in part.items:
            failure = Failure(
                item.record,
                reason,
                Stage.SEND,
                outcome.message,
                item.route,
                item.method,
                outcome.status,
                part.attempts,
                item.element,
            )
            self._listener.on_failed(failure)

    def _retry_code(self, flight: InFlightBatch, part: SubBatch, outcome: Outcome, now: float) -> None:
        """A code that may heal: hold the event and its key, for a bounded time; the vendor itself is well."""
        self._vendor_answered(now)
        if part.retrying_since is None:
            part.retrying_since = now
        if now - part.retrying_since >= (outcome.retry_for or 0.0):
            self._rejected(flight, part, outcome, Reason.REFUSED)
        else:
            flight.retry_at = now + self._heal_backoff.after(part.attempts)

    def _unavailable(self, flight: InFlightBatch, part: SubBatch, outcome: Outcome, now: float) -> None:
        poison = outcome.status == INTERNAL_SERVER_ERROR and self.gate.is_sending and self._counts_as_poison(part)
        flight.retry_at = self._retry_later(flight, part, outcome, now)
        if outcome.effect_unknown and self._dead_letter_lost:
            self._dead_letter(flight, part, outcome, Reason.UNKNOWN_OUTCOME)
        elif poison:
            self._rejected(flight, part, outcome, Reason.POISON)

    def _retry_later(self, flight: InFlightBatch, part: SubBatch, outcome: Outcome, now: float) -> float:
        was_open = self.gate.is_sending
        if outcome.status == INTERNAL_SERVER_ERROR:
            self._in_flight.rule_out_last_probe()
        retry_at = self.gate.unavailable(
            now,
            outcome.message,
            retry_after=outcome.retry_after,
            throttled=outcome.status == TOO_MANY_REQUESTS,
        )
        if was_open and self.gate.is_down:
            self._stats.vendor_outages += 1
            log.warning("the vendor fails: only a probe goes until it answers", sink=self._sink.name,
                        request=_request(flight, part), status=outcome.status, vendor=outcome.message)  # fmt: skip
        return retry_at

    def _counts_as_poison(self, part: SubBatch) -> bool:
        """Count a 500 against the part; True once that condemns it.

        Against a single event it counts only if other events succeeded since the last one: else the vendor is down.
        """
        if len(part.items) == 1:
            if self.gate.successes == part.successes_at_last_500:
                return False
            part.successes_at_last_500 = self.gate.successes
        part.http_500s += 1
        return part.http_500s >= (HTTP_500S_TO_HALVE if len(part.items) > 1 else HTTP_500S_TO_DEAD_LETTER)

    def _vendor_answered(self, now: float) -> None:
        if self.gate.rejected(now):
            self._sending_resumed()

    def _sending_resumed(self) -> None:
        log.info("the vendor answers again: sending resumes", sink=self._sink.name)
        self._in_flight.retry_all()

    def _remove(self, flight: InFlightBatch) -> None:
        self._in_flight.remove(flight)
        self.batcher.release_keys(flight.batch)

    def _is_revoked(self, item: Item) -> bool:
        return item.record.assignment_epoch in self._revoked

    # --- waking up -----------------------------------------------------------------------------------------------

    def _set_alarm(self, now: float) -> None:
        """Call `pump` again when the next thing may go; anything that changes sooner calls it anyway."""
        opens_at = self.gate.next_send_at(now)
        if opens_at == NEVER:
            return
        if not self.gate.is_sending:
            at = opens_at if self.can_probe() else NEVER
        else:
            times = [at for at in (self._in_flight.next_retry(), self.batcher.next_batch_at()) if at is not None]
            at = min(times, default=NEVER)
            at = max(at, opens_at)
        if at == NEVER:
            return
        if self._timer is not None and now < self._timer_at <= at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = asyncio.get_running_loop().call_later(max(at - now, 0.001), self._alarm)

    def _alarm(self) -> None:
        self._timer = None
        self._timer_at = NEVER
        self.pump()


def _request(flight: InFlightBatch, part: SubBatch) -> str:
    """A request's name in log lines: the number of its batch, and how often this part of it was sent."""
    return f"{flight.batch.number}.{part.attempts}"
