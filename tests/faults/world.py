"""A scenario's world: topics on the real broker, simulated vendors, connectors that come and go, the evidence."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from connector.config.load import load
from connector.service.assembly import route_tags
from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from connector.simulators.server import Simulator
from tests.faults.checker import Acceptance, Evidence, Letter
from tests.faults.commits import Commit, CommitLog
from tests.faults.ends import ends_of
from tests.faults.events import (
    MYTRACKER,
    REFUSED_MARK,
    REVENUE,
    SAILPLAY,
    Draft,
    Made,
    mixture,
    number_of,
    routes,
    sink_of,
    way_of,
)
from tests.faults.launcher import Fault
from tests.faults.process import Exit, Process
from tests.faults.producer import EventProducer
from tests.support.connector import configuration
from tests.support.topics import TopicFactory

TOKEN = "a-token-to-look-for"  # noqa: S105 - it guards nothing
DRAIN_SECONDS = 3.0
# Shorter than the default, so that commits fall among deliveries of a few hundred events, and not only behind them.
COMMIT_INTERVAL = "200ms"
# Twice what "in the air" waits before it strikes.
LATENCY_MS = 25
TIMEOUT = 15.0
# A member that was killed is out of its group after so long.
CLASSIC = {"session.timeout.ms": 1500, "heartbeat.interval.ms": 300}
CONSUMER = {"group.protocol": "consumer"}


class World:
    """See the module; `async with`. `sinks`: which of the two vendors the configuration has.

    With `pairs` two routes of myTracker read the topic. `make_routes` gives others instead, of its own; the evidence
    then is not for the checker.
    """

    def __init__(
        self,
        producer: EventProducer,
        topic_factory: TopicFactory,
        directory: Path,
        *,
        sinks: tuple[str, ...] = (MYTRACKER,),
        pairs: bool = False,
        partitions: int = 4,
        kafka: Mapping[str, Any] | None = None,
        letters: Mapping[str, str] | None = None,
        latency_ms: int = LATENCY_MS,
        delivery: Mapping[str, Any] | None = None,
        mytracker: Mapping[str, Any] | None = None,
        make_routes: Callable[[str], list[dict[str, Any]]] | None = None,
    ) -> None:
        self.bootstrap = producer.bootstrap
        self.sinks = sinks
        self.ways = (*sinks, REVENUE) if pairs else sinks
        self.partitions = partitions
        self.processes: list[Process] = []
        self.exits: list[Exit] = []
        self.made: list[Made] = []
        self.topic = topic_factory(partitions, prefix="events")
        # The broker's clock stamps letters, so that a letter can be told to be older than a commit.
        appended = {"message.timestamp.type": "LogAppendTime"}
        self.letters = topic_factory(1, {**appended, **letters}, "letters") if letters is not None else None
        self.group = f"faults.{uuid.uuid4().hex[:8]}"
        self.dead_letters = self.letters or f"{self.group}.letters"
        self.vendors: dict[str, Simulator] = {
            MYTRACKER: MyTrackerSimulator(token=TOKEN, app_id=666),
            SAILPLAY: SailPlaySimulator(token=TOKEN, store_department_id=11),
        }
        self._directory = directory / self.group
        self._kafka = dict(CLASSIC if kafka is None else kafka)
        self._delivery = {"drain": f"{DRAIN_SECONDS:g}s", "commit_interval": COMMIT_INTERVAL, **(delivery or {})}
        self._mytracker = dict(mytracker or {})
        self._make_routes = make_routes or (lambda topic: routes(topic, self.ways))
        self._latency = latency_ms
        self._producer = producer
        self._commits = CommitLog(producer.bootstrap)
        self._next_number = 0
        self._config: Path | None = None  # of the process that was started last
        self._readers: dict[str, Consumer] = {}

    async def __aenter__(self) -> Self:
        self._directory.mkdir()
        (self._directory / "token").write_text(TOKEN)
        for vendor in self.vendors.values():
            await vendor.start()
            vendor.reset({"latency_ms": self._latency})
        self.refuse_the_marked()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            if process.running:
                await process.kill()
        for vendor in self.vendors.values():
            await vendor.close()
        for reader in self._readers.values():
            await asyncio.to_thread(reader.close)

    # --- the vendors ---------------------------------------------------------------------------------------------

    @property
    def mytracker(self) -> Simulator:
        """The simulated myTracker."""
        return self.vendors[MYTRACKER]

    def refuse_the_marked(self, status: int = 400) -> None:
        """Refuse what carries the mark, from now on."""
        answer = {"kind": "status", "status": status, "body": {"error": "Bad Request"}, "times": "until_reset"}
        self.mytracker.order({**answer, "match": {"contains": REFUSED_MARK}})

    def grant_again(self) -> None:
        """The token is good again."""
        self.mytracker.order({"tokens": [TOKEN]})

    # --- events --------------------------------------------------------------------------------------------------

    async def produce(self, count: int, *, bad: float = 0.02, points: float = 0.0, seed: int = 0) -> list[Made]:
        """So many mixed events."""
        return await self.produce_these(mixture(self.take_numbers(count), count, bad=bad, points=points, seed=seed))

    def take_numbers(self, count: int) -> int:
        """The first of so many unused numbers."""
        first = self._next_number
        self._next_number += count
        return first

    async def produce_these(self, drafts: Iterable[Draft]) -> list[Made]:
        """These events; returns them with their places."""
        if self._producer.bootstrap != self.bootstrap:  # on a cluster of its own
            self._producer = EventProducer(self.bootstrap)
        made = await asyncio.to_thread(self._producer.produce, self.topic, list(drafts))
        self.made += made
        return made

    # --- connectors ----------------------------------------------------------------------------------------------

    def settings(self, **more: Any) -> dict[str, Any]:
        """The configuration of the scenario's connectors."""
        secret = {"file": str(self._directory / "token")}
        fast = {"timeout": "1s", "retry": {"initial": "20ms", "max": "200ms"}}
        mytracker = {"kind": "mytracker", "base_url": self.vendors[MYTRACKER].url, "app_id": 666, "token": secret}
        mytracker |= {**fast, "batch": {"linger": "20ms"}, **self._mytracker}
        sailplay = {"kind": "sailplay", "base_url": self.vendors[SAILPLAY].url, "store_department_id": 11}
        sailplay |= {**fast, "token": secret, "rate": "45/s"}
        kinds = {MYTRACKER: mytracker, SAILPLAY: sailplay}
        return configuration(
            self.bootstrap,
            group=self.group,
            dead_letters=self.dead_letters,
            topics={self.topic: {}},
            sinks={name: kinds[name] for name in self.sinks},
            routes=list(self._make_routes(self.topic)),
            kafka=self._kafka,
            delivery=self._delivery,
            **more,
        )

    def start(self, fault: Fault | None = None, *, bootstrap: str | None = None) -> Process:
        """Start a connector."""
        name = f"connector-{len(self.processes)}"
        settings = self.settings()
        if bootstrap is not None:
            settings["kafka"]["bootstrap.servers"] = bootstrap
        config = self._directory / f"{name}.yaml"
        config.write_text(yaml.safe_dump(settings))
        self._config = config
        process = Process(config, self._directory / f"{name}.log", fault)
        self.processes.append(process)
        return process

    async def ended(self, process: Process, seconds: float = 40.0) -> Exit:
        """Wait for a process that ends by itself."""
        self.exits.append(await process.wait(seconds))
        return self.exits[-1]

    async def stop(self, process: Process) -> Exit:
        """SIGTERM as soon as it heeds signals, and the process's end."""
        await process.up()
        self.exits.append(await process.stop())
        return self.exits[-1]

    # --- waiting -------------------------------------------------------------------------------------------------

    def committed(self, sink: str) -> dict[int, tuple[int, int]]:
        """Partition → (committed offset, end). Blocks."""
        reader = self._readers.get(sink)
        if reader is None:
            conf = {"bootstrap.servers": self.bootstrap, "group.id": f"{self.group}.{sink}", "log_level": 0}
            reader = self._readers[sink] = Consumer(conf)
        places = [TopicPartition(self.topic, partition) for partition in range(self.partitions)]
        return {
            each.partition: (each.offset, ends_of(reader, each)[1])
            for each in reader.committed(places, timeout=TIMEOUT)
        }

    async def deserted(self, sink: str = MYTRACKER, seconds: float = 20.0) -> None:
        """Wait until the coordinator counts no member in the sink's group."""
        admin, group = AdminClient({"bootstrap.servers": self.bootstrap}), f"{self.group}.{sink}"
        deadline = time.monotonic() + seconds
        while (await asyncio.to_thread(admin.describe_consumer_groups([group])[group].result, TIMEOUT)).members:
            assert time.monotonic() < deadline, f"{group} still has a member after {seconds} s"
            await asyncio.sleep(0.1)

    async def caught_up(self, seconds: float = 40.0) -> None:
        """Wait until every sink has committed all that was produced."""
        deadline = time.monotonic() + seconds
        for sink in self.sinks:
            while True:
                at = await asyncio.to_thread(self.committed, sink)
                if all(end in (position, 0) for position, end in at.values()):
                    break
                tails = "\n".join(process.tail() for process in self.processes if process.running)
                assert time.monotonic() < deadline, f"{sink} has not caught up within {seconds} s: {at}\n{tails}"
                await asyncio.sleep(0.1)

    async def requested(self, count: int = 1, seconds: float = 20.0) -> None:
        """Wait until so many requests in all have come to myTracker."""
        deadline = time.monotonic() + seconds
        while self.mytracker.ledger.requests < count:
            assert time.monotonic() < deadline, f"{self.mytracker.ledger.requests} of {count} requests"
            await asyncio.sleep(0.005)

    async def requested_all_that_goes(self, still: float = 0.25) -> None:
        """Wait until no request has come to myTracker for so many seconds: it holds all that may go."""
        await self.requested()
        seen = 0
        while seen < self.mytracker.ledger.requests:
            seen = self.mytracker.ledger.requests
            await asyncio.sleep(still)

    async def accepted(self, count: int, seconds: float = 40.0) -> None:
        """Wait until myTracker has accepted so many events."""
        deadline = time.monotonic() + seconds
        while len(self.mytracker.ledger) < count:
            running = "\n".join(process.tail() for process in self.processes if process.running)
            assert time.monotonic() < deadline, f"{len(self.mytracker.ledger)} of {count} accepted:\n{running}"
            await asyncio.sleep(0.02)

    async def accepted_all(self, sink: str = MYTRACKER, seconds: float = 30.0) -> None:
        """Wait until a vendor has accepted each event it must accept."""
        deadline = time.monotonic() + seconds
        due = {made.draft.number for made in self.made if made.draft.ends.get(sink) == "accepted"}
        while True:
            ledger = self.vendors[sink].ledger
            if len(ledger) >= len(due) and not due - {number_of(sink, entry.item) for entry in ledger}:
                return
            running = "\n".join(process.tail() for process in self.processes if process.running)
            assert time.monotonic() < deadline, f"{sink} lacks some of {len(due)} events:\n{running}"
            await asyncio.sleep(0.02)

    # --- evidence ------------------------------------------------------------------------------------------------

    async def commits(self) -> list[Commit]:
        """Every commit of the scenario's groups."""
        return await asyncio.to_thread(self._commits.read, f"{self.group}.")

    async def evidence(self) -> Evidence:
        """Everything that was seen."""
        return Evidence(
            made=self.made,
            accepted={way: self._acceptances(way) for way in self.ways},
            tags=self._tags(),
            letters=await asyncio.to_thread(read_letters, self.bootstrap, self.dead_letters),
            commits=await self.commits(),
            exits=self.exits,
            kills=sum(exit_.status == -9 for exit_ in self.exits),
            grace=DRAIN_SECONDS + 5.0,
        )

    def _acceptances(self, way: str) -> list[Acceptance]:
        sink = sink_of(way)
        return [
            Acceptance(number_of(sink, entry.item), entry.time)
            for entry in self.vendors[sink].ledger
            if way_of(sink, entry.item) == way
        ]

    def _tags(self) -> dict[int, str]:
        """By the tag with which a commit names a route: its way."""
        if self._config is None:
            return {}
        settings = load(self._config)
        tags = (each for sink in self.sinks for each in route_tags(settings, sink).items())
        return {tag: name if name == REVENUE else name.partition(".")[0] for name, tag in tags}


def read_letters(bootstrap: str, topic: str) -> list[Letter]:
    """Every letter of the topic, which has one partition; none where it does not exist. Blocks."""
    conf = {"bootstrap.servers": bootstrap, "group.id": "faults.reading-letters", "auto.offset.reset": "earliest"}
    consumer = Consumer(conf)
    try:
        if consumer.list_topics(topic, timeout=TIMEOUT).topics[topic].error is not None:
            return []
        low, end = ends_of(consumer, TopicPartition(topic, 0))
        consumer.assign([TopicPartition(topic, 0, low)])
        letters: list[Letter] = []
        deadline = time.monotonic() + TIMEOUT
        while len(letters) < end - low:
            assert time.monotonic() < deadline, f"{topic} was not read to its end within {TIMEOUT} s"
            letters += [Letter.of(message) for message in consumer.consume(1000, 0.1)]
        return letters
    finally:
        consumer.close()
