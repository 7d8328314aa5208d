"""The flood guard of one sink: notices when so many events are rejected that the fault must lie elsewhere.

It then limits the sink to one probe a minute and defers what would become of the other events: records that are read
are not routed, failures that are found are not written as dead letters. When a probe is accepted it counts from zero,
and what it deferred goes its usual way. Everything here runs on the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import structlog

from connector.clock import Clock
from connector.delivery.assignment import Assignment
from connector.delivery.deferred_records import DeferredRecords
from connector.delivery.failure_rate import FailureRate
from connector.delivery.gate import FLOOD_PROBE_SECONDS, Gate
from connector.kafka.dead_letter import RecentLetter
from connector.model import Failure, Reason, Record

# Dead letters for which the vendor rejected nothing: they do not count.
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
    """Counts, decides, and defers records and failures while it holds the sink.

    `take_in` begins records and `fail` writes a failure's letter: the way of what was deferred once the guard lets go.
    `admit_waiting` begins the oldest record of the admission queue without regard to room; False if none waits there.
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
        """Count a failure, and hold the sink if there are too many. Return True if it is deferred: write no letter."""
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
        self.is_deferring = True

    def restore(self, letters: Sequence[RecentLetter]) -> None:
        """Count the letters that this sink wrote before this start, so that a restart does not begin at zero.

        How many events were accepted among them is not known: it is estimated by the offsets that lie between.
        """
        counted = [letter for letter in letters if letter.reason not in NOT_COUNTED_REASONS]
        offsets_of: dict[tuple[str, int], set[int]] = {}
        for letter in counted:
            offsets_of.setdefault((letter.topic, letter.partition), set()).add(letter.offset)
        between = sum(max(offsets) - min(offsets) + 1 - len(offsets) for offsets in offsets_of.values())
        now, today = self._clock.monotonic(), self._clock.now()
        self._failure_rate.restore([max(0.0, today - letter.at) for letter in counted], between, now)
        if self._failure_rate.exceeded(now):
            self._start_deferring(now, "all of them before this start", probe_in=0.0)
        else:
            self._stop_deferring()
            self._prober.pump()

    # --- holding -------------------------------------------------------------------------------------------------

    def defer(self, records: Sequence[Record]) -> None:
        """Keep records that were read, to be begun when the guard lets go."""
        self._deferred.defer(records)
        self._assignment.keep_for_deferred({record.assignment_epoch for record in records})

    def find_probe(self) -> None:
        """Begin deferred records, up to PROBE_SEARCH, until one makes an item that can be the next probe.

        Records of a partition whose commit has no more room go to the admission queue, where they would wait for the
        end of the very flood that a probe must end. So if nothing else is found, the oldest there is begun all the
        same: a stop could then send its settled parts twice, once a minute at most.
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
        """If a probe was accepted, count from zero and let what was deferred go its way."""
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
        rejected, sent = self._failure_rate.counts(now)
        self.is_deferring = True
        self._gate.start_flood(now, f"{rejected} of {sent} events fell to their own fault; {cause}", probe_in)
        log.error("too many dead letters: this sink holds and tries one event a minute", sink=self._sink,
                  fell=rejected, sent=sent)  # fmt: skip

    def _stop_deferring(self) -> None:
        """Give up what was deferred, until the guard holds again."""
        self.is_deferring = False
        for failure in self._deferred.take_failures():
            self._fail(failure)
        while self._deferred.records and not self.is_deferring:
            self._begin_records((self._deferred.next_record(),))
        if not self._deferred.records:
            self._assignment.all_deferred_begun()
