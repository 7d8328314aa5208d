"""The dead letter, written and read: the failed record byte for byte, and headers that say why it failed. Pure.

Kafka Connect's header names are used where they mean the same, so that existing tools show them. Anybody may write to
the dead-letter topic: whatever a record's headers hold, reading it raises nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from connector.kafka.letter_elements import count_items, is_well_formed
from connector.model import Failure, Headers, Reason, Record

TOPIC = "__connect.errors.topic"
PARTITION = "__connect.errors.partition"
OFFSET = "__connect.errors.offset"
GROUP = "__connect.errors.connector.name"
STAGE = "__connect.errors.stage"
MESSAGE = "__connect.errors.exception.message"
SINK = "connector.sink"
ROUTE = "connector.route"
METHOD = "connector.method"
REASON = "connector.reason"
STATUS = "connector.status"
ATTEMPTS = "connector.attempts"
FAILED_AT = "connector.failed_at"
REPLAYS = "connector.replays"
# The failed record's own, in milliseconds (-1: none): the letter's is the time of its writing, by which retention goes.
TIMESTAMP = "connector.timestamp"
# Which elements of the event's list failed, where its route has `each`; see letter_elements.
ITEM = "connector.item"
# Which rule says that two letters are the same one; letters without it follow the first.
IDENTITY = "connector.identity"
IDENTITY_NOW = 2

MAX_HEADER_VALUE_BYTES = 1024
MAX_INT32 = 2**31 - 1
MAX_INT64 = 2**63 - 1
# Enough digits for 64 bits; longer numbers are not parsed at all.
_MAX_DIGITS = 19
_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
# The form of a reason, so that those of later versions are read, too.
_REASON = re.compile(r"[a-z][a-z_-]{0,63}")
_REASONS = frozenset(Reason)

# The headers that the connector added, by name.
_Added = Mapping[str, bytes | None]


class ProducedLetter(NamedTuple):
    """A dead letter as it is produced."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str | bytes | None]]


class LetterPlace(NamedTuple):
    """The partition and offset of a letter in the dead-letter topic."""

    partition: int
    offset: int

    def address(self, topic: str) -> str:
        """Return `topic/partition/offset`."""
        return f"{topic}/{self.partition}/{self.offset}"


