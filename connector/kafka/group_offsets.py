"""Reads and commits the offset of one partition for a group that has no member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connector.errors import ConnectorError
from connector.kafka.positions import known_leader_epoch, topic_partition

TIMEOUT_SECONDS = 15.0
# Settings that mean something else, or nothing, to a client that is no member.
_OF_MEMBERS = ("group.protocol", "group.remote.assignor", "group.instance.id")


class Committed(NamedTuple):
    """The position that a group has committed for a partition, its metadata, and Kafka's leader epoch (-1: none)."""

    position: int
    metadata: str
    leader_epoch: int = -1


class GroupOffsets:
    """The offsets of one group. Calls block, join nothing, and raise ConnectorError where the brokers do not answer."""

    def __init__(self, consumer: Consumer, group: str) -> None:
        self._consumer = consumer
        self._group = group

    def committed(self, topic: str, partition: int) -> Committed | None:
        """Return what is committed for a partition; None where nothing is."""
        (found,) = self.committed_of([TopicPartition(topic, partition)])
        if found.offset < 0:
            return None
        return Committed(found.offset, found.metadata or "", known_leader_epoch(found.leader_epoch))

    def committed_of(
        self, partitions: Sequence[TopicPartition], timeout: float = TIMEOUT_SECONDS
    ) -> list[TopicPartition]:
        """Return what is committed for each partition, with a negative offset where nothing is."""
        try:
            found: list[TopicPartition] = self._consumer.committed(list(partitions), timeout=timeout)
            for each in found:
                if each.error is not None:
                    raise KafkaException(each.error)
        except KafkaException as error:
            raise ConnectorError(f"what group {self._group} has committed: {error.args[0].str()}") from error
        return found

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the lowest offset of the partition, and one past the highest."""
        try:
            watermarks: tuple[int, int] = self._consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=TIMEOUT_SECONDS
            )
        except KafkaException as error:
            raise ConnectorError(f"{topic}/{partition}: {error.args[0].str()}") from error
        return watermarks

    def commit(self, topic: str, partition: int, to: Committed) -> None:
        """Commit; the brokers accept it only while the group has no member."""
        offset = topic_partition(topic, partition, to.position, to.leader_epoch, to.metadata)
        try:
            self._consumer.commit(offsets=[offset], asynchronous=False)
        except KafkaException as error:
            why = error.args[0]
            if why.code() == KafkaError.UNKNOWN_MEMBER_ID:
                raise ConnectorError(
                    f"a member has joined group {self._group} meanwhile: stop it and try again"
                ) from error
            raise ConnectorError(f"group {self._group}: {why.str()}") from error


@contextmanager
def open_group(conf: Mapping[str, Any], group: str) -> Iterator[GroupOffsets]:
    """Yield a group's offsets; the client is closed at the end."""
    settings = {name: value for name, value in conf.items() if name not in _OF_MEMBERS}
    consumer = Consumer(
        {
            **settings,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "log_level": 0,  # a problem is reported once, by the error that ends the call
        }
    )
    try:
        yield GroupOffsets(consumer, group)
    finally:
        consumer.close()
