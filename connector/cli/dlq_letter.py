"""A dead letter as people and programs are shown it: with what `redact` hides hidden, wherever it appears."""

from __future__ import annotations

import base64
from typing import Any

from connector.cli.dlq_options import clock_time
from connector.errors import DecodeError
from connector.kafka.dead_letter import DeadLetter
from connector.model import Event, Record
from connector.redaction.payloads import Redactor
from connector.routing.decode import decode


def event_of(record: Record) -> Event | None:
    """The event that the record holds, if it holds one."""
    try:
        return decode(record.value or b"")
    except DecodeError:
        return None


def facts(letter: DeadLetter, topic: str, record: Record, veil: Redactor) -> dict[str, Any]:
    """What the letter says of itself, as JSON holds it."""
    return {
        "letter": letter.place.address(topic),
        "origin": letter.origin,
        "identity": letter.identity.decode(),
        "sink": letter.sink,
        "route": letter.route,
        "method": letter.method,
        "reason": letter.reason,
        "stage": letter.stage,
        "message": veil.text(letter.message),
        "status": letter.status,
        "attempts": letter.attempts,
        "replays": letter.replays,
        "failed_at": clock_time(letter.failed_at),
        "key": veil.bytes(record.key),
        "headers": [[name, veil.bytes(value)] for name, value in record.headers],
    }


def raw(record: Record) -> dict[str, Any]:
    """The record's bytes as they are: for programs that must have them."""
    return {
        "key_base64": None if record.key is None else base64.b64encode(record.key).decode(),
        "value_base64": None if record.value is None else base64.b64encode(record.value).decode(),
        "headers_base64": [
            [name, None if value is None else base64.b64encode(value).decode()] for name, value in record.headers
        ],
    }
