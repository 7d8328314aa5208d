"""The dead letter's form: the original key, value and headers byte for byte, and headers that say why. Pure.

Kafka Connect's header names are used where they mean the same, so that existing tools show them.
"""

from __future__ import annotations

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
# The failed record's own, in milliseconds: the letter's is the time of its writing, by which retention goes.
TIMESTAMP = "connector.timestamp"

MAX_MESSAGE_BYTES = 1024


class Letter(NamedTuple):
    """A dead letter as it is produced."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str | bytes | None]]


def compose(failure: Failure, *, group: str, sink: str, now: float, replays: int = 0) -> Letter:
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
        (TIMESTAMP, record.timestamp if record.timestamp >= 0 else None),
    ]
    headers: list[tuple[str, str | bytes | None]] = list(record.headers)
    headers += [(name, _text(value)) for name, value in added if value is not None]
    return Letter(record.key, record.value, headers)


def _text(value: str | int) -> bytes:
    encoded = str(value).encode("utf-8", "replace")
    return encoded[:MAX_MESSAGE_BYTES].decode("utf-8", "ignore").encode()


def last_header(headers: Headers, name: str) -> str | None:
    """The text of the header of that name that the connector added; what the event brought itself does not count."""
    for candidate, value in reversed(headers):
        if candidate == name and value is not None:
            return value.decode("utf-8", "replace")
        if candidate == TOPIC:  # the first that the connector adds
            return None
    return None
