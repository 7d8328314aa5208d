"""A dead letter as people and programs are shown it: with what `redact` hides hidden, wherever it appears."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from connector.cli._redaction import MASK, redacted
from connector.cli.dlq_options import clock_time
from connector.deadletters.letter import DeadLetter
from connector.errors import DecodeError
from connector.model import Event, Record
from connector.routing.decode import decode


def event_of(record: Record) -> Event | None:
    """The event that the record holds, if it holds one."""
    try:
        return decode(record.value or b"")
    except DecodeError:
        return None


class Veil:
    """Hides what lies at the paths in the event, and the same values wherever else they stand."""

    def __init__(self, event: Event | None, paths: Sequence[str]) -> None:
        self._paths = paths
        self._event = event
        hidden = _differing(event, redacted(event, paths)) if event is not None else ()
        self._hidden = sorted({text for text in hidden if text}, key=len, reverse=True)

    def event(self) -> Any:
        """The event; None where the value is none. Then nothing tells what to hide, and nothing of it is shown."""
        return None if self._event is None else redacted(self._event, self._paths)

    @property
    def blind(self) -> bool:
        """Whether something is to be hidden and nobody can say where it lies."""
        return self._event is None and bool(self._paths)

    def text(self, text: str) -> str:
        """A text from beside the event: a key, a header, a message."""
        for hidden in self._hidden:
            if text == hidden or len(hidden) >= 3:
                text = text.replace(hidden, MASK)
        return text

    def bytes(self, value: bytes | None) -> str | None:
        """Bytes from beside the event as text; what is no UTF-8 as base64."""
        if value is None:
            return None
        try:
            return self.text(value.decode())
        except UnicodeDecodeError:
            return f"base64:{base64.b64encode(value).decode()}"


def facts(letter: DeadLetter, topic: str, record: Record, veil: Veil) -> dict[str, Any]:
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


def _differing(before: Any, after: Any) -> Iterator[str]:
    """The texts of what the second lacks of the first."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from _differing(value, after[name])
    elif isinstance(before, list) and isinstance(after, list):
        for one, other in zip(before, after, strict=True):
            yield from _differing(one, other)
    elif before != after:
        yield from _leaves(before)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _leaves(child)
    elif value is not None and not isinstance(value, bool):
        yield value if isinstance(value, str) else orjson.dumps(value).decode()
