"""Letters in the order of the events they were, for each key, although the topic may hold them in another. Pure.

A letter is written when its event fails, and again when a replay fails: so a later event's letter may lie before an
earlier one's. What comes too early waits for the others of its lane; most lanes are in order and cost nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Generic, TypeVar

from connector.deadletters.index import Index

T = TypeVar("T")


class Ordering(Generic[T]):
    """Puts what is read from each partition in its order into the order of the events. `T` is what comes and goes."""

    def __init__(self, index: Index, rows: Sequence[int]) -> None:
        self._index = index
        self._due: dict[int, deque[int]] = {}  # lane → its rows in order, where the topic has them otherwise
        self._early: dict[int, T] = {}
        for lane, of_lane in groupby(index.in_order(iter(rows)), key=index.lane):
            if lane is not None and not self._as_read(listed := list(of_lane)):
                self._due[lane] = deque(listed)

    def _as_read(self, rows: Sequence[int]) -> bool:
        """Whether reading one partition from its beginning meets these rows in this order."""
        places = [self._index.place(row) for row in rows]
        return places == sorted(places) and places[0].partition == places[-1].partition

    def come(self, row: int, what: T) -> Iterator[tuple[int, T]]:
        """What may go now that this row has come, in order; itself among them unless it is too early."""
        lane = self._index.lane(row)
        due = None if lane is None else self._due.get(lane)
        if due is None:
            yield row, what
            return
        self._early[row] = what
        while due and due[0] in self._early:
            first = due.popleft()
            yield first, self._early.pop(first)

    def rest(self) -> Iterator[tuple[int, T]]:
        """What waited for letters that never came (retention took them), in order."""
        for due in self._due.values():
            for row in due:
                if row in self._early:
                    yield row, self._early.pop(row)
