"""Isolation by halving: a rejected batch is split until the event that causes the rejection is alone. Pure.

Sub-batches are sent in order, the halves of one before what follows it. What has no key in common with what precedes it
may go first: then an event that is held does not hold its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from connector.model import Item


class SubBatch:
    """Items of one batch that are sent in one request.

    `attempts` counts the requests that carried these items together, including those of the batch they were split
    from. `http_500s` counts the requests that ended with a status 500 counting as poison, and `successes_at_last_500`
    is Gate.successes when this single item last drew one (-1: never). `retrying_since` is when (monotonic seconds) the
    vendor first answered with one of the configured retry codes. `probed` is the number of the last probe that carried
    just these items (0: none). `is_half`: it was split off a larger one.
    """

    __slots__ = (
        "attempts",
        "http_500s",
        "is_half",
        "items",
        "probed",
        "retrying_since",
        "successes_at_last_500",
    )

    def __init__(self, items: Sequence[Item], attempts: int = 0) -> None:
        self.items = items
        self.attempts = attempts
        self.http_500s = 0
        self.successes_at_last_500 = -1
        self.retrying_since: float | None = None
        self.probed = 0
        self.is_half = False

    def awaits_success(self, successes: int) -> bool:
        """True if this single event has drawn a status 500 since the last success.

        It may be poison, or the vendor may be failing for all: only a success of others tells. `successes` is
        Gate.successes.
        """
        return self.successes_at_last_500 == successes and len(self.items) == 1


class FreeItem(NamedTuple):
    """An item that may be sent next, as no unsettled item of its key precedes it, and its sub-batch."""

    sub_batch: SubBatch
    item: Item


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
        at = len(sub_batch.items) // 2
        self._stack += (_half(sub_batch, sub_batch.items[at:]), _half(sub_batch, sub_batch.items[:at]))

    def free_items(self, *, ordered: bool) -> Iterator[FreeItem]:
        """Yield, in order, the items that may be sent next; if not `ordered`, or without a key, that is any."""
        keys: set[bytes] = set()
        for sub_batch in reversed(self._stack):
            for item in sub_batch.items:
                key = item.record.key if ordered else None
                if key is None or key not in keys:
                    yield FreeItem(sub_batch, item)
                if key is not None:
                    keys.add(key)

    def isolate(self, free: FreeItem) -> None:
        """Make an item the current sub-batch by itself. What stood before it is sent after it."""
        sub_batch, item = free
        place, at = self._stack.index(sub_batch), sub_batch.items.index(item)
        if len(sub_batch.items) == 1:
            alone = sub_batch
            del self._stack[place]
        else:
            before, alone, after = (
                _half(sub_batch, items)
                for items in (sub_batch.items[:at], sub_batch.items[at : at + 1], sub_batch.items[at + 1 :])
            )
            self._stack[place : place + 1] = [each for each in (after, before) if each.items]
        self._stack.append(alone)

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


def _half(sub_batch: SubBatch, items: Sequence[Item]) -> SubBatch:
    """Return items of a sub-batch as one. It counts its own 500s and retry time from zero: it may not be at fault."""
    half = SubBatch(items, sub_batch.attempts)
    half.is_half = True
    return half
