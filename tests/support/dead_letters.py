"""An operator with dead letters: a broker's topics, a simulated vendor, and the command line in processes."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from confluent_kafka import Producer

from connector.config.load import load
from connector.kafka.dead_letter import compose_letter
from connector.model import Failure, Headers, Record
from connector.service.assembly import build_router
from connector.simulators.mytracker import MyTrackerSimulator
from tests.support.connector import RunningConnector, configuration, until
from tests.support.server import Broker
from tests.support.topics import TopicFactory

SECONDS = 60.0
# The mapping with which events die, and the one that mends it.
OLD = {"customUserId": "user.id", "customEventName": "name"}
NEW = {"customUserId": "user.id || user_id", "customEventName": "name"}
# What a replay may have under way, and a kill can send twice: a fifth of the default 32 places, 20 events in each.
IN_FLIGHT = 6 * 20


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, parsed."""
        assert self.out, self.err
        return json.loads(self.out)


class Desk:
    """One source topic, one dead-letter topic and one sink called mytracker; `url` is the simulator's."""

    def __init__(self, broker: Broker, topics: TopicFactory, directory: Path, vendor: MyTrackerSimulator) -> None:
        self.broker = broker
        self.vendor = vendor
        self.directory = directory
        self.events = topics(partitions=4, prefix="events")
        self.letters = topics(partitions=3, prefix="letters")
        self.receipts = f"{self.letters}.receipts"
        self._token = directory / "token"
        self._token.write_text("demo-token")
        self._written = 0

    def settings(self, fields: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """A configuration that sends every event as a customEvent mapped by `fields`."""
        sink = {
            "kind": "mytracker",
            "base_url": self.vendor.url,
            "app_id": 1,
            "token": {"file": str(self._token)},
            "batch": {"linger": "20ms"},
            **more.pop("sink", {}),
        }
        return configuration(
            self.broker.bootstrap,
            group=self.letters,
            dead_letters=self.letters,
            topics={self.events: {}},
            sinks={"mytracker": sink},
            routes=[{"from": self.events, "to": "mytracker.customEvent", "fields": dict(fields)}],
            **more,
        )

    def write(self, settings: Mapping[str, Any]) -> Path:
        """A file of these settings."""
        self._written += 1
        path = self.directory / f"config-{self._written}.yaml"
        path.write_text(yaml.safe_dump(dict(settings)))
        return path

    def produce(self, events: Iterable[tuple[bytes | None, Any]], headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Write events, by key, to the source topic; bytes go as they are."""
        producer = Producer({"bootstrap.servers": self.broker.bootstrap, "acks": "all", "linger.ms": 20})
        for key, event in events:
            value = event if isinstance(event, bytes) else json.dumps(event).encode()
            producer.produce(self.events, value, key, headers=list(headers))
            producer.poll(0)
        assert producer.flush(60) == 0

    def bury(
        self,
        settings: Mapping[str, Any],
        events: Iterable[tuple[bytes | None, Any]],
        headers: Headers = (),
        timestamp: int = 1_700_000_000_000,
    ) -> None:
        """Write the letters of events that these settings cannot map, as the service would, without running it."""
        router = build_router(load(self.write(settings)), "mytracker")
        producer = Producer({"bootstrap.servers": self.broker.bootstrap, "acks": "all", "linger.ms": 20})
        for offset, (key, event) in enumerate(events):
            value = event if isinstance(event, bytes) else json.dumps(event).encode()
            for failure in router.route(Record(self.events, 0, offset, timestamp, key, value, headers)):
                assert isinstance(failure, Failure)
                letter = compose_letter(failure, group=f"{self.letters}.mytracker", sink="mytracker", now=time.time())
                producer.produce(self.letters, letter.value, letter.key, headers=list(letter.headers))
                producer.poll(0)
        assert producer.flush(60) == 0

    def bury_unmappable(self, count: int) -> None:
        """The letters of this many events that OLD cannot map and NEW can."""
        self.bury(self.settings(OLD), (unmappable(number) for number in range(count)))

    async def deliver(self, settings: Mapping[str, Any], events: int, seconds: float = SECONDS) -> None:
        """Run the service until it has settled so many events, and end it."""
        self._written += 1
        directory = self.directory / f"service-{self._written}"
        directory.mkdir()
        async with RunningConnector(directory, settings) as running:

            async def settled() -> bool:
                if not running.port:
                    return False
                (sink,) = (await running.status())["sinks"]
                counts = sink["counts"]
                return bool(counts["delivered"] + sum(counts["dead_lettered"].values()) >= events)

            await until(settled, seconds=seconds, what="all events settled")
            assert await running.stop() == 0, running.log.read_text()

    async def start(self, *arguments: str, command: str = "dlq") -> asyncio.subprocess.Process:
        """Start `connector dlq ...`."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "connector", command, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def dlq(self, *arguments: str) -> Ended:
        """Run `connector dlq ...` to its end."""
        process = await self.start(*arguments)
        return await ended(process)

    async def skip(self, offset: int, config: str, because: str = "a test", partition: int = 0) -> Ended:
        """Run `connector skip` of an event's offset to its end."""
        address = f"{self.events}/{partition}/{offset}"
        arguments = (address, "--config", config, "--sink", "mytracker", "--because", because, "--json")
        return await ended(await self.start(*arguments, command="skip"))

    async def until_accepted(self, count: int, seconds: float = 30.0) -> None:
        """Wait until the vendor has accepted so many events."""
        await self._until(lambda: self.vendor.ledger.events >= count, seconds, f"{count} accepted")

    async def until_requested(self, seconds: float = 30.0) -> None:
        """Wait until a request has come to the vendor."""
        await self._until(lambda: self.vendor.ledger.requests > 0, seconds, "a request")

    async def _until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        async def holds() -> bool:
            return condition()

        await until(holds, seconds=seconds, what=what)

    def accepted(self) -> Counter[str]:
        """How often the vendor accepted each user's event."""
        return Counter(entry.item["customUserId"] for entry in self.vendor.ledger)


async def ended(process: asyncio.subprocess.Process) -> Ended:
    """Wait for the end of a command."""
    out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    return Ended(process.returncode or 0, out.decode(), err.decode())


def unmappable(number: int) -> tuple[bytes, Any]:
    """An event that OLD cannot map and NEW can."""
    return f"k{number % 7}".encode(), {"type": "level.up", "user_id": f"u{number}", "name": "level"}


def refusing(text: str, **match: Any) -> dict[str, Any]:
    """An order to the vendor: refuse what contains this text, and matches."""
    answer = {"kind": "status", "status": 400, "body": {"error": f"Bad Request for {text}"}, "times": "until_reset"}
    return {**answer, "match": {"contains": text, **match}}


@pytest.fixture
async def desk(broker: Broker, topic_factory: TopicFactory, tmp_path: Path) -> AsyncIterator[Desk]:
    """An operator's desk, with a vendor of its own."""
    async with MyTrackerSimulator() as vendor:
        yield Desk(broker, topic_factory, tmp_path, vendor)
