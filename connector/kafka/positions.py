"""Finds where newly assigned partitions are read from: the committed offset, or what `start` says for a new topic.

A topic is new to a group that has committed nothing in it. A partition without a committed offset in a topic that the
group knows has appeared later, and is read from its beginning.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

# Returns the numbers of a topic's partitions, in order.
PartitionsOf = Callable[[str], Sequence[int]]
Start = Literal["earliest", "latest"] | datetime

BROKER_TIMEOUT_SECONDS = 30.0
# How long other members wait for the owner of a new topic's first partition to commit where the whole group begins.
NEW_TOPIC_WAIT_SECONDS = 10.0


class StopRequestedError(Exception):
    """The source is to stop: where reading begins does not matter any more."""


class StartingPoint(NamedTuple):
    """The offset to begin at, and what was committed with it.

    That is the metadata (None where nothing was committed) and the leader epoch (-1: unknown); see Commit.
    """

    topic: str
    partition: int
    offset: int
    metadata: str | None
    leader_epoch: int = -1


def known_leader_epoch(leader_epoch: int | None) -> int:
    """Return a leader epoch as the client reports it, with -1 where it has none."""
    return -1 if leader_epoch is None else leader_epoch


def topic_partition(
    topic: str, partition: int, offset: int, leader_epoch: int, metadata: str | None = None
) -> TopicPartition:
    """Return an offset as the client takes it, to read from or to commit; a negative leader epoch is left out."""
    known: dict[str, Any] = {} if leader_epoch < 0 else {"leader_epoch": leader_epoch}
    if metadata is not None:
        known["metadata"] = metadata
    return TopicPartition(topic, partition, offset, **known)


def starting_points(
    consumer: Consumer,
    assigned: Sequence[TopicPartition],
    start: Start,
    partitions_of: PartitionsOf,
    *,
    known: Collection[str] = (),
    dry: bool = False,
    stop_requested: Callable[[], bool] = lambda: False,
) -> list[StartingPoint]:
    """Return the starting point of every assigned partition.

    Raises KafkaException where the brokers do not answer or refuse one partition, and StopRequestedError where another
    member is waited for while `stop_requested` is true.

    `partitions_of` must not ask this consumer: it is called in its callback. Topics in `known` are not new to the group
    even if it has committed nothing in them: a topic that is created again loses its commits. With `dry` it returns
    where a member would begin, and commits nothing.
    """
    points = _committed(consumer, [(each.topic, each.partition) for each in assigned])
    fresh = [point for point in points if point.offset < 0]
    begun = [point for point in points if point.offset >= 0]
    if start == "earliest":
        return begun + [_at_edge(consumer, point, "low") for point in fresh]
    appeared = [point for point in fresh if point.topic in known]
    rest = [point for point in fresh if point.topic not in known]
    begun += [_at_edge(consumer, point, "low") for point in appeared]
    if not rest:
        return begun
    return begun + _in_new_topics(consumer, rest, start, partitions_of, dry=dry, stop_requested=stop_requested)


def _committed(consumer: Consumer, partitions: Sequence[tuple[str, int]]) -> list[StartingPoint]:
    found = consumer.committed([TopicPartition(*each) for each in partitions], timeout=BROKER_TIMEOUT_SECONDS)
    for each in found:
        if each.error is not None:  # not "nothing is committed": to begin at `start` here could skip events
            raise KafkaException(each.error)
    return [
        StartingPoint(each.topic, each.partition, each.offset, each.metadata, known_leader_epoch(each.leader_epoch))
        for each in found
    ]


def _in_new_topics(
    consumer: Consumer,
    fresh: Sequence[StartingPoint],
    start: Start,
    partitions_of: PartitionsOf,
    *,
    dry: bool,
    stop_requested: Callable[[], bool],
) -> list[StartingPoint]:
    """Return what `start` says in a topic that the group has committed nothing in, the beginning in the others.

    Members that are assigned a new topic at the same time would each conclude from the others' first commits that the
    group knows it. So the one that owns its first partition commits where all begin, and the others wait for that.
    """
    waiting: dict[str, list[StartingPoint]] = {}
    for point in fresh:
        waiting.setdefault(point.topic, []).append(point)
    points: list[StartingPoint] = []
    deadline = time.monotonic() + NEW_TOPIC_WAIT_SECONDS
    while True:
        for topic, mine in list(waiting.items()):
            # An unknown topic counts as having one partition.
            partitions = [(topic, partition) for partition in partitions_of(topic)] or [(topic, 0)]
            found = _in_new_topic(consumer, partitions, mine, start, waits=time.monotonic() < deadline, dry=dry)
            if found is not None:
                points += found
                del waiting[topic]
        if not waiting:
            return points
        if stop_requested():
            raise StopRequestedError
        time.sleep(0.1)


def _in_new_topic(
    consumer: Consumer,
    all_partitions: Sequence[tuple[str, int]],
    mine: Sequence[StartingPoint],
    start: Start,
    *,
    waits: bool,
    dry: bool,
) -> list[StartingPoint] | None:
    """Return where `mine` of the topic's partitions begin; None while another member is to decide."""
    committed = {each[:2]: each for each in _committed(consumer, all_partitions) if each.offset >= 0}
    if committed:
        return [committed.get(each[:2]) or _at_edge(consumer, each, "low") for each in mine]
    partitions = [each[:2] for each in mine]
    leads = all_partitions[0] in partitions
    if waits and not leads and not dry:
        return None
    begins = _by_start(consumer, all_partitions if leads and not dry else partitions, start)
    if not dry:  # the leader commits for all partitions, so that the other members find where they begin
        consumer.commit(offsets=[TopicPartition(*each[:3]) for each in begins], asynchronous=False)
    return [each for each in begins if each[:2] in partitions]


def _by_start(consumer: Consumer, partitions: Sequence[tuple[str, int]], start: Start) -> list[StartingPoint]:
    """Return the ends; for a time the first record at or after it, and the end only where there is none."""
    if not isinstance(start, datetime):
        return [_at_edge(consumer, StartingPoint(*each, -1, None), "high") for each in partitions]
    milliseconds = int(start.timestamp() * 1000)
    found = consumer.offsets_for_times(
        [TopicPartition(*each, milliseconds) for each in partitions], timeout=BROKER_TIMEOUT_SECONDS
    )
    points = [StartingPoint(each.topic, each.partition, each.offset, None) for each in found]
    return [point if point.offset >= 0 else _at_edge(consumer, point, "high") for point in points]


def _at_edge(consumer: Consumer, point: StartingPoint, edge: Literal["low", "high"]) -> StartingPoint:
    low, high = consumer.get_watermark_offsets(
        TopicPartition(point.topic, point.partition), timeout=BROKER_TIMEOUT_SECONDS
    )
    return point._replace(offset=low if edge == "low" else high, metadata=None, leader_epoch=-1)
