"""The clock for tests that move time themselves. For tests whose loop moves it see virtual_time."""

from __future__ import annotations


class TurnedClock:
    """A clock that only the test moves, by its `seconds`.

    These are its monotonic time; `now` is `ahead` seconds more.
    """

    def __init__(self, seconds: float = 1000.0, *, ahead: float = 0.0) -> None:
        self.seconds = seconds
        self._ahead = ahead

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> float:
        return self.seconds + self._ahead
