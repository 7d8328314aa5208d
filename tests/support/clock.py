"""A clock for tests."""

from __future__ import annotations


class TurnedClock:
    """A clock that only the test turns; both its times are `seconds`."""

    def __init__(self, seconds: float = 1000.0) -> None:
        self.seconds = seconds

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> float:
        return self.seconds
