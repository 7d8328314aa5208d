"""Dead letters in groups, each of one cause, and how many there are of each. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.deadletters.cause import ABSENT, OTHER_MESSAGES, FailureCause, cause_of, normalise_message
from connector.deadletters.index import LetterIndex
from connector.deadletters.receipts import LetterState
from connector.kafka.dead_letter import DeadLetter, LetterPlace
from connector.model import Stage

# Nobody reads on past so many groups: further causes share one for each sink, method, reason and topic.
MAX_GROUPS = 5_000
_CACHED_MESSAGES = 50_000


@dataclass(slots=True)
class LetterGroup:
    """The letters of one cause, counted by state. Times are in seconds since the epoch.

    `message` is for people: as written where all letters have the same, else normalised. `example` is where one of
    the group's letters lies in the dead-letter topic: an open one, if there is one. `open_items` counts the items that
    the open letters stand for: several where a route has `each`. `skipped` is true if `connector
    skip` wrote all of them; a replay leaves those as they are.
    """

    cause: FailureCause
    message: str
    open: int = 0
    replayed: int = 0
    discarded: int = 0
    first_seen: float = float("inf")
    last_seen: float = 0.0
    example: LetterPlace | None = None
    skipped: bool = False
    open_items: int = 0

    def count_letter(self, state: LetterState, failed_at: float, location: LetterPlace, items: int = 1) -> None:
        """Count one letter, which stands for so many items."""
        if state is LetterState.OPEN:
            if self.open == 0:
                self.example = location
            self.open += 1
            self.open_items += items
        elif state is LetterState.DISCARDED:
            self.discarded += 1
        else:
            self.replayed += 1
        self.example = self.example or location
        self.first_seen = min(self.first_seen, failed_at)
        self.last_seen = max(self.last_seen, failed_at)


@dataclass(slots=True)
class LetterGroups:
    """Assigns letters to groups during a scan, and counts them once it is complete."""

    _numbers: dict[FailureCause, int] = field(default_factory=dict)
    _groups: list[LetterGroup] = field(default_factory=list)
    _normalised_messages: dict[str, str] = field(default_factory=dict)  # a cache

    def number_of(self, letter: DeadLetter, value: bytes | None) -> int:
        """Return the number of a letter's group; a GroupNumber."""
        cause = cause_of(letter, value, self._normalised(letter.message))
        number = self._numbers.get(cause)
        if number is None:
            number = self._new_group(cause, letter)
        group = self._groups[number]
        group.skipped = group.skipped and letter.stage == Stage.SKIP
        if group.message != letter.message:
            group.message = group.cause.message
        return number

    def _new_group(self, cause: FailureCause, letter: DeadLetter) -> int:
        message = letter.message
        if len(self._groups) >= MAX_GROUPS:
            cause = cause._replace(message=OTHER_MESSAGES, type=ABSENT)
            message = OTHER_MESSAGES
            if cause in self._numbers:
                return self._numbers[cause]
        number = self._numbers[cause] = len(self._groups)
        self._groups.append(LetterGroup(cause, message, skipped=letter.stage == Stage.SKIP))
        return number

    def _normalised(self, message: str) -> str:
        normalised = self._normalised_messages.get(message)
        if normalised is None:
            if len(self._normalised_messages) >= _CACHED_MESSAGES:
                self._normalised_messages.clear()
            normalised = self._normalised_messages[message] = normalise_message(message)
        return normalised

    def count_letters(self, index: LetterIndex) -> list[LetterGroup]:
        """Count the letters of the index that was built with these numbers; return the groups, most open ones first."""
        for row in index.rows(closed=True):
            group = self._groups[index.groups[row]]
            group.count_letter(index.state(row), index.failed_at[row], index.newest_location(row), index.items[row])
        counted: Iterator[LetterGroup] = (group for group in self._groups if group.example is not None)
        return sorted(counted, key=lambda group: (-group.open, -group.last_seen))
