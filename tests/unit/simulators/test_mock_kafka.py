"""The mock cluster is Kafka enough: produce, consume, commit, and faults on request."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from connector.simulators.kafka import KafkaRequest, MockKafka

QUIET = {"log_level": 0}  # brokers go down on purpose here
RETRY_SOON = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 50}


@pytest.fixture
def kafka() -> Iterator[MockKafka]:
    with MockKafka(brokers=2) as cluster:
        yield cluster


@pytest.fixture
def producer(kafka: MockKafka) -> Producer:
    return Producer({"bootstrap.servers": kafka.bootstrap, "message.timeout.ms": 20_000} | QUIET | RETRY_SOON)


@pytest.fixture
def consumer(kafka: MockKafka) -> Iterator[Consumer]:
    settings = {"bootstrap.servers": kafka.bootstrap, "group.id": "g", "enable.auto.commit": False}
    consumer = Consumer(settings | {"auto.offset.reset": "earliest"} | QUIET | RETRY_SOON)
    yield consumer
    consumer.close()


def produce(producer: Producer, topic: str, *values: bytes, partition: int = 0) -> None:
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(20) == 0


def read(consumer: Consumer, count: int) -> list[Message]:
    messages: list[Message] = []
    while len(messages) < count:
        messages += consumer.consume(count - len(messages), 1)
    return messages


def test_a_topic_has_the_partitions_it_was_created_with(kafka: MockKafka, producer: Producer) -> None:
    kafka.create_topic("orders", 7)
    assert len(producer.list_topics("orders", 20).topics["orders"].partitions) == 7


def test_a_topic_is_created_once(kafka: MockKafka) -> None:
    kafka.create_topic("orders", 1)
    with pytest.raises(KafkaException) as caught:
        kafka.create_topic("orders", 1)
    assert caught.value.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS


def test_what_a_group_commits_is_there_for_its_next_member(
    kafka: MockKafka, producer: Producer, consumer: Consumer
) -> None:
    kafka.create_topic("orders", 2)
    produce(producer, "orders", b"a", b"b", partition=1)
    consumer.subscribe(["orders"])
    assert [message.value() for message in read(consumer, 2)] == [b"a", b"b"]
    consumer.commit(offsets=[TopicPartition("orders", 1, 1)], asynchronous=False)
    (committed,) = consumer.committed([TopicPartition("orders", 1)], timeout=20)
    assert committed.offset == 1


def test_a_staged_error_meets_the_next_request_of_its_kind(
    kafka: MockKafka, producer: Producer, consumer: Consumer
) -> None:
    kafka.create_topic("orders", 1)
    produce(producer, "orders", b"a")
    consumer.subscribe(["orders"])
    read(consumer, 1)
    kafka.fail_requests(KafkaRequest.OFFSET_COMMIT, [KafkaError.ILLEGAL_GENERATION])
    with pytest.raises(KafkaException) as caught:
        consumer.commit(asynchronous=False)
    assert caught.value.args[0].code() == KafkaError.ILLEGAL_GENERATION


def test_a_coordinator_moves(kafka: MockKafka) -> None:
    kafka.create_topic("orders", 1)
    told: list[str] = []

    def on_statistics(text: str) -> None:
        told.append(json.loads(text)["brokers"].get("GroupCoordinator", {}).get("nodename", ""))

    settings = {"bootstrap.servers": kafka.bootstrap, "group.id": "g", "statistics.interval.ms": 50}
    consumer = Consumer(settings | {"stats_cb": on_statistics, "heartbeat.interval.ms": 50} | QUIET | RETRY_SOON)
    consumer.subscribe(["orders"])
    for broker, address in ((2, kafka.bootstrap.split(",")[1]), (1, kafka.bootstrap.split(",")[0])):
        kafka.set_coordinator("g", broker)
        while address not in told[-1:]:
            consumer.poll(0.05)
    consumer.close()


def test_a_cluster_without_a_broker_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one broker"):
        MockKafka(brokers=0)
