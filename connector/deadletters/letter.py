"""A dead letter as it is read back: where it came from, why it failed, and the record it was. Pure.

Anybody may write to the topic: whatever a record's headers hold, reading it raises nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from connector.kafka import dead_letter
from connector.kafka.dead_letter import MAX_INT32, MAX_INT64, whole_number
from connector.model import Headers, Reason, Record

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
# What a reason may look like, those of later versions among them.
_REASON = re.compile(r"[a-z][a-z_-]{0,63}")
_REASONS = frozenset(Reason)


class LetterPlace(NamedTuple):
    """Where a record lies in its topic."""

    partition: int
    offset: int

    def address(self, topic: str) -> str:
        """`topic/partition/offset`."""
        return f"{topic}/{self.partition}/{self.offset}"


class DeadLetter(NamedTuple):
    """One letter, its headers read; its own key, value and headers are the failed record's.

    `failed_at` is in seconds since the epoch. `route` and `method` are None where the event failed before routing.
    `reason` is a Reason's text, or a word that only a later version knows. `timestamp` is the failed record's, in
    milliseconds (None: the letter does not tell). `fingerprint` is that of the failed record where it is part of the
    letter's identity, else empty: letters of older versions.
    """

    place: LetterPlace
    topic: str  # the record's, as are partition and offset
    partition: int
    offset: int
    sink: str
    route: str | None
    method: str | None
    reason: str
    stage: str
    message: str
    status: int | None
    attempts: int
    failed_at: float
    replays: int
    timestamp: int | None = None
    fingerprint: str = ""

    @property
    def origin(self) -> str:
        """`topic/partition/offset` of the record that failed."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def identity(self) -> bytes:
        """What makes two letters the same one, and a receipt theirs."""
        return self.identity_by(self.route)

    @property
    def reason_known(self) -> bool:
        """Whether this version has a rule for letters of this reason."""
        return self.reason in _REASONS

    def identity_by(self, route: str | None) -> bytes:
        """The identity that a letter of the same event, sink and this route has."""
        older = self.older_identity_by(route)
        if not self.fingerprint:
            return older
        text = f"2:{self.topic}/{self.partition}/{self.offset}/{self.sink}/{self.fingerprint}"
        return (text if route is None else f"{text}/{route}").encode()

    def older_identity_by(self, route: str | None) -> bytes:
        """The same by the rule of older versions, which cannot tell two lives of a topic apart."""
        return identity(self.topic, self.partition, self.offset, self.sink, route)


class Flaw(NamedTuple):
    """Why a record of the dead-letter topic is no letter: a header, and what is wrong with it (never its value)."""

    header: str
    what: str

    def __str__(self) -> str:
        return f"header {self.header} {self.what}"


def identity(topic: str, partition: int, offset: int, sink: str, route: str | None) -> bytes:
    """The first kind of identity: `topic/partition/offset/sink` and `/route` where the event had come so far.

    The second kind is `2:topic/partition/offset/sink/FINGERPRINT`, and `/route` likewise. Neither a topic nor a sink
    has a slash or a colon in its name, and the route comes last: no two identities read the same.
    """
    text = f"{topic}/{partition}/{offset}/{sink}"
    return (text if route is None else f"{text}/{route}").encode()


def fingerprint(record: Record) -> str:
    """8 hex of SHA-256 over a record's timestamp, key, value and headers: tells two lives of a topic apart.

    The same before a letter is written and after it is read: of headers that cannot be represented neither has any.
    """
    return _fingerprint(record.timestamp, record.key, record.value, record.headers)


def _fingerprint(timestamp: int, key: bytes | None, value: bytes | None, headers: Headers) -> str:
    parts: list[bytes | None] = [b"%d" % timestamp, key, value]
    for name, brought in headers:
        parts += (name.encode("utf-8", "surrogatepass"), brought)
    # Each with its length, so that no two records run into one text.
    lengths = b"".join([b"-" if part is None else b"%d:%b" % (len(part), part) for part in parts])
    return hashlib.sha256(lengths).hexdigest()[:8]


def digest(identity: bytes) -> bytes:
    """16 bytes that stand for an identity in memory."""
    return hashlib.blake2b(identity, digest_size=16).digest()


def read_letter(record: Record) -> DeadLetter | None:
    """The letter that a record of the dead-letter topic is; None if the connector did not write it."""
    found = examine(record)
    return None if isinstance(found, Flaw) else found


def examine(record: Record) -> DeadLetter | Flaw:
    """The letter that a record of the dead-letter topic is, or why it is none."""
    try:
        return _read(record)
    except _FlawError as error:
        return error.flaw


