"""The clock that is passed wherever time matters, so that tests can control it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two times: a monotonic one for measuring and waiting, and the calendar's for people."""

    def monotonic(self) -> float:
        """Return seconds since a fixed moment; never goes back."""
        ...

    def now(self) -> float:
        """Return seconds since the epoch, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    monotonic = staticmethod(time.monotonic)
    now = staticmethod(time.time)
