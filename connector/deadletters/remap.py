"""Dead letters under the current configuration: routed and mapped again, and the plan of a replay. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from connector.deadletters.cause import normalise_message
from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import LetterState, Receipts
from connector.kafka.dead_letter import DeadLetter
from connector.kafka.letter_elements import find_elements, named_elements
from connector.model import Failure, Item, Limits, Record, Stage

# The obstacle of letters that `connector skip` wrote: no replay sends those.
SKIPPED = "skipped by an operator"


class SinkRouter(Protocol):
    """The routes of one sink."""

    def route(self, record: Record, only: str | None = None) -> Sequence[Item | Failure]:
        """Return the record's items and failures; with `only`, those of that route alone."""
        ...

    def list_elements(self, record: Record, route: str) -> Sequence[Any] | None:
        """Return the elements of which a route makes an item each; None if it has no `each`, or they cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class Remapped:
    """The items that a replay would send, and why the letter could not be closed then ("" if it could).

    `failures` are the elements that still cannot be mapped, of routes that map others: a new letter names them. Items
    that an earlier replay has settled, for a letter that failed before routing, are left out; `refused_before` is true
    if the vendor refused one of those.
    """

    items: Sequence[Item]
    obstacle: str
    refused_before: bool = False
    failures: Sequence[Failure] = ()

    @property
    def complete(self) -> bool:
        """True if the letter can be closed once the items are settled."""
        return not self.obstacle

    @property
    def shortfall(self) -> str:
        """Why not all of the letter would be sent; empty if all would."""
        if self.obstacle or not self.failures:
            return self.obstacle
        count = len(self.items) + len(self.failures)
        return f"{len(self.failures)} of {count} items: {_text(self.failures[0])}"


def remap(letter: DeadLetter, record: Record, routers: Mapping[str, SinkRouter], receipts: Receipts) -> Remapped:
    """Route a letter's record again: by the route that failed, or by all of its sink if it failed before routing.

    Of a letter that names elements of a list, these alone.
    """
    if not letter.reason_known:  # after a roll-back: only the later version knows which of them may be sent again
        return Remapped((), f"reason {letter.reason} is of a later version of the connector: replay it with that one")
    if letter.stage == Stage.SKIP:
        return Remapped((), SKIPPED)
    router = routers.get(letter.sink)
    if router is None:
        return Remapped((), f"no sink {letter.sink} in the configuration")
    results = router.route(record, only=letter.route)
    if letter.route is None:
        return _by_any_route(letter, results, receipts)
    if not letter.item:
        return _by_route(results, f"no route {letter.route} takes it")
    elements = router.list_elements(record, letter.route)
    return _by_elements(letter, results, elements)


def _by_route(results: Sequence[Item | Failure], if_none: str) -> Remapped:
    """Return what one route makes of the record, or of some of its elements."""
    items = [result for result in results if isinstance(result, Item)]
    failures = [result for result in results if isinstance(result, Failure)]
    if items:
        return Remapped(items, "", failures=failures)
    return Remapped((), _text(failures[0]) if failures else if_none)


def _by_elements(letter: DeadLetter, results: Sequence[Item | Failure], elements: Sequence[Any] | None) -> Remapped:
    """Return what the route makes of the elements that the letter names."""
    whole = next((result for result in results if not result.element), None)
    if isinstance(whole, Failure):
        return Remapped((), _text(whole))
    if whole is not None or elements is None:
        return Remapped((), f"route {letter.route} has no `each` any more: the items that failed cannot be told apart")
    named = named_elements(letter.item)
    nothing = f"route {letter.route} makes no item of it"
    if named is None or not results:
        return _by_route(results, nothing)
    found = set(find_elements(named, elements))
    missing = len(named) - len(found)
    if missing:
        return Remapped((), f"{missing} of the {len(named)} items that failed are no longer in the list of `each`")
    return _by_route([result for result in results if result.element - 1 in found], nothing)


def _by_any_route(letter: DeadLetter, results: Sequence[Item | Failure], receipts: Receipts) -> Remapped:
    """Return what all routes make of the record, but for those that an earlier replay of the letter has settled."""
    if not results:
        return Remapped((), "no route of this sink takes it")
    by_route: dict[str | None, list[Item | Failure]] = {}
    for result in results:
        by_route.setdefault(result.route, []).append(result)
    items: list[Item] = []
    failures: list[Failure] = []
    obstacle, refused_before = "", False
    for route, its_results in by_route.items():
        made = _by_route(its_results, "")
        state = receipts.state_of(letter, route) if made.items else LetterState.OPEN
        obstacle = obstacle or made.obstacle
        refused_before = refused_before or state is LetterState.REFUSED
        if state is LetterState.OPEN:
            items += made.items
            failures += made.failures
    return Remapped(items, obstacle, refused_before, failures)


def _text(failure: Failure) -> str:
    return f"{failure.reason}: {failure.message}"


@dataclass(slots=True)
class SinkPlan:
    """A replay's plan for one sink: `passing` letters are sent whole; `failing` counts the others, by why they are not.

    `items` are sent of both.
    """

    passing: int = 0
    items: int = 0
    failing: Counter[str] = field(default_factory=Counter)
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # method → items, bytes

    def count_letter(self, items: Sequence[Item], shortfall: str) -> None:
        """Count one letter by what `remap` made of it."""
        if shortfall:
            self.failing[normalise_message(shortfall)] += 1
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
            plans.setdefault(letter.sink, SinkPlan()).count_letter(remapped.items, remapped.shortfall)
    return plans
