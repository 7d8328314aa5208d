"""What the client does with the pause of a partition that leaves and comes back: no fake of ours would know."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connector.kafka.fetching import Fetching
from tests.support.server import Broker
from tests.support.topics import TopicFactory

pytestmark = pytest.mark.kafka

EVENTS = 20


@pytest.fixture
def topic(broker: Broker, topic_factory: TopicFactory) -> str:
    """One partition that holds a few events."""
    name = topic_factory()
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for _ in range(EVENTS):
        producer.produce(name, b"event")
    assert producer.flush(30) == 0
    return name


@pytest.fixture
def consumer(broker: Broker) -> Iterator[Consumer]:
    """Of a group of its own, with the partition assigned by hand."""
    settings = {"bootstrap.servers": broker.bootstrap, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"}
    made = Consumer(settings)
    yield made
    made.close()


@pytest.mark.parametrize("stopped", ["paused", "halted"])
def test_what_left_while_it_was_not_fetched_is_fetched_when_it_comes_back(
    topic: str, consumer: Consumer, stopped: str
) -> None:
    here, begin = (topic, 0), [TopicPartition(topic, 0, 0)]
    held = {here: 1}
    fetching = Fetching(consumer, held.keys(), 1.5)
    consumer.incremental_assign(begin)
    assert consumer.consume(1, 20.0)
    if stopped == "paused":
        fetching.pause()
    else:
        fetching.pause_partition(here)
    assert not consumer.consume(1, 0.5)
    consumer.incremental_unassign(begin)
    del held[here]
    fetching.partitions_removed([here])
    fetching.resume()
    consumer.incremental_assign(begin)
    held[here] = 2
    fetching.partitions_assigned([here])
    read = 0
    while read < EVENTS:  # the test's timeout is the limit
        read += len(consumer.consume(EVENTS - read, 1.0))
    assert fetching.nothing_paused
