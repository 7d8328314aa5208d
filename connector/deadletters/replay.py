"""A replay: selected letters go again to the sinks that failed, by dispatchers like the service's, and are closed.

A letter is closed by its receipt, which is written once the vendor has accepted its items, or once the brokers have
the new letter of what was refused again. After a kill, the next replay resends at most what was in flight.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.clock import Clock
from connector.deadletters.cause import normalise_message
from connector.deadletters.index import LetterIndex
from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import LetterState, Receipts
from connector.deadletters.remap import SinkRouter, remap
from connector.deadletters.replay_state import OpenLetters, ReplayCounts
from connector.delivery.dead_letter_writer import DeadLetterSender, DeadLetterWriter
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.element_pairs import merge_failures
from connector.delivery.gate import SinkState
from connector.delivery.tasks import Tasks
from connector.errors import ConnectorError
from connector.kafka.dead_letter import MAX_INT32
from connector.model import Failure, Item
from connector.vendors.base import Sink

# With fewer items answered than this, the share of refusals is too small a sample.
MIN_ANSWERED = 20
# A vendor that has refused our credentials or address for so long will not stop by waiting.
MISCONFIGURED_SECONDS = 15.0
# A vendor that answers 500 to each event that is left, for so long, has an outage, or they are poison: nothing that is
# left can tell.
SUSPECTS_SECONDS = 30.0
TICK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class ReplaySink:
    """One sink as a replay uses it."""

    sink: Sink
    router: SinkRouter
    dispatcher: Dispatcher
    letters: DeadLetterWriter


class Replay:
    """One run. All methods belong to the event loop's thread; `run` reads its chunks on another.

    `open_sinks` builds the sinks, whose dispatchers and dead-letter writers call back here. `lock_lost` is true once
    another process may own the lock. `max_failures` is the share (0..1) of refusals past which the replay stops.
    `counts` says what became of the letters, by sink; `stopped` why the replay ended early, "" if it did not.
    """

    def __init__(
        self,
        index: LetterIndex,
        receipts: Receipts,
        *,
        topic: str,
        receipt_producer: DeadLetterSender,
        open_sinks: Callable[[Replay], Mapping[str, ReplaySink]],
        lock_lost: Callable[[], bool],
        clock: Clock,
        max_failures: float,
    ) -> None:
        self.stopped = ""
        self._receipts = receipts
        self._lock_lost = lock_lost
        self._clock = clock
        self._max_failures = max_failures
        self._open = OpenLetters(
            index,
            receipts,
            receipt_producer,
            topic=topic,
            clock=clock,
            on_progress=self._note_progress,
            on_receipt_refused=self._on_receipt_refused,
        )
        self.counts: Mapping[str, ReplayCounts] = self._open.counts
        self._answered: Counter[str] = Counter()  # items, by sink; ahead of `counts`, which wait for receipts
        self._refused: Counter[str] = Counter()
        self._last_number = 0
        self._misconfigured_since: float | None = None
        self._suspects_since: float | None = None
        self._all_read = False
        self._tasks = Tasks()
        self._stop = asyncio.Event()
        self._progress = asyncio.Event()
        self._sinks = open_sinks(self)
        self._routers = {name: sink.router for name, sink in self._sinks.items()}

    async def run(self, chunks: Iterator[Sequence[OrderedLetter]], drain: float) -> None:
        """Send all letters; if stopped early, wait at most `drain` seconds for what is in flight."""
        ticking = self._tasks.start(self._tick())
        try:
            await self._feed(chunks)
            self._all_read = True
            while self._open and not self._stop.is_set():
                await self._wait()
        finally:
            ticking.cancel()
        for sink in self._sinks.values():
            sink.dispatcher.stop()
        try:
            async with asyncio.timeout(drain):
                await self._settled()
                if not self._lock_lost():
                    self._keep_unsent()
                    await self._settled()
        except TimeoutError:
            self.stop("not all that was in flight came back in time")

    def stop(self, why: str) -> None:
        """Send nothing more; of several reasons the first is kept."""
        self.stopped = self.stopped or why
        for sink in self._sinks.values():
            sink.dispatcher.stop()
        self._stop.set()
        self._progress.set()

    async def close(self) -> None:
        """Close the sinks' connections."""
        for sink in self._sinks.values():
            await sink.sink.close()

    @property
    def waits_for(self) -> str:
        """The reason why a sink is not sending, for people; "" if all are."""
        for name, sink in self._sinks.items():
            gate = sink.dispatcher.gate
            if gate.state is not SinkState.SENDING:
                return f"{name} is {gate.state}: {gate.missing_secret or normalise_message(gate.reason)}"
            if sink.letters.problem:
                return sink.letters.problem
        return ""

    # --- sending --------------------------------------------------------------------------------------------------

    async def _feed(self, chunks: Iterator[Sequence[OrderedLetter]]) -> None:
        while not self._stop.is_set():
            try:
                chunk = await asyncio.to_thread(next, chunks, None)
            except ConnectorError as error:  # what is in flight must still be settled
                self.stop(str(error))
                return
            if chunk is None:
                return
            for ordered in chunk:
                while self._open.full:
                    if self._stop.is_set():
                        return
                    await self._wait()
                self._send(ordered)
            self._pump()

    def _send(self, ordered: OrderedLetter) -> None:
        letter = ordered.letter
        self._last_number += 1
        counts = self._open.counts.setdefault(letter.sink, ReplayCounts())
        # The assignment epoch, which a replay does not need, carries the letter's number to its outcome.
        record = ordered.record._replace(assignment_epoch=self._last_number, read_at=self._clock.monotonic())
        remapped = remap(letter, record, self._routers, self._receipts)
        if not remapped.complete:
            counts.left_open[normalise_message(remapped.obstacle)] += 1
            if not remapped.items:
                return
        self._open.open_letter(self._last_number, ordered, remapped)
        for item in remapped.items:
            self._sinks[letter.sink].dispatcher.enqueue(item)

    def _pump(self) -> None:
        for sink in self._sinks.values():
            sink.dispatcher.pump()

    async def _wait(self) -> None:
        self._progress.clear()  # first: progress that pumping makes at once must not be forgotten
        self._pump()
        await self._progress.wait()

    async def _settled(self) -> None:
        """Wait until every request, new letter and receipt that is in flight has been reported."""
        for sink in self._sinks.values():
            await sink.dispatcher.wait_until_nothing_in_flight()
            await sink.letters.wait_until_none_pending()
        while self._open.pending_receipts:
            self._progress.clear()
            await self._progress.wait()

    def _keep_unsent(self) -> None:
        """Write new letters of what was not sent of letters of which other items were accepted.

        So these are not sent again by the next replay. Nothing is in flight.
        """
        for failures in list(self._open.interrupt()):
            self._write_letter(failures)

    def _note_progress(self) -> None:
        self._progress.set()

    def _on_receipt_refused(self, why: str) -> None:
        self.stop(f"receipts cannot be written, so what was accepted would be sent again: {why}")

    # --- called by the dispatchers and the dead-letter writers ----------------------------------------------------

    def on_accepted(self, items: Sequence[Item]) -> None:
        """Called once the vendor has accepted these items: settle them."""
        for item in items:
            self._answered[self._open.sink_of(item.record.assignment_epoch)] += 1
            self._write_letter(self._open.accept(item))

    def on_failed(self, failure: Failure) -> None:
        """Called when the vendor refuses an item again: write its new letter; the old one's receipt follows that."""
        sink = self._open.sink_of(failure.record.assignment_epoch)
        self._write_letter(self._open.fail(failure))
        self._answered[sink] += 1
        self._refused[sink] += 1
        self._check_failures(sink)

    def _write_letter(self, failures: Sequence[Failure]) -> None:
        """Write the new letter of what one route could not deliver of an event; nothing where there are no failures."""
        if not failures:
            return
        failure = failures[0]
        number = failure.record.assignment_epoch
        sink = self._sinks[self._open.sink_of(number)]
        if failure.element:
            failure = merge_failures(failures, sink.router.list_elements(failure.record, failure.route or ""))
        replays = min(self._open.replays_of(number) + 1, MAX_INT32)  # beyond that it could not be read as a letter
        sink.letters.write(failure, replays=replays)

    def on_written(self, failure: Failure) -> None:
        """Called once the brokers have the new letter: settle its items."""
        self._open.settle(failure.record.assignment_epoch, failure.route, LetterState.REFUSED)

    def _check_failures(self, sink: str) -> None:
        """Stop past `max_failures`. Checked at each refusal: hundreds more could come before its receipt is written."""
        refused, answered = self._refused[sink], self._answered[sink]
        if answered >= MIN_ANSWERED and refused > self._max_failures * answered:
            self.stop(f"{sink} refused {refused} of {answered} again: more than --max-failures allows")

    # --- periodically ---------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if self._lock_lost():
                self.stop("the lock is lost: another replay may be running")
            problem = ""
            for name, sink in self._sinks.items():
                gate = sink.dispatcher.gate
                gate.set_missing_secret(sink.sink.credentials_ready() or "")
                if sink.sink.credentials_renewed():
                    gate.probe_now()
                sink.dispatcher.pump()
                if gate.state is SinkState.MISCONFIGURED:
                    problem = f"{name} refuses our credentials or address: {normalise_message(gate.reason)}"
            self._check_misconfigured(problem)
            self._check_suspects()

    def _check_misconfigured(self, problem: str) -> None:
        """Stop once some sink has been misconfigured for MISCONFIGURED_SECONDS; `problem` is "" if none is."""
        now = self._clock.monotonic()
        if not problem:
            self._misconfigured_since = None
        elif self._misconfigured_since is None:
            self._misconfigured_since = now
        elif now - self._misconfigured_since > MISCONFIGURED_SECONDS:
            self.stop(problem)

    def _check_suspects(self) -> None:
        """Stop once all that is left has, for SUSPECTS_SECONDS, been events that the vendor fails at one by one.

        Without a success of others none of them is a dead letter again, so that waiting would have no end.
        """
        suspects = [name for name, sink in self._sinks.items() if sink.dispatcher.only_suspects()]
        others = [sink for name, sink in self._sinks.items() if name not in suspects and not sink.dispatcher.is_empty]
        now = self._clock.monotonic()
        if not suspects or others or not (self._all_read or self._open.full):
            self._suspects_since = None
        elif self._suspects_since is None:
            self._suspects_since = now
        elif now - self._suspects_since > SUSPECTS_SECONDS:
            self.stop(f"{' and '.join(suspects)} answered 500 to each event that is left, sent alone, and no other "
                      "shows if it is well")  # fmt: skip
