"""The replay: selected letters go to the sinks that failed, through the live pipeline's own delivery, and are closed.

A letter is closed by its receipt, written when the vendor has accepted it, or when the brokers have the new letter
that stands for it. What is killed in between is sent again by the next replay: what was in flight, once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from connector.clock import Clock
from connector.deadletters.index import Index
from connector.deadletters.normalise import normalise_message
from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import Receipt, Receipts, State
from connector.deadletters.remap import Router, remap
from connector.deadletters.replay_state import OpenLetter, ReplayCounts, ReplaySink
from connector.delivery.gate import GateState
from connector.delivery.tasks import Tasks
from connector.errors import ConnectorError
from connector.kafka.dead_letter import MAX_INT32, DeadLetter, digest
from connector.model import Failure, Item

# Letters in memory at a time: enough for every place in flight, however slow the vendor.
MAX_OPEN = 2000
MAX_OPEN_BYTES = 32 << 20
# The share of failures means nothing before so many were answered for.
FAILURES_FROM = 20
# A vendor that refuses our credentials or address for so long will not be mended by waiting.
REFUSED_SECONDS = 15.0
TICK_SECONDS = 0.25


class ReceiptWriter(Protocol):
    """Writes receipts; calls the replay's `on_receipt` for each when the brokers have it, or refuse it."""

    def write(self, identity: bytes, receipt: Receipt, letter: int | None) -> None:
        """Write one; `letter` is the number of the letter that it closes, if it closes one."""
        ...


class ReplayLock(Protocol):
    """The lock."""

    @property
    def lost(self) -> bool:
        """Whether it is another's now."""
        ...


