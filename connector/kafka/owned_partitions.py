"""The partitions that are ours: the number of each assignment, where it began, and which topic it reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from connector.kafka.positions import StartingPoint
from connector.kafka.source_interface import Assigned

Partition = tuple[str, int]


class _Claim(NamedTuple):
    offset: int  # at which the client was last told to read; negative if only the first record tells
    leader_epoch: int
    topic_id: str


class Claims:
    """Belongs to the thread that polls.

    `numbers` has the claim of each partition that is ours. `topics` has all topics of which a partition ever was ours,
    with the id under which it was read last ("": not known). `told` has the ids that the client has told itself.
    """

    def __init__(self) -> None:
        self.numbers: dict[Partition, int] = {}
        self.topics: dict[str, str] = {}
        self.told: dict[str, str] = {}
        self._claimed = 0
        self._claims: dict[Partition, _Claim] = {}
        self._past_ids: set[str] = set()  # of topics that are gone: brokers that lag behind still name them

    def add(self, point: StartingPoint, topic_id: str, cut_at: int = -1) -> Assigned:
        """Claim a partition, in place of an earlier claim of it; `cut_at`: see Assigned."""
        partition = (point.topic, point.partition)
        self._claimed += 1
        self.numbers[partition] = self._claimed
        self.topics[point.topic] = topic_id or self.topics.get(point.topic, "")
        self._claims[partition] = _Claim(point.offset, point.leader_epoch, topic_id)
        position = point.offset if point.offset >= 0 else None
        return Assigned(self._claimed, *partition, position, point.metadata, point.leader_epoch, topic_id, cut_at)

    def remove(self, partitions: Iterable[Partition]) -> frozenset[int]:
        """These are ours no more; returns their claims."""
        gone = []
        for partition in partitions:
            self._claims.pop(partition, None)
            gone.append(self.numbers.pop(partition, None))
        return frozenset(claim for claim in gone if claim is not None)

    def move(self, partition: Partition, offset: int, leader_epoch: int) -> None:
        """The client is told to read this claim from another offset on."""
        claim = self._claims.get(partition)
        if claim is not None:
            self._claims[partition] = _Claim(offset, leader_epoch, claim.topic_id)

    def began_at(self, partition: Partition) -> tuple[int, int]:
        """The offset and leader epoch from which the client reads; both negative if they are not known."""
        claim = self._claims.get(partition)
        return (-1, -1) if claim is None else claim[:2]

    def topic_id(self, partition: Partition) -> str:
        """The id of the topic that is read; empty if it is not known."""
        claim = self._claims.get(partition)
        return "" if claim is None else claim.topic_id

    def of_topic(self, topic: str) -> list[Partition]:
        """The partitions of one topic."""
        return [partition for partition in self.numbers if partition[0] == topic]

    def hear(self, topic: str, topic_id: str, was: str = "") -> tuple[frozenset[int], bool]:
        """The client has told the id under which it reads a topic from now on; `was` is what it told before.

        Only what it has read under itself is known to be gone: the first broker that it asks may lag behind the one
        that told us an id. Returns the claims of which none was known, which have it from now on, and whether others
        are of another topic.
        """
        if topic_id not in self._past_ids:
            self._past_ids |= {was} - {"", topic_id}
            self.told[topic] = topic_id
        return self.identify(topic, topic_id), any(self.topic_id(each) != topic_id for each in self.of_topic(topic))

    def identify(self, topic: str, topic_id: str) -> frozenset[int]:
        """A topic has this id now. The claims of which none was known before; they have it from now on."""
        if not self.current(topic_id):
            return frozenset()
        nameless = [partition for partition in self.of_topic(topic) if not self.topic_id(partition)]
        for partition in nameless:
            self._claims[partition] = _Claim(*self.began_at(partition), topic_id)
            self.topics[topic] = topic_id
        return frozenset(self.numbers[partition] for partition in nameless)

    def current(self, topic_id: str) -> str:
        """The id that brokers told; empty where it is that of a topic which is gone."""
        return "" if topic_id in self._past_ids else topic_id
