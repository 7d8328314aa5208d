"""Why, whose and how many: dead letters in groups of one cause each. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from connector.deadletters.filters import ABSENT, event_type
from connector.deadletters.index import Index
from connector.deadletters.normalise import normalise_message
from connector.deadletters.receipts import State
from connector.kafka.dead_letter import DeadLetter, LetterPlace
from connector.model import Reason, Stage

# Past so many groups no human reads on: further causes share a group for each sink, method, reason and topic.
MAX_GROUPS = 5_000
_OTHER = "(more messages than can be shown)"
_FOLDED_KEPT = 50_000
_REASONS = frozenset(Reason)


class FailureCause(NamedTuple):
    """What the letters of one group have in common. `message` is folded; "-" stands for what they do not have."""

    sink: str
    method: str
    reason: str
    message: str
    type: str
    topic: str

    @property
    def target(self) -> str:
        """Where it was to go, for people."""
        return f"{self.sink}, before any route" if self.method == ABSENT else f"{self.sink}.{self.method}"

    @property
    def replayable(self) -> bool:
        """Whether this version knows the reason, and so what a replay may do with it."""
        return self.reason in _REASONS

    @property
    def filters(self) -> list[str]:
        """The options that select this group and no other."""
        options = ["--sink", self.sink, "--method", self.method, "--reason", self.reason]
        options += [] if self.message == _OTHER else ["--message", self.message, "--type", self.type]
        return [*options, "--topic", self.topic]


def cause_of(letter: DeadLetter, value: bytes | None, folded: str) -> FailureCause:
    """The cause of a letter with this value and this message, folded."""
    return FailureCause(
        letter.sink, letter.method or ABSENT, letter.reason, folded, event_type(value) or ABSENT, letter.topic
    )


@dataclass(slots=True)
class Group:
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

    def count(self, state: State, failed_at: float, place: LetterPlace) -> None:
        """One letter more."""
        if state is State.OPEN:
            if self.open == 0:
                self.example = place
            self.open += 1
        elif state is State.DISCARDED:
            self.discarded += 1
        else:
            self.replayed += 1
        self.example = self.example or place
        self.first_seen = min(self.first_seen, failed_at)
        self.last_seen = max(self.last_seen, failed_at)


@dataclass(slots=True)
class Groups:
    """Sorts letters into groups while they are read, and counts them afterwards."""

    _numbers: dict[FailureCause, int] = field(default_factory=dict)
    _groups: list[Group] = field(default_factory=list)
    _folded: dict[str, str] = field(default_factory=dict)

    def number(self, letter: DeadLetter, value: bytes | None) -> int:
        """The number of a letter's group."""
        cause = cause_of(letter, value, self._fold(letter.message))
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
            cause = cause._replace(message=_OTHER, type=ABSENT)
            message = _OTHER
            if cause in self._numbers:
                return self._numbers[cause]
        number = self._numbers[cause] = len(self._groups)
        self._groups.append(Group(cause, message, skipped=letter.stage == Stage.SKIP))
        return number

    def _fold(self, message: str) -> str:
        folded = self._folded.get(message)
        if folded is None:
            if len(self._folded) >= _FOLDED_KEPT:
                self._folded.clear()
            folded = self._folded[message] = normalise_message(message)
        return folded

    def counted(self, index: Index) -> list[Group]:
        """The groups, those with most open letters first."""
        for row in index.rows(closed=True):
            self._groups[index.groups[row]].count(index.state(row), index.failed_at[row], index.place(row))
        found: Iterator[Group] = (group for group in self._groups if group.example is not None)
        return sorted(found, key=lambda group: (-group.open, -group.last_seen))
