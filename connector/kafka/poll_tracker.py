"""When the polling thread turned, and whether it stood still so long that its partitions may be another's. Pure."""

from __future__ import annotations

from connector.clock import Clock


class PollTracker:
    """`stall` is after how many seconds without a turn the assignment is in doubt (the group's max.poll.interval.ms),
    `confirm_after` how many seconds of turning without a loss confirm it again (two heartbeats)."""

    def __init__(self, clock: Clock, *, stall: float, confirm_after: float) -> None:
        self.last = clock.monotonic()
        self._clock = clock
        self._stall = stall
        self._confirm_after = confirm_after
        self._doubtful_until = 0.0

    def record_poll(self) -> float | None:
        """The thread turns now. How many seconds it had stood still before, also inside the client, if too many."""
        now = self._clock.monotonic()
        still, self.last = now - self.last, now
        if still <= self._stall:
            return None
        self._doubtful_until = now + self._confirm_after
        return still

    @property
    def confirmed(self) -> bool:
        """Whether no stall puts in doubt what was ours when the thread last turned."""
        return self.last >= self._doubtful_until

    @property
    def stalled(self) -> bool:
        """Whether the partitions may be another's now: the thread stands still, or did so just before."""
        now = self._clock.monotonic()
        return now < self._doubtful_until or now - self.last > self._stall