class Replay:
    """One run. All methods belong to the event loop's thread; `read_selected`'s chunks are read on another.

    `outlets` and `writer` are set by whoever builds it, since both call back here. `max_failures` is a share (0..1)
    of what was answered for. `stopped` says why it ended early.
    """

    writer: ReceiptWriter

    def __init__(
        self,
        index: Index,
        receipts: Receipts,
        *,
        topic: str,
        lock: ReplayLock,
        clock: Clock,
        max_failures: float,
    ) -> None:
        self.sinks: Mapping[str, ReplaySink] = {}
        self.counts: dict[str, ReplayCounts] = {}  # by sink
        self._answered: Counter[str] = Counter()  # items, by sink; known before their receipts are
        self._refused: Counter[str] = Counter()
        self.stopped = ""
        self._index = index
        self._receipts = receipts
        self._topic = topic
        self._lock = lock
        self._clock = clock
        self._max_failures = max_failures
        self._routers: Mapping[str, Router] = {}
        self._open: dict[int, OpenLetter] = {}  # by number; an item's record carries it as its epoch
        self._open_bytes = 0
        self._numbered = 0
        self._pending_receipts = 0
        self._misconfigured_since: float | None = None
        self._tasks = Tasks()
        self._stop = asyncio.Event()
        self._progress = asyncio.Event()

    async def run(self, chunks: Iterator[Sequence[OrderedLetter]], drain: float) -> None:
        """Send everything; stopped early, wait at most `drain` seconds for what is in flight."""
        self._routers = {name: outlet.router for name, outlet in self.sinks.items()}
        ticking = self._tasks.start(self._tick())
        try:
            await self._feed(chunks)
            while self._open and not self._stop.is_set():
                await self._wait()
        finally:
            ticking.cancel()
        for outlet in self.sinks.values():
            outlet.dispatcher.stop()
        try:
            async with asyncio.timeout(drain):
                await self._landed()
        except TimeoutError:
            self.stop("not all that was in flight came back in time")

    def stop(self, why: str) -> None:
        """Send nothing more; the first reason is kept."""
        self.stopped = self.stopped or why
        for outlet in self.sinks.values():
            outlet.dispatcher.stop()
        self._stop.set()
        self._progress.set()

    @property
    def waits_for(self) -> str:
        """What keeps a sink from sending, for people; "" if nothing does."""
        now = self._clock.monotonic()
        for name, outlet in self.sinks.items():
            gate = outlet.dispatcher.gate
            if gate.state(now) is not GateState.SENDING:
                return f"{name} is {gate.state(now)}: {gate.hold_reason or normalise_message(gate.reason)}"
            if outlet.letters.problem:
                return outlet.letters.problem
        return ""

    # --- sending -------------------------------------------------------------------------------------------------

    async def _feed(self, chunks: Iterator[Sequence[OrderedLetter]]) -> None:
        while not self._stop.is_set():
            try:
                chunk = await asyncio.to_thread(next, chunks, None)
            except ConnectorError as error:  # what is in flight must still be settled
                self.stop(str(error))
                return
            if chunk is None:
                return
            for selected in chunk:
                while self._open and (len(self._open) >= MAX_OPEN or self._open_bytes >= MAX_OPEN_BYTES):
                    if self._stop.is_set():
                        return
                    await self._wait()
                self._take(selected)
            for outlet in self.sinks.values():
                outlet.dispatcher.pump()

    async def _wait(self) -> None:
        for outlet in self.sinks.values():
            outlet.dispatcher.pump()
        self._progress.clear()
        await self._progress.wait()

    def _take(self, selected: OrderedLetter) -> None:
        letter = selected.letter
        self._numbered += 1
        tally = self.counts.setdefault(letter.sink, ReplayCounts())
        record = selected.record._replace(assignment_epoch=self._numbered, read_at=self._clock.monotonic())
        today = remap(letter, record, self._routers, self._receipts)
        if today.obstacle:
            tally.left[normalise_message(today.obstacle)] += 1
            if not today.items:
                return
        taken = self._open[self._numbered] = OpenLetter(selected, len(today.items), today.whole)
        self._open_bytes += taken.size
        if not today.items:  # an earlier replay settled its items, and was killed before it closed the letter
            self._close(self._numbered, taken)
            return
        self.sinks[letter.sink].dispatcher.enqueue(today.items)

    # --- from the dispatchers and the letter boxes -----------------------------------------------------------------

    def on_accepted(self, items: Sequence[Item]) -> None:
        """The vendor accepted these."""
        for item in items:
            self._answered[self._open[item.record.assignment_epoch].letter.sink] += 1
            self._settle(item.record.assignment_epoch, item.route, State.REPLAYED)

    def on_failed(self, failure: Failure) -> None:
        """The vendor refused this one again: a new letter, before the receipt of the old one."""
        letter = self._open[failure.record.assignment_epoch].letter
        replays = min(letter.replays + 1, MAX_INT32)  # past that it would be no letter
        self.sinks[letter.sink].letters.write(failure, replays=replays)
        self._answered[letter.sink] += 1
        self._refused[letter.sink] += 1
        self._judge(letter.sink)

    def on_written(self, failure: Failure) -> None:
        """The brokers have the new letter."""
        self._settle(failure.record.assignment_epoch, failure.route, State.REFUSED)

    def _settle(self, number: int, route: str | None, state: State) -> None:
        taken = self._open[number]
        letter = taken.letter
        taken.waiting -= 1
        taken.refused = taken.refused or state is State.REFUSED
        if letter.route is None and (taken.waiting or not taken.whole):
            # Until all its routes are settled the letter stays open: what one of them has done is kept apart.
            self._write(letter.identity_by(route), state, letter, dict((letter.place,)), None)
        if taken.waiting == 0:
            self._close(number, taken)

    # --- receipts ------------------------------------------------------------------------------------------------

    def _close(self, number: int, taken: OpenLetter) -> None:
        if not taken.whole:
            self._finish(number)
            return
        letter = taken.letter
        state = State.REFUSED if taken.refused else State.REPLAYED
        self._write(letter.identity, state, letter, self._index.places(taken.row), number)

    def _write(
        self, key: bytes, state: State, letter: DeadLetter, places: Mapping[int, int], number: int | None
    ) -> None:
        closes = self._receipts.closing(digest(key), places)
        receipt = Receipt(state, self._clock.now(), letter.place.address(self._topic), closes)
        self._receipts.add(key, receipt)
        self._pending_receipts += 1
        self.writer.write(key, receipt, number)

    def on_receipt(self, number: int | None, error: str | None) -> None:
        """The brokers have a receipt, or refuse it; `number` is that of the letter it closes."""
        self._pending_receipts -= 1
        if error is not None:
            self.stop(f"receipts cannot be written, so what was accepted would be sent again: {error}")
        elif number is not None:
            taken = self._open[number]
            tally = self.counts[taken.letter.sink]
            if taken.refused:
                tally.refused += 1
            else:
                tally.accepted += 1
            self._finish(number)
        self._progress.set()

    def _finish(self, number: int) -> None:
        taken = self._open.pop(number)
        self._open_bytes -= taken.size
        self._progress.set()

    def _judge(self, sink: str) -> None:
        """At the refusal itself: while its letter and its receipt are written, hundreds more would be refused."""
        refused, answered = self._refused[sink], self._answered[sink]
        if answered >= FAILURES_FROM and refused > self._max_failures * answered:
            self.stop(f"{sink} refused {refused} of {answered} again: more than --max-failures allows")

    async def _landed(self) -> None:
        for outlet in self.sinks.values():
            await outlet.dispatcher.nothing_in_flight()
            await outlet.letters.nothing_pending()
        while self._pending_receipts:
            self._progress.clear()
            await self._progress.wait()

    # --- what no event drives --------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if self._lock.lost:
                self.stop("the lock is lost: another replay may be running")
            misconfigured = ""
            for name, outlet in self.sinks.items():
                gate = outlet.dispatcher.gate
                gate.hold(outlet.sink.credentials_ready() or "")
                if outlet.sink.credentials_renewed():
                    gate.probe_now()
                outlet.dispatcher.pump()
                if gate.state(self._clock.monotonic()) is GateState.MISCONFIGURED:
                    misconfigured = f"{name} refuses our credentials or address: {normalise_message(gate.reason)}"
            self._watch(misconfigured)

    def _watch(self, misconfigured: str) -> None:
        now = self._clock.monotonic()
        if not misconfigured:
            self._misconfigured_since = None
        elif self._misconfigured_since is None:
            self._misconfigured_since = now
        elif now - self._misconfigured_since > REFUSED_SECONDS:
            self.stop(misconfigured)
