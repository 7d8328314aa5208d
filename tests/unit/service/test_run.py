"""The service's end where it cannot go on: nothing is committed, and the exit status and the log say so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from structlog.testing import capture_logs

from connector.config.load import load
from connector.service.run import Service
from connector.simulators.kafka import MockKafka
from connector.simulators.mytracker import MyTrackerSimulator

HEARTBEAT = 12  # Kafka's number of the request


async def test_after_a_bug_nothing_is_committed_and_the_log_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "demo-token")
    with MockKafka() as kafka, capture_logs() as logs:
        async with MyTrackerSimulator() as vendor:
            kafka.create_topic("users", 1)
            kafka.create_topic("letters", 1)
            service = Service(load(configuration(tmp_path, kafka, vendor)))
            running = asyncio.create_task(service.run())
            await deliver_one_event(kafka, vendor)
            asyncio.get_running_loop().call_exception_handler({"message": "a test", "exception": KeyError("ann")})
            assert await running == 1
            (line,) = service.runtimes
            line.source.stop([])
            assert await asyncio.to_thread(line.source.join, 20.0)
        assert committed_offset(kafka) <= 0, "the event was delivered, but whether rightly so nobody knows"
    said = {entry["event"]: entry for entry in logs}
    assert said["a bug in the connector: it stops without committing"]["what"] == "a test"
    assert said["stopped by a failure, without committing: what was open will be read again"]["why"] == "KeyError"


async def test_a_compacted_dead_letter_topic_ends_it_with_all_settled_and_committed_and_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "demo-token")
    found = threading.Event()
    monkeypatch.setattr("connector.service.run.is_compacted", lambda _, topic: found.wait() and topic == "letters")
    with MockKafka() as kafka, capture_logs() as logs:
        async with MyTrackerSimulator() as vendor:
            kafka.create_topic("users", 1)
            kafka.create_topic("letters", 1)
            running = asyncio.create_task(Service(load(configuration(tmp_path, kafka, vendor))).run())
            await deliver_one_event(kafka, vendor)
            found.set()
            assert await running == 1
        assert committed_offset(kafka) == 1
    said = {entry["event"]: entry for entry in logs}
    refusal = said["the dead-letter topic is compacted: of letters with one key it keeps the last alone, so we stop"]
    assert refusal["todo"].endswith("--alter --topic letters --add-config cleanup.policy=delete")
    assert "stopped: all that was in flight is settled and committed" in said


async def test_another_process_with_our_instance_id_ends_this_one_with_1_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "demo-token")
    with MockKafka() as kafka, capture_logs() as logs:
        async with MyTrackerSimulator() as vendor:
            kafka.create_topic("users", 1)
            kafka.create_topic("letters", 1)
            of_kafka = {"group.instance.id": "a", "heartbeat.interval.ms": 100}
            service = Service(load(configuration(tmp_path, kafka, vendor, of_kafka)))
            running = asyncio.create_task(service.run())
            await deliver_one_event(kafka, vendor)
            kafka.fail_requests(HEARTBEAT, [KafkaError.FENCED_INSTANCE_ID] * 3)  # type: ignore[arg-type]  # not one of its own
            assert await running == 1
            (line,) = service.runtimes
            assert (line.source.failed, line.source.alive, line.pipeline.joined) == (True, False, False)
    said = [(entry["event"], entry.get("why")) for entry in logs if entry["log_level"] in {"error", "critical"}]
    assert said == [
        ("another process has our group.instance.id: each needs its own", None),
        ("stopped by a failure, without committing: what was open will be read again", "a polling thread has died"),
    ]
    assert not any("exc_info" in entry or "exception" in entry for entry in logs)


async def deliver_one_event(kafka: MockKafka, vendor: MyTrackerSimulator) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    producer.produce("users", b'{"id": "ann"}')
    assert await asyncio.to_thread(producer.flush, 20) == 0
    while not vendor.ledger.events:  # noqa: ASYNC110 - the simulator tells nobody; the test's time limit ends it
        await asyncio.sleep(0.01)


def committed_offset(kafka: MockKafka) -> int:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "crm.mytracker"})
    (committed,) = consumer.committed([TopicPartition("users", 0)], timeout=20)
    consumer.close()
    return int(committed.offset)


def configuration(
    directory: Path, kafka: MockKafka, vendor: MyTrackerSimulator, of_kafka: Mapping[str, Any] = MappingProxyType({})
) -> Path:
    """One sink that commits too seldom to have done so by itself."""
    file = directory / "connector.yaml"
    settings = {
        "kafka": {
            "bootstrap.servers": kafka.bootstrap,
            "log_level": 0,
            **of_kafka,
        },  # the brokers end before its producer
        "group": "crm",
        "dead_letters": "letters",
        "http": {"port": 0},
        "delivery": {"commit_interval": "60s"},
        "topics": {"users": {}},
        "sinks": {
            "mytracker": {"kind": "mytracker", "base_url": vendor.url, "app_id": 1, "token": {"env": "TOKEN"}},
        },
        "routes": [{"from": "users", "to": "mytracker.login", "fields": {"customUserId": "id"}}],
    }
    file.write_text(yaml.safe_dump(settings))
    return file


async def test_where_one_sinks_source_ends_the_others_commit_and_the_status_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "demo-token")
    with MockKafka() as kafka, capture_logs() as logs:
        async with MyTrackerSimulator() as vendor:
            kafka.create_topic("users", 1)
            kafka.create_topic("letters", 1)
            file = configuration(tmp_path, kafka, vendor)
            settings = yaml.safe_load(file.read_text())
            settings["sinks"]["other"] = settings["sinks"]["mytracker"]
            settings["routes"].append({**settings["routes"][0], "to": "other.login"})
            file.write_text(yaml.safe_dump(settings))
            service = Service(load(file))
            running = asyncio.create_task(service.run())
            producer = Producer({"bootstrap.servers": kafka.bootstrap})
            producer.produce("users", b'{"id": "ann"}')
            assert await asyncio.to_thread(producer.flush, 20) == 0
            while sum(each.pipeline.stats.delivered for each in service.runtimes) < 2:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            fenced = service.runtimes[0].source
            fenced._failed = True
            fenced._stopping.set()
            assert await running == 1
        groups = {"crm.mytracker": 0, "crm.other": 0}
        for group in groups:
            consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
            (committed,) = consumer.committed([TopicPartition("users", 0)], timeout=20)
            consumer.close()
            groups[group] = max(committed.offset, 0)
    assert groups == {"crm.mytracker": 0, "crm.other": 1}
    errors = [(entry["event"], entry["sink"]) for entry in logs if entry["log_level"] == "error"]
    assert errors == [
        ("stopped by a failure, without committing: what was open will be read again", "mytracker"),
    ]
