"""An event loop whose time is its own: it jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors

# A wait for something that only another thread or a socket could bring.
_REAL_WAIT_SECONDS = 0.05


class _JumpingSelector(selectors.SelectSelector):
    now = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(_REAL_WAIT_SECONDS)
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop: timers, timeouts and sleeps come in their order, and an hour takes no time."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def freeze(self, seconds: float) -> None:
        """Time goes on, and nothing runs meanwhile."""
        self._jumping.now += seconds

    def time(self) -> float:
        """Seconds; advances only when everything that is ready has run."""
        return self._jumping.now


class LoopClock:
    """The connector's clock, going with the loop's time."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> float:
        return 1_700_000_000.0 + self.monotonic()
