"""Isolation by halving: a rejected batch is split until the event that causes the rejection is alone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connector.model import Item


class SubBatch:
    """Items of one batch that are sent in one request.

    `attempts` counts the requests that carried these items together, including those of the batch they were split
    from. `http_500s` counts the requests that ended with a status 500 counting as poison, and `successes_at_last_500`
    is Gate.successes at the last of them (-1: there was none). `retrying_since` is when (monotonic seconds) the vendor
    first answered with one of the configured retry codes.
    """

    __slots__ = ("attempts", "http_500s", "items", "retrying_since", "successes_at_last_500")

    def __init__(self, items: Sequence[Item], attempts: int = 0) -> None:
        self.items = items
        self.attempts = attempts
        self.http_500s = 0
        self.successes_at_last_500 = -1
        self.retrying_since: float | None = None


class SubBatches:
    """The sub-batches of one batch that are not settled, in order; the first is sent next."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._stack = [SubBatch(items)] if items else []  # the next one last

    @property
    def all_settled(self) -> bool:
        """True if nothing is left to send."""
        return not self._stack

    @property
    def current(self) -> SubBatch:
        """The sub-batch that is sent next, or is in flight."""
        return self._stack[-1]

    def settle_current(self) -> SubBatch:
        """Remove the current sub-batch, whose items are settled, and return it."""
        return self._stack.pop()

    def halve(self) -> None:
        """Split the current sub-batch (two items or more): its first half is sent next, then its second."""
        sub_batch = self._stack.pop()
        self._split(sub_batch, len(sub_batch.items) // 2)

    def isolate_first(self) -> None:
        """Split the first item off the current sub-batch, to be sent alone as a flood's probe."""
        sub_batch = self._stack.pop()
        self._split(sub_batch, 1)

    def drop_items(self, revoked: Callable[[Item], bool]) -> list[Item]:
        """Drop and return the items that are `revoked`."""
        dropped = [item for item in self.items() if revoked(item)]
        for each in self._stack:
            each.items = [item for item in each.items if not revoked(item)]
        self._stack = [each for each in self._stack if each.items]
        return dropped

    def items(self) -> list[Item]:
        """Return all items that are not settled, in order."""
        return [item for each in reversed(self._stack) for item in each.items]

    def _split(self, sub_batch: SubBatch, at: int) -> None:
        """Replace a sub-batch by two. Each counts its own 500s and retry time from zero, as either may be at fault."""
        for items in (sub_batch.items[at:], sub_batch.items[:at]):
            if items:
                self._stack.append(SubBatch(items, sub_batch.attempts))
