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

from connector.batching.batcher import Batch, Lanes
from connector.batching.isolation import Part
from connector.clock import Clock
from connector.delivery.backoff import Backoff
from connector.delivery.gate import NEVER, Gate, GateState
from connector.delivery.in_flight import Flight, Flights
from connector.delivery.stats import Mishap, Stats
from connector.delivery.tasks import Tasks
from connector.model import Blame, Failure, Item, Outcome, Reason, Stage
from connector.redaction.vendor_messages import without_echo
from connector.vendors.base import Sink

FIVES_TO_HALVE = 3
FIVES_TO_CONDEMN = 5
INTERNAL_SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429
# How many full batches are kept ready for each place in flight. What lies deeper waits in Kafka, not in memory: the
# more are ready, the more keys are taken, and the more must be read to find free ones.
READY_FOR_A_PLACE = 0.5
# Answers come in bunches: where places are few, half of them is less than one bunch takes.
READY_AT_LEAST = 16

log = structlog.get_logger()


class Departure(NamedTuple):
    """A flight that goes out, the part of its batch that is sent, and when (monotonic seconds)."""

    flight: Flight
    part: Part
    at: float


class Listener(Protocol):
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
        lanes: Lanes,
        gate: Gate,
        *,
        clock: Clock,
        stats: Stats,
        listener: Listener,
        heal_backoff: Backoff,
        on_answer_lost: str = "retry",
    ) -> None:
        self.gate = gate
        self.lanes = lanes
        self._sink = sink
        self._clock = clock
        self._stats = stats
        self._listener = listener
        self._heal_backoff = heal_backoff
        self._dead_letter_lost = on_answer_lost == "dead_letter"
        self._flights = Flights()
        self._gone: set[int] = set()  # claims that are no longer ours
        self._kept = 0  # unsent items of these that may still be sent, once
        self._stopped = False
        self._tasks = Tasks()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = NEVER
        self._progress = asyncio.Event()
        self._accepted: deque[tuple[Departure, Outcome, float]] = deque()  # answered, and not settled yet

    # --- what comes in -------------------------------------------------------------------------------------------

    def add(self, items: Sequence[Item]) -> None:
        """Take items in; `pump` sends them."""
        add = self.lanes.add
        for item in items:
            add(item)

    def pump(self) -> None:
        """Send all that may go now, and set the alarm for what may go later."""
        while (departure := self._depart()) is not None:
            self._tasks.start(self._fly(departure))
        if not self._stopped:
            self._set_alarm(self._clock.monotonic())

    async def pace(self) -> None:
        """Wait for the turn of a call to the vendor that carries no event: it counts against the rate too."""
        now = self._clock.monotonic()
        await asyncio.sleep(self.gate.called(now) - now)

    def forget(self, claims: AbstractSet[int], keep: AbstractSet[tuple[int, int]] = frozenset()) -> None:
        """These claims are no longer ours: drop what was never sent, retry nothing; what is in the air comes back.

        What was never sent of the records `keep` (claim and offset) may still be, once: wait for `finished`, and forget
        them again.
        """
        alive = self._flights.claims() | (self._unsent_claims() if self._kept else set())
        self._gone = self._gone & alive | claims
        dropped, empty = self._flights.forget(self._is_gone)
        self._forget_unsent(dropped, lambda item: (item.record.claim, item.record.offset) in keep)
        for flight in empty:
            self._land(flight)
        self.pump()  # others' items may have waited behind what is gone

    def _forget_unsent(self, dropped: Sequence[Item], keep: Callable[[Item], bool]) -> None:
        """Nothing may overtake what was dropped of its key, which another will send."""
        cut = {item.record.key for item in dropped if item.record.key is not None}
        self._kept = self.lanes.forget(self._is_gone, keep, cut)

    def _unsent_claims(self) -> set[int]:
        return {item.record.claim for item in self.lanes.unsent()}

    async def finished(self) -> None:
        """Wait until what may still be sent of forgotten claims is in the air, or cannot be sent now."""
        while self._kept and self._sends(self._clock.monotonic()):
            self._progress.clear()
            await self._progress.wait()

    def _sends(self, now: float) -> bool:
        return not self._stopped and self.gate.state(now) is GateState.OPEN and not self.gate.shut_for(now)

    def stop(self) -> None:
        """Send nothing more; what is in the air comes back."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    async def landed(self, claims: AbstractSet[int] | None = None) -> None:
        """Wait until nothing of these claims (None: nothing at all) is in the air."""
        while self.airborne(claims):
            self._progress.clear()
            await self._progress.wait()

    def airborne_records(self) -> set[tuple[int, int]]:
        """Of which records, as claim and offset, something is in a request now."""
        return self._flights.airborne_records()

    def airborne(self, claims: AbstractSet[int] | None = None) -> int:
        """How many items of these claims (None: of all) are in a request now."""
        return self._flights.airborne(claims)

    # --- what is to be seen --------------------------------------------------------------------------------------

    @property
    def held_batches(self) -> int:
        """How many batches were sent, failed, and wait for another try."""
        return self._flights.held

    @property
    def held_items(self) -> int:
        """How many items of batches that were sent are not in the air: they wait for another try."""
        return self._flights.held_items()

    @property
    def wants_more(self) -> bool:
        """Whether more items would help: fewer batches are full than the places in flight take now and soon.

        All places count, however few are open now: a gate that opens again needs something to send beside what failed.
        """
        places = self.gate.max_in_flight
        ready = max(READY_FOR_A_PLACE * places, READY_AT_LEAST)
        return self.lanes.full_batches < places - self.gate.in_flight + ready

    def has_something_to_send(self) -> bool:
        """Whether a probe could go at once."""
        return bool(self._flights.held) or self.lanes.oldest_number() is not None

    def has_something_untried(self) -> bool:
        """Whether a probe could go at once that would not begin the round of held batches again."""
        return self._flights.unprobed() is not None or self.lanes.oldest_number() is not None

    # --- choosing ------------------------------------------------------------------------------------------------

    def _next_flight(self, now: float) -> Flight | None:
        if not self.gate.is_open:
            return self._probe()
        flight = self._flights.due(now)
        if flight is not None:
            return flight
        batch = self.lanes.take(now)
        return None if batch is None else self._take_off(batch)

    def _probe(self) -> Flight | None:
        """The oldest batch; the next one where the fault may be the batch's own, so that none keeps the gate shut."""
        flights = self._flights
        again = None if self.gate.flooded else flights.same_probe()
        flight = again or flights.unprobed()
        if flight is None:
            batch = self.lanes.take_oldest()
            if batch is not None:
                flight = self._take_off(batch)
            else:  # all have been tried: begin again
                flights.begin_round()
                flight = flights.unprobed()
        if flight is None:
            return None
        flights.probed(flight)
        if self.gate.flooded and len(flight.parts.current.items) > 1:
            flight.parts.single_out()
        return flight

    def _take_off(self, batch: Batch) -> Flight:
        self._stats.batches_closed[batch.closed_by] += 1
        self._stats.batch_events += len(batch.items)
        self._stats.batch_bytes += batch.size
        if self._kept:
            self._kept -= sum(map(self._is_gone, batch.items))
        return self._flights.board(batch)

    # --- sending -------------------------------------------------------------------------------------------------

    def _depart(self) -> Departure | None:
        """Let the next flight go, if one may go now."""
        now = self._clock.monotonic()
        if self._stopped or self.gate.opens_at(now) > now:
            return None
        flight = self._next_flight(now)
        if flight is None:
            return None
        self._flights.depart(flight)
        part = flight.parts.current
        if part.sends:
            self._stats.retries += 1
        part.sends += 1
        self.gate.sent(now)
        return Departure(flight, part, now)

    async def _fly(self, departure: Departure | None) -> None:
        """Send, and go on with the next flight that may go; what an acceptance settles can wait until that is out."""
        while departure is not None:
            if not self.gate.confirmed(self._clock.monotonic()):
                self._turn_back(departure)
                return
            outcome = await self._send(departure.flight, departure.part)
            now = self._clock.monotonic()
            self.gate.answered()
            if outcome.blame is Blame.NOBODY:
                if self.gate.succeeded():
                    self._opened()
                if not self._accepted:
                    asyncio.get_running_loop().call_soon(self._settle_accepted)
                self._accepted.append((departure, outcome, now))
            else:
                self._settle_accepted()  # what was accepted before counts before
                self._arrive(departure, outcome, now)
            departure = self._depart()

    def _turn_back(self, departure: Departure) -> None:
        """The process stood still between the choice and the sending: what was chosen may be another's by now."""
        flight, part, _ = departure
        part.sends -= 1
        if part.sends:
            self._stats.retries -= 1
        self.gate.answered()
        self._flights.arrive(flight)
        self._back(flight)

    async def _send(self, flight: Flight, part: Part) -> Outcome:
        try:
            outcome = await self._sink.send(flight.batch.method, part.items)
        except Exception as error:  # a bug of ours must hold the batch, not lose it
            log.exception("sending failed inside the connector", sink=self._sink.name, request=_request(flight, part),
                          error=type(error).__name__)  # fmt: skip
            outcome = Outcome(Blame.VENDOR, message=f"internal error: {type(error).__name__}", answer_lost=True)
        return without_echo(outcome, part.items) if outcome.message else outcome

    def _settle_accepted(self) -> None:
        while self._accepted:
            self._arrive(*self._accepted.popleft())

    def _arrive(self, departure: Departure, outcome: Outcome, now: float) -> None:
        flight, part, started = departure
        self._flights.arrive(flight)
        self._count(flight.batch.method, outcome, now, now - started)
        self._settle(flight, part, outcome, now)
        self._back(flight)

    def _back(self, flight: Flight) -> None:
        """It is no more in the air, and what is left of it is held."""
        if self._gone:
            dropped = flight.parts.forget(self._is_gone)
            if dropped and self._kept:
                self._forget_unsent(dropped, lambda _: True)
        if flight.parts.done:
            self._land(flight)
        self._progress.set()
        self.pump()

    def _count(self, method: str, outcome: Outcome, now: float, seconds: float) -> None:
        stats = self._stats
        stats.request_seconds.observe(seconds)
        stats.requests["error" if outcome.status is None else f"{outcome.status // 100}xx"] += 1
        stats.outcomes[outcome.blame] += 1
        if outcome.code is not None:
            stats.codes[outcome.code] += 1
        if outcome.blame in (Blame.VENDOR, Blame.OURS):
            stats.recent_faults.append(Mishap(now, outcome.blame, method, outcome.status, outcome.message))

    def _settle(self, flight: Flight, part: Part, outcome: Outcome, now: float) -> None:
        match outcome.blame:
            case Blame.NOBODY:
                flight.parts.pop()
                self._stats.delivered += len(part.items)
                self._listener.on_accepted(part.items)
            case Blame.EVENT:
                self._answered_well(now)
                if not self.gate.flooded:
                    self._refused(flight, part, outcome, Reason.REFUSED)
            case Blame.VENDOR if outcome.heal_for is not None:
                self._may_heal(flight, part, outcome, now)
            case Blame.VENDOR:
                self._vendor_fault(flight, part, outcome, now)
            case Blame.OURS:
                if self.gate.our_fault(now, outcome.message):
                    log.error("we are refused, or our secrets cannot be read: this sink stops sending",
                              sink=self._sink.name, request=_request(flight, part), status=outcome.status,
                              vendor=outcome.message)  # fmt: skip

    def _refused(self, flight: Flight, part: Part, outcome: Outcome, reason: Reason) -> None:
        """Halve the part, or give the culprit up if it stands alone."""
        if len(part.items) > 1:
            flight.parts.halve()
        else:
            self._give_up(flight, part, outcome, reason)

    def _give_up(self, flight: Flight, part: Part, outcome: Outcome, reason: Reason) -> None:
        flight.parts.pop()
        for item in part.items:
            failure = Failure(
                item.record,
                reason,
                Stage.SEND,
                outcome.message,
                item.route,
                item.method,
                outcome.status,
                part.sends,
                item.element,
            )
            self._listener.on_failed(failure)

    def _may_heal(self, flight: Flight, part: Part, outcome: Outcome, now: float) -> None:
        """A code that may heal: hold the event and its key, for a bounded time; the vendor itself is well."""
        self._answered_well(now)
        if part.healing_since is None:
            part.healing_since = now
        if now - part.healing_since >= (outcome.heal_for or 0.0):
            self._refused(flight, part, outcome, Reason.REFUSED)
        else:
            flight.retry_at = now + self._heal_backoff.after(part.sends)

    def _vendor_fault(self, flight: Flight, part: Part, outcome: Outcome, now: float) -> None:
        poison = outcome.status == INTERNAL_SERVER_ERROR and self.gate.is_open and self._counts_as_poison(part)
        flight.retry_at = self._hold(flight, part, outcome, now)
        if outcome.answer_lost and self._dead_letter_lost:
            self._give_up(flight, part, outcome, Reason.AMBIGUOUS)
        elif poison:
            self._refused(flight, part, outcome, Reason.POISON)

    def _hold(self, flight: Flight, part: Part, outcome: Outcome, now: float) -> float:
        was_open = self.gate.is_open
        if outcome.status == INTERNAL_SERVER_ERROR:
            self._flights.suspect_probe()
        retry_at = self.gate.vendor_fault(
            now,
            outcome.message,
            retry_after=outcome.retry_after,
            throttled=outcome.status == TOO_MANY_REQUESTS,
        )
        if was_open and self.gate.closed:
            self._stats.gate_closings += 1
            log.warning("the vendor fails: only a probe goes until it answers", sink=self._sink.name,
                        request=_request(flight, part), status=outcome.status, vendor=outcome.message)  # fmt: skip
        return retry_at

    def _counts_as_poison(self, part: Part) -> bool:
        """Count a 500 against the part; True once that condemns it.

        Against a single event it counts only if other events succeeded since the last one: else the vendor is down.
        """
        if len(part.items) == 1:
            if self.gate.successes == part.successes:
                return False
            part.successes = self.gate.successes
        part.fives += 1
        return part.fives >= (FIVES_TO_HALVE if len(part.items) > 1 else FIVES_TO_CONDEMN)

    def _answered_well(self, now: float) -> None:
        if self.gate.event_fault(now):
            self._opened()

    def _opened(self) -> None:
        log.info("the vendor answers again: sending resumes", sink=self._sink.name)
        self._flights.retry_all()

    def _land(self, flight: Flight) -> None:
        self._flights.end(flight)
        self.lanes.release(flight.batch)

    def _is_gone(self, item: Item) -> bool:
        return item.record.claim in self._gone

    # --- waking up -----------------------------------------------------------------------------------------------

    def _set_alarm(self, now: float) -> None:
        """Call `pump` again when the next thing may go; anything that changes sooner calls it anyway."""
        opens_at = self.gate.opens_at(now)
        if opens_at == NEVER:
            return
        if not self.gate.is_open:
            at = opens_at if self.has_something_to_send() else NEVER
        else:
            times = [at for at in (self._flights.next_retry(), self.lanes.due_at()) if at is not None]
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


def _request(flight: Flight, part: Part) -> str:
    """A request's name in log lines: the number of its batch, and how often this part of it was sent."""
    return f"{flight.batch.number}.{part.sends}"
