"""Settles what the vendor accepted and what became dead letters, and counts it by pairs of an event and a route.

Everything here runs on the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from connector.delivery.assignment import Assignment
from connector.delivery.element_pairs import ElementPair, ElementPairs, merge_failures
from connector.delivery.stats import Stats
from connector.model import Failure, Item, Record


class Accepted(NamedTuple):
    """What followed from accepted items: how many pairs are delivered, and the failures of pairs that ended so."""

    pairs: int
    failures: Sequence[Failure]


class Settlement:
    """Settles the items of one sink. `list_elements` lists those of an event once more, for a letter to name them."""

    def __init__(
        self,
        assignment: Assignment,
        pairs: ElementPairs,
        stats: Stats,
        list_elements: Callable[[Record, str], Sequence[Any] | None],
    ) -> None:
        self._assignment = assignment
        self._pairs = pairs
        self._stats = stats
        self._list_elements = list_elements

    def accept(self, items: Sequence[Item]) -> Accepted:
        """Settle items that the vendor accepted.

        Where that was the last item of a pair of which others failed, the pair's failure is returned: write its letter.
        """
        if self._pairs.ever_used:
            return self._accept_elements(items)
        settle = self._assignment.settle
        for item in items:
            if not settle(item.record, item.route, item.element):
                self._stats.late += 1
                self._stats.items_late += 1
        self._stats.delivered += len(items)
        return Accepted(len(items), ())

    def _accept_elements(self, items: Sequence[Item]) -> Accepted:
        stats, delivered, failed = self._stats, 0, []
        for item in items:
            ours = self._assignment.settle(item.record, item.route, item.element)
            stats.items_late += not ours
            if not item.element:
                delivered += 1
                stats.late += not ours
            elif (pair := self._pairs.accept(item)) is not None:
                delivered += not pair.failures
                if pair.failures:
                    failed.append(self._merged(pair))
        stats.delivered += delivered
        return Accepted(delivered, failed)

    def fail(self, failure: Failure) -> Failure | None:
        """Note that an element failed. Return its pair's failure, to be written, if no item of the pair waits now."""
        pair = self._pairs.fail(failure)
        return None if pair is None else self._merged(pair)

    def settle_letter(self, failure: Failure) -> int:
        """Settle what has a dead letter now, which the brokers have; return how many items these are."""
        stats = self._stats
        elements = (failure.element,) if failure.elements is None else failure.elements.numbers
        ours = [self._assignment.settle(failure.record, failure.route, element) for element in elements]
        self._pairs.close(failure)
        stats.dead_lettered[failure.reason] += 1
        stats.items_dead_lettered += len(elements)
        if not all(ours):  # then none was: they belong to one partition
            stats.late += 1
            stats.items_late += len(elements)
        return len(elements)

    def _merged(self, pair: ElementPair) -> Failure:
        first = pair.failures[0]
        return merge_failures(pair.failures, self._list_elements(first.record, first.route or ""))
