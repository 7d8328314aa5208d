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
    if start == "latest":
        return begun + _latest(consumer, fresh, subscribed)
    if isinstance(start, datetime):
        return begun + _since(consumer, fresh, start)
    return begun + [_at_edge(consumer, point, "low") for point in fresh]


def _at_edge(consumer: Consumer, point: StartingPoint, edge: Literal["low", "high"]) -> StartingPoint:
    low, high = consumer.get_watermark_offsets(TopicPartition(point.topic, point.partition), timeout=TIMEOUT_SECONDS)
    return point._replace(offset=low if edge == "low" else high, metadata=None)


def _since(consumer: Consumer, points: Sequence[StartingPoint], start: datetime) -> list[StartingPoint]:
    """The first record at or after `start`; the end where there is none. Says the same whenever it is asked."""
    milliseconds = int(start.timestamp() * 1000)
    wanted = [TopicPartition(point.topic, point.partition, milliseconds) for point in points]
    found = consumer.offsets_for_times(wanted, timeout=TIMEOUT_SECONDS)
    return [
        StartingPoint(each.topic, each.partition, each.offset, None)
        if each.offset >= 0
        else _at_edge(consumer, StartingPoint(each.topic, each.partition, -1, None), "high")
        for each in found
    ]


def _latest(consumer: Consumer, fresh: Sequence[StartingPoint], subscribed: Sequence[str]) -> list[StartingPoint]:
    """The end for a new group, the beginning in one that has begun.

    Members that join a new group together would each take the others' first commits for a group that has begun. So
    the one that reads the first partition commits the ends of all, and the others wait for that.
    """
    everything = _all_partitions(consumer, subscribed)
    mine = {(point.topic, point.partition) for point in fresh}
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
        leads = everything[0] in mine if everything else True
        if leads or time.monotonic() > deadline:
            return _bootstrap(consumer, everything if leads else sorted(mine), mine)
        time.sleep(0.1)


def _bootstrap(
    consumer: Consumer, partitions: Sequence[tuple[str, int]], mine: set[tuple[str, int]]
) -> list[StartingPoint]:
    ends = [_at_edge(consumer, StartingPoint(*each, -1, None), "high") for each in partitions]
    consumer.commit(offsets=[TopicPartition(*end[:3]) for end in ends], asynchronous=False)
    return [end for end in ends if end[:2] in mine]


def _all_partitions(consumer: Consumer, subscribed: Sequence[str]) -> list[tuple[str, int]]:
    """Every partition of the topics subscribed to, in order."""
    known = consumer.list_topics(timeout=TIMEOUT_SECONDS).topics
    names = {
        name
        for name in known
        for wanted in subscribed
        if (re.match(wanted, name) if wanted.startswith("^") else wanted == name)
    }
    return sorted((name, partition) for name in names for partition in known[name].partitions)


def _bare(partition: TopicPartition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition)
