"""The partitions that are ours: the number of each assignment, where it began, and which topic it reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connector.kafka.positions import StartingPoint
from connector.kafka.source_interface import AssignedPartition

Partition = tuple[str, int]


class _Owned(NamedTuple):
    offset: int  # at which the client was last told to read; negative if only the first record tells
    leader_epoch: int
    topic_id: str


class OwnedPartitions:
    """Belongs to the thread that polls.

    `numbers` has the epoch of each partition that is ours. `topics` has all topics of which a partition ever was ours,
    with the id under which it was read last ("": not known). `told` has the ids that the client has told itself.
    """

    def __init__(self) -> None:
        self.epochs: dict[Partition, int] = {}
        self.topic_ids: dict[str, str] = {}
        self.client_topic_ids: dict[str, str] = {}
        self._claimed = 0
        self._epochs: dict[Partition, _Owned] = {}
        self._past_ids: set[str] = set()  # of topics that are gone: brokers that lag behind still name them

    def assign(self, point: StartingPoint, topic_id: str, truncated_at: int = -1) -> AssignedPartition:
        """Claim a partition, in place of an earlier epoch of it; `truncated_at`: see Assigned."""
        partition = (point.topic, point.partition)
        self._claimed += 1
        self.epochs[partition] = self._claimed
        self.topic_ids[point.topic] = topic_id or self.topic_ids.get(point.topic, "")
        self._epochs[partition] = _Owned(point.offset, point.leader_epoch, topic_id)
        position = point.offset if point.offset >= 0 else None
        return AssignedPartition(
            self._claimed, *partition, position, point.metadata, point.leader_epoch, topic_id, truncated_at
        )

    def disown(self, partitions: Iterable[Partition]) -> frozenset[int]:
        """These are ours no more; returns their epochs."""
        gone = []
        for partition in partitions:
            self._epochs.pop(partition, None)
            gone.append(self.epochs.pop(partition, None))
        return frozenset(epoch for epoch in gone if epoch is not None)

    def set_start(self, partition: Partition, offset: int, leader_epoch: int) -> None:
        """The client is told to read this epoch from another offset on."""
        epoch = self._epochs.get(partition)
        if epoch is not None:
            self._epochs[partition] = _Owned(offset, leader_epoch, epoch.topic_id)

    def start_of(self, partition: Partition) -> tuple[int, int]:
        """The offset and leader epoch from which the client reads; both negative if they are not known."""
        epoch = self._epochs.get(partition)
        return (-1, -1) if epoch is None else epoch[:2]

    def topic_id(self, partition: Partition) -> str:
        """The id of the topic that is read; empty if it is not known."""
        epoch = self._epochs.get(partition)
        return "" if epoch is None else epoch.topic_id

    def of_topic(self, topic: str) -> list[Partition]:
        """The partitions of one topic."""
        return [partition for partition in self.epochs if partition[0] == topic]

    def client_reads_topic_id(self, topic: str, topic_id: str, was: str = "") -> tuple[frozenset[int], bool]:
        """The client has told the id under which it reads a topic from now on; `was` is what it told before.

        Only what it has read under itself is known to be gone: the first broker that it asks may lag behind the one
        that told us an id. Returns the epochs of which none was known, which have it from now on, and whether others
        are of another topic.
        """
        if topic_id not in self._past_ids:
            self._past_ids |= {was} - {"", topic_id}
            self.client_topic_ids[topic] = topic_id
        return self.set_topic_id(topic, topic_id), any(self.topic_id(each) != topic_id for each in self.of_topic(topic))

    def set_topic_id(self, topic: str, topic_id: str) -> frozenset[int]:
        """A topic has this id now. The epochs of which none was known before; they have it from now on."""
        if not self.known_topic_id(topic_id):
            return frozenset()
        nameless = [partition for partition in self.of_topic(topic) if not self.topic_id(partition)]
        for partition in nameless:
            self._epochs[partition] = _Owned(*self.start_of(partition), topic_id)
            self.topic_ids[topic] = topic_id
        return frozenset(self.epochs[partition] for partition in nameless)

    def known_topic_id(self, topic_id: str) -> str:
        """The id that brokers told; empty where it is that of a topic which is gone."""
        return "" if topic_id in self._past_ids else topic_id
