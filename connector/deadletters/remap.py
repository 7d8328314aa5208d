"""What becomes of a letter under today's configuration: the original bytes, decoded, routed and mapped anew. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from connector.deadletters.receipts import Receipts, State
from connector.kafka.dead_letter import DeadLetter
from connector.model import Failure, Item, Record, Stage

# What keeps a letter from being sent that stands for what `connector skip` passed over.
SKIPPED = "skipped by an operator"


class Router(Protocol):
    """The routes of one sink."""

    def route(self, record: Record, only: str | None = None) -> Sequence[Item | Failure]:
        """Items and failures of the record; with `only`, of that route alone."""
        ...


@dataclass(frozen=True, slots=True)
class Remapped:
    """What would be sent, and what keeps the letter from being delivered in full ("" if nothing does).

    What an earlier replay has already settled, of a letter of which several routes make something, is in neither.
    """

    items: Sequence[Item]
    obstacle: str

    @property
    def whole(self) -> bool:
        """Whether the letter is closed once the items are settled."""
        return not self.obstacle


def remap(letter: DeadLetter, record: Record, routers: Mapping[str, Router], receipts: Receipts) -> Remapped:
    """Route a letter's record again: by the route that failed, or anew where it had not come to a route."""
    if not letter.reason_known:  # after a roll-back: which of them may be sent again, the later version knows
        return Remapped((), f"reason {letter.reason} is of a later version of the connector: replay it with that one")
    if letter.stage == Stage.SKIP:
        return Remapped((), SKIPPED)
    router = routers.get(letter.sink)
    if router is None:
        return Remapped((), f"no sink {letter.sink} in the configuration")
    results = router.route(record, only=letter.route)
    failures = [result for result in results if isinstance(result, Failure)]
    items = [result for result in results if isinstance(result, Item)]
    obstacle = _obstacle(letter, items, failures)
    if letter.route is None:
        items = [item for item in items if receipts.state_of(letter, item.route) is State.OPEN]
    return Remapped(items, obstacle)


def _obstacle(letter: DeadLetter, items: Sequence[Item], failures: Sequence[Failure]) -> str:
    if failures:
        return f"{failures[0].reason}: {failures[0].message}"
    if items:
        return ""
    return "no route of this sink takes it" if letter.route is None else f"no route {letter.route} takes it"
