"""The rate of failures by which the flood guard decides. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

# How many steps the window moves in.
STEPS_PER_WINDOW = 60


@dataclass(slots=True)
class _Step:
    """What was counted within one step of the window."""

    began_at: float  # monotonic seconds
    accepted: float = 0.0
    failed: float = 0.0


class FailureRate:
    """How many events failed, and how many were accepted, within a window of the last `within` seconds.

    It is exceeded when more than `letters` events failed and they are more than `share` (0 to 1) of all. The window
    moves in steps.
    """

    def __init__(self, letters: int, share: float, within: float) -> None:
        self._letters = letters
        self._share = share
        self._step = within / STEPS_PER_WINDOW
        self._steps: deque[_Step] = deque()
        self._accepted = 0.0
        self._failed = 0.0

    def add_accepted(self, events: int, now: float) -> None:
        """Count events that were accepted at `now`."""
        self._current(now).accepted += events
        self._accepted += events

    def add_failed(self, events: int, now: float) -> None:
        """Count events that failed at `now`."""
        self._current(now).failed += events
        self._failed += events

    def restore(self, ages: Sequence[float], accepted: int, now: float) -> None:
        """Count what was before this start: a failure for each of `ages` (seconds), and `accepted` spread over them.

        Without any of `ages`, `accepted` must be 0.
        """
        for age in sorted(ages):
            at = now - age
            if not self._steps or self._steps[0].began_at - at >= self._step:
                self._steps.appendleft(_Step(at))
            self._steps[0].accepted += accepted / len(ages)
            self._steps[0].failed += 1
        self._accepted += accepted
        self._failed += len(ages)

    def exceeded(self, now: float) -> bool:
        """True if both the number and the share are exceeded."""
        self._expire(now)
        return self._failed > self._letters and self._failed > self._share * (self._failed + self._accepted)

    def counts(self, now: float) -> tuple[int, int]:
        """Return how many events failed, and how many there were in all, within the window."""
        self._expire(now)
        return int(self._failed), int(self._failed + self._accepted)

    def clear_window(self) -> None:
        """Count from zero."""
        self._steps.clear()
        self._accepted = self._failed = 0.0

    def _current(self, now: float) -> _Step:
        if not self._steps or self._steps[-1].began_at + self._step <= now:
            self._expire(now)
            self._steps.append(_Step(now))
        return self._steps[-1]

    def _expire(self, now: float) -> None:
        while self._steps and self._steps[0].began_at + self._step * STEPS_PER_WINDOW <= now:
            step = self._steps.popleft()
            self._accepted -= step.accepted
            self._failed -= step.failed
