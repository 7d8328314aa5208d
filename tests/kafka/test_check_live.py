"""`connector check --live` on a real broker: what is well, what is not, what to do, and that it changes nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # `admin` offers it without exporting it

from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from tests.support.connector import RunningConnector, check_live, configuration, finding, until
from tests.support.server import Broker, free_port
from tests.support.topics import TopicFactory

pytestmark = pytest.mark.kafka

TOKEN = "a-token-to-look-for"  # noqa: S105 - it guards nothing
NOWHERE = "http://127.0.0.1:9"
EVENT_KEY = "85783d035a716769502775afa287fce17040afe1"
DAY = 86_400_000


@pytest.fixture
def token(tmp_path: Path) -> dict[str, str]:
    """A token's file, as a configuration names it."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return {"file": str(file)}


def mytracker(token: dict[str, str], url: str = NOWHERE, **more: Any) -> dict[str, Any]:
    return {"kind": "mytracker", "base_url": url, "app_id": 1, "token": token, **more}


def sailplay(token: dict[str, str], url: str = NOWHERE, **more: Any) -> dict[str, Any]:
    return {"kind": "sailplay", "base_url": url, "store_department_id": 11, "token": token, **more}


def settings(
    broker: str, topics: list[str], letters: str, sinks: dict[str, Any], *, group: str | None = None, **kafka: Any
) -> dict[str, Any]:
    """Every sink takes the events of all topics."""
    fields = {
        "mytracker": ("login", {"customUserId": "user"}),
        "sailplay": ("fire", {"origin_user_id": "user", "event_key": f"'{EVENT_KEY}'", "value": "`1`"}),
    }
    routes: list[Mapping[str, Any]] = []
    for name, sink in sinks.items():
        method, mapped = fields[sink["kind"]]
        routes.append({"from": topics, "to": f"{name}.{method}", "fields": mapped})
    named: dict[str, Any] = {topic: {} for topic in topics}
    return configuration(
        broker, group=group or letters, dead_letters=letters, topics=named, sinks=sinks, routes=routes, kafka=kafka
    )


def produce(broker: Broker, topic: str, count: int, *, partition: int = 0, timestamp: int = 0) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number in range(count):
        value = json.dumps({"user": f"u{number}"})
        producer.produce(topic, value, b"k%d" % number, partition=partition, timestamp=timestamp)
    assert producer.flush(20) == 0


def committed(broker: Broker, group: str, topic: str, partitions: int) -> list[int]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    try:
        asked = [TopicPartition(topic, partition) for partition in range(partitions)]
        return [each.offset for each in consumer.committed(asked, timeout=20)]
    finally:
        consumer.close()


def commit(broker: Broker, group: str, *offsets: tuple[str, int, int]) -> None:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(*each) for each in offsets], asynchronous=False)
    consumer.close()


async def test_where_all_is_well_every_finding_says_so_and_nothing_is_changed(
    broker: Broker, topic_factory: TopicFactory, token: dict[str, str], tmp_path: Path
) -> None:
    topic = topic_factory(3)
    letters = topic_factory(1, {"max.message.bytes": "2000000"})
    produce(broker, topic, 7)
    async with (
        MyTrackerSimulator(token=TOKEN, app_id=1) as vendor,
        SailPlaySimulator(token=TOKEN, store_department_id=11) as shop,
    ):
        sinks = {"mt": mytracker(token, vendor.url, start="latest"), "sp": sailplay(token, shop.url)}
        status, report = await check_live(tmp_path, settings(broker.bootstrap, [topic], letters, sinks))
        asked = [vendor.ledger.summary(), shop.ledger.summary()]
    assert {each["mark"] for each in report["live"]} == {"ok"}, report["live"]
    assert (status, report["ok"]) == (0, True)
    assert finding(report, "topics", topic)["data"]["partitions"] == 3
    assert finding(report, "dead letters", f"{letters}.receipts")["says"].startswith("not there yet")
    start = finding(report, "sink mt", "start")
    assert (start["says"], start["data"]["events"]) == ("a new group, at start: latest: 0 events to read", 0)
    start = finding(report, "sink sp", "start")
    assert (start["says"], start["data"]["events"]) == ("a new group, at start: earliest: 7 events to read", 7)
    assert finding(report, "sink sp", "rate")["data"] == {"members": 0, "rate": 40.0}
    assert [summary["events"] for summary in asked] == [0, 0]
    for sink in ("mt", "sp"):
        assert committed(broker, f"{letters}.{sink}", topic, 3) == [-1001] * 3


