"""The cost of turning a message into a record, a thousand a round, without headers and with three of them.

None asserts a time. For CPU instead of waiting:
`.venv/bin/pytest benchmarks/micro/test_records.py --benchmark-enable --benchmark-timer time.process_time`
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.events import Load
from connector.kafka.records import record_of
from connector.model import Headers
from connector.simulators.kafka import MockKafka

EVENTS, ROUNDS = 1_000, 30
LOAD = Load(EVENTS, keys=100)
TRACED: Headers = (
    ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("ce_id", b"6f1c2f0a-8e0e-4f0e-9a0e-4c2f0a8e0e4f"),
    ("source", b"shop"),
)


@pytest.fixture
def kafka() -> Iterator[MockKafka]:
    with MockKafka() as cluster:
        cluster.create_topic("events", 1)
        yield cluster


@pytest.mark.parametrize("headers", [(), TRACED], ids=["no headers", "three headers"])
def test_a_message_becomes_a_record(benchmark: BenchmarkFixture, kafka: MockKafka, headers: Headers) -> None:
    """Each message once: the client makes its headers when they are asked for first."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(EVENTS):
        producer.produce("events", LOAD.event(number), partition=0, headers=list(headers))
    assert producer.flush(20) == 0
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "bench", "log_level": 0})

    def messages() -> tuple[tuple[list[Message]], dict[str, object]]:
        consumer.assign([TopicPartition("events", 0, 0)])
        found: list[Message] = []
        while len(found) < EVENTS:
            found += consumer.consume(EVENTS - len(found), 1)
        return (found,), {}

    pedantic: Any = benchmark.pedantic
    records = pedantic(
        lambda found: [record_of(message) for message in found], setup=messages, rounds=ROUNDS, warmup_rounds=1
    )
    consumer.close()
    assert all((record.headers, record.damage) == (headers, "") for record in records)
