"""Lets coroutines wait until a condition holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Progress:
    """Whoever may have made a condition true calls `notify`; those who wait for it then look at it again."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Have every awaited condition looked at again."""
        self._event.set()

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds()` is true."""
        while not holds():
            self._event.clear()
            await self._event.wait()
