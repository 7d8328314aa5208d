"""One partition's committed offset of a group that nobody is a member of: read, and committed by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connector.errors import ConnectorError

TIMEOUT_SECONDS = 15.0
# Settings of a member's that mean something else, or nothing, to a client that is none.
_OF_MEMBERS = ("group.protocol", "group.remote.assignor", "group.instance.id")


class Committed(NamedTuple):
    """What a group has committed for a partition, and the metadata with it."""

    position: int
    metadata: str


class GroupOffsets:
    """Of one group. Blocking; the client joins nothing. Raises ConnectorError where the brokers do not answer."""

    def __init__(self, consumer: Consumer, group: str) -> None:
        self._consumer = consumer
        self._group = group

    def committed(self, topic: str, partition: int) -> Committed | None:
        """What is committed there; None where nothing is."""
        try:
            (found,) = self._consumer.committed([TopicPartition(topic, partition)], timeout=TIMEOUT_SECONDS)
            if found.error is not None:
                raise KafkaException(found.error)
        except KafkaException as error:
            raise ConnectorError(f"what group {self._group} has committed: {error.args[0].str()}") from error
        return None if found.offset < 0 else Committed(found.offset, found.metadata or "")

    def edges(self, topic: str, partition: int) -> tuple[int, int]:
        """The lowest offset of the partition, and one past the highest."""
        try:
            edges: tuple[int, int] = self._consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=TIMEOUT_SECONDS
            )
        except KafkaException as error:
            raise ConnectorError(f"{topic}/{partition}: {error.args[0].str()}") from error
        return edges

    def commit(self, topic: str, partition: int, to: Committed) -> None:
        """Commit; the brokers take it only while the group has no member."""
        place = TopicPartition(topic, partition, to.position, to.metadata)
        try:
            self._consumer.commit(offsets=[place], asynchronous=False)
        except KafkaException as error:
            why = error.args[0]
            if why.code() == KafkaError.UNKNOWN_MEMBER_ID:
                raise ConnectorError(
                    f"a member has joined group {self._group} meanwhile: stop it and try again"
                ) from error
            raise ConnectorError(f"group {self._group}: {why.str()}") from error


@contextmanager
def open_group(conf: Mapping[str, Any], group: str) -> Iterator[GroupOffsets]:
    """A group's offsets, by a client that is closed at the end."""
    settings = {name: value for name, value in conf.items() if name not in _OF_MEMBERS}
    consumer = Consumer(
        {
            **settings,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "log_level": 0,  # what is wrong is said by the error that ends the call
        }
    )
    try:
        yield GroupOffsets(consumer, group)
    finally:
        consumer.close()
