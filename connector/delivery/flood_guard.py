"""The flood guard: notices when so many events are refused that the fault cannot be theirs. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

_SLICES = 60


class FloodGuard:
    """Counts, over the last `within` seconds, what was delivered and what fell to the event's fault.

    It is exceeded when more than `letters` events fell and they are more than `share` (0 to 1) of all. The window
    moves in sixtieths of its length.
    """

    def __init__(self, letters: int, share: float, within: float) -> None:
        self._letters = letters
        self._share = share
        self._slice = within / _SLICES
        self._slices: deque[list[float]] = deque()  # [begin, delivered, fell]
        self._delivered = 0.0
        self._fell = 0.0

    def delivered(self, events: int, now: float) -> None:
        """So many events were accepted at `now`."""
        self._current(now)[1] += events
        self._delivered += events

    def rejected(self, events: int, now: float) -> None:
        """So many events fell to their own fault at `now`."""
        self._current(now)[2] += events
        self._fell += events

    def restore(self, ages: Sequence[float], delivered: int, now: float) -> None:
        """Before this counting began, so many seconds ago each, events fell, and `delivered` went well among them."""
        for age in sorted(ages):
            at = now - age
            if not self._slices or self._slices[0][0] - at >= self._slice:
                self._slices.appendleft([at, 0, 0])
            self._slices[0][1] += delivered / len(ages)
            self._slices[0][2] += 1
        self._delivered += delivered
        self._fell += len(ages)

    def exceeded(self, now: float) -> bool:
        """Whether both marks are passed."""
        self._expire(now)
        return self._fell > self._letters and self._fell > self._share * (self._fell + self._delivered)

    def counts(self, now: float) -> tuple[int, int]:
        """How many events fell, and how many were sent in all, within the window."""
        self._expire(now)
        return int(self._fell), int(self._fell + self._delivered)

    def reset(self) -> None:
        """Count afresh."""
        self._slices.clear()
        self._delivered = self._fell = 0.0

    def _current(self, now: float) -> list[float]:
        if not self._slices or self._slices[-1][0] + self._slice <= now:
            self._expire(now)
            self._slices.append([now, 0, 0])
        return self._slices[-1]

    def _expire(self, now: float) -> None:
        while self._slices and self._slices[0][0] + self._slice * _SLICES <= now:
            _, delivered, fell = self._slices.popleft()
            self._delivered -= delivered
            self._fell -= fell
