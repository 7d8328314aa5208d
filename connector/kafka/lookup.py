"""Looks up one record by its address, without a group: nothing is committed, and nobody's position moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connector.errors import ConnectorError
from connector.kafka.records import record_of
from connector.model import Record

TIMEOUT_SECONDS = 15.0


class Address(NamedTuple):
    """Where a record lies: `topic/partition/offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def parse_address(text: str) -> Address:
    """The address that a text is. Raises ValueError with what would be right."""
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if not topic or not (partition.isascii() and partition.isdigit()) or not (offset.isascii() and offset.isdigit()):
        raise ValueError(f"{text!r} is no address: topic/partition/offset, such as shop.orders/3/1204")
    return Address(topic, int(partition), int(offset))


def read_record(conf: Mapping[str, Any], address: Address) -> Record:
    """The record at an address.

    Raises ConnectorError where it is not there, saying which offsets are, and where the brokers do not answer.
    """
    settings = {
        **conf,
        "group.id": "connector.lookup",  # asked for by the client; it is never joined
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "allow.auto.create.topics": False,
        "log_level": 0,  # what is wrong is said once, below
        "error_cb": lambda error: troubles.append(error.str()),
    }
    troubles: list[str] = []
    consumer = Consumer(settings)
    try:
        return _read(consumer, *address)
    except KafkaException as error:
        consumer.poll(0)  # lets the client call back
        why = troubles[0] if troubles else error.args[0].str()
        raise ConnectorError(f"{address.topic}/{address.partition} cannot be read: {why}") from error
    finally:
        consumer.close()


def _read(consumer: Consumer, topic: str, partition: int, offset: int) -> Record:
    _expect_partition(consumer, topic, partition)
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_SECONDS)
    if not low <= offset < high:
        there = f"its offsets are {low} to {high - 1}" if low < high else "it is empty"
        raise ConnectorError(f"{topic}/{partition} has no offset {offset}: {there}")
    consumer.assign([TopicPartition(topic, partition, offset)])
    messages = consumer.consume(1, TIMEOUT_SECONDS)
    if not messages:
        raise ConnectorError(f"{topic}/{partition}/{offset} did not come within {TIMEOUT_SECONDS:g} s")
    (message,) = messages
    if (error := message.error()) is not None:
        raise KafkaException(error)
    if message.offset() != offset:
        raise ConnectorError(
            f"{topic}/{partition} has nothing at {offset} any more: the next record is {message.offset()}"
        )
    return record_of(message)


def _expect_partition(consumer: Consumer, topic: str, partition: int) -> None:
    """Ask before reading: a client goes on asking for what does not exist."""
    found = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
    if found.error is not None:
        if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise ConnectorError(f"topic {topic} does not exist")
        raise KafkaException(found.error)
    if partition not in found.partitions:
        raise ConnectorError(f"topic {topic} has no partition {partition}: it has {len(found.partitions)}, from 0")
