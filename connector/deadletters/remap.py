"""Dead letters under the current configuration: routed and mapped again, and the plan of a replay. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connector.deadletters.cause import normalise_message
from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import LetterState, Receipts
from connector.kafka.dead_letter import DeadLetter
from connector.model import Failure, Item, Limits, Record, Stage

# The obstacle of letters that `connector skip` wrote: no replay sends those.
SKIPPED = "skipped by an operator"


class SinkRouter(Protocol):
    """The routes of one sink."""

    def route(self, record: Record, only: str | None = None) -> Sequence[Item | Failure]:
        """Return the record's items and failures; with `only`, those of that route alone."""
        ...


@dataclass(frozen=True, slots=True)
class Remapped:
    """The items that a replay would send, and why the letter could not be delivered in full ("" if it could).

    Items that an earlier replay has settled, for a letter that failed before routing, are left out; `refused_before` is
    true if the vendor refused one of those.
    """

    items: Sequence[Item]
    obstacle: str
    refused_before: bool = False

    @property
    def complete(self) -> bool:
        """True if the letter can be closed once the items are settled."""
        return not self.obstacle


def remap(letter: DeadLetter, record: Record, routers: Mapping[str, SinkRouter], receipts: Receipts) -> Remapped:
    """Route a letter's record again: by the route that failed, or by all of its sink if it failed before routing."""
    if not letter.reason_known:  # after a roll-back: only the later version knows which of them may be sent again
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
    if letter.route is not None:
        return Remapped(items, obstacle)
    states = [receipts.state_of(letter, item.route) for item in items]
    unsettled = [item for item, state in zip(items, states, strict=True) if state is LetterState.OPEN]
    return Remapped(unsettled, obstacle, LetterState.REFUSED in states)


def _obstacle(letter: DeadLetter, items: Sequence[Item], failures: Sequence[Failure]) -> str:
    if failures:
        return f"{failures[0].reason}: {failures[0].message}"
    if items:
        return ""
    return "no route of this sink takes it" if letter.route is None else f"no route {letter.route} takes it"


@dataclass(slots=True)
class SinkPlan:
    """A replay's plan for one sink: `passing` letters are sent as `items`; `failing` counts the others by obstacle."""

    passing: int = 0
    items: int = 0
    failing: Counter[str] = field(default_factory=Counter)
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # method → items, bytes

    def count_letter(self, items: Sequence[Item], obstacle: str) -> None:
        """Count one letter by what `remap` made of it."""
        if obstacle:
            self.failing[normalise_message(obstacle)] += 1
        else:
            self.passing += 1
        self.items += len(items)
        for item in items:
            count, size = self._sizes.get(item.method, (0, 0))
            self._sizes[item.method] = count + 1, size + len(item.body)

    def requests(self, limits: Limits) -> int:
        """Return how many requests are needed if every batch is full: the fewest possible."""
        return sum(
            max(
                math.ceil(count / limits.max_events),
                math.ceil((size + count * limits.separator) / (limits.max_bytes - limits.envelope + limits.separator)),
            )
            for count, size in self._sizes.values()
        )


def plan_replay(
    chunks: Iterator[Sequence[OrderedLetter]], routers: Mapping[str, SinkRouter], receipts: Receipts
) -> dict[str, SinkPlan]:
    """Return what a replay of these letters would do, by sink. Sends nothing."""
    plans: dict[str, SinkPlan] = {}
    for chunk in chunks:
        for _, letter, record in chunk:
            remapped = remap(letter, record, routers, receipts)
            plans.setdefault(letter.sink, SinkPlan()).count_letter(remapped.items, remapped.obstacle)
    return plans
