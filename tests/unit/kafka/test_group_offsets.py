"""What a client that is no member reads and commits of a group's offsets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from confluent_kafka import TopicPartition

from connector.kafka.group_offsets import Committed, GroupOffsets


class Client:
    """A client whose group has one offset."""

    def __init__(self) -> None:
        self.offset = TopicPartition("users", 0, 7, "metadata", 3)

    def committed(self, _: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [self.offset]

    def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        (self.offset,) = offsets


def test_kafkas_leader_epoch_is_read_and_committed_with_the_position() -> None:
    """Without it the next assignment could not notice that the log was truncated."""
    client: Any = Client()
    offsets = GroupOffsets(client, "crm.mytracker")
    assert offsets.committed("users", 0) == Committed(7, "metadata", 3)
    offsets.commit("users", 0, Committed(8, "", 4))
    assert (client.offset.offset, client.offset.leader_epoch) == (8, 4)
    assert offsets.committed("users", 0) == Committed(8, "", 4)
    offsets.commit("users", 0, Committed(9, ""))
    assert offsets.committed("users", 0) == Committed(9, "", -1)
