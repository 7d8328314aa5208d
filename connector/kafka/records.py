"""Turns the client's messages into records: whatever a topic holds, reading it raises nothing.

Other producers write header names that the client cannot return. Where a name is not UTF-8, `headers()` makes a list
with a hole for that name, keeps it, and returns it with an exception set; a NUL ends a name for the client, without an
error.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, NamedTuple

from confluent_kafka import Message

from connector.kafka.librdkafka import header_sizes, serialised
from connector.model import Headers, Record

NOT_UTF8 = "a header's name is not UTF-8"
CUT = "a header's name holds a NUL"
TOO_MANY = "it has {:,} headers, more than a dead letter can hold"
# The client shows a record of more than 100,000 headers as one without; a letter adds its own to the event's.
MAX_HEADERS = 99_900

# Calls headers() in such a way that the interpreter checks whether an exception is set. In an expression
# `message.headers()` that it has specialised it does not: the list would be returned with its hole, and to look into
# that ends the process.
_call: Any = Message.headers
_checked_headers: Callable[[Message], Any] = _call.__call__
# The size of a message's headers: 0 where it has none, -1 where that is unknown. To be called before its headers().
size_of = header_sizes()


class Address(NamedTuple):
    """The topic, partition and offset of a record, written `topic/partition/offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def parse_address(text: str) -> Address:
    """Return the address that a text is. Raises ValueError, saying what would be right."""
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if not topic or not (partition.isascii() and partition.isdigit()) or not (offset.isascii() and offset.isdigit()):
        raise ValueError(f"{text!r} is no address: topic/partition/offset, such as shop.orders/3/1204")
    return Address(topic, int(partition), int(offset))


def record_of(message: Message) -> Record:
    """Return the record that a message without an error holds, for a reader that owns no partition: epoch 0."""
    # A message has a topic, a partition and an offset; the client's types allow for one that was never sent.
    topic: Any = message.topic()
    partition: Any = message.partition()
    return record_at(topic, partition, message, 0, 0.0)


def record_at(topic: str, partition: int, message: Message, epoch: int, read_at: float) -> Record:
    """Return the record of an owned partition; `read_at` is in monotonic seconds.

    The caller knows topic and partition already, and each costs a call.
    """
    offset: Any = message.offset()
    leader_epoch = message.leader_epoch()
    headers: Headers = ()
    damage = ""
    size = size_of(message)  # before headers() is called
    try:
        found: Any = _checked_headers(message) if size else message.headers()
    except Exception:  # noqa: BLE001 - whatever the client makes of foreign bytes
        headers, damage = _legible(message)
    else:
        if found:
            headers, damage = _checked(found, size)
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


def _checked(found: list[tuple[str, bytes | None]], size: int) -> tuple[Headers, str]:
    """Return what headers() gave, and what is wrong with it ("": nothing); `size` is what size_of() returned."""
    shown = 2 * len(found)  # the least that they take: a byte for each length, a byte for each character
    for name, value in found:
        shown += len(name) + len(value) if value else len(name)
    if shown < size and serialised(found) < size:
        return tuple(found), CUT
    if len(found) > MAX_HEADERS:
        return tuple(found[:MAX_HEADERS]), TOO_MANY.format(len(found))
    return tuple(found), ""


def _legible(message: Message) -> tuple[Headers, str]:
    """Return the headers of a message whose headers() has raised: those whose name is UTF-8; raises nothing.

    A pair without its name must not be looked into (its slot holds a null pointer, not None); the garbage collector
    can count what a pair holds without doing so.
    """
    try:
        kept: Any = message.headers()
    except Exception:  # noqa: BLE001 - a client that keeps nothing
        kept = ()
    pairs = [pair for pair in kept or () if len(gc.get_referents(pair)) == 2]
    return tuple(pairs[:MAX_HEADERS]), NOT_UTF8
