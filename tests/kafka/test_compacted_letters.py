"""The service on a dead-letter topic that loses letters by key: it ends as told to, and says what mends it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it offers them without exporting them
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from connector.simulators.mytracker import MyTrackerSimulator
from tests.support.connector import RunningConnector, configuration, until
from tests.support.server import Broker
from tests.support.topics import TopicFactory

pytestmark = pytest.mark.kafka

EVENTS = 50


def set_policy(admin: AdminClient, topic: str, policy: str) -> None:
    entry = ConfigEntry("cleanup.policy", policy, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(20)


def committed(broker: Broker, group: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    try:
        (place,) = consumer.committed([TopicPartition(topic, 0)], timeout=20)
        return max(place.offset, 0)
    finally:
        consumer.close()


async def test_it_stops_as_at_sigterm_with_status_1_and_the_command_and_goes_on_once_that_was_run(
    broker: Broker, topic_factory: TopicFactory, admin: AdminClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "demo-token")
    topic, letters = topic_factory(1), topic_factory(1, {"cleanup.policy": "compact"})
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number in range(EVENTS):
        producer.produce(topic, json.dumps({"user": f"u{number}"}), b"k")
    assert producer.flush(20) == 0
    async with MyTrackerSimulator() as vendor:
        sink = {"kind": "mytracker", "base_url": vendor.url, "app_id": 1, "token": {"env": "TOKEN"}}
        settings = configuration(
            broker.bootstrap,
            group=letters,
            dead_letters=letters,
            topics={topic: {}},
            sinks={"mt": sink},
            routes=[{"from": topic, "to": "mt.login", "fields": {"customUserId": "user"}}],
        )
        async with RunningConnector(tmp_path, settings) as running:
            assert running.process is not None
            assert await asyncio.wait_for(running.process.wait(), 60) == 1
        said = {entry["event"]: entry for entry in map(json.loads, running.log.read_text().splitlines())}
        refusal = said[
            "the dead-letter topic is compacted: of letters with one key it keeps the last alone, so we stop"
        ]
        assert refusal["topic"] == letters
        assert refusal["todo"] == (
            f"kafka-configs.sh --bootstrap-server {broker.bootstrap} --alter --topic {letters} "
            "--add-config cleanup.policy=delete"
        )
        assert "stopped: all that was in flight is settled and committed" in said
        assert committed(broker, f"{letters}.mt", topic) == vendor.ledger.events
        set_policy(admin, letters, "delete")
        async with RunningConnector(tmp_path, settings) as running:

            async def delivered() -> bool:
                return vendor.ledger.events >= EVENTS

            await until(delivered, seconds=40, what="all events")
            assert await running.stop() == 0
        assert {entry.item["customUserId"] for entry in vendor.ledger} == {f"u{number}" for number in range(EVENTS)}
        assert vendor.ledger.events == EVENTS
