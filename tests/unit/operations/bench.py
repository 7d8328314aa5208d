"""A sink's real pipeline between a source and a vendor that a test drives; time is the test's, not the loop's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connector.delivery.assignment import Assignment
from connector.delivery.failure_rate import FailureRate
from connector.delivery.pipeline import Pipeline, PipelineLimits
from connector.kafka.dead_letter import ProducedLetter
from connector.kafka.source_interface import AssignedPartition, Commit
from connector.model import ACCEPTED, Failure, Item, Limits, Outcome, Reason, Record, Stage
from connector.routing.route_counts import RouteCounts
from tests.support.clock import TurnedClock
from tests.support.pipelines import build_pipeline

EPOCH = 1_800_000_000.0


def bench_clock() -> TurnedClock:
    """Return a clock that begins at EPOCH."""
    return TurnedClock(1_000.0, ahead=EPOCH - 1_000.0)


class Vendor:
    """A sink whose answers a test decides; a request hangs while `silent`."""

    limits = Limits(20, 10_000)

    def __init__(self, name: str) -> None:
        self.name = name
        self.outcome = ACCEPTED
        self.silent = False
        self.missing: str | None = None

    async def send(self, method: str, items: Sequence[Item]) -> Outcome:
        if self.silent:
            await asyncio.Event().wait()
        return self.outcome

    def credentials_ready(self) -> str | None:
        return self.missing

    def credentials_renewed(self) -> bool:
        return False

    async def close(self) -> None:
        """Nothing is open."""


class Topic:
    """The dead-letter topic: takes letters unless it has a reason not to."""

    def __init__(self) -> None:
        self.refusal: str | None = None
        self.silent = False

    def write(self, letter: ProducedLetter, report: Callable[[str | None], None]) -> None:
        if not self.silent:
            report(self.refusal)


@dataclass
class HandSource:
    """Stands for the polling thread."""

    last_poll: float
    alive: bool = True
    committed: list[Commit] = field(default_factory=list)

    def request_chunk(self) -> None:
        """Records come when the test says so."""

    def commit(self, commits: Sequence[Commit]) -> None:
        self.committed += commits

    def pause_partition(self, epoch: int, topic: str, partition: int) -> None:
        """Nothing is fetched anyway."""

    def resume_partition(self, epoch: int, topic: str, partition: int) -> None:
        """As above."""

    def seek(self, epoch: int, topic: str, partition: int, offset: int) -> None:
        """As above."""

    def stop(self, commits: Sequence[Commit]) -> None:
        self.committed += commits


class ByValue:
    """Routes by the record's value: `bad` fails, `skip` makes nothing, `three` becomes three items, all else one."""

    def route(self, record: Record) -> Sequence[Item | Failure]:
        if record.value == b"skip":
            return ()
        if record.value == b"bad":
            return (Failure(record, Reason.UNMAPPABLE, Stage.MAP, "fields.total: not a number", "paid", "login"),)
        if record.value == b"three":
            return [Item(record, "lines", "login", b"{}", element) for element in (1, 2, 3)]
        return (Item(record, "paid", "login", record.value or b""),)

    def list_elements(self, _record: Record, _route: str) -> None:
        return None


@dataclass
class Bench:
    """One line and everything around it. `counts` are those of its one route, which the test counts itself."""

    clock: TurnedClock
    vendor: Vendor
    topic: Topic
    source: HandSource
    pipeline: Pipeline
    counts: RouteCounts
    offset: int = 0

    def assign(self, *partitions: int) -> None:
        """These partitions of `orders` are ours, from offset 0; epoch n is partition n."""
        self.pipeline.on_assigned([AssignedPartition(number, "orders", number, 0, None) for number in partitions])
        self.turn()

    def turn(self, *values: bytes, key: bytes | None = None, partition: int = 0, confirmed: bool = True) -> None:
        """The polling thread brings these values."""
        now = self.clock.monotonic()
        self.source.last_poll = now
        records = []
        for value in values:
            milliseconds = int(self.clock.now() * 1000)
            records.append(Record("orders", partition, self.offset, milliseconds, key, value, (), partition, now))
            self.offset += 1
        self.pipeline.on_poll(records, now, confirmed, demanded=False)

    async def settle(self) -> None:
        """Let everything on the loop run that can."""
        for _ in range(20):
            await asyncio.sleep(0)


def build_bench(clock: TurnedClock, name: str = "mytracker", *, in_flight: int = 2, rate: float | None = None) -> Bench:
    """A line whose limits are small enough to reach."""
    vendor, topic = Vendor(name), Topic()
    counts = RouteCounts("paid", "login", {"customUserId": "user.id", "customEventParams": {"level": "data.level"}})
    source = HandSource(last_poll=clock.monotonic())
    pipeline = build_pipeline(
        vendor,
        ByValue(),
        topic,
        lambda _: source,
        assignment=Assignment(f"crm.{name}", stall=45.0),
        limits=PipelineLimits(max_open_events=100, max_open_bytes=100_000, commit_interval=1.0, drain=5.0),
        failure_rate=FailureRate(letters=3, share=0.5, within=300.0),
        clock=clock,
        group=f"crm.{name}",
        max_in_flight=in_flight,
        rate=rate,
    )
    pipeline.stats.routes = (counts,)
    return Bench(clock, vendor, topic, source, pipeline, counts)
