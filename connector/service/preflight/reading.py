"""Reads one record of each partition that is asked for: that we may, and how old what is unread has become."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from connector.kafka.records import record_of

READ_SECONDS = 6.0


class Read(NamedTuple):
    """What came of it: the records' times by partition (ms since the epoch, -1: none; None: nothing there), errors by
    topic, and what did not answer in time."""

    times: dict[tuple[str, int], int | None]
    errors: dict[str, str]
    silent: set[tuple[str, int]]


def read_one_each(consumer: Consumer, at: Iterable[tuple[str, int, int]]) -> Read:
    """One record at (or behind) each topic, partition and offset. The consumer must tell the ends of partitions."""
    places = list(at)
    read = Read({}, {}, {(topic, partition) for topic, partition, _ in places})
    if not places:
        return read
    consumer.assign([TopicPartition(*place) for place in places])
    deadline = time.monotonic() + READ_SECONDS
    while read.silent and time.monotonic() < deadline:
        for message in consumer.consume(len(places), 0.1):
            _take(consumer, message, read)
    consumer.unassign()
    return read


def _take(consumer: Consumer, message: Message, read: Read) -> None:
    topic, partition, error = message.topic(), message.partition(), message.error()
    if topic is None or partition is None:
        return  # trouble of the client's: what matters of it keeps partitions silent
    place = (topic, partition)
    if place not in read.silent:
        return
    if error is None:
        read.times[place] = record_of(message).timestamp
    elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - a public name, for its underscore
        read.times[place] = None
    else:
        read.errors[topic] = error.str()
    read.silent.discard(place)
    consumer.incremental_unassign([TopicPartition(topic, partition)])
