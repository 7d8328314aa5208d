"""Offsets that hold no event: marks and aborted records of transactions, and what compaction has removed.

They are read past and committed: lag ends at 0 for us and for whoever asks the brokers, and when retention deletes them
nothing is lost.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # `admin` offers it without exporting it

from connector.simulators.mytracker import MyTrackerSimulator
from tests.support.connector import RunningConnector, check_live, configuration, finding, until
from tests.support.server import Broker
from tests.support.topics import TopicFactory
from tests.support.vendors import TOKEN, Vendors

pytestmark = pytest.mark.kafka

ABORTED = 45_000  # more than any mark: max_open_events, and how far reading may be ahead of a position


class Desk:
    """A topic of one partition, what is written to it, and the connector that reads it."""

    def __init__(self, broker: Broker, admin: AdminClient, vendors: Vendors, directory: Path, letters: str) -> None:
        self.topic = ""
        self.settings: dict[str, Any] = {}
        self._broker = broker
        self._admin = admin
        self._vendors = vendors
        self.directory = directory
        self._letters = letters

    def read(self, *topics: str, **kafka: Any) -> None:
        """Let the connector read these topics; the first is the one that is written to."""
        self.topic = topics[0]
        self.settings = configuration(
            self._broker.bootstrap,
            group=self.topic,
            dead_letters=self._letters,
            topics={topic: {} for topic in topics},
            sinks=self._vendors.sinks,
            routes=[
                {
                    "from": list(topics),
                    "to": "mytracker.login",
                    "fields": {"customUserId": "id", "eventTimestamp": "timestamp()"},
                }
            ],
            kafka=kafka,
            delivery={"commit_interval": "100ms"},
        )

    def connector(self) -> RunningConnector:
        directory = Path(tempfile.mkdtemp(dir=self.directory))
        return RunningConnector(directory, self.settings)

    async def produce(self, ids: Iterable[str], *, key: str = "k", commit: bool | None = None) -> None:
        """Write events, in a transaction that is committed or aborted, or in none."""
        await asyncio.to_thread(self._produce, list(ids), key, commit)

    def _produce(self, ids: list[str], key: str, commit: bool | None) -> None:
        transactional = {} if commit is None else {"transactional.id": self.topic}
        producer = Producer({"bootstrap.servers": self._broker.bootstrap, "queue.buffering.max.messages": ABORTED + 1}
                            | transactional)  # fmt: skip
        if transactional:
            producer.init_transactions(30)
            producer.begin_transaction()
        for each in ids:
            producer.produce(self.topic, json.dumps({"id": each}), key, partition=0)
        assert producer.flush(60) == 0
        if commit is not None:
            (producer.commit_transaction if commit else producer.abort_transaction)(60)

    async def expire(self) -> int:
        """Delete all that the topic holds, as retention does; return where it ends."""
        place = TopicPartition(self.topic, 0, -1)
        deleted = await asyncio.to_thread(lambda: self._admin.delete_records([place])[place].result(20))
        return int(deleted.low_watermark)

    async def at_brokers(self) -> tuple[int, int]:
        """What the group has committed, and where the topic ends: what KEDA compares."""
        return await asyncio.to_thread(self._at_brokers)

    def _at_brokers(self) -> tuple[int, int]:
        group = f"{self.topic}.mytracker"
        consumer = Consumer({"bootstrap.servers": self._broker.bootstrap, "group.id": group})
        try:
            (committed,) = consumer.committed([TopicPartition(self.topic, 0)], timeout=20)
            _, end = consumer.get_watermark_offsets(TopicPartition(self.topic, 0), timeout=20)
            return committed.offset, end
        finally:
            consumer.close()

    def accepted(self) -> list[str]:
        return [entry.item["customUserId"] for entry in self._vendors.simulators["mytracker"].ledger]

    async def caught_up(self, connector: RunningConnector, end: int) -> dict[str, Any]:
        """Wait until lag is 0 and all is committed up to `end`; return the sink's status."""
        sink: dict[str, Any] = {}

        async def no_lag() -> bool:
            nonlocal sink
            sink = await connector.sink("mytracker")
            return sink.get("lag", {}).get("events") == 0 and await self.at_brokers() == (end, end)

        await until(no_lag, seconds=30, what=f"lag 0 at {end}")
        return sink

    def losses(self, connector: RunningConnector) -> list[dict[str, Any]]:
        entries = map(json.loads, connector.log.read_text().splitlines())
        return [each for each in entries if each["event"] == "retention deleted events before they were read"]


@pytest.fixture
async def desk(broker: Broker, admin: AdminClient, topic_factory: TopicFactory, tmp_path: Path) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        vendors = Vendors(stack, tmp_path)
        await vendors.mytracker("mytracker", MyTrackerSimulator(token=TOKEN, app_id=666), batch={"linger": "10ms"})
        yield Desk(broker, admin, vendors, tmp_path, topic_factory(1, prefix="letters"))


