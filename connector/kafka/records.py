"""The one place where the client's messages become records: whatever a topic holds, reading it raises nothing."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Message

from connector.kafka.headers import ask, checked, legible, size_of
from connector.model import Headers, Record


def record_of(message: Message) -> Record:
    """The record that a message without an error holds, read without a epoch."""
    # A message has a topic, a partition and an offset; the client's types allow for one that was never sent.
    topic: Any = message.topic()
    partition: Any = message.partition()
    return record_at(topic, partition, message, 0, 0.0)


def record_at(topic: str, partition: int, message: Message, epoch: int, read_at: float) -> Record:
    """The record of a claimed partition. Who calls knows topic and partition already: they cost a call each."""
    offset: Any = message.offset()
    leader_epoch = message.leader_epoch()
    headers: Headers = ()
    damage = ""
    size = size_of(message)  # before headers() is called
    try:
        found: Any = ask(message) if size else message.headers()
    except Exception:  # noqa: BLE001 - whatever the client makes of foreign bytes
        headers, damage = legible(message)
    else:
        if found:
            headers, damage = checked(found, size)
    return Record(
        topic,
        partition,
        offset,
        message.timestamp()[1],
        message.key(),
        message.value(),
        headers,
        epoch,
        read_at,
        -1 if leader_epoch is None else leader_epoch,
        damage,
    )
