"""Logs that are not the ones that were read: truncated, written anew, or of a topic that was made anew.

Nothing that the log holds is passed over, and nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # `admin` offers it without exporting it

from connector.simulators.mytracker import MyTrackerSimulator
from tests.support.connector import RunningConnector, check_live, configuration, finding, until
from tests.support.jvm import JvmBroker
from tests.support.server import Broker
from tests.support.topics import TopicFactory
from tests.support.vendors import TOKEN, Vendors

pytestmark = pytest.mark.kafka


class Desk:
    """A sink, the processes that read for it, and what the vendor has accepted."""

    def __init__(self, broker: Broker, admin: AdminClient, vendors: Vendors, directory: Path, letters: str) -> None:
        self.broker = broker
        self.vendors = vendors
        self._admin = admin
        self.directory = directory
        self.letters = letters

    def settings(self, group: str, *topics: str, **kafka: Any) -> dict[str, Any]:
        return configuration(
            self.broker.bootstrap,
            group=group,
            dead_letters=self.letters,
            topics={topic: {} for topic in topics},
            sinks=self.vendors.sinks,
            routes=[
                {
                    "from": topic,
                    "to": "mytracker.login",
                    "fields": {"customUserId": "id", "eventTimestamp": "timestamp()"},
                }
                for topic in topics
            ],
            kafka=kafka,
            delivery={"commit_interval": "100ms"},
        )

    def connector(self, group: str, *topics: str, **kafka: Any) -> RunningConnector:
        directory = self.directory / group
        directory.mkdir(exist_ok=True)
        return RunningConnector(directory, self.settings(group, *topics, **kafka))

    async def produce(self, topic: str, ids: Iterable[str]) -> list[str]:
        """Events of these ids, ten a batch."""
        producer = Producer({"bootstrap.servers": self.broker.bootstrap, "batch.num.messages": 10})
        written = list(ids)
        for each in written:
            producer.produce(topic, json.dumps({"id": each}), partition=0)
        assert await asyncio.to_thread(producer.flush, 20) == 0
        return written

    async def recreate(self, topic: str) -> None:
        """Delete a topic and make it again under its name."""
        await asyncio.to_thread(self._admin.delete_topics([topic])[topic].result)
        deadline = asyncio.get_running_loop().time() + 20
        while True:
            try:
                await asyncio.to_thread(self._admin.create_topics([NewTopic(topic, 1, 1)])[topic].result)
            except KafkaException:  # it is being deleted yet
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.1)
            else:
                return

    async def bury(self, topic: str, count: int) -> None:
        """Produce events that cannot be mapped, and wait until their letters are all that the topic holds."""
        producer = Producer({"bootstrap.servers": self.broker.bootstrap})
        for _ in range(count):
            producer.produce(topic, b"{}", partition=0)
        assert await asyncio.to_thread(producer.flush, 20) == 0
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "desk"})

        async def written() -> bool:
            ends = await asyncio.to_thread(consumer.get_watermark_offsets, TopicPartition(self.letters, 0), 5)
            return bool(ends == (0, count))

        await until(written, seconds=30, what="the dead letters")
        consumer.close()

    def accepted(self) -> Counter[str]:
        return Counter(entry.item["customUserId"] for entry in self.vendors.simulators["mytracker"].ledger)

    async def delivered(self, ids: Iterable[str]) -> None:
        """Wait until the vendor has these, and a moment for what should not come; each is there once."""
        wanted = set(ids)

        async def there() -> bool:
            return wanted <= self.accepted().keys()

        await until(there, seconds=40, what=f"{len(wanted)} events")
        await asyncio.sleep(0.5)
        assert [id_ for id_, times in self.accepted().items() if times > 1 and id_ in wanted] == []


@pytest.fixture
async def desk(
    restartable_broker: Broker, admin: AdminClient, topic_factory: TopicFactory, tmp_path: Path
) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        vendors = Vendors(stack, tmp_path)
        await vendors.mytracker("mytracker", MyTrackerSimulator(token=TOKEN, app_id=666), batch={"linger": "10ms"})
        yield Desk(restartable_broker, admin, vendors, tmp_path, topic_factory(1, prefix="letters"))


async def changes(connector: RunningConnector) -> dict[str, tuple[str, int, int]]:
    """What /status tells of logs that changed, by topic."""
    told = (await connector.sink("mytracker"))["log_changes"]
    return {each["topic"]: (each["change"], each["wanted"], each["resumes_at"]) for each in told}


async def test_a_truncated_log_goes_on_where_it_ends_for_who_reads_and_for_who_starts(
    desk: Desk, topic_factory: TopicFactory
) -> None:
    """One log grows past the position before anybody looks, the other does not."""
    if not isinstance(desk.broker, JvmBroker):
        pytest.skip(f"{desk.broker.description}: its disk is not the tests' to cut")
    long, short = topic_factory(1, prefix="long"), topic_factory(1, prefix="short")
    old = {topic: await desk.produce(topic, (f"{topic}-old-{n}" for n in range(200))) for topic in (long, short)}
    everything = [*old[long], *old[short]]
    async with desk.connector("starting", long, short) as connector:
        await desk.delivered(everything)
        assert await connector.stop() == 0
    desk.vendors.simulators["mytracker"].reset()
    async with desk.connector("reading", long, short) as reading:
        await desk.delivered(everything)
        assert reading.process is not None
        reading.process.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(desk.broker.kill)
        ends = {topic: desk.broker.truncate(topic, 0, 120) for topic in (long, short)}
        await asyncio.to_thread(desk.broker.start)
        new = await desk.produce(long, (f"{long}-new-{n}" for n in range(150)))
        new += await desk.produce(short, (f"{short}-new-{n}" for n in range(30)))
        reading.process.send_signal(signal.SIGCONT)
        await desk.delivered([*everything, *new])
        wanted = {long: ("overwritten", 200, ends[long]), short: ("truncated", 200, ends[short])}
        assert await changes(reading) == wanted
        counts = (await reading.sink("mytracker"))["counts"]
        assert counts["log_changes"] == {"overwritten": 1, "truncated": 1}
        assert await reading.stop() == 0
    desk.vendors.simulators["mytracker"].reset()
    async with desk.connector("starting", long, short) as starting:
        await desk.delivered(new)
        assert set(desk.accepted()) == set(new)
        assert await changes(starting) == wanted
        assert await starting.stop() == 0
    desk.vendors.simulators["mytracker"].reset()
    async with desk.connector("starting", long, short) as again:
        last = await desk.produce(short, ["last"])
        await desk.delivered(last)
        assert set(desk.accepted()) == {"last"}
        assert await changes(again) == {}


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_a_recreated_topic_whose_leader_had_moved_is_read_and_so_are_the_others(
    desk: Desk, topic_factory: TopicFactory, protocol: str
) -> None:
    """The client keeps the old topic's leader epoch and takes the new one's for outdated; dead letters' client too."""
    topic, other = topic_factory(1), topic_factory(1)
    await asyncio.to_thread(desk.broker.restart)
    old = await desk.produce(topic, (f"old-{n}" for n in range(50)))
    old += await desk.produce(other, (f"other-{n}" for n in range(50)))
    async with desk.connector("crm", topic, other, **{"group.protocol": protocol}) as connector:
        await desk.delivered(old)
        await desk.bury(other, 1)
        for each in (desk.letters, topic):
            await desk.recreate(each)
        new = await desk.produce(topic, (f"new-{n}" for n in range(80)))
        new += await desk.produce(other, (f"other-new-{n}" for n in range(20)))
        await desk.delivered(new)
        await desk.bury(other, 1)
        assert (await changes(connector))[topic][0] == "recreated"
        assert await connector.stop() == 0, connector.log.read_text()[-2000:]
    assert set(desk.accepted().values()) == {1}


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_a_group_begins_at_the_end_of_a_new_topic_where_start_says_so(
    desk: Desk, topic_factory: TopicFactory, protocol: str
) -> None:
    topic = topic_factory(3)
    await desk.produce(topic, (f"old-{n}" for n in range(20)))
    desk.vendors.sinks["mytracker"]["start"] = "latest"
    async with desk.connector("crm", topic, **{"group.protocol": protocol}) as connector:

        async def joined() -> bool:
            return bool((await connector.sink("mytracker")).get("partitions"))

        await until(joined, seconds=30, what="the assignment")
        await desk.delivered(await desk.produce(topic, ["new"]))
        assert set(desk.accepted()) == {"new"}
        assert await connector.stop() == 0


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
@pytest.mark.parametrize("cut_off", [False, True])
async def test_a_recreated_topic_is_read_from_its_beginning_though_it_has_grown_past_the_old_position(
    desk: Desk, topic_factory: TopicFactory, protocol: str, *, cut_off: bool
) -> None:
    topic = topic_factory(1)
    old = await desk.produce(topic, (f"old-{n}" for n in range(300)))
    async with desk.connector("crm", topic, **{"group.protocol": protocol}) as connector:
        await desk.delivered(old)
        assert connector.process is not None
        if cut_off:
            connector.process.send_signal(signal.SIGSTOP)
        await desk.recreate(topic)
        new = await desk.produce(topic, (f"new-{n}" for n in range(400)))
        if cut_off:
            connector.process.send_signal(signal.SIGCONT)
        await desk.delivered(new)
        change, _, resumes_at = (await changes(connector))[topic]
        assert (change, resumes_at) == ("recreated", 0)
        assert await connector.stop() == 0
    async with desk.connector("crm", topic, **{"group.protocol": protocol}) as connector:
        await desk.delivered(await desk.produce(topic, ["last"]))
        assert set(desk.accepted().values()) == {1}
        assert await changes(connector) == {}