async def test_transactions_end_at_lag_0_and_what_retention_deletes_of_them_was_no_event(
    desk: Desk, topic_factory: TopicFactory
) -> None:
    desk.read(topic_factory(1))
    await desk.produce(["a", "b", "c"], commit=True)
    async with desk.connector() as connector:
        await desk.caught_up(connector, 4)
        await desk.produce((f"aborted-{number}" for number in range(ABORTED)), commit=False)
        sink = await desk.caught_up(connector, 4 + ABORTED + 1)
        assert sink["waiting_for"]["cause"] == "nothing_to_read"
        assert not sink["partitions"][0]["halted"]
        await desk.produce(["d"], commit=True)
        await desk.caught_up(connector, 4 + ABORTED + 3)
        assert await connector.stop() == 0
    assert desk.accepted() == ["a", "b", "c", "d"]
    end = await desk.expire()
    assert end == 4 + ABORTED + 3
    _, report = await check_live(desk.directory, desk.settings)
    assert finding(report, "sink mytracker", "start")["says"] == "at the committed offsets: 0 events to read"
    async with desk.connector() as connector:
        sink = await desk.caught_up(connector, end)
        assert sink["counts"]["lost_to_retention"] == 0
        assert sink["log_changes"] == []
        assert await connector.stop() == 0
        assert desk.losses(connector) == []
        # What is asked behind a fetch is answered behind it: to give up before breaks the connection.
        assert "REQTMOUT" not in connector.log.read_text()
    # What is deleted unread may have been events, and is reported as what it may have been.
    await desk.produce(["e", "f"], commit=True)
    assert await desk.expire() == end + 3
    _, report = await check_live(desk.directory, desk.settings)
    start = finding(report, "sink mytracker", "start")
    assert start["says"] == "retention deleted up to 3 events before they were read; 0 events are left to read"
    async with desk.connector() as connector:
        sink = await desk.caught_up(connector, end + 3)
        assert sink["counts"]["lost_to_retention"] == 3
        assert await connector.stop() == 0
        (loss,) = desk.losses(connector)
        assert (loss["events_at_most"], loss["first"], loss["reads_on_at"]) == (3, end, end + 3)


async def test_a_compacted_topic_is_read_past_what_is_gone_of_it(desk: Desk, topic_factory: TopicFactory) -> None:
    config = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}
    desk.read(topic_factory(1, config))
    await desk.produce(f"old-{number}" for number in range(500))
    await desk.produce((f"aborted-{number}" for number in range(500)), commit=False)
    await asyncio.sleep(0.2)
    await desk.produce(["new"], commit=True)  # in a segment of its own: what lies before may be compacted

    async def compacted() -> bool:
        return await asyncio.to_thread(lambda: len(records_of(desk)) < 10)

    await until(compacted, seconds=30, what="compaction")
    async with desk.connector() as connector:
        await desk.caught_up(connector, 500 + 501 + 2)
        assert desk.accepted()[-1] == "new"
        assert len(desk.accepted()) < 10
        assert await connector.stop() == 0
    async with desk.connector() as connector:
        sink = await desk.caught_up(connector, 500 + 501 + 2)
        assert (sink["counts"]["read"], sink["counts"]["lost_to_retention"]) == (0, 0)
        assert await connector.stop() == 0


def records_of(desk: Desk) -> list[int]:
    """The offsets of a topic that hold a record."""
    consumer = Consumer(
        {
            "bootstrap.servers": desk.settings["kafka"]["bootstrap.servers"],
            "group.id": "desk",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(desk.topic, 0, 0)])
    offsets: list[int] = []
    try:
        while True:
            for message in consumer.consume(1000, 10.0):
                if message.error() is not None:
                    return offsets
                offset: Any = message.offset()
                offsets.append(offset)
    finally:
        consumer.close()


async def test_a_missing_topic_is_said_as_long_as_it_is_missing_whatever_the_other_brings(
    desk: Desk, topic_factory: TopicFactory, admin: AdminClient
) -> None:
    missing = f"missing.{topic_factory(1)}"
    desk.read(topic_factory(1), missing, **{"topic.metadata.refresh.interval.ms": 500})
    async with desk.connector() as connector:

        async def said() -> bool:
            return missing in (await connector.sink("mytracker")).get("kafka_trouble", "")

        await until(said, seconds=30, what="the missing topic")
        await desk.produce(["a", "b"])
        sink = await desk.caught_up(connector, 2)
        await asyncio.sleep(1.5)  # the brokers are asked meanwhile
        sink = await connector.sink("mytracker")
        assert missing in sink["kafka_trouble"]
        assert sink["lag"]["events"] == 0
        await asyncio.to_thread(lambda: admin.create_topics([NewTopic(missing, 1, 1)])[missing].result(20))

        async def over() -> bool:
            return not (await connector.sink("mytracker"))["kafka_trouble"]

        await until(over, seconds=30, what="the end of the trouble")
        assert await connector.stop() == 0
    await asyncio.to_thread(lambda: admin.delete_topics([missing])[missing].result(20))
