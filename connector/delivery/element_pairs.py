"""The unsettled pairs of an event and a route with `each`: which of their items have ended, and which failed. Pure.

Items that fail get one letter for their pair, once every item of it is accepted or has failed. Until that letter is
written they are not settled: a next owner of the partition sends them again, and writes the letter if they still fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from connector.kafka.letter_elements import ALL, name_elements, several_failed
from connector.model import FailedElements, Failure, Item, Reason, Record

# Assignment epoch, offset and route.
_Key = tuple[int, int, str | None]


class ElementPair:
    """One pair: `waiting` of its items are neither accepted nor failed; `failures` are those that failed."""

    __slots__ = ("failures", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self.failures: list[Failure] = []


class ElementPairs:
    """The unsettled pairs of one sink. `ever_used` is True from the first one on."""

    def __init__(self) -> None:
        self.ever_used = False
        self._pairs: dict[_Key, ElementPair] = {}

    def __len__(self) -> int:
        return len(self._pairs)

    def open(self, record: Record, results: Sequence[Item | Failure]) -> int:
        """Open the pairs of a record whose items and failures these are.

        Returns how many pairs there are, those included that make one item, which are not kept here.
        """
        elements = [each for each in results if each.element]
        if not elements:
            return len(results)
        self.ever_used = True
        before = len(self._pairs)
        for each in elements:
            pair = self._pairs.setdefault((record.assignment_epoch, record.offset, each.route), ElementPair())
            pair.waiting += 1
        return len(results) - len(elements) + len(self._pairs) - before

    def accept(self, item: Item) -> ElementPair | None:
        """Note that an item was accepted; return its pair if no item of it is waiting now.

        A pair that is delivered as a whole is forgotten.
        """
        key = (item.record.assignment_epoch, item.record.offset, item.route)
        pair = self._end_one(key)
        if pair is not None and not pair.failures:
            del self._pairs[key]
        return pair

    def fail(self, failure: Failure) -> ElementPair | None:
        """Note that an item failed; return its pair if no item of it is waiting now."""
        key = (failure.record.assignment_epoch, failure.record.offset, failure.route)
        if key in self._pairs:
            self._pairs[key].failures.append(failure)
        return self._end_one(key)

    def _end_one(self, key: _Key) -> ElementPair | None:
        pair = self._pairs.get(key)
        if pair is None:  # its partition is not ours any more
            return None
        pair.waiting -= 1
        return None if pair.waiting else pair

    def close(self, failure: Failure) -> None:
        """Forget a pair whose letter is written."""
        self._pairs.pop((failure.record.assignment_epoch, failure.record.offset, failure.route), None)

    def drop(self, epochs: AbstractSet[int]) -> int:
        """Forget the pairs of these epochs; return how many unsettled items they have beyond one each."""
        dropped = [key for key in self._pairs if key[0] in epochs]
        pairs = [self._pairs.pop(key) for key in dropped]
        return sum(pair.waiting + len(pair.failures) - 1 for pair in pairs)


def merge_failures(failures: Sequence[Failure], elements: Sequence[Any] | None) -> Failure:
    """Return the failure of a pair as one letter tells it: the first failed element's, with the names of all.

    Where it is unknown if one has taken effect, the first of those: a replay must not send it again unasked.
    `elements` is the event's list (None: it cannot be had, so that none can be named).
    """
    ordered = sorted(failures, key=lambda failure: failure.element)
    unknown = (failure for failure in ordered if failure.reason is Reason.UNKNOWN_OUTCOME)
    first, numbers = next(unknown, ordered[0]), tuple(failure.element for failure in ordered)
    of = None if elements is None else len(elements)
    return first._replace(
        message=several_failed(
            len(numbers), of, first.element - 1, first.message, unknown=first.reason is Reason.UNKNOWN_OUTCOME
        ),
        element=0,
        elements=FailedElements(
            numbers, ALL if elements is None else name_elements(elements, [number - 1 for number in numbers])
        ),
    )