async def test_what_is_committed_of_a_topic_that_is_gone_is_not_taken_for_the_one_that_has_its_name(
    desk: Desk, topic_factory: TopicFactory
) -> None:
    """A commit that reached the brokers after the topic was made anew, by a process that had not heard of that."""
    topic = topic_factory(1)
    async with desk.connector("crm", topic) as connector:
        await desk.delivered(await desk.produce(topic, (f"old-{n}" for n in range(300))))
        assert await connector.stop() == 0
    committed = committed_of(desk.broker, "crm.mytracker", topic)
    await desk.recreate(topic)
    new = await desk.produce(topic, (f"new-{n}" for n in range(400)))
    commit(desk.broker, "crm.mytracker", committed)
    _, report = await check_live(desk.directory, desk.settings("crm", topic))
    said = finding(report, "sink mytracker", "start")["says"]
    assert said == f"{topic} was made anew since the last commit: 400 events from its beginning"
    async with desk.connector("crm", topic) as connector:
        await desk.delivered(new)
        assert await changes(connector) == {topic: ("recreated", 300, 0)}


def committed_of(broker: Broker, group: str, topic: str) -> TopicPartition:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    try:
        (found,) = consumer.committed([TopicPartition(topic, 0)], timeout=10)
        assert found.offset == 300
        return found
    finally:
        consumer.close()


def commit(broker: Broker, group: str, offset: TopicPartition) -> None:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    try:
        consumer.commit(offsets=[offset], asynchronous=False)
    finally:
        consumer.close()