def failed_record(letter: DeadLetter, record: Record) -> Record:
    """The record as it was when it failed: what the connector added to it is taken away again."""
    return record._replace(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        timestamp=record.timestamp if letter.timestamp is None else letter.timestamp,
        headers=record.headers[: dead_letter.first_added(record.headers)],
    )


def moment(text: str) -> float | None:
    """Seconds since the epoch of an ISO 8601 time with a zone, within the calendar; None if it is none."""
    try:
        told = datetime.fromisoformat(text)
        # A time without a zone is no moment, and one at the calendar's edge has no place in UTC.
        return None if told.tzinfo is None else told.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None


class _FlawError(Exception):
    """A header is wrong."""

    def __init__(self, header: str, what: str) -> None:
        super().__init__(header, what)
        self.flaw = Flaw(header, what)


_Added = Mapping[str, bytes | None]


def _read(record: Record) -> DeadLetter:
    brought = dead_letter.first_added(record.headers)
    told = dict(record.headers[brought:])
    timestamp, mark = _timestamp(told), ""
    if _second_identity(told):
        at = record.timestamp if timestamp is None else timestamp
        mark = _fingerprint(at, record.key, record.value, record.headers[:brought])
    return DeadLetter(
        LetterPlace(record.partition, record.offset),
        _name(told, dead_letter.TOPIC),
        _number(told, dead_letter.PARTITION, MAX_INT32),
        _number(told, dead_letter.OFFSET, MAX_INT64),
        _name(told, dead_letter.SINK),
        _text(told, dead_letter.ROUTE) if told.get(dead_letter.ROUTE) is not None else None,
        _shown(told, dead_letter.METHOD) if told.get(dead_letter.METHOD) is not None else None,
        _reason(told),
        _shown(told, dead_letter.STAGE),
        _shown(told, dead_letter.MESSAGE),
        _number(told, dead_letter.STATUS, MAX_INT32) if told.get(dead_letter.STATUS) is not None else None,
        _number(told, dead_letter.ATTEMPTS, MAX_INT32) if told.get(dead_letter.ATTEMPTS) is not None else 0,
        _failed_at(told),
        _number(told, dead_letter.REPLAYS, MAX_INT32) if told.get(dead_letter.REPLAYS) is not None else 0,
        timestamp,
        mark,
    )


def _text(told: _Added, header: str) -> str:
    """A header that is part of what makes a letter this one, and must come out as it went in."""
    value = told.get(header)
    if value is None:
        raise _FlawError(header, "is missing")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise _FlawError(header, "is not UTF-8") from None


def _name(told: _Added, header: str) -> str:
    """The name of a topic or sink."""
    text = _text(told, header)
    if _TOPIC.fullmatch(text) is None:
        raise _FlawError(header, "is no name: letters, digits, dots, - and _")
    return text


def _shown(told: _Added, header: str) -> str:
    """A header that is only shown."""
    return (told.get(header) or b"").decode("utf-8", "replace")


def _number(told: _Added, header: str, most: int) -> int:
    if told.get(header) is None:
        raise _FlawError(header, "is missing")
    number = whole_number(told.get(header), most)
    if number is None:
        raise _FlawError(header, f"is no whole number from 0 to {most}")
    return number


def _reason(told: _Added) -> str:
    text = _text(told, dead_letter.REASON)
    if _REASON.fullmatch(text) is None:
        raise _FlawError(dead_letter.REASON, "is no reason")
    return text


def _failed_at(told: _Added) -> float:
    at = moment(_text(told, dead_letter.FAILED_AT))
    if at is None:
        raise _FlawError(dead_letter.FAILED_AT, "is no ISO 8601 time with a zone")
    return at


def _timestamp(told: _Added) -> int | None:
    value = told.get(dead_letter.TIMESTAMP)
    if value is None:
        return None
    below = value.startswith(b"-")
    number = whole_number(value.removeprefix(b"-"), MAX_INT64 + below)
    if number is None:
        raise _FlawError(dead_letter.TIMESTAMP, "is no whole number of 64 bits")
    return -number if below else number


def _second_identity(told: _Added) -> bool:
    """Whether the failed record's fingerprint is part of the letter's identity.

    A letter of a rule that only a later version knows is none of ours: what closes it is not known.
    """
    value = told.get(dead_letter.IDENTITY)
    if value is not None and value != b"%d" % dead_letter.IDENTITY_NOW:
        raise _FlawError(dead_letter.IDENTITY, "is of a later version")
    return value is not None
