"""Tracks when the polling thread polled last, and if it stalled so long that its partitions may be lost. Pure."""

from __future__ import annotations

from typing import NamedTuple

from connector.clock import Clock

# How long one poll waits for messages.
POLL_SECONDS = 0.1


class PollLimits(NamedTuple):
    """How long a member may go without a poll, in seconds.

    After `stall` the group may have expelled us: the shorter of max.poll.interval.ms and session.timeout.ms, since a
    process that is frozen sends no heartbeats either. `confirm_after` seconds of polling without a loss (two
    heartbeats) confirm the assignment again. `interval` (max.poll.interval.ms) is how long the group waits for a thread
    that does not poll while heartbeats go on, as in a callback.
    """

    stall: float
    confirm_after: float
    interval: float


class PollTracker:
    """Belongs to the polling thread; other threads may read it.

    `last_turn` is when the thread last showed that it runs: by a poll, or by another try
    of what brokers do not answer.
    """

    def __init__(self, clock: Clock, limits: PollLimits) -> None:
        self.last = self.last_turn = clock.monotonic()
        self._clock = clock
        self._stall = limits.stall
        self._confirm_after = limits.confirm_after
        self._doubtful_until = 0.0

    def record_poll(self) -> float | None:
        """Record a poll. Return how many seconds the thread had stalled, also inside the client; None if it had not."""
        now = self._clock.monotonic()
        elapsed, self.last, self.last_turn = now - self.last, now, now
        if elapsed <= self._stall:
            return None
        self._doubtful_until = now + self._confirm_after
        return elapsed

    def record_turn(self) -> None:
        """Record that the thread runs, though it does not poll: whether the partitions are still ours is not known."""
        self.last_turn = self._clock.monotonic()

    @property
    def confirmed(self) -> bool:
        """True if the assignment was valid at the last poll."""
        return self.last >= self._doubtful_until

    @property
    def stalled(self) -> bool:
        """True if the partitions may be another member's now: the thread stalls, or did so until a moment ago."""
        now = self._clock.monotonic()
        return now < self._doubtful_until or now - self.last > self._stall
