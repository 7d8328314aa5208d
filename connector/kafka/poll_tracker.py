"""Tracks when the polling thread polled last, and if it stalled so long that its partitions may be lost. Pure."""

from __future__ import annotations

from connector.clock import Clock

# How long one poll waits for messages.
POLL_SECONDS = 0.1


class PollTracker:
    """Belongs to the polling thread; other threads may read it.

    After `stall` seconds without a poll the group may have expelled us (the shorter of max.poll.interval.ms and
    session.timeout.ms), so the assignment is in doubt. `confirm_after` seconds of polling without a loss (two
    heartbeats) confirm it again.
    """

    def __init__(self, clock: Clock, *, stall: float, confirm_after: float) -> None:
        self.last = clock.monotonic()
        self._clock = clock
        self._stall = stall
        self._confirm_after = confirm_after
        self._doubtful_until = 0.0

    def record_poll(self) -> float | None:
        """Record a poll. Return how many seconds the thread had stalled, also inside the client; None if it had not."""
        now = self._clock.monotonic()
        elapsed, self.last = now - self.last, now
        if elapsed <= self._stall:
            return None
        self._doubtful_until = now + self._confirm_after
        return elapsed

    @property
    def confirmed(self) -> bool:
        """True if the assignment was valid at the last poll."""
        return self.last >= self._doubtful_until

    @property
    def stalled(self) -> bool:
        """True if the partitions may be another member's now: the thread stalls, or did so until a moment ago."""
        now = self._clock.monotonic()
        return now < self._doubtful_until or now - self.last > self._stall
