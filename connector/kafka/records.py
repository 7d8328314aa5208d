"""The one place where the client's messages become records: whatever a topic holds, reading it raises nothing."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Message

from connector.model import Headers, Record


def record_of(message: Message, claim: int = 0, read_at: float = 0.0) -> Record:
    """The record that a message without an error holds."""
    # A message has a topic, a partition and an offset; the client's types allow for one that was never sent.
    topic: Any = message.topic()
    partition: Any = message.partition()
    offset: Any = message.offset()
    epoch = message.leader_epoch()
    return Record(
        topic,
        partition,
        offset,
        message.timestamp()[1],
        message.key(),
        message.value(),
        _headers(message),
        claim,
        read_at,
        -1 if epoch is None else epoch,
    )


def _headers(message: Message) -> Headers:
    found: Any = message.headers()
    return tuple(found) if found else ()
