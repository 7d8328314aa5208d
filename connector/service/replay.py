"""A replay from the lock to its result, and its plan."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import uvloop

from connector.clock import SystemClock
from connector.deadletters.filters import LetterFilters
from connector.deadletters.index import LetterIndex
from connector.deadletters.lock import ReplayLock, lock_group
from connector.deadletters.ordered_letters import OrderedLetter, read_in_order
from connector.deadletters.receipt_topic import ensure_receipt_topic
from connector.deadletters.receipts import Receipts
from connector.deadletters.remap import SinkPlan, plan_replay
from connector.deadletters.replay import Replay, ReplaySink
from connector.deadletters.replay_state import ReplayCounts
from connector.deadletters.scan import ReadProgress, SinkNumbers, scan_letters
from connector.delivery.tasks import Tasks
from connector.kafka.dead_letter_producer import DeadLetterProducer
from connector.kafka.topic_reader import TopicReader
from connector.service.assembly import at_replay_rate, build_replay_sink, build_routers, limits_of
from connector.service.command_input import OpenConfig

# --- the lock and the selection ---------------------------------------------------------------------------------------


@contextmanager
def locked_letters(config: OpenConfig, on_wait: Callable[[str], None]) -> Iterator[tuple[ReplayLock, TopicReader]]:
    """Own the lock while the context lasts; yield it with a reader of the dead-letter topic.

    Creates the receipts topic, on which the lock is based, if it is absent. Calls `on_wait` with a text for people if
    the lock takes long. Raises ConnectorError where there is no dead-letter topic, the receipts topic cannot be
    created, or another process owns the lock.
    """
    settings, conf = config.settings, config.conf
    with TopicReader(conf, settings.dead_letters) as letters:
        letters.expect_topic()  # first: a misspelt name must not create a receipts topic
    partitions = ensure_receipt_topic(conf, settings.receipts)
    lock = ReplayLock(conf, lock_group(settings.group, settings.sinks), settings.receipts, partitions)
    lock.acquire(on_wait)
    try:
        # Opened after the lock: its ends must include what the lock's last owner wrote.
        with TopicReader(conf, settings.dead_letters) as letters:
            yield lock, letters
    finally:
        lock.release()


@dataclass(frozen=True, slots=True)
class SelectedLetters:
    """The open letters that the filters select: `total` in all, at most `limit`, of these `sinks`."""

    letters: TopicReader
    index: LetterIndex
    receipts: Receipts
    sinks: Sequence[str]
    total: int
    limit: int | None

    def read_letters(self) -> Iterator[Sequence[OrderedLetter]]:
        """Yield the letters in chunks, in the order of their events."""
        return read_in_order(self.letters, self.index, self.limit)


def select_letters(
    config: OpenConfig, letters: TopicReader, filters: LetterFilters, limit: int | None, progress: ReadProgress
) -> SelectedLetters:
    """Scan the topic and select its open letters. Raises ConnectorError where it does not exist."""
    sinks = SinkNumbers()
    scan = scan_letters(config.conf, letters, config.settings.receipts, filters, progress, sinks.number_of)
    total = sum(1 for _ in scan.index.rows())
    return SelectedLetters(
        letters,
        scan.index,
        scan.receipts,
        sinks.names_in(scan.index),
        total if limit is None else min(total, limit),
        limit,
    )


# --- the plan ---------------------------------------------------------------------------------------------------------


class SinkForecast(NamedTuple):
    """A replay's plan for one sink, and how long it takes.

    `requests` is the fewest that it takes; `rate` is how many a second the replay would send (None: no limit), with at
    most `max_in_flight` at a time. A sink that the configuration does not have gets none.
    """

    plan: SinkPlan
    requests: int = 0
    rate: float | None = None
    max_in_flight: int = 0

    @property
    def seconds(self) -> float | None:
        """Seconds that sending takes at least; None where no rate limits it."""
        return None if self.rate is None else self.requests / self.rate


def forecast_replay(
    config: OpenConfig, filters: LetterFilters, limit: int | None, rate: float | None, progress: ReadProgress
) -> dict[str, SinkForecast]:
    """Route and map every selected letter; return what a replay would do, by sink, sorted.

    Sends nothing, and takes no lock.
    """
    settings = config.settings
    with config.read_dead_letters() as letters:
        selected = select_letters(config, letters, filters, limit, progress)
        plans = plan_replay(selected.read_letters(), build_routers(settings, selected.sinks), selected.receipts)
    forecasts = {}
    for name, plan in sorted(plans.items()):
        if name not in settings.sinks:
            forecasts[name] = SinkForecast(plan)
            continue
        sink = at_replay_rate(settings.sinks[name], rate)
        forecasts[name] = SinkForecast(plan, plan.requests(limits_of(sink)), sink.rate, sink.max_in_flight)
    return forecasts


# --- the replay -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """`counts` says, by sink, what became of `total` letters; `stopped` why the replay ended early ("" if not)."""

    total: int
    counts: Mapping[str, ReplayCounts]
    stopped: str
    seconds: float

    @property
    def all_sinks(self) -> ReplayCounts:
        """The counts of all sinks together."""
        return total_counts(self.counts)

    @property
    def remaining(self) -> int:
        """Letters that were not answered for, and so are still open."""
        return self.total - self.all_sinks.finished

    @property
    def succeeded(self) -> bool:
        """True if every letter was accepted, those aside that no replay sends."""
        counts = self.all_sinks
        return counts.accepted + counts.skipped == self.total and not self.stopped


def total_counts(counts: Mapping[str, ReplayCounts]) -> ReplayCounts:
    """Return the counts of all sinks together."""
    return ReplayCounts(
        sum(each.accepted for each in counts.values()),
        sum(each.refused for each in counts.values()),
        sum((each.left_open for each in counts.values()), Counter()),
    )


# Shows progress; runs until it is cancelled.
WatchReplay = Callable[[Replay], Coroutine[Any, Any, None]]


def run_replay(
    config: OpenConfig,
    lock: ReplayLock,
    selected: SelectedLetters,
    *,
    rate: float | None,
    max_failures: float,
    watch: WatchReplay,
) -> ReplayResult:
    """Send the selected letters again; return once all are settled, or the replay had to stop.

    SIGTERM and SIGINT stop it; a second signal ends the process with status 1. Raises ConnectorError where a sink's
    secret is missing.
    """
    if not selected.total:
        return ReplayResult(0, {}, "", 0.0)
    began = time.monotonic()
    replay = uvloop.run(_send(config, lock, selected, rate, max_failures, watch))
    return ReplayResult(selected.total, replay.counts, replay.stopped, time.monotonic() - began)


async def _send(
    config: OpenConfig,
    lock: ReplayLock,
    selected: SelectedLetters,
    rate: float | None,
    max_failures: float,
    watch: WatchReplay,
) -> Replay:
    settings, clock, loop = config.settings, SystemClock(), asyncio.get_running_loop()
    letters = DeadLetterProducer(config.conf, settings.dead_letters, loop)
    receipts = DeadLetterProducer(config.conf, settings.receipts, loop)

    def open_sinks(replay: Replay) -> dict[str, ReplaySink]:
        return {
            name: build_replay_sink(settings, name, replay, letters, rate, clock)
            for name in selected.sinks
            if name in settings.sinks
        }

    replay = Replay(
        selected.index,
        selected.receipts,
        topic=settings.dead_letters,
        receipt_producer=receipts,
        open_sinks=open_sinks,
        lock_lost=lambda: lock.lost,
        clock=clock,
        max_failures=max_failures,
    )
    _stop_on_bugs_and_signals(replay, loop)
    watching = Tasks().start(watch(replay))
    await replay.run(selected.read_letters(), settings.delivery.drain)
    watching.cancel()
    await asyncio.wait([watching])
    await replay.close()
    unsent = [await asyncio.to_thread(producer.close, settings.delivery.drain) for producer in (letters, receipts)]
    await asyncio.sleep(0)  # let the last reports arrive
    if any(unsent):
        replay.stop("not all receipts reached the brokers")
    return replay


def _stop_on_bugs_and_signals(replay: Replay, loop: asyncio.AbstractEventLoop) -> None:
    loop.set_exception_handler(
        lambda _, context: replay.stop(f"a bug in the connector: {type(context.get('exception')).__name__}")
    )
    signals = 0

    def on_signal() -> None:
        nonlocal signals
        signals += 1
        if signals > 1:
            os._exit(1)
        replay.stop("interrupted")

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
