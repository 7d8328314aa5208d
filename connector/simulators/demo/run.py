"""The demo from start to end: the service runs between simulators until all is settled, then all is reconciled."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from connector.clock import Clock, SystemClock
from connector.config.load import load
from connector.delivery.stats import Stats
from connector.kafka.dead_letter import SINK
from connector.service.assembly import SinkRuntime
from connector.service.run import Service
from connector.settings.values import Settings
from connector.simulators.demo import stage
from connector.simulators.demo.reconciliation import (
    Evidence,
    Partition,
    ReadLetter,
    SinkCounts,
    Verification,
    reconcile,
)
from connector.simulators.demo.samples import MYTRACKER, READERS, SAILPLAY, content, samples
from connector.simulators.kafka import MockKafka
from connector.simulators.ledger import Ledger
from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator

_REFRESH_SECONDS = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class SinkResult:
    """One sink after the run: its own counts, its vendor's, and the verifications.

    `skips` says why events were to be skipped; the connector counts them together.
    """

    sink: str
    counts: SinkCounts
    requests: int
    max_items: int
    max_bytes: int
    skips: Mapping[str, int]
    verifications: Sequence[Verification]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The end of the demo. `problem` says what kept it from finishing; empty if it finished."""

    sinks: Sequence[SinkResult]
    seconds: float
    problem: str

    @property
    def holds(self) -> bool:
        """True if everything that was checked holds."""
        verifications = [verification for sink in self.sinks for verification in sink.verifications]
        return (
            not self.problem
            and bool(verifications)
            and not any(verification.mistakes for verification in verifications)
        )


class DemoDisplay(Protocol):
    """The display that follows the demo."""

    def announce(self, incident: str) -> None:
        """Show that an incident happens."""
        ...

    def show_progress(self, seconds: float, produced: int, wanted: int, runtimes: Sequence[SinkRuntime]) -> None:
        """Show the progress of production and of every sink."""
        ...


async def run_demo(display: DemoDisplay, plan: stage.DemoPlan, clock: Clock | None = None) -> DemoResult:
    """Run the demo. Leaves nothing behind. Raises KafkaException or ConnectorError if it cannot be set up."""
    clock = clock or SystemClock()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="connector-demo-")))
        kafka = stack.enter_context(MockKafka())
        async with MyTrackerSimulator(token=stage.TOKEN) as mytracker, SailPlaySimulator(token=stage.TOKEN) as sailplay:
            settings = load(stage.write_configuration(directory, kafka, mytracker, sailplay))
            stage.create_topics(kafka, settings)
            stage.prepare_vendors(mytracker, sailplay)
            began = clock.monotonic()
            feed = stage.Feed(kafka, samples(plan.events))
            service = Service(settings)
            vendors = asyncio.create_task(stage.incidents(mytracker, sailplay, plan, display.announce))
            try:
                problem = await _run_until_settled(service, feed, display, plan, clock)
            finally:
                vendors.cancel()
            ledgers = {MYTRACKER: mytracker.ledger, SAILPLAY: sailplay.ledger}
            results = await asyncio.to_thread(_reconcile_sinks, kafka.bootstrap, settings, service, feed, ledgers)
            return DemoResult(results, clock.monotonic() - began, problem)


async def _run_until_settled(
    service: Service, feed: stage.Feed, display: DemoDisplay, plan: stage.DemoPlan, clock: Clock
) -> str:
    """Run the service until all produced events are settled; return what prevented that, or ""."""
    began = clock.monotonic()
    running = asyncio.create_task(service.run())
    feeding = asyncio.create_task(feed.run(plan.seconds))
    problem = ""
    while not (feeding.done() and _settled(service.runtimes, feed)):
        elapsed = clock.monotonic() - began
        display.show_progress(elapsed, len(feed.produced), feed.total, service.runtimes)
        if running.done():
            problem = "the connector stopped before everything was settled"
            break
        if elapsed > plan.deadline:
            problem = f"not everything was settled within {plan.deadline:g} s"
            break
        await asyncio.sleep(_REFRESH_SECONDS)
    display.show_progress(clock.monotonic() - began, len(feed.produced), feed.total, service.runtimes)
    service.stop()
    if await running != 0 and not problem:
        problem = "the connector did not stop cleanly"
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=problem != "")
    return problem


def _settled(runtimes: Sequence[SinkRuntime], feed: stage.Feed) -> bool:
    ends = feed.end_offsets()
    for runtime in runtimes:
        positions = {
            (each.topic, each.partition): each.position for each in runtime.pipeline.assignment.offsets.values()
        }
        if any(
            positions.get(partition) != end for partition, end in _read_by(runtime.pipeline.sink.name, ends).items()
        ):
            return False
    return bool(runtimes)


def _read_by(sink: str, ends: dict[Partition, int]) -> dict[Partition, int]:
    return {partition: end for partition, end in sorted(ends.items()) if sink in READERS[partition[0]]}


def _reconcile_sinks(
    bootstrap: str, settings: Settings, service: Service, feed: stage.Feed, ledgers: dict[str, Ledger]
) -> list[SinkResult]:
    letters = stage.read_dead_letters(bootstrap, settings.dead_letters)
    stats = {runtime.pipeline.sink.name: runtime.pipeline.stats for runtime in service.runtimes}
    found = []
    for sink, ledger in ledgers.items():
        # A letter that names no sink of ours is a mistake of each of them.
        own = [letter for letter in letters if letter.header(SINK) == sink or letter.header(SINK) not in ledgers]
        evidence = _evidence(bootstrap, settings, sink, feed, stats[sink], ledger, own)
        summary = ledger.summary()
        found.append(
            SinkResult(
                sink,
                evidence.counts,
                summary["requests"],
                summary["max_items"],
                summary["max_bytes"],
                _skips(sink, feed),
                reconcile(sink, feed.produced, evidence),
            )
        )
    return found


def _evidence(
    bootstrap: str,
    settings: Settings,
    sink: str,
    feed: stage.Feed,
    stats: Stats,
    ledger: Ledger,
    letters: Sequence[ReadLetter],
) -> Evidence:
    ends = _read_by(sink, feed.end_offsets())
    return Evidence(
        SinkCounts(stats.read, stats.delivered, dict(stats.dead_lettered), stats.skipped),
        [content(_method(entry.method), entry.item) for entry in ledger],
        letters,
        stage.committed_offsets(bootstrap, f"{settings.group}.{sink}", list(ends)),
        ends,
    )


def _skips(sink: str, feed: stage.Feed) -> Counter[str]:
    return Counter(
        "tombstone" if each.sample.value is None else "no route takes it"
        for each in feed.produced
        for fate in each.sample.fates
        if fate.sink == sink and fate.item is None and fate.reason is None
    )


def _method(called: str) -> str:
    """Return the method as a route names it: a batch form is the same method."""
    return called.removesuffix("Batch").removeprefix("events/")
