"""The flood guard of one sink: notices when so many events fail that the fault must lie elsewhere.

It then limits the sink to one probe a minute and defers the rest: records are kept without being routed, failures are
kept without a dead letter. Once a probe is accepted, counting begins at zero, and what was deferred is handled as
usual. Everything here runs on the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import structlog

from connector.clock import Clock
from connector.delivery.assignment import Assignment
from connector.delivery.deferred_records import DeferredRecords
from connector.delivery.failure_rate import FailureRate
from connector.delivery.gate import FLOOD_PROBE_SECONDS, Gate
from connector.kafka.dead_letter import RecentLetter
from connector.kafka.settled_offsets import SettledOffsets
from connector.model import Failure, Reason, Record

# Failures that say nothing of a mistake in routes or settings, so that they do not count: an event that no route takes,
# and one whose request may have taken effect.
NOT_COUNTED_REASONS = frozenset({Reason.UNROUTED, Reason.UNKNOWN_OUTCOME})
# How many records one tick may begin in search of one that makes an item to probe with.
PROBE_SEARCH = 100

log = structlog.get_logger()


class Prober(Protocol):
    """The dispatcher, as the guard sees it."""

    gate: Gate

    def can_probe_untried(self) -> bool:
        """True if a batch is ready that has not been a probe in this round."""
        ...

    def pump(self) -> None:
        """Send what may be sent."""
        ...


class FloodGuard:
    """Counts failures, decides whether they are too many, and defers records and failures while they are.

    What was deferred ends in `begin_records`, or in `fail`, which writes a failure's letter.
    `begin_oldest_without_room` begins the oldest record of the admission queue though a commit may have no room for it,
    and returns False if none waits there.
    """

    def __init__(
        self,
        failure_rate: FailureRate,
        assignment: Assignment,
        prober: Prober,
        *,
        sink: str,
        clock: Clock,
        begin_records: Callable[[Sequence[Record]], None],
        fail: Callable[[Failure], None],
        begin_oldest_without_room: Callable[[], bool],
    ) -> None:
        self.is_deferring = False  # records are deferred: the gate is flooded, or the count is not restored yet
        self.is_restoring = False  # what was counted before this start is still to come
        self._failure_rate = failure_rate
        self._assignment = assignment
        self._prober = prober
        self._gate = prober.gate
        self._sink = sink
        self._clock = clock
        self._begin_records = begin_records
        self._fail = fail
        self._begin_oldest_without_room = begin_oldest_without_room
        self._deferred = DeferredRecords()

    # --- counting ------------------------------------------------------------------------------------------------

    def count_accepted(self, events: int, now: float) -> None:
        """Count events that the vendor accepted."""
        self._failure_rate.add_accepted(events, now)

    def count_or_defer(self, failure: Failure, now: float) -> bool:
        """Count a failure, and begin to defer if there are too many; or defer it, and return True: write no letter now.

        The failure that exceeds the limit is not deferred itself.
        """
        if failure.reason in NOT_COUNTED_REASONS:
            return False
        if self.is_deferring:
            self._deferred.failures.append(failure)
            return True
        self._failure_rate.add_failed(1, now)
        if self._failure_rate.exceeded(now):
            self._start_deferring(now, f"the last: {failure.message}")
        return False

    def wait_for_restore(self) -> None:
        """Defer every record until `restore` is called."""
        self.is_deferring = self.is_restoring = True

    def restore(
        self, letters: Sequence[RecentLetter], settled: Mapping[tuple[str, int], SettledOffsets] | None = None
    ) -> None:
        """Count the letters that this sink wrote before this start, so that a restart does not begin at zero.

        How many events were accepted among them is not known: the offsets between the letters of a partition are taken
        for them, where its last commit says that they are `settled` (None: nothing is known of that).
        """
        self.is_restoring = False
        counted = [letter for letter in letters if letter.reason not in NOT_COUNTED_REASONS]
        accepted = 0 if settled is None else _count_settled_between(counted, letters, settled)
        now, today = self._clock.monotonic(), self._clock.now()
        self._failure_rate.restore([max(0.0, today - letter.at) for letter in counted], accepted, now)
        if self._failure_rate.exceeded(now):
            self._start_deferring(now, "all of them before this start", probe_in=0.0)
        else:
            self._stop_deferring()
            self._prober.pump()

    # --- deferring -------------------------------------------------------------------------------------------------

    def defer(self, records: Sequence[Record]) -> None:
        """Keep records that were read, to be begun when the guard stops deferring."""
        self._deferred.defer(records)
        self._assignment.keep_for_deferred({record.assignment_epoch for record in records})

    def find_probe(self) -> None:
        """While flooded, begin up to PROBE_SEARCH deferred records until one gives an item to probe with.

        Failing that, begin records of the admission queue, too. They wait for room in a commit, and room comes only
        when this flood ends, which needs a probe. A record begun without room may have parts settled that the last
        commit before a stop cannot name: these are sent twice.
        """
        if not self._gate.flooded:
            return
        for _ in range(min(PROBE_SEARCH, len(self._deferred.records))):
            if self._prober.can_probe_untried():
                return
            self._begin_records((self._deferred.next_record(),))
        for _ in range(PROBE_SEARCH):
            if self._prober.can_probe_untried() or not self._begin_oldest_without_room():
                return

    def stop_deferring_if_unflooded(self) -> None:
        """If the gate's flood has ended, as a probe was accepted, count from zero and hand on what was deferred."""
        if self.is_deferring and not self._gate.flooded:
            self._failure_rate.clear_window()
            self._stop_deferring()

    def drop_revoked(self, epochs: AbstractSet[int]) -> None:
        """Drop what was deferred of these epochs."""
        self._deferred.drop_deferred(epochs)

    # --- what is deferred ----------------------------------------------------------------------------------------

    @property
    def deferred_count(self) -> int:
        """How many records and failures are deferred."""
        return len(self._deferred.records) + len(self._deferred.failures)

    @property
    def deferred_records(self) -> int:
        """How many records are deferred."""
        return len(self._deferred.records)

    @property
    def deferred_bytes(self) -> int:
        """The size of the deferred records' values."""
        return self._deferred.bytes

    @property
    def oldest_record(self) -> Record | None:
        """The oldest deferred record; None if there is none."""
        return self._deferred.records[0] if self._deferred.records else None

    def _start_deferring(self, now: float, cause: str, probe_in: float = FLOOD_PROBE_SECONDS) -> None:
        failed, events = self._failure_rate.counts(now)
        self.is_deferring = True
        self._gate.start_flood(now, f"{failed} of {events} events fell to their own fault; {cause}", probe_in)
        log.error("too many dead letters: this sink holds and tries one event a minute", sink=self._sink,
                  fell=failed, sent=events)  # fmt: skip

    def _stop_deferring(self) -> None:
        """Hand on what was deferred: failures get their letters, and records are begun until the guard defers again."""
        self.is_deferring = False
        for failure in self._deferred.take_failures():
            self._fail(failure)
        while self._deferred.records and not self.is_deferring:
            self._begin_records((self._deferred.next_record(),))
        if not self._deferred.records:
            self._assignment.all_deferred_begun()


def _count_settled_between(
    counted: Sequence[RecentLetter], letters: Sequence[RecentLetter], settled: Mapping[tuple[str, int], SettledOffsets]
) -> int:
    """Return how many offsets between the `counted` letters of each partition are settled without a letter."""
    spans: dict[tuple[str, int], tuple[int, int]] = {}
    for letter in counted:
        at = (letter.topic, letter.partition)
        first, last = spans.get(at, (letter.offset, letter.offset))
        spans[at] = min(first, letter.offset), max(last, letter.offset)
    between = sum(settled[at].count_between(*span) for at, span in spans.items() if at in settled)
    with_letter = {(letter.topic, letter.partition, letter.offset) for letter in letters}
    for topic, partition, offset in with_letter:
        at = (topic, partition)
        if at in spans and at in settled and spans[at][0] <= offset <= spans[at][1]:
            between -= settled[at].has(offset)
    return between
