"""Why, whose and how many: dead letters in groups of one cause each. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.deadletters.cause import ABSENT, OTHER_MESSAGES, FailureCause, cause_of, normalise_message
from connector.deadletters.index import LetterIndex
from connector.deadletters.letter import DeadLetter, LetterPlace
from connector.deadletters.receipts import LetterState
from connector.model import Stage

# Past so many groups no human reads on: further causes share a group for each sink, method, reason and topic.
MAX_GROUPS = 5_000
_FOLDED_KEPT = 50_000


@dataclass(slots=True)
class LetterGroup:
    """One cause and how often it struck. Times are in seconds since the epoch.

    `message` is shown: as written where all letters have the same, else folded. `example` is where one of the group's
    letters lies in the dead-letter topic: an open one, if there is one. `skipped`: an operator passed all of them
    over, and a replay leaves them as they are.
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

    def count_letter(self, state: LetterState, failed_at: float, place: LetterPlace) -> None:
        """One letter more."""
        if state is LetterState.OPEN:
            if self.open == 0:
                self.example = place
            self.open += 1
        elif state is LetterState.DISCARDED:
            self.discarded += 1
        else:
            self.replayed += 1
        self.example = self.example or place
        self.first_seen = min(self.first_seen, failed_at)
        self.last_seen = max(self.last_seen, failed_at)


@dataclass(slots=True)
class LetterGroups:
    """Sorts letters into groups while they are read, and counts them afterwards."""

    _numbers: dict[FailureCause, int] = field(default_factory=dict)
    _groups: list[LetterGroup] = field(default_factory=list)
    _normalised_messages: dict[str, str] = field(default_factory=dict)

    def number_of(self, letter: DeadLetter, value: bytes | None) -> int:
        """The number of a letter's group."""
        cause = cause_of(letter, value, self._normalised(letter.message))
        number = self._numbers.get(cause)
        if number is None:
            number = self._new(cause, letter)
        group = self._groups[number]
        group.skipped = group.skipped and letter.stage == Stage.SKIP
        if group.message != letter.message:
            group.message = group.cause.message
        return number

    def _new(self, cause: FailureCause, letter: DeadLetter) -> int:
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
        folded = self._normalised_messages.get(message)
        if folded is None:
            if len(self._normalised_messages) >= _FOLDED_KEPT:
                self._normalised_messages.clear()
            folded = self._normalised_messages[message] = normalise_message(message)
        return folded

    def count_open(self, index: LetterIndex) -> list[LetterGroup]:
        """The groups, those with most open letters first."""
        for row in index.rows(closed=True):
            self._groups[index.groups[row]].count_letter(
                index.state(row), index.failed_at[row], index.newest_location(row)
            )
        found: Iterator[LetterGroup] = (group for group in self._groups if group.example is not None)
        return sorted(found, key=lambda group: (-group.open, -group.last_seen))
