"""The intake: records of a chunk are taken in piece by piece, so that responses are read in between."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from connector.model import Record

# Records in one iteration of the loop: they take some 0.3 ms, in which no response is read and a slot may stay empty.
PIECE = 40


class Intake:
    """Passes records to `take` in their order, on the event loop's thread.

    `room` says how many may be taken now. With 0 they wait for the next `enqueue` or `resume`.

    If `take` raises, which is a bug of ours and ends the process, nothing more is passed: part of that piece was taken,
    and no later record must be settled before the rest of it.
    """

    def __init__(self, take: Callable[[Sequence[Record]], None], room: Callable[[], int] = lambda: PIECE) -> None:
        self._take = take
        self._room = room
        self._waiting: deque[Record] = deque()
        self._scheduled = False
        self._broken = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def all_taken(self) -> bool:
        """True if every record was passed to `take`, and none of it failed."""
        return not self._waiting and not self._broken

    def enqueue(self, records: Sequence[Record]) -> None:
        """Append records. If none waited, the first piece is taken at once."""
        self._waiting.extend(records)
        if not self._scheduled:
            self._next()

    def resume(self) -> None:
        """Let what waits be taken, soon: there may be room now."""
        if self._waiting and not self._scheduled:
            self._schedule()

    def flush(self) -> None:
        """Take all that waits at once."""
        self._take_some(len(self._waiting))

    def drop_records(self, epochs: AbstractSet[int]) -> None:
        """Drop the waiting records of these epochs."""
        self._waiting = deque(record for record in self._waiting if record.assignment_epoch not in epochs)

    def _next(self) -> None:
        self._scheduled = False
        size = min(self._room(), len(self._waiting))
        if self._waiting and not size:
            return
        self._take_some(size)
        if self._waiting:
            self._schedule()

    def _schedule(self) -> None:
        self._scheduled = True
        asyncio.get_running_loop().call_soon(self._next)

    def _take_some(self, count: int) -> None:
        piece = [self._waiting.popleft() for _ in range(count)]
        if not self._broken:
            self._broken = True  # stays so if `take` raises
            self._take(piece)
            self._broken = False
