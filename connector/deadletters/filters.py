"""Which letters a command is about: the filters that summary, replay, discard and export share. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from connector.deadletters.normalise import normalise_message
from connector.kafka.dead_letter import DeadLetter

# How a filter and a table write what a letter does not have.
ABSENT = "-"

Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class LetterFilters:
    """A filter by each column; a letter must satisfy all that are given, and of several values of one column any.

    `message` is compared folded, so that any message of a group stands for the group; `*` stands for any text.
    `since` and `until` (seconds since the epoch) bound the time of the failure, `until` itself left out. `statuses`
    are the vendor's HTTP statuses. "-" means that a letter has none.
    """

    sinks: Sequence[str] = ()
    methods: Sequence[str] = ()
    routes: Sequence[str] = ()
    reasons: Sequence[str] = ()
    messages: Sequence[str] = ()
    types: Sequence[str] = ()
    topics: Sequence[str] = ()
    statuses: Sequence[str] = ()
    since: float | None = None
    until: float | None = None
    _messages: Sequence[Test] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_messages", tuple(_message_test(text) for text in self.messages))

    def match(self, letter: DeadLetter, value: bytes | None) -> bool:
        """Whether the letter with this value (looked at only for its event's type) is meant."""
        return (
            _among(letter.sink, self.sinks)
            and _among(letter.method, self.methods)
            and _among(letter.route, self.routes)
            and _among(letter.reason, self.reasons)
            and _among(letter.topic, self.topics)
            and _among(None if letter.status is None else str(letter.status), self.statuses)
            and (self.since is None or letter.failed_at >= self.since)
            and (self.until is None or letter.failed_at < self.until)
            and (not self._messages or any(test(normalise_message(letter.message)) for test in self._messages))
            and (not self.types or _among(event_type(value), self.types))
        )


def event_type(value: bytes | None) -> str | None:
    """What an event calls itself: its `type`, else its `event_type`; None where neither is a text."""
    try:
        event: Any = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict):
        return None
    for name in ("type", "event_type"):
        told = event.get(name)
        if isinstance(told, str):
            return told
    return None


def _among(value: str | None, wanted: Sequence[str]) -> bool:
    return not wanted or (ABSENT if value is None else value) in wanted


def _message_test(text: str) -> Test:
    """Whether a folded message is the text as it stands, or as it folds: it may be a message as shown or as written."""
    patterns = (".*".join(re.escape(part) for part in each.split("*")) for each in (text, normalise_message(text)))
    matches = re.compile("|".join(patterns), re.DOTALL).fullmatch
    return lambda message: matches(message) is not None
