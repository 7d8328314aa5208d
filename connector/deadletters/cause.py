"""The cause of a letter, in the terms that filters, summaries and replays share. Pure."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from connector.kafka.dead_letter import DeadLetter
from connector.model import Reason

# Stands in filters and tables for a column that a letter does not have.
ABSENT = "-"
# The message of the group that takes further causes once there are too many.
OTHER_MESSAGES = "(more messages than can be shown)"
_REASONS = frozenset(Reason)

# The more specific patterns come first. A quotation mark or a number inside a word is no value.
_PLACEHOLDERS = (
    (re.compile(r"https?://\S+"), "<url>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "<address>"),
    (re.compile(r'"(?:[^"\\]|\\.)*"|(?<!\w)\'(?:[^\'\\]|\\.)*\'(?!\w)|«[^»]*»|“[^”]*”'), "<text>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<hex>"),
    (re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{16,}\b"), "<id>"),
    (re.compile(r"(?<![\w.<])[+-]?\d+(?:[.,]\d+)*(?!\w)"), "<n>"),
)


class FailureCause(NamedTuple):
    """The columns that the letters of one group have in common.

    `message` is normalised (see `normalise_message`). A column that the letters do not have is ABSENT.
    """

    sink: str
    method: str
    reason: str
    message: str
    type: str
    topic: str

    @property
    def target(self) -> str:
        """`sink.method`, or the sink alone where the events failed before routing; for people."""
        return f"{self.sink}, before any route" if self.method == ABSENT else f"{self.sink}.{self.method}"

    @property
    def replayable(self) -> bool:
        """True if this version knows the reason, and so whether letters of it may be replayed."""
        return self.reason in _REASONS

    @property
    def filters(self) -> list[str]:
        """The command-line options that select this group and no other."""
        options = ["--sink", self.sink, "--method", self.method, "--reason", self.reason]
        options += [] if self.message == OTHER_MESSAGES else ["--message", self.message, "--type", self.type]
        return [*options, "--topic", self.topic]

    def replay_command(self, config: Path) -> str | None:
        """Return the command, ready to paste, that replays this group and no other; None if it is not replayable."""
        if not self.replayable:
            return None
        return shlex.join(["connector", "dlq", "replay", "--config", str(config), *self.filters])


def cause_of(letter: DeadLetter, value: bytes | None, message: str) -> FailureCause:
    """Return the cause of a letter with this value; `message` is the letter's, normalised."""
    return FailureCause(
        letter.sink, letter.method or ABSENT, letter.reason, message, event_type(value) or ABSENT, letter.topic
    )


def event_type(value: bytes | None) -> str | None:
    """Return the event's `type`, else its `event_type`; None where neither is a text."""
    try:
        event: Any = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict):
        return None
    return next((event[name] for name in ("type", "event_type") if isinstance(event.get(name), str)), None)


def normalise_message(message: str) -> str:
    """Return the message with URLs, identifiers, addresses, quotations, times and numbers replaced by placeholders.

    Messages that differ only in such values become equal, and so share a group.
    """
    for pattern, placeholder in _PLACEHOLDERS:
        message = pattern.sub(placeholder, message)
    return message
