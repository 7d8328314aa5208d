"""Exponential backoff with full jitter, computed by tenacity."""

from __future__ import annotations

from tenacity import RetryCallState, Retrying, wait_random_exponential


class Backoff:
    """Waits before retry number n: uniformly between 0 and min(maximum, initial * 2^(n - 1)) seconds."""

    def __init__(self, initial: float, maximum: float) -> None:
        self.initial = initial
        self._wait = wait_random_exponential(multiplier=initial, max=maximum)
        self._state = RetryCallState(Retrying(), None, (), {})

    def seconds_before_retry(self, number: int) -> float:
        """Return a random number of seconds to wait before retry `number` (1 or more)."""
        self._state.attempt_number = min(number, 64)  # by then any wait has its maximum
        return self._wait(self._state)
