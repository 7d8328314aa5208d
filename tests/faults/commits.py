"""Every commit of a group with its time, read from `__consumer_offsets`, whose records are decoded here.

The formats are those of Kafka's `OffsetCommitKey.json` and `OffsetCommitValue.json` (group coordinator, versions 0-1
and 0-4); both group protocols write them.
"""

from __future__ import annotations

import re
import struct
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from tests.faults.ends import ends_of

TOPIC = "__consumer_offsets"
_TIMEOUT = 10.0
# The connector's metadata (see connector.kafka.commit_metadata.py), decoded by other code than the product's.
_METADATA = (
    re.compile(r"(?P<version>[12])\.[0-9a-f]{8}\.[0-9a-f]{8}\.(?P<bits>[A-Za-z0-9_-]+)"),
    re.compile(
        r"[34]\.[0-9a-f]{8}\.[^.]+\.-?[0-9]+\.(?P<first>[01])\.[0-9a-f]{8}\.(?P<bits>[A-Za-z0-9_-]*)"
        r"(\.(?P<parts>[A-Za-z0-9_-]+))?"
    ),
)


class Commit(NamedTuple):
    """One commit of one partition. `at` is the coordinator's time, seconds since the epoch (in milliseconds' steps)."""

    group: str
    topic: str
    partition: int
    position: int
    metadata: str
    at: float

    def settled_above(self) -> set[int]:
        """The offsets above the position that the metadata says are settled."""
        said = self._said()
        first = int(said["first"]) if "first" in said else 2 - int(said.get("version", 1))
        bits = _bits(said.get("bits", ""))
        return {self.position + first + at for at, bit in enumerate(bits) if bit == "1"}

    def settled_in_part(self) -> dict[int, set[int]]:
        """The offsets of which it says that some routes are settled, with the tags of these."""
        found: dict[int, set[int]] = {}
        for tag, offset, _ in self._settled_parts():
            found.setdefault(offset, set()).add(tag)
        return found

    def settled_elements(self) -> dict[int, set[int]]:
        """The same where one route makes many items of an event: the numbers of those that are settled, from 1."""
        return {
            offset: {number for number in range(bits.bit_length()) if bits >> number & 1}
            for _, offset, bits in self._settled_parts()
        }

    def _settled_parts(self) -> Iterator[tuple[int, int, int]]:
        parts = self._said().get("parts")
        for tag, above, bits in _parts(_bits(parts)) if parts else ():
            yield tag, self.position + above, bits

    def _said(self) -> dict[str, str]:
        for form in _METADATA:
            match = form.fullmatch(self.metadata)
            if match is not None:
                return {name: text for name, text in match.groupdict().items() if text is not None}
        return {}


def _bits(text: str) -> str:
    octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return "".join(f"{octet:08b}" for octet in octets)


def _parts(bits: str) -> Iterator[tuple[int, int, int]]:
    """Each route's tag, offset above the position, and settled parts as bits (see connector.kafka.part_bits)."""
    stream = iter(bits)

    def number(length: int) -> int:
        value = 0
        for _ in range(length):
            value = 2 * value + int(next(stream))
        return value

    def gamma() -> int:
        length = 0
        while next(stream) == "0":
            length += 1
        return (1 << length) + number(length)

    for _ in range(gamma()):
        tag, records, shift, at = number(32), gamma(), number(6), -1
        for _ in range(records):
            while next(stream) == "1":
                at += 1 << shift
            at += number(shift) + 1
            digits = gamma() - 1
            yield tag, at, 1 << digits | number(digits)


class CommitLog:
    """The commits made since this was created, in the order of their making. Blocks: call it in a thread."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._begin = self._ends()

    def read(self, prefix: str) -> list[Commit]:
        """All commits of the groups whose names begin so."""
        consumer = self._consumer()
        try:
            ends = {partition: end for partition, end in self._ends().items() if end > self._begin.get(partition, 0)}
            consumer.assign([TopicPartition(TOPIC, each, self._begin.get(each, 0)) for each in ends])
            commits = []
            for key, value in _records(consumer, ends):
                commit = decode(key, value)
                if commit is not None and commit.group.startswith(prefix):
                    commits.append(commit)
            return commits
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        # Commits are written as transactions are: what is read up to is the log's end, not the last stable offset.
        return Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "faults.reading-commits",
                "enable.auto.commit": False,
                "isolation.level": "read_uncommitted",
                "auto.offset.reset": "earliest",
            }
        )

    def _ends(self) -> dict[int, int]:
        consumer = self._consumer()
        try:
            found = consumer.list_topics(TOPIC, timeout=_TIMEOUT).topics[TOPIC]
            return {each: ends_of(consumer, TopicPartition(TOPIC, each))[1] for each in found.partitions}
        finally:
            consumer.close()


def _records(consumer: Consumer, ends: dict[int, int]) -> Iterator[tuple[bytes, bytes | None]]:
    waiting = dict(ends)
    deadline = time.monotonic() + _TIMEOUT
    while waiting:
        assert time.monotonic() < deadline, f"{TOPIC} was not read to its end within {_TIMEOUT} s: {waiting}"
        for message in consumer.consume(1000, 0.1):  # waits that long for a thousand, however many have come
            assert message.error() is None, message.error()
            partition: Any = message.partition()  # a record has them; the types allow for what was never sent
            offset: Any = message.offset()
            if offset >= ends[partition] - 1:
                waiting.pop(partition, None)
            if offset < ends[partition]:
                key: Any = message.key()
                value: Any = message.value()
                yield key, value


def decode(key: bytes, value: bytes | None) -> Commit | None:
    """The commit that a record of the topic is; None for group metadata and for deleted offsets."""
    if value is None or struct.unpack_from(">h", key)[0] > 1:
        return None
    group, at = _string(key, 2)
    topic, at = _string(key, at)
    (partition,) = struct.unpack_from(">i", key, at)
    version, position = struct.unpack_from(">hq", value)
    at = 14 if version >= 3 else 10  # from version 3 on with the leader's epoch
    metadata, at = _compact_string(value, at) if version >= 4 else _string(value, at)
    (milliseconds,) = struct.unpack_from(">q", value, at)
    return Commit(group, topic, partition, position, metadata, milliseconds / 1000)


def _string(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">h", data, at)
    return data[at + 2 : at + 2 + length].decode(), at + 2 + length


def _compact_string(data: bytes, at: int) -> tuple[str, int]:
    """A string whose length plus one stands before it in groups of seven bits, the lowest first."""
    length = shift = 0
    while True:
        octet = data[at]
        at += 1
        length |= (octet & 0x7F) << shift
        shift += 7
        if octet < 0x80:
            break
    length -= 1
    return data[at : at + length].decode(), at + length