async def test_a_sink_continues_where_it_committed_and_reads_later_partitions_from_their_beginning(
    broker: Broker, topic_factory: TopicFactory, token: dict[str, str], tmp_path: Path
) -> None:
    topic, letters = topic_factory(3), topic_factory(1)
    for partition in range(3):
        produce(broker, topic, 10, partition=partition)
    commit(broker, f"{letters}.mt", (topic, 0, 4), (topic, 1, 10))
    sinks = {"mt": mytracker(token, start="latest")}
    _, report = await check_live(tmp_path, settings(broker.bootstrap, [topic], letters, sinks))
    start = finding(report, "sink mt", "start")
    assert start["says"] == "at the committed offsets: 16 events to read; 1 partition without one from the beginning"
    assert [(each["position"], each["origin"]) for each in start["data"]["partitions"]] == [
        *((4, "committed"), (10, "committed")),
        (0, "appeared"),
    ]


async def test_what_retention_took_and_what_it_is_about_to_take_is_reported(
    broker: Broker, topic_factory: TopicFactory, admin: AdminClient, token: dict[str, str], tmp_path: Path
) -> None:
    """The oldest unread event is five of seven days old in one topic; in the other, events are gone unread."""
    old, cut, letters = topic_factory(1, {"retention.ms": str(7 * DAY)}), topic_factory(1), topic_factory(1)
    produce(broker, old, 3, timestamp=int(time.time() * 1000) - 5 * DAY)
    produce(broker, cut, 10)
    place = TopicPartition(cut, 0, 6)
    admin.delete_records([place])[place].result(20)
    sinks = {"all": mytracker(token), "late": mytracker(token)}
    commit(broker, f"{letters}.late", (cut, 0, 2))
    _, report = await check_live(tmp_path, settings(broker.bootstrap, [old, cut], letters, sinks))
    retention = finding(report, "sink all", "retention")
    assert retention["mark"] == "warning"
    assert retention["says"] == f"the oldest unread event of {old} is 5 d old; it is kept for 7 d"
    assert f"raise retention.ms of {old}: events are lost in" in retention["todo"]
    start = finding(report, "sink late", "start")
    assert start["mark"] == "warning"
    assert start["says"] == "retention deleted up to 4 events before they were read; 7 events are left to read"


async def test_topics_that_are_missing_or_too_small_are_reported_with_what_to_do(
    broker: Broker, topic_factory: TopicFactory, token: dict[str, str], tmp_path: Path
) -> None:
    big, letters = topic_factory(2, {"max.message.bytes": "3000000"}, prefix="big"), topic_factory(1)
    sinks = {"mt": mytracker(token), "sp": sailplay(token, rate="60/s")}
    topics = ["no.such.topic", f"^{big.replace('.', '[.]')}$", "^nothing.*"]
    status, report = await check_live(tmp_path, settings(broker.bootstrap, topics, letters, sinks))
    assert (status, report["ok"]) == (1, False)
    missing = finding(report, "topics", "no.such.topic")
    assert (missing["mark"], missing["says"]) == ("failed", "does not exist")
    matched = finding(report, "topics", topics[1])
    assert matched["mark"] == "ok"
    assert matched["says"] == f"matches 1 topic (2 partitions): {big}"
    assert finding(report, "topics", "^nothing.*")["mark"] == "warning"
    room = finding(report, "dead letters", "room")
    assert (room["mark"], room["data"]) == ("failed", {"max_message_bytes": 1048588, "needed": 3_065_536})
    assert room["todo"].startswith(f"set max.message.bytes=3065536 on topic {letters}")
    rate = finding(report, "sink sp", "rate")
    assert (rate["mark"], rate["todo"].split(":")[0]) == ("failed", "set sinks.sp.rate to 50/s at most")
    vendor = finding(report, "sink mt", "vendor")
    assert (vendor["mark"], vendor["says"]) == ("failed", f"{NOWHERE}: could not connect: Connection refused")
    assert TOKEN not in json.dumps(report)


