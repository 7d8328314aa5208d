"""Where each newly assigned partition is read from: the committed offset, or what `start` says for a new group.

A new group is one that has committed nothing in any topic it reads. A partition without a committed offset in a group
that is not new has appeared later, and is read from its beginning.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from confluent_kafka import Consumer, TopicPartition

Start = Literal["earliest", "latest"] | datetime

TIMEOUT_SECONDS = 30.0
# How long a member waits for the one that reads the first partition to settle where a new group begins.
BOOTSTRAP_SECONDS = 10.0


class StartingPoint(NamedTuple):
    """Where to begin, and the metadata of the commit that says so (None where nothing was committed)."""

    topic: str
    partition: int
    offset: int
    metadata: str | None


def starting_points(
    consumer: Consumer, assigned: Sequence[TopicPartition], start: Start, subscribed: Sequence[str]
) -> list[StartingPoint]:
    """The starting point of every assigned partition. Raises KafkaException where the brokers do not answer."""
    committed = consumer.committed([_bare(each) for each in assigned], timeout=TIMEOUT_SECONDS)
    points = [StartingPoint(each.topic, each.partition, each.offset, each.metadata) for each in committed]
    fresh = [point for point in points if point.offset < 0]
    if not fresh:
        return points
    begun = [point for point in points if point.offset >= 0]
    if start == "earliest":
        return begun + [_at_edge(consumer, point, "low") for point in fresh]
    return begun + _of_a_new_group(consumer, fresh, start, subscribed)


def _of_a_new_group(
    consumer: Consumer, fresh: Sequence[StartingPoint], start: Start, subscribed: Sequence[str]
) -> list[StartingPoint]:
    """What `start` says for a new group, the beginning in one that has begun.

    Members that join a new group together would each take the others' first commits for a group that has begun. So
    the one that reads the first partition commits where all begin, and the others wait for that.
    """
    everything = _all_partitions(consumer, subscribed)
    mine = [point[:2] for point in fresh]
    deadline = time.monotonic() + BOOTSTRAP_SECONDS
    while True:
        known = consumer.committed([TopicPartition(*each) for each in everything], timeout=TIMEOUT_SECONDS)
        offsets = {(each.topic, each.partition): each.offset for each in known if each.offset >= 0}
        if offsets:
            return [
                point._replace(offset=offsets[point[:2]], metadata="")
                if point[:2] in offsets
                else _at_edge(consumer, point, "low")
                for point in fresh
            ]
        leads = not everything or everything[0] in mine
        if leads or time.monotonic() > deadline:
            begins = _started(consumer, everything if leads else mine, start)
            consumer.commit(offsets=[TopicPartition(*point[:3]) for point in begins], asynchronous=False)
            return [point for point in begins if point[:2] in mine]
        time.sleep(0.1)


def _started(consumer: Consumer, partitions: Sequence[tuple[str, int]], start: Start) -> list[StartingPoint]:
    """The ends; with a time, the first record at or after it, and the end only where there is none."""
    if not isinstance(start, datetime):
        return [_at_edge(consumer, StartingPoint(*each, -1, None), "high") for each in partitions]
    milliseconds = int(start.timestamp() * 1000)
    found = consumer.offsets_for_times(
        [TopicPartition(*each, milliseconds) for each in partitions], timeout=TIMEOUT_SECONDS
    )
    points = [StartingPoint(each.topic, each.partition, each.offset, None) for each in found]
    return [point if point.offset >= 0 else _at_edge(consumer, point, "high") for point in points]


def _at_edge(consumer: Consumer, point: StartingPoint, edge: Literal["low", "high"]) -> StartingPoint:
    low, high = consumer.get_watermark_offsets(TopicPartition(point.topic, point.partition), timeout=TIMEOUT_SECONDS)
    return point._replace(offset=low if edge == "low" else high, metadata=None)


def _all_partitions(consumer: Consumer, subscribed: Sequence[str]) -> list[tuple[str, int]]:
    """Every partition of the topics subscribed to, in order."""
    known = consumer.list_topics(timeout=TIMEOUT_SECONDS).topics
    names = {
        name
        for name in known
        for wanted in subscribed
        if (re.search(wanted, name) if wanted.startswith("^") else wanted == name)
    }
    return sorted((name, partition) for name in names for partition in known[name].partitions)


def _bare(partition: TopicPartition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition)
