"""Isolation by halving: what of a refused batch is still to be sent, until the culprit stands alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connector.model import Item


class SubBatch:
    """Items of one batch that are sent together.

    `sends` counts the requests that carried them, `fives` the status 500 they drew that count towards poison, and
    `successes` is how many successes the sink had seen when the last of those came.
    """

    __slots__ = ("attempts", "http_500s", "items", "retrying_since", "successes_at_last_500")

    def __init__(self, items: Sequence[Item], sends: int = 0) -> None:
        self.items = items
        self.attempts = sends
        self.http_500s = 0
        self.successes_at_last_500 = -1
        self.retrying_since: float | None = None


class SubBatches:
    """What of one batch is still to be sent, in order; the first part goes next. Pure."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._rest = [SubBatch(items)] if items else []  # the next part last

    @property
    def done(self) -> bool:
        """Whether nothing is left to send."""
        return not self._rest

    @property
    def current(self) -> SubBatch:
        """The part that goes next."""
        return self._rest[-1]

    def settle_current(self) -> SubBatch:
        """The current part is settled."""
        return self._rest.pop()

    def halve(self) -> None:
        """The current part (two items or more) was refused: its first half goes next, then its second."""
        part = self._rest.pop()
        self._cut(part, len(part.items) // 2)

    def isolate_first(self) -> None:
        """Let the first item go alone: it is the probe of a held sink."""
        part = self._rest.pop()
        self._cut(part, 1)

    def drop(self, gone: Callable[[Item], bool]) -> list[Item]:
        """Drop the items that are `gone`; returns them."""
        dropped = [item for item in self.items() if gone(item)]
        for part in self._rest:
            part.items = [item for item in part.items if not gone(item)]
        self._rest = [part for part in self._rest if part.items]
        return dropped

    def items(self) -> list[Item]:
        """Everything still to be sent, in order."""
        return [item for part in reversed(self._rest) for item in part.items]

    def _cut(self, part: SubBatch, at: int) -> None:
        for items in (part.items[at:], part.items[:at]):
            if items:
                self._rest.append(SubBatch(items, part.attempts))