async def test_a_dead_letter_topic_that_is_absent_and_receipts_that_would_be_forgotten_fail(
    broker: Broker, topic_factory: TopicFactory, admin: AdminClient, token: dict[str, str], tmp_path: Path
) -> None:
    topic = topic_factory()
    absent = settings(broker.bootstrap, [topic], "no.such.letters", {"mt": mytracker(token)}, group="absent")
    _, report = await check_live(tmp_path, absent)
    assert finding(report, "dead letters", "no.such.letters")["says"] == "does not exist"
    letters = topic_factory(1)
    forgetful = f"{letters}.receipts"
    admin.create_topics([NewTopic(forgetful, num_partitions=1)])[forgetful].result(20)
    _, report = await check_live(tmp_path, settings(broker.bootstrap, [topic], letters, {"mt": mytracker(token)}))
    receipts = finding(report, "dead letters", forgetful)
    assert (receipts["mark"], receipts["todo"]) == ("failed", f"set cleanup.policy=compact on topic {forgetful}")


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
async def test_a_dead_letter_topic_that_loses_letters_by_key_fails_with_the_command_that_mends_it(
    broker: Broker, topic_factory: TopicFactory, token: dict[str, str], tmp_path: Path, policy: str
) -> None:
    topic, letters = topic_factory(), topic_factory(1, {"cleanup.policy": policy})
    status, report = await check_live(tmp_path, settings(broker.bootstrap, [topic], letters, {"mt": mytracker(token)}))
    found = finding(report, "dead letters", "compaction")
    assert (status, found["mark"]) == (1, "failed")
    assert found["says"].startswith(f"cleanup.policy is {policy}: of letters with one key only the last is kept")
    assert found["todo"] == (
        f"run kafka-configs.sh --bootstrap-server {broker.bootstrap} --alter --topic {letters} "
        "--add-config cleanup.policy=delete"
    )


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_the_rate_counts_for_every_member_of_the_group(
    broker: Broker, topic_factory: TopicFactory, token: dict[str, str], tmp_path: Path, protocol: str
) -> None:
    """And a check beside the running service disturbs neither its group nor its offsets."""
    topic, letters = topic_factory(2), topic_factory(1)
    produce(broker, topic, 20)
    async with SailPlaySimulator(token=TOKEN, store_department_id=11) as shop:
        both = settings(
            broker.bootstrap, [topic], letters, {"sp": sailplay(token, shop.url)}, **{"group.protocol": protocol}
        )
        directories = [tmp_path / "one", tmp_path / "two"]
        for directory in directories:
            directory.mkdir()
        async with RunningConnector(directories[0], both) as one, RunningConnector(directories[1], both) as two:

            async def shared() -> bool:
                found = [await each.sink("sp") for each in (one, two)]
                return all(len(each.get("partitions", ())) == 1 for each in found)

            await until(shared, seconds=40, what="a partition for each")
            before = [(await each.status())["sinks"][0]["partitions"] for each in (one, two)]
            _, report = await check_live(tmp_path, both)
            rate = finding(report, "sink sp", "rate")
            assert (rate["mark"], rate["data"]["members"]) == ("failed", 2)
            assert rate["says"] == "2 members at 40/s each make 80 of SailPlay's 50 requests a second for a partner"
            assert rate["todo"].startswith("set sinks.sp.rate to 25/s at most")
            after = [(await each.status())["sinks"][0]["partitions"] for each in (one, two)]
            assert [[each["partition"] for each in held] for held in after] == [
                [each["partition"] for each in held] for held in before
            ]


@pytest.mark.timeout(60)
async def test_brokers_that_are_away_or_silent_are_a_line_of_the_table(token: dict[str, str], tmp_path: Path) -> None:
    """Within 15 seconds each on an idle machine; both at once here."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        addresses = {"away": f"127.0.0.1:{free_port()}", "silent": f"127.0.0.1:{silent.getsockname()[1]}"}
        for name in addresses:
            (tmp_path / name).mkdir()
        sinks = {"mt": mytracker(token)}
        checks = [
            check_live(tmp_path / name, settings(address, ["t"], "l", sinks)) for name, address in addresses.items()
        ]
        (status, away), (status_too, quiet) = await asyncio.gather(*checks)
    assert (status, status_too) == (1, 1)
    brokers = finding(away, "kafka", "brokers")
    assert brokers["says"].endswith(f"{addresses['away']}: no connection (Connect to ipv4#{addresses['away']} failed: "
                                    "Connection refused)")  # fmt: skip
    assert finding(quiet, "kafka", "brokers")["says"] == f"{addresses['silent']}: no answer within 8 s"
    assert finding(quiet, "sink mt", "vendor")["mark"] == "failed"
