"""Finds where a sink would start to read each partition, and what is unread there. Joins and commits nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition

from connector.kafka.commit_metadata import decode
from connector.kafka.positions import Start, StartingPoint, starting_points

ASK_SECONDS = 6.0


class StartOrigin(StrEnum):
    """Why reading starts where it does."""

    COMMITTED = "committed"
    START = "start"  # a topic that the group has committed nothing in
    APPEARED = "appeared"  # a partition without a commit, in a topic that the group knows
    EXPIRED = "expired"  # retention deleted what was committed to be read next
    REMADE = "remade"  # the topic was recreated since the commit, by its id, or ends before the committed offset


class ReadPosition(NamedTuple):
    """One partition: what it holds (`low` up to before `high`) and where reading would start.

    `lost` is how many offsets were deleted unread: at most so many events, as some may have held none.
    """

    topic: str
    partition: int
    low: int
    high: int
    position: int
    origin: StartOrigin
    lost: int = 0

    @property
    def unread(self) -> int:
        """Return how many offsets are to be read."""
        return self.high - self.position


def read_positions(
    consumer: Consumer,
    partitions: Sequence[tuple[str, int]],
    start: Start,
    *,
    group: str,
    topic_ids: Mapping[str, str],
) -> list[ReadPosition]:
    """Return where each partition would be read from. Raises KafkaException where the brokers refuse or do not answer.

    The service's own rules decide (`starting_points`). `topic_ids` are Kafka's, as far as they are known.
    """
    if not partitions:
        return []
    bare = [TopicPartition(*each) for each in partitions]
    committed = {_key(each): each for each in consumer.committed(bare, timeout=ASK_SECONDS)}
    known = {topic for (topic, _), each in committed.items() if each.offset >= 0}
    lows, highs = _edges(consumer, partitions, OFFSET_BEGINNING), _edges(consumer, partitions, OFFSET_END)
    found = []
    numbers: dict[str, list[int]] = {}
    for topic, partition in partitions:
        numbers.setdefault(topic, []).append(partition)
    for point in starting_points(consumer, bare, start, numbers.__getitem__, dry=True):
        low, high = lows[point[:2]], highs[point[:2]]
        if committed[point[:2]].offset < 0:
            origin = StartOrigin.APPEARED if point.topic in known else StartOrigin.START
            found.append(ReadPosition(*point[:2], low, high, point.offset, origin))
        else:
            metadata = decode(group, *point[:3], point.metadata)
            recreated = metadata is not None and metadata.topic_id not in (
                "",
                topic_ids.get(point.topic, metadata.topic_id),
            )
            found.append(_from_commit(point, low, high, recreated=recreated))
    return found


def _from_commit(point: StartingPoint, low: int, high: int, *, recreated: bool) -> ReadPosition:
    if recreated or point.offset > high:
        return ReadPosition(point.topic, point.partition, low, high, low, StartOrigin.REMADE)
    if point.offset < low:
        return ReadPosition(point.topic, point.partition, low, high, low, StartOrigin.EXPIRED, low - point.offset)
    return ReadPosition(point.topic, point.partition, low, high, point.offset, StartOrigin.COMMITTED)


def _edges(consumer: Consumer, partitions: Sequence[tuple[str, int]], edge: int) -> dict[tuple[str, int], int]:
    """Return the first or the next offset of every partition, by one request a broker."""
    asked = [TopicPartition(*each, edge) for each in partitions]
    found = consumer.offsets_for_times(asked, timeout=ASK_SECONDS)
    error = next((each.error for each in found if each.error is not None), None)
    if error is not None:
        raise KafkaException(error)
    return {_key(each): each.offset for each in found}


def _key(each: TopicPartition) -> tuple[str, int]:
    return each.topic, each.partition
