"""The dead letter's form: the original key, value and headers byte for byte, and headers that say why. Pure.

Kafka Connect's header names are used where they mean the same, so that existing tools show them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from connector.model import Failure, Headers

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
# Which rule says that two letters are the same one; letters without it are of the first.
IDENTITY = "connector.identity"
IDENTITY_NOW = 2

MAX_MESSAGE_BYTES = 1024
MAX_INT32 = 2**31 - 1
MAX_INT64 = 2**63 - 1
# Enough digits for 64 bits; longer ones are not even looked at.
_MAX_DIGITS = 19


class ProducedLetter(NamedTuple):
    """A dead letter as it is produced."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str | bytes | None]]


def compose_letter(failure: Failure, *, group: str, sink: str, now: float, replays: int = 0) -> ProducedLetter:
    """The letter for a failure. `now` in seconds since the epoch; `replays`: how often its letters were sent again."""
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
    headers += [(name, _text(value)) for name, value in added if value is not None]
    return ProducedLetter(record.key, record.value, headers)


def _text(value: str | int) -> bytes:
    encoded = str(value).encode("utf-8", "replace")
    return encoded[:MAX_MESSAGE_BYTES].decode("utf-8", "ignore").encode()


def first_added(headers: Headers) -> int:
    """Where the connector's headers begin: at the last topic, for the event may have brought some of the names."""
    for index in range(len(headers) - 1, -1, -1):
        if headers[index][0] == TOPIC:
            return index
    return len(headers)


def added(headers: Headers) -> Mapping[str, bytes | None]:
    """The headers that the connector added; empty where it added none."""
    return dict(headers[first_added(headers) :])


def whole_number(value: bytes | None, most: int) -> int | None:
    """The number from 0 to `most` that a header's bytes are, as the connector writes numbers; None if they are none."""
    if value is None or len(value) > _MAX_DIGITS or not value.isdigit():  # of bytes: the digits of ASCII alone
        return None
    number = int(value)
    return number if number <= most else None


def last_header(headers: Headers, name: str) -> str | None:
    """The text of the header of that name that the connector added; what the event brought itself does not count."""
    for candidate, value in reversed(headers):
        if candidate == name and value is not None:
            return value.decode("utf-8", "replace")
        if candidate == TOPIC:  # the first that the connector adds
            return None
    return None
