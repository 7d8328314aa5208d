"""Where a sink would start to read, partition by partition, and what is unread there. Joins and commits nothing."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition

from connector.kafka.positions import Start, StartingPoint, starting_points

ASK_SECONDS = 6.0


class Origin(StrEnum):
    """Why reading starts where it does."""

    COMMITTED = "committed"
    START = "start"  # a partition that the group has not committed in
    EXPIRED = "expired"  # retention deleted what was committed to be read next
    REMADE = "remade"  # the topic ends before the committed offset: it was made anew


class Place(NamedTuple):
    """One partition: what it holds (`low` up to before `high`) and where reading would start."""

    topic: str
    partition: int
    low: int
    high: int
    position: int
    origin: Origin
    lost: int = 0

    @property
    def unread(self) -> int:
        """How many offsets are to be read."""
        return self.high - self.position


def find_places(
    consumer: Consumer, partitions: Sequence[tuple[str, int]], start: Start, subscribed: Sequence[str]
) -> list[Place]:
    """Where each partition would be read from. Raises KafkaException where the brokers refuse or do not answer.

    The service's own rules decide (`starting_points`), but for a new group that starts at the end: there they commit.
    """
    if not partitions:
        return []
    bare = [TopicPartition(*each) for each in partitions]
    committed = {_key(each): each.offset for each in consumer.committed(bare, timeout=ASK_SECONDS)}
    lows, highs = _edges(consumer, partitions, OFFSET_BEGINNING), _edges(consumer, partitions, OFFSET_END)
    if start == "latest" and all(offset < 0 for offset in committed.values()):
        points = [StartingPoint(*each, highs[each], None) for each in partitions]
    else:
        points = starting_points(consumer, bare, start, subscribed)
    return [_place(point, lows[point[:2]], highs[point[:2]], committed[point[:2]] >= 0) for point in points]


def _place(point: StartingPoint, low: int, high: int, committed: bool) -> Place:
    if not committed:
        return Place(point.topic, point.partition, low, high, point.offset, Origin.START)
    if point.offset > high:
        return Place(point.topic, point.partition, low, high, low, Origin.REMADE)
    if point.offset < low:
        return Place(point.topic, point.partition, low, high, low, Origin.EXPIRED, low - point.offset)
    return Place(point.topic, point.partition, low, high, point.offset, Origin.COMMITTED)


def _edges(consumer: Consumer, partitions: Sequence[tuple[str, int]], edge: int) -> dict[tuple[str, int], int]:
    """The first or the next offset of every partition, by one request a broker."""
    asked = [TopicPartition(*each, edge) for each in partitions]
    found = consumer.offsets_for_times(asked, timeout=ASK_SECONDS)
    error = next((each.error for each in found if each.error is not None), None)
    if error is not None:
        raise KafkaException(error)
    return {_key(each): each.offset for each in found}


def _key(each: TopicPartition) -> tuple[str, int]:
    return each.topic, each.partition
