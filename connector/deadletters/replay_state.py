"""What a replay keeps account of: the sinks it uses, the letters under way, and what became of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.remap import SKIPPED, Router
from connector.delivery.dead_letter_writer import DeadLetterWriter
from connector.delivery.dispatcher import Dispatcher
from connector.kafka.dead_letter import DeadLetter
from connector.vendors.base import Sink


@dataclass(frozen=True, slots=True)
class ReplaySink:
    """One sink as a replay uses it."""

    sink: Sink
    router: Router
    dispatcher: Dispatcher
    letters: DeadLetterWriter


@dataclass(slots=True)
class ReplayCounts:
    """What became of one sink's letters. `left` counts those that were left as they are, by obstacle."""

    accepted: int = 0
    refused: int = 0
    left: Counter[str] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        """Letters that came to an end."""
        return self.accepted + self.refused + self.left.total()

    @property
    def skipped(self) -> int:
        """Letters of what an operator skipped: a replay does not mean them."""
        return self.left[SKIPPED]

    @property
    def unmappable(self) -> int:
        """Letters that today's configuration cannot map."""
        return self.left.total() - self.skipped


class OpenLetter:
    """A letter under way."""

    __slots__ = ("letter", "refused", "row", "size", "waiting", "whole")

    def __init__(self, selected: OrderedLetter, waiting: int, whole: bool) -> None:
        self.letter: DeadLetter = selected.letter
        self.row = selected.row
        self.size = len(selected.record.value or b"")
        self.waiting = waiting  # items that are not settled
        self.whole = whole
        self.refused = False
