"""The filters that summary, replay, discard and export share: which letters a command is about. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connector.deadletters.cause import ABSENT, event_type, normalise_message
from connector.kafka.dead_letter import DeadLetter

MessageTest = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class LetterFilters:
    """A filter for each column: a letter must satisfy every one that is given, by any of its values.

    `messages` are compared normalised, so that any message of a group selects the whole group; `*` in them matches any
    text. `statuses` are the vendor's HTTP statuses. `since` (inclusive) and `until` (exclusive) bound the time of the
    failure, in seconds since the epoch. The value ABSENT selects letters that do not have the column.
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
    _message_tests: Sequence[MessageTest] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_message_tests", tuple(_message_test(text) for text in self.messages))

    def match(self, letter: DeadLetter, value: bytes | None) -> bool:
        """True if the letter passes every filter; `value` is read only for the event's type."""
        return (
            _passes(letter.sink, self.sinks)
            and _passes(letter.method, self.methods)
            and _passes(letter.route, self.routes)
            and _passes(letter.reason, self.reasons)
            and _passes(letter.topic, self.topics)
            and _passes(None if letter.status is None else str(letter.status), self.statuses)
            and (self.since is None or letter.failed_at >= self.since)
            and (self.until is None or letter.failed_at < self.until)
            and (not self.messages or self._message_passes(letter.message))
            and (not self.types or _passes(event_type(value), self.types))
        )

    def _message_passes(self, message: str) -> bool:
        normalised = normalise_message(message)
        return any(test(normalised) for test in self._message_tests)


def _passes(value: str | None, accepted: Sequence[str]) -> bool:
    return not accepted or (ABSENT if value is None else value) in accepted


def _message_test(text: str) -> MessageTest:
    """Return the test of a normalised message against a text that may itself be normalised or not."""
    patterns = (".*".join(re.escape(part) for part in each.split("*")) for each in (text, normalise_message(text)))
    matches = re.compile("|".join(patterns), re.DOTALL).fullmatch
    return lambda message: matches(message) is not None
