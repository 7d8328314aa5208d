"""The broker of the tests is a real one, and keeps what it was given over a restart and a crash."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.support.server import Broker, BrokerError, wait_until_serving
from tests.support.topics import TopicFactory

pytestmark = pytest.mark.kafka


def produce(broker: Broker, topic: str, values: list[bytes], **settings: str | int) -> list[str]:
    """Produce the values; return the name of each failure."""
    failures: list[str] = []

    def note(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error.name())

    producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all", **settings})
    for value in values:
        producer.produce(topic, value, on_delivery=note)
    assert producer.flush(30) == 0
    return failures


def consume(broker: Broker, topic: str, count: int, group: str) -> list[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    try:
        consumer.subscribe([topic])
        return read(consumer, count)
    finally:
        consumer.close()


def read(consumer: Consumer, count: int) -> list[Message]:
    messages: list[Message] = []
    while len(messages) < count:  # the test's timeout ends a wait in vain
        messages += consumer.consume(count - len(messages), 0.1)
    assert [message.error() for message in messages] == [None] * count
    return messages


def test_what_is_produced_is_consumed_in_order(broker: Broker, topic_factory: TopicFactory) -> None:
    topic = topic_factory()
    values = [b"%d" % number for number in range(500)]
    assert produce(broker, topic, values) == []
    assert [message.value() for message in consume(broker, topic, 500, topic)] == values


def test_a_commit_keeps_its_metadata(broker: Broker, topic_factory: TopicFactory) -> None:
    topic = topic_factory(partitions=2)
    settings = {"bootstrap.servers": broker.bootstrap, "group.id": topic}
    metadata = "v1:" + "x" * 3_997  # with 4,000 bytes the most that is safe under the broker's limit of 4,096
    committing = Consumer(settings)
    committing.commit(offsets=[TopicPartition(topic, 1, 42, metadata)], asynchronous=False)
    committing.close()
    reading = Consumer(settings)
    silent, committed = reading.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], timeout=20)
    reading.close()
    assert silent.offset < 0
    assert (committed.offset, committed.metadata) == (42, metadata)


def test_a_topic_is_never_created_by_producing(broker: Broker, topic_factory: TopicFactory, admin: AdminClient) -> None:
    absent = topic_factory() + ".absent"
    assert produce(broker, absent, [b"x"], **{"message.timeout.ms": 1000}) == ["_MSG_TIMED_OUT"]
    assert absent not in admin.list_topics(timeout=20).topics


def test_a_topic_takes_its_configuration(broker: Broker, topic_factory: TopicFactory) -> None:
    small = topic_factory(config={"max.message.bytes": "1000"})
    assert produce(broker, small, [b"x" * 2_000]) == ["MSG_SIZE_TOO_LARGE"]


def test_a_wrong_topic_configuration_is_refused(topic_factory: TopicFactory) -> None:
    with pytest.raises(KafkaException, match="retention"):
        topic_factory(config={"retention.ms": "soon"})


@pytest.mark.faults
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_records_outlive_the_brokers_process(restartable_broker: Broker, topic_factory: TopicFactory, end: str) -> None:
    topic = topic_factory()
    assert produce(restartable_broker, topic, [b"before"]) == []
    getattr(restartable_broker, end)()
    with pytest.raises(BrokerError, match="nothing serves"):
        wait_until_serving(restartable_broker.bootstrap, seconds=0)
    restartable_broker.start()
    assert produce(restartable_broker, topic, [b"after"]) == []
    assert [message.value() for message in consume(restartable_broker, topic, 2, topic)] == [b"before", b"after"]
