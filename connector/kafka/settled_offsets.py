"""What a group has committed as settled: for whoever must know which offsets of a partition are, without owning it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from confluent_kafka import TopicPartition

from connector.kafka import commit_metadata
from connector.kafka.group_offsets import open_group
from connector.kafka.owned_partitions import Partition


class SettledOffsets(NamedTuple):
    """The offsets of one partition that are settled: those below `position`, and those in `above`."""

    position: int
    above: frozenset[int]

    def has(self, offset: int) -> bool:
        """True if the offset is settled."""
        return offset < self.position or offset in self.above

    def count_between(self, first: int, last: int) -> int:
        """Return how many offsets from `first` to `last` are settled, both included."""
        below = min(self.position, last + 1) - first
        return max(0, below) + sum(max(first, self.position) <= offset <= last for offset in self.above)


def settled_offsets(group: str, topic: str, partition: int, position: int, metadata: str | None) -> SettledOffsets:
    """Return what a commit says is settled."""
    committed = commit_metadata.decode(group, topic, partition, position, metadata)
    settled = None if committed is None else committed.settled
    return SettledOffsets(position, frozenset() if settled is None else frozenset(settled.offsets(position)))


def read_settled_offsets(
    conf: Mapping[str, Any], group: str, partitions: Iterable[Partition], timeout: float
) -> dict[Partition, SettledOffsets]:
    """Return what `group` has committed, for those of these partitions in which it has.

    Blocks for `timeout` seconds at most. Raises ConnectorError where the brokers do not answer, or refuse it.
    """
    wanted = [TopicPartition(*each) for each in partitions]
    if not wanted:
        return {}
    with open_group(conf, group) as offsets:
        found = offsets.committed_of(wanted, timeout)
    return {
        (each.topic, each.partition): settled_offsets(group, each.topic, each.partition, each.offset, each.metadata)
        for each in found
        if each.offset >= 0
    }
