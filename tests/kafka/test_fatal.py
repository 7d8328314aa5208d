"""Members that the group refuses or shuts out: the process is never ready while it is none, and delivers or ends."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from connector.simulators.mytracker import MyTrackerSimulator
from tests.support.connector import RunningConnector, configuration, until
from tests.support.server import Broker
from tests.support.topics import TopicFactory
from tests.support.vendors import TOKEN, Vendors

pytestmark = pytest.mark.kafka


class Desk:
    """One topic and one sink, and processes that read for it with these settings of Kafka's."""

    def __init__(self, broker: Broker, topics: TopicFactory, directory: Path, vendors: Vendors) -> None:
        self._broker = broker
        self._vendors = vendors
        self._directory = directory
        self._topic, self._letters = topics(2), topics(1, prefix="letters")

    def connector(self, name: str, **kafka: Any) -> RunningConnector:
        directory = self._directory / name
        directory.mkdir()
        settings = configuration(
            self._broker.bootstrap,
            group=self._topic,
            dead_letters=self._letters,
            topics={self._topic: {}},
            sinks=self._vendors.sinks,
            routes=[
                {
                    "from": self._topic,
                    "to": "mytracker.login",
                    "fields": {"customUserId": "id", "eventTimestamp": "timestamp()"},
                }
            ],
            kafka=kafka,
            delivery={"commit_interval": "100ms"},
        )
        return RunningConnector(directory, settings)

    async def produce(self, name: str, count: int) -> set[str]:
        producer = Producer({"bootstrap.servers": self._broker.bootstrap})
        written = {f"{name}-{number}" for number in range(count)}
        for each in sorted(written):
            producer.produce(self._topic, json.dumps({"id": each}))
        assert await asyncio.to_thread(producer.flush, 20) == 0
        return written

    def accepted(self) -> Counter[str]:
        return Counter(entry.item["customUserId"] for entry in self._vendors.simulators["mytracker"].ledger)

    async def delivered(self, ids: set[str]) -> None:
        async def there() -> bool:
            return ids <= self.accepted().keys()

        await until(there, seconds=40, what=f"{len(ids)} events")


@pytest.fixture
async def desk(broker: Broker, topic_factory: TopicFactory, tmp_path: Path) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        vendors = Vendors(stack, tmp_path)
        await vendors.mytracker("mytracker", MyTrackerSimulator(token=TOKEN, app_id=666), batch={"linger": "10ms"})
        yield Desk(broker, topic_factory, tmp_path, vendors)


def is_ready(connector: RunningConnector) -> bool:
    """What /readyz says; False as long as the process is starting."""
    if not connector.port:
        return False
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{connector.port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.HTTPError, urllib.error.URLError):
        return False


def logged(connector: RunningConnector, level: str) -> list[dict[str, Any]]:
    """The lines of a level. Every line is one of ours: a traceback would not be."""
    entries = [json.loads(line) for line in connector.log.read_text().splitlines()]
    return [entry for entry in entries if entry["level"] == level]


async def test_who_comes_back_under_an_id_that_a_killed_process_holds_is_taken_in_when_its_session_has_run_out(
    desk: Desk,
) -> None:
    kafka = {"group.protocol": "consumer", "group.instance.id": "a"}
    async with desk.connector("killed", **kafka) as killed:
        await desk.delivered(await desk.produce("before", 20))
        assert killed.process is not None
        killed.process.kill()
        await killed.process.wait()
    events = await desk.produce("after", 300)
    async with desk.connector("restarted", **kafka) as restarted:
        refused = ready = False

        async def settled() -> bool:
            nonlocal refused, ready
            ready = await asyncio.to_thread(is_ready, restarted)
            (sink,) = (await restarted.status())["sinks"] if restarted.port else ({},)
            refused = refused or "made anew" in sink.get("kafka_trouble", "")
            assert not ready or sink["partitions"], "ready, and no member"
            return events <= desk.accepted().keys()

        await until(settled, seconds=40, what="all events")
        assert refused
        assert await asyncio.to_thread(is_ready, restarted)
        assert (await restarted.sink("mytracker"))["kafka_trouble"] == ""
        assert await restarted.stop() == 0
    errors = logged(restarted, "error")
    assert {entry["event"] for entry in errors} == {"Kafka's client has failed: it is made anew"}
    assert 1 <= len(errors) <= 5


async def test_of_two_processes_with_one_id_the_first_ends_with_1_and_says_why_and_the_second_delivers(
    desk: Desk,
) -> None:
    kafka = {"group.instance.id": "a"}
    async with desk.connector("first", **kafka) as first:
        await desk.delivered(await desk.produce("before", 20))
        async with desk.connector("second", **kafka) as second:
            assert first.process is not None
            assert await asyncio.wait_for(first.process.wait(), 30) == 1
            await desk.delivered(await desk.produce("after", 300))
            assert await second.stop() == 0
    assert [entry["event"] for entry in logged(first, "error")] == [
        "another process has our group.instance.id: each needs its own",
        "stopped by a failure, without committing: what was open will be read again",
    ]
    assert logged(second, "error") == []