class DeadLetter(NamedTuple):
    """One letter, its headers read; its own key, value and headers are the failed record's.

    `failed_at` is in seconds since the epoch. `route` and `method` are None where the event failed before routing.
    `reason` is a Reason's text, or one that only a later version knows. `timestamp` is the failed record's, in
    milliseconds (None: the letter does not say). `fingerprint` is that of the failed record where it is part of the
    letter's identity; empty in letters of older versions. `item` names the elements that failed (see letter_elements);
    empty where the event failed as a whole.
    """

    place: LetterPlace
    topic: str  # the failed record's, as are partition and offset
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
    item: str = ""

    @property
    def origin(self) -> str:
        """Return `topic/partition/offset` of the record that failed."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def identity(self) -> bytes:
        """Return what two letters share if they are the same one, and a receipt with its letter."""
        return self.identity_by(self.route)

    @property
    def items(self) -> int:
        """How many items it stands for."""
        return count_items(self.item, self.message)

    @property
    def reason_known(self) -> bool:
        """True if this version has a rule for letters of this reason."""
        return self.reason in _REASONS

    def identity_by(self, route: str | None) -> bytes:
        """Return the identity that a letter of the same event and sink and of this route has."""
        older = self.older_identity_by(route)
        if not self.fingerprint:
            return older
        text = f"2:{self.topic}/{self.partition}/{self.offset}/{self.sink}/{self.fingerprint}"
        return (text if route is None else f"{text}/{route}").encode()

    def older_identity_by(self, route: str | None) -> bytes:
        """Return the same by the rule of older versions, which cannot tell a topic from the one recreated after it."""
        return identity(self.topic, self.partition, self.offset, self.sink, route)


class RecentLetter(NamedTuple):
    """A letter as the flood guard counts it: its sink and reason, its failed record, and when it was written (seconds
    since the epoch)."""

    sink: str
    reason: str
    topic: str
    partition: int
    offset: int
    at: float


class Flaw(NamedTuple):
    """Why a record of the dead-letter topic is no letter: a header, and what is wrong with it (never its value)."""

    header: str
    what: str

    def __str__(self) -> str:
        return f"header {self.header} {self.what}"


# --- writing ------------------------------------------------------------------------------------------------------


def compose_letter(failure: Failure, *, group: str, sink: str, now: float, replays: int = 0) -> ProducedLetter:
    """Return the letter for a failure.

    `now` is in seconds since the epoch; `replays` is how often letters of this event were sent again.
    """
    record = failure.record
    added: list[tuple[str, str | int | None]] = [
        (TOPIC, record.topic),
        (PARTITION, record.partition),
        (OFFSET, record.offset),
        (GROUP, group),
        (STAGE, failure.stage),
        (MESSAGE, failure.message),
        (SINK, sink),
        (ROUTE, failure.route),
        (METHOD, failure.method),
        (REASON, failure.reason),
        (STATUS, failure.status),
        (ATTEMPTS, failure.attempts),
        (FAILED_AT, datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")),
        (REPLAYS, replays),
        (TIMESTAMP, record.timestamp),
        (IDENTITY, IDENTITY_NOW),
    ]
    headers: list[tuple[str, str | bytes | None]] = list(record.headers)
    headers += [(name, _encode(value)) for name, value in added if value is not None]
    if failure.elements is not None:  # never cut: it says what a replay sends
        headers.append((ITEM, failure.elements.named.encode()))
    return ProducedLetter(record.key, record.value, headers)


def _encode(value: str | int) -> bytes:
    encoded = str(value).encode("utf-8", "replace")
    return encoded[:MAX_HEADER_VALUE_BYTES].decode("utf-8", "ignore").encode()


# --- identities ---------------------------------------------------------------------------------------------------


def identity(topic: str, partition: int, offset: int, sink: str, route: str | None) -> bytes:
    """Return the first kind of identity: `topic/partition/offset/sink`, and `/route` where the event was routed.

    The second kind is `2:topic/partition/offset/sink/FINGERPRINT`, and `/route` likewise. Neither a topic nor a sink
    has a slash or a colon in its name, and the route comes last: no two identities read the same.
    """
    text = f"{topic}/{partition}/{offset}/{sink}"
    return (text if route is None else f"{text}/{route}").encode()


def digest(identity: bytes) -> bytes:
    """Return 16 bytes that stand for an identity in memory."""
    return hashlib.blake2b(identity, digest_size=16).digest()


def fingerprint(record: Record) -> str:
    """Return 8 hex digits of SHA-256 over a record's timestamp, key, value and headers.

    They tell a topic's record from that of the topic recreated after it, and are the same before a letter is written
    and after it is read: headers that a record cannot hold are missing in both.
    """
    return _fingerprint(record.timestamp, record.key, record.value, record.headers)


def _fingerprint(timestamp: int, key: bytes | None, value: bytes | None, headers: Headers) -> str:
    parts: list[bytes | None] = [b"%d" % timestamp, key, value]
    for name, content in headers:
        parts += (name.encode("utf-8", "surrogatepass"), content)
    # Each with its length, so that no two records make the same text.
    lengths = b"".join([b"-" if part is None else b"%d:%b" % (len(part), part) for part in parts])
    return hashlib.sha256(lengths).hexdigest()[:8]


# --- reading ------------------------------------------------------------------------------------------------------


def read_letter(record: Record) -> DeadLetter | None:
    """Return the letter that a record of the dead-letter topic is; None if the connector did not write it."""
    found = examine(record)
    return None if isinstance(found, Flaw) else found


def examine(record: Record) -> DeadLetter | Flaw:
    """Return the letter that a record of the dead-letter topic is, or why it is no letter."""
    try:
        return _read(record)
    except _FlawError as error:
        return error.flaw


def recent_letter(record: Record) -> RecentLetter | None:
    """Return the letter that a record is; None if the connector did not write it, or wrote it in a replay."""
    letter = read_letter(record)
    if letter is None or letter.replays:
        return None
    return RecentLetter(
        letter.sink, letter.reason, letter.topic, letter.partition, letter.offset, record.timestamp / 1000
    )


def failed_record(letter: DeadLetter, record: Record) -> Record:
    """Return the record as it was when it failed, without the headers that the connector added."""
    return record._replace(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        timestamp=record.timestamp if letter.timestamp is None else letter.timestamp,
        headers=record.headers[: _first_added(record.headers)],
    )


def last_header(headers: Headers, name: str) -> str | None:
    """Return the text of the header of that name that the connector added; those of the event itself do not count."""
    value = dict(headers[_first_added(headers) :]).get(name)
    return None if value is None else value.decode("utf-8", "replace")


def whole_number(value: bytes | None, most: int) -> int | None:
    """Return the number from 0 to `most` that a header holds as the connector writes numbers; None if it holds none."""
    if value is None or len(value) > _MAX_DIGITS or not value.isdigit():  # of bytes: the digits of ASCII alone
        return None
    number = int(value)
    return number if number <= most else None


def parse_time(text: str) -> float | None:
    """Return the seconds since the epoch of an ISO 8601 time with a zone, within the calendar; None if it is no such
    time."""
    try:
        parsed = datetime.fromisoformat(text)
        # A time without a zone is ambiguous, and one at the calendar's edge cannot be converted to UTC.
        return None if parsed.tzinfo is None else parsed.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None


class _FlawError(Exception):
    """A header is wrong."""

    def __init__(self, header: str, what: str) -> None:
        super().__init__(header, what)
        self.flaw = Flaw(header, what)


def _first_added(headers: Headers) -> int:
    """Return the index of the connector's first header, the last TOPIC: the event may have brought some of the names.

    It is the number of headers where the connector added none.
    """
    for index in range(len(headers) - 1, -1, -1):
        if headers[index][0] == TOPIC:
            return index
    return len(headers)


def _read(record: Record) -> DeadLetter:
    first = _first_added(record.headers)
    added = dict(record.headers[first:])
    timestamp, mark = _timestamp(added), ""
    if _has_fingerprint(added):
        at = record.timestamp if timestamp is None else timestamp
        mark = _fingerprint(at, record.key, record.value, record.headers[:first])
    return DeadLetter(
        LetterPlace(record.partition, record.offset),
        _name(added, TOPIC),
        _number(added, PARTITION, MAX_INT32),
        _number(added, OFFSET, MAX_INT64),
        _name(added, SINK),
        _text(added, ROUTE) if added.get(ROUTE) is not None else None,
        _shown(added, METHOD) if added.get(METHOD) is not None else None,
        _reason(added),
        _shown(added, STAGE),
        _shown(added, MESSAGE),
        _number(added, STATUS, MAX_INT32) if added.get(STATUS) is not None else None,
        _number(added, ATTEMPTS, MAX_INT32) if added.get(ATTEMPTS) is not None else 0,
        _failed_at(added),
        _number(added, REPLAYS, MAX_INT32) if added.get(REPLAYS) is not None else 0,
        timestamp,
        mark,
        _item(added),
    )


def _text(added: _Added, header: str) -> str:
    """Read a header that is part of the letter's identity, and must be read as it was written."""
    value = added.get(header)
    if value is None:
        raise _FlawError(header, "is missing")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise _FlawError(header, "is not UTF-8") from None


