"""A dead letter as it is read back: where it came from, why it failed, and the record it was. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

from connector.kafka import letters
from connector.model import Headers, Reason, Record


class Place(NamedTuple):
    """Where a record lies in its topic."""

    partition: int
    offset: int

    def address(self, topic: str) -> str:
        """`topic/partition/offset`."""
        return f"{topic}/{self.partition}/{self.offset}"


class DeadLetter(NamedTuple):
    """One letter, its headers read; its own key, value and headers are the failed record's.

    `failed_at` is in seconds since the epoch. `route` and `method` are None where the event failed before routing.
    """

    place: Place
    topic: str  # the record's, as are partition and offset
    partition: int
    offset: int
    sink: str
    route: str | None
    method: str | None
    reason: Reason
    stage: str
    message: str
    status: int | None
    attempts: int
    failed_at: float
    replays: int

    @property
    def origin(self) -> str:
        """`topic/partition/offset` of the record that failed."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def identity(self) -> bytes:
        """What makes two letters the same one, and a receipt theirs."""
        return identity(self.topic, self.partition, self.offset, self.sink, self.route)


def identity(topic: str, partition: int, offset: int, sink: str, route: str | None) -> bytes:
    """The key of a receipt: `topic/partition/offset/sink` and `/route` where the event had come so far.

    Neither a topic nor a sink has a slash in its name, so no two identities read the same.
    """
    text = f"{topic}/{partition}/{offset}/{sink}"
    return (text if route is None else f"{text}/{route}").encode()


def digest(identity: bytes) -> bytes:
    """16 bytes that stand for an identity in memory."""
    return hashlib.blake2b(identity, digest_size=16).digest()


def read_letter(record: Record) -> DeadLetter | None:
    """The letter that a record of the dead-letter topic is; None if the connector did not write it."""
    headers = record.headers
    get = dict(headers[_first_added(headers) :]).get
    try:
        route, method, status = get(letters.ROUTE), get(letters.METHOD), get(letters.STATUS)
        return DeadLetter(
            Place(record.partition, record.offset),
            _text(get(letters.TOPIC)),
            int(_text(get(letters.PARTITION))),
            int(_text(get(letters.OFFSET))),
            _text(get(letters.SINK)),
            None if route is None else route.decode("utf-8", "replace"),
            None if method is None else method.decode("utf-8", "replace"),
            Reason(_text(get(letters.REASON))),
            (get(letters.STAGE) or b"").decode("utf-8", "replace"),
            (get(letters.MESSAGE) or b"").decode("utf-8", "replace"),
            None if status is None else int(status),
            int(get(letters.ATTEMPTS) or 0),
            datetime.fromisoformat(_text(get(letters.FAILED_AT))).timestamp(),
            int(get(letters.REPLAYS) or 0),
        )
    except ValueError:
        return None


def failed_record(letter: DeadLetter, record: Record) -> Record:
    """The record as it was when it failed: what the connector added to it is taken away again."""
    return record._replace(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        timestamp=_timestamp(record),
        headers=record.headers[: _first_added(record.headers)],
    )


def _first_added(headers: Headers) -> int:
    """Where the connector's headers begin: at the last topic, for the event may have brought some of the names."""
    for index in range(len(headers) - 1, -1, -1):
        if headers[index][0] == letters.TOPIC:
            return index
    return len(headers)


def _timestamp(record: Record) -> int:
    """The failed record's; the letter's own where the letter does not tell."""
    told = letters.last_header(record.headers, letters.TIMESTAMP)
    return int(told) if told is not None and told.lstrip("-").isdigit() else record.timestamp


def _text(value: bytes | None) -> str:
    """Of a header that every letter has. Raises ValueError where it is missing."""
    if value is None:
        raise ValueError("no letter of ours")
    return value.decode("utf-8", "replace")
