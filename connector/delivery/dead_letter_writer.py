"""Writes the dead letters of one sink, again and again until the brokers have them.

An event whose letter is not written is not settled, so its partition's position does not pass it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Protocol

import structlog

from connector.clock import Clock
from connector.delivery.backoff import Backoff
from connector.delivery.progress import Progress
from connector.kafka.dead_letter import ProducedLetter, compose_letter
from connector.model import Failure

# The longest wait, in seconds, before a letter's second try, and before any later one.
RETRY_SECONDS = (1.0, 30.0)

log = structlog.get_logger()


class DeadLetterSender(Protocol):
    """Produces letters.

    For each, `report` is called once on the event loop: with None once the brokers have it, else with why they do not.
    """

    def write(self, letter: ProducedLetter, report: Callable[[str | None], None]) -> None:
        """Produce one letter."""
        ...


class DeadLetterWriter:
    """Calls `on_written(failure)` for each letter that the brokers have. Used on the event loop's thread."""

    def __init__(
        self,
        producer: DeadLetterSender,
        *,
        group: str,
        sink: str,
        clock: Clock,
        on_written: Callable[[Failure], None],
    ) -> None:
        self.problem = ""  # why letters cannot be written; empty if they can
        self._producer = producer
        self._group = group
        self._sink = sink
        self._clock = clock
        self._on_written = on_written
        self._backoff = Backoff(*RETRY_SECONDS)
        self._pending: Counter[int] = Counter()  # by epoch
        self._revoked: set[int] = set()  # epochs that are not ours any more, as long as a letter is pending
        self._retries: dict[asyncio.TimerHandle, Failure] = {}  # letters that will be produced again
        self._progress = Progress()

    def write(self, failure: Failure, replays: int = 0) -> None:
        """Write the failure's letter, however many tries it takes. `replays`: how often the event was before."""
        self._pending[failure.record.assignment_epoch] += 1
        letter = compose_letter(failure, group=self._group, sink=self._sink, now=self._clock.now(), replays=replays)
        self._produce(failure, letter, 0)

    def drop_retries(self, epochs: AbstractSet[int]) -> None:
        """Stop retrying letters of these epochs, which are not ours any more.

        Letters that were produced and await their report still end in `on_written`.
        """
        # Epochs of which nothing is pending are forgotten here.
        self._revoked = {epoch for epoch in self._revoked if epoch in self._pending} | epochs
        for timer, failure in list(self._retries.items()):
            if failure.record.assignment_epoch in epochs:
                timer.cancel()
                del self._retries[timer]
                self._done(failure)

    @property
    def pending(self) -> int:
        """How many letters are not written yet."""
        return self._pending.total()

    async def wait_until_none_pending(self, epochs: AbstractSet[int] | None = None) -> None:
        """Wait until each letter of these epochs (None: of all) is written or given up."""
        await self._progress.wait_until(
            lambda: not (self._pending.total() if epochs is None else any(self._pending[epoch] for epoch in epochs))
        )

    def _produce(self, failure: Failure, letter: ProducedLetter, refusals: int) -> None:
        def report(error: str | None) -> None:
            if error is not None:
                self._on_not_written(failure, letter, refusals + 1, error)
                return
            self.problem = ""
            self._done(failure)
            self._on_written(failure)

        self._producer.write(letter, report)

    def _on_not_written(self, failure: Failure, letter: ProducedLetter, refusals: int, error: str) -> None:
        if self.problem != error:
            self.problem = error
            log.error("a dead letter cannot be written: its partition waits", sink=self._sink,
                      record=failure.record.address, why=error)  # fmt: skip
        if failure.record.assignment_epoch in self._revoked:
            self._done(failure)
            return

        def retry() -> None:
            del self._retries[timer]
            self._produce(failure, letter, refusals)

        timer = asyncio.get_running_loop().call_later(self._backoff.seconds_before_retry(refusals), retry)
        self._retries[timer] = failure

    def _done(self, failure: Failure) -> None:
        self._pending[failure.record.assignment_epoch] -= 1
        if not self._pending[failure.record.assignment_epoch]:
            del self._pending[failure.record.assignment_epoch]
        self._progress.notify()