def _name(added: _Added, header: str) -> str:
    """Read the name of a topic or sink."""
    text = _text(added, header)
    if _NAME.fullmatch(text) is None:
        raise _FlawError(header, "is no name: letters, digits, dots, - and _")
    return text


def _shown(added: _Added, header: str) -> str:
    """Read a header that is only shown to people."""
    return (added.get(header) or b"").decode("utf-8", "replace")


def _number(added: _Added, header: str, most: int) -> int:
    if added.get(header) is None:
        raise _FlawError(header, "is missing")
    number = whole_number(added.get(header), most)
    if number is None:
        raise _FlawError(header, f"is no whole number from 0 to {most}")
    return number


def _reason(added: _Added) -> str:
    text = _text(added, REASON)
    if _REASON.fullmatch(text) is None:
        raise _FlawError(REASON, "is no reason")
    return text


def _failed_at(added: _Added) -> float:
    at = parse_time(_text(added, FAILED_AT))
    if at is None:
        raise _FlawError(FAILED_AT, "is no ISO 8601 time with a zone")
    return at


def _timestamp(added: _Added) -> int | None:
    value = added.get(TIMESTAMP)
    if value is None:
        return None
    negative = value.startswith(b"-")
    number = whole_number(value.removeprefix(b"-"), MAX_INT64 + negative)
    if number is None:
        raise _FlawError(TIMESTAMP, "is no whole number of 64 bits")
    return -number if negative else number


def _item(added: _Added) -> str:
    """Read which elements failed; a header that does not say it as the connector does may be of a later version."""
    if added.get(ITEM) is None:
        return ""
    text = _text(added, ITEM)
    if not is_well_formed(text):
        raise _FlawError(ITEM, "names no elements")
    if added.get(ROUTE) is None:
        raise _FlawError(ITEM, "names elements of no route")
    return text


def _has_fingerprint(added: _Added) -> bool:
    """True if the failed record's fingerprint is part of the letter's identity.

    A letter whose identity follows a rule of a later version is rejected: which receipts close it is unknown.
    """
    value = added.get(IDENTITY)
    if value is not None and value != b"%d" % IDENTITY_NOW:
        raise _FlawError(IDENTITY, "is of a later version")
    return value is not None
