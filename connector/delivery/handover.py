"""Partitions leave this member: on a revocation, on a loss, and when the service stops.

What was never sent is dropped, since the next owner reads it again. What is in flight is waited for, and half-settled
records are finished if there is time. Everything here runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet

import structlog

from connector.clock import Clock
from connector.delivery.admission import AdmissionQueue
from connector.delivery.assignment import Assignment
from connector.delivery.dead_letter_writer import DeadLetterWriter
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.element_pairs import ElementPairs
from connector.delivery.flood_guard import FloodGuard
from connector.delivery.intake import Intake
from connector.delivery.stats import Stats
from connector.kafka.source_interface import Commit
from connector.model import RecordRef

log = structlog.get_logger()


class Handover:
    """Takes partitions out of one sink's pipeline: drops, waits, and says what is to be committed last.

    `request_timeout` is how many seconds one request may take: none begins that might end after a deadline.
    """

    def __init__(
        self,
        assignment: Assignment,
        intake: Intake,
        admission: AdmissionQueue,
        flood_guard: FloodGuard,
        dispatcher: Dispatcher,
        dead_letters: DeadLetterWriter,
        pairs: ElementPairs,
        *,
        request_timeout: float,
        sink: str,
        clock: Clock,
        stats: Stats,
    ) -> None:
        self._assignment = assignment
        self._intake = intake
        self._admission = admission
        self._flood_guard = flood_guard
        self._dispatcher = dispatcher
        self._dead_letters = dead_letters
        self._pairs = pairs
        self._request_timeout = request_timeout
        self._sink = sink
        self._clock = clock
        self._stats = stats

    def drop_unsent(self, epochs: AbstractSet[int], keep: AbstractSet[RecordRef] = frozenset()) -> None:
        """Drop what was never sent of these epochs, except of the records to `keep`."""
        self._intake.drop_records(epochs)
        self._admission.drop_waiting(epochs)
        self._dispatcher.revoke(epochs, keep)
        self._dead_letters.drop_retries(epochs)
        self._flood_guard.drop_revoked(epochs)

    async def drain(self, epochs: frozenset[int], deadline: float) -> bool:
        """Drop what was never sent, finish half-settled records, and wait for what is in flight.

        Ends at `deadline` (monotonic seconds) at the latest; half-settled records are sent until `request_timeout`
        before it. Returns True if nothing is in flight any more.
        """
        to_finish = self._assignment.records_to_finish(epochs, self._dispatcher.records_in_flight())
        self.drop_unsent(epochs, to_finish)
        try:
            async with asyncio.timeout(max(0.0, deadline - self._request_timeout - self._clock.monotonic())):
                await self._dispatcher.wait_until_kept_are_sent()
        except TimeoutError:
            log.warning("not all of the half-settled records could be finished", sink=self._sink)
        if to_finish:  # drop also what was kept of them and not sent after all
            self._dispatcher.revoke(epochs)
        return await self._wait_for_in_flight(epochs, max(0.0, deadline - self._clock.monotonic()))

    def final_commits(self, epochs: frozenset[int]) -> list[Commit]:
        """Return what is still to be committed of these epochs.

        What is settled and has no room in the metadata will be sent again: it is counted and logged.
        """
        lost = self._assignment.not_in_metadata(epochs)
        if lost:
            self._stats.not_in_metadata += lost
            log.warning("a commit cannot tell of all that is settled above its position: it will be sent again",
                        sink=self._sink, events=lost)  # fmt: skip
        return list(self._assignment.pending_commits(epochs).values())

    def remove_partitions(self, epochs: AbstractSet[int]) -> None:
        """Remove these epochs, and count what is not settled of them as given back: the next owner reads it again."""
        items = self._assignment.remove_epochs(epochs)
        self._stats.items_given_back += items
        self._stats.given_back += items - self._pairs.drop(epochs)

    async def _wait_for_in_flight(self, epochs: frozenset[int], seconds: float) -> bool:
        """Wait for these epochs' requests and dead letters. Return False if they take longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._dispatcher.wait_until_nothing_in_flight(epochs)
                await self._dead_letters.wait_until_none_pending(epochs)
        except TimeoutError:
            return False
        return True
