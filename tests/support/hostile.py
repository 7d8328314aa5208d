"""Records that nobody would write on purpose, drawn by lot from a seed: what a topic may hold, whoever writes to it."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import Producer

from connector.model import Headers
from tests.support.foreign import ForeignProducer, ForeignRecord

FOREVER = 2**63 - 1
# Lets every timestamp in, and deletes nothing for its age.
ANY_TIME = {
    "message.timestamp.type": "CreateTime",
    "message.timestamp.before.max.ms": str(FOREVER),
    "message.timestamp.after.max.ms": str(FOREVER),
    "retention.ms": "-1",
}
LIMIT = 1_048_588  # a topic's default max.message.bytes
LETTER_LIMIT = LIMIT + (64 << 10)
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
BLOCK = 36  # so many by one producer
_FRAMING = 600  # what lengths, numbers and the batch around a record may take

_NAMES = (b"", b"a", b"a", b"trace", "имя".encode(), b"\x01\x7f", b"\xef\xbb\xbf", b"n" * 30_000, b"connector.sink")
_FOREIGN_NAMES = (b"\xff", b"\xc3", b"a\xed\xa0\x80", b"\xff" * 30_000, b"__connect.errors.topic\xfe")
_CUT_NAMES = (b"a\0b", b"\0", b"trace\0", b"__connect.errors.topic\0", b"a\0\xff")
_BYTES = (None, b"", b"\0", b"\xff\xfe", b"text", "текст".encode(), b"v" * 5_000)
_KEYS = (None, b"", b"\0" * 8, b"\xff", b"key", b"other", b"k" * 10_000)
_TIMES = (0, 0, 1, FOREVER, 253_402_300_800_000, 10**15, -2, -(2**63))
_TRAPS = (
    *(b"", b" ", b"null", b"0", b'"text"', b"[]", b"[1]", b"{", b"}", b"\xff\xfe", b"\xef\xbb\xbf{}", b"\0" * 5),
    *(b'{"id":NaN}', b'{"id":"\\ud800"}', b'{"id":"\xed\xa0\x80"}', b'{"id":1e999}', b'{"id":null,"id":[]}'),
    *(b'{"id":' + b"9" * 5_000 + b"}", b"[" * 1_000, b"[" * 100_000, b'{"a":' * 300 + b"1" + b"}" * 300),
    *(b'{"id":{"id":1},"name":true}', b'{"\\u0000":"\\u0000"}'),
)


class Hostile(NamedTuple):
    """A record and its place. `user` names the event that it holds, if it holds one; `damage` what is not there of it.

    `headers` are those that can be read.
    """

    record: ForeignRecord
    offset: int
    user: str | None
    headers: Headers
    damage: str

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.record.partition, self.offset


def draw(seed: int, topic: str, partitions: int, count: int, *, keyed: bool = False) -> list[Hostile]:
    """So many records, every other one a good event, whose only fault may be what is written beside it.

    `keyed`: none is without a key, as a compacted topic wants it.
    """
    lot = random.Random(seed)
    ends = [0] * partitions
    drawn = []
    for number in range(count):
        partition = lot.randrange(partitions)
        foreign = number // BLOCK % 2 == 1  # what Python's producer would refuse
        headers = _headers(lot, foreign=foreign)
        key = lot.choice(_KEYS[1:] if keyed else _KEYS)
        room = LIMIT - _FRAMING - len(key or b"") - sum(len(name) + len(value or b"") + 8 for name, value in headers)
        user, value = _value(lot, number, room, good=number % 2 == 0 or lot.random() < 0.2)
        record = ForeignRecord(topic, partition, key, value, headers, lot.choice(_TIMES))
        drawn.append(Hostile(record, ends[partition], user, _legible(headers), _damage(headers)))
        ends[partition] += 1
    return drawn


def write(bootstrap: str, drawn: Sequence[Hostile]) -> None:
    """Write them in their order, block by block by either producer, compressed in every way."""
    for number, start in enumerate(range(0, len(drawn), BLOCK)):
        records = [each.record for each in drawn[start : start + BLOCK]]
        settings: dict[str, str | int] = {
            "bootstrap.servers": bootstrap,
            "compression.type": COMPRESSIONS[number // 2 % len(COMPRESSIONS)],
            "message.max.bytes": 2 * LIMIT,
            "batch.size": LIMIT // 4,
            "max.in.flight.requests.per.connection": 1,
            "linger.ms": 5,
        }
        if number % 2:
            with ForeignProducer(settings) as producer:
                producer.write(records)
        else:
            _write_by_python(settings, records)


def _write_by_python(settings: dict[str, str | int], records: Sequence[ForeignRecord]) -> None:
    producer = Producer(settings)
    failed: list[str] = []
    for record in records:
        producer.produce(
            record.topic,
            record.value,
            record.key,
            record.partition,
            headers=[(name.decode(), value) for name, value in record.headers],
            timestamp=record.timestamp,
            on_delivery=lambda error, _: failed.append(error.str()) if error is not None else None,
        )
    assert producer.flush(20) == 0
    assert not failed, failed


def _headers(lot: random.Random, *, foreign: bool) -> list[tuple[bytes, bytes | None]]:
    many = lot.random() < 0.05
    count = 300 if many else lot.choice((0, 0, 1, 2, 5))
    names = [lot.choice(_NAMES[:5] if many else _NAMES) for _ in range(count)]
    if foreign and lot.random() < 0.6:
        names.insert(lot.randint(0, len(names)), lot.choice(lot.choice((_FOREIGN_NAMES, _CUT_NAMES))))
    return [(name, lot.choice(_BYTES[:5] if many else _BYTES)) for name in names]


def _value(lot: random.Random, number: int, room: int, *, good: bool) -> tuple[str | None, bytes | None]:
    full = lot.random() < 0.03
    if not good:
        return None, lot.randbytes(room) if full else lot.choice((None, None, None, *_TRAPS))
    user = f"user-{number}"
    event = json.dumps({"id": user, "name": "event", "padding": "x" * lot.choice((0, 0, 0, 5_000))}).encode()
    return user, event.ljust(room) if full else event


def _legible(headers: Sequence[tuple[bytes, bytes | None]]) -> Headers:
    """As a C client shows them: up to a NUL, and only what is UTF-8."""
    found = []
    for name, value in headers:
        shown = name.partition(b"\0")[0]
        if shown == shown.decode("utf-8", "ignore").encode():
            found.append((shown.decode(), value))
    return tuple(found)


def _damage(headers: Sequence[tuple[bytes, bytes | None]]) -> str:
    if len(_legible(headers)) < len(headers):
        return "a header's name is not UTF-8"
    return "a header's name holds a NUL" if any(b"\0" in name for name, _ in headers) else ""
