"""The partitions that are ours: each one's assignment epoch, where it began, and which topic it reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connector.kafka.positions import StartingPoint
from connector.kafka.source_interface import AssignedPartition

# A partition's topic and number.
Partition = tuple[str, int]


class _Owned(NamedTuple):
    offset: int  # from which the client was last told to read; negative if it is known only after the first record
    leader_epoch: int
    topic_id: str


class OwnedPartitions:
    """Belongs to the polling thread.

    `epochs` has the assignment epoch of each partition that is ours. `topic_ids` has every topic of which a partition
    ever was ours, with the id under which it was read last ("": unknown). `client_topic_ids` has the ids that the
    client itself has reported. `revoked` has the partitions that a revocation took, whose last commit was reported
    then, and that were not assigned since.
    """

    def __init__(self) -> None:
        self.epochs: dict[Partition, int] = {}
        self.topic_ids: dict[str, str] = {}
        self.client_topic_ids: dict[str, str] = {}
        self.revoked: set[Partition] = set()
        self._last_epoch = 0
        self._owned: dict[Partition, _Owned] = {}
        self._past_ids: set[str] = set()  # of deleted topics: brokers that lag behind still report them

    def assign(self, point: StartingPoint, topic_id: str, truncated_at: int = -1) -> AssignedPartition:
        """Give a partition a new epoch, in place of an earlier one; `truncated_at`: see AssignedPartition."""
        partition = (point.topic, point.partition)
        self._last_epoch += 1
        self.epochs[partition] = self._last_epoch
        self.revoked.discard(partition)
        self.topic_ids[point.topic] = topic_id or self.topic_ids.get(point.topic, "")
        self._owned[partition] = _Owned(point.offset, point.leader_epoch, topic_id)
        position = point.offset if point.offset >= 0 else None
        return AssignedPartition(
            self._last_epoch, *partition, position, point.metadata, point.leader_epoch, topic_id, truncated_at
        )

    def disown(self, partitions: Iterable[Partition]) -> frozenset[int]:
        """Remove these partitions; return the epochs of those that were ours."""
        ended = []
        for partition in partitions:
            self._owned.pop(partition, None)
            ended.append(self.epochs.pop(partition, None))
        return frozenset(epoch for epoch in ended if epoch is not None)

    def set_start(self, partition: Partition, offset: int, leader_epoch: int) -> None:
        """Note that the client was told to read this partition from another offset on."""
        owned = self._owned.get(partition)
        if owned is not None:
            self._owned[partition] = _Owned(offset, leader_epoch, owned.topic_id)

    def start_of(self, partition: Partition) -> tuple[int, int]:
        """Return the offset and leader epoch from which the client reads; both negative if they are unknown."""
        owned = self._owned.get(partition)
        return (-1, -1) if owned is None else owned[:2]

    def topic_id(self, partition: Partition) -> str:
        """Return the id of the topic that this partition is read from; empty if it is unknown."""
        owned = self._owned.get(partition)
        return "" if owned is None else owned.topic_id

    def of_topic(self, topic: str) -> list[Partition]:
        """Return our partitions of one topic."""
        return [partition for partition in self.epochs if partition[0] == topic]

    def client_reads_topic_id(self, topic: str, topic_id: str, previous: str = "") -> tuple[frozenset[int], bool]:
        """Note that the client reads a topic under this id from now on; `previous` is what it had reported before.

        An id counts as a deleted topic's only after the client itself has moved on from it: a broker may report to us
        an id that is newer or older than the one that the client reads. Returns the epochs whose topic's id was
        unknown, and has become known; and True if owned partitions are another topic's.
        """
        if topic_id not in self._past_ids:
            self._past_ids |= {previous} - {"", topic_id}
            self.client_topic_ids[topic] = topic_id
        return self.set_topic_id(topic, topic_id), any(self.topic_id(each) != topic_id for each in self.of_topic(topic))

    def set_topic_id(self, topic: str, topic_id: str) -> frozenset[int]:
        """Set the id of a topic for those epochs for which none was known; return them."""
        if not self.unless_deleted(topic_id):
            return frozenset()
        unidentified = [partition for partition in self.of_topic(topic) if not self.topic_id(partition)]
        for partition in unidentified:
            self._owned[partition] = _Owned(*self.start_of(partition), topic_id)
            self.topic_ids[topic] = topic_id
        return frozenset(self.epochs[partition] for partition in unidentified)

    def unless_deleted(self, topic_id: str) -> str:
        """Return this id that brokers have reported; empty where it is known to be a deleted topic's."""
        return "" if topic_id in self._past_ids else topic_id
