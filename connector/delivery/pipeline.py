"""The pipeline of one sink: records become items for the dispatcher, failures dead letters, settled offsets commits.

It connects the source (Kafka) with the dispatcher (the vendor) and is the listener of the two. Everything here runs on
the event loop's thread.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from connector.clock import Clock
from connector.delivery.admission import AdmissionQueue
from connector.delivery.assignment import Assignment
from connector.delivery.blocked_partitions import BlockedPartition, BlockedPartitions
from connector.delivery.commit_schedule import CommitSchedule
from connector.delivery.dead_letter_writer import DeadLetterWriter
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.element_pairs import ElementPairs
from connector.delivery.failure_rate import FailureRate
from connector.delivery.flood_guard import FloodGuard
from connector.delivery.handover import Handover
from connector.delivery.intake import PIECE, Intake
from connector.delivery.marks import Marks
from connector.delivery.outcomes import DispatchListener
from connector.delivery.settlement import Settlement
from connector.delivery.stats import RecentFailure, Stats
from connector.delivery.tasks import Tasks
from connector.errors import Mistake
from connector.kafka.source_interface import (
    AssignedPartition,
    Commit,
    LogChange,
    ReadEnd,
    SourceControl,
    SourceListener,
)
from connector.model import Failure, Item, Reason, Record, Stage
from connector.vendors.base import Sink

log = structlog.get_logger()


class RecordRouter(Protocol):
    """Turns a record into what this sink sends for it."""

    def route(self, record: Record) -> Sequence[Item | Failure]:
        """Return the items to send and the failures; empty if no route takes the record."""
        ...

    def list_elements(self, record: Record, route: str) -> Sequence[Any] | None:
        """Return the elements of the record of which a route makes an item each; None if they cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class PipelineLimits:
    """Limits of one pipeline. While more than `max_open_events` items or `max_open_bytes` are open, no more is read.

    In seconds: `commit_interval` between commits, `drain` for what is in flight at a revocation, `request_timeout` for
    one request.
    """

    max_open_events: int
    max_open_bytes: int
    commit_interval: float
    drain: float
    request_timeout: float = 0.0


class Pipeline:
    """Connects one sink's source, router, dispatcher and dead-letter writer.

    `make_dispatcher`, `make_dead_letters` and `make_source` build those objects. Each needs a callback into this
    pipeline, which is passed to it.
    """

    def __init__(
        self,
        sink: Sink,
        router: RecordRouter,
        assignment: Assignment,
        failure_rate: FailureRate,
        limits: PipelineLimits,
        *,
        clock: Clock,
        stats: Stats,
        make_dispatcher: Callable[[DispatchListener], Dispatcher],
        make_dead_letters: Callable[[Callable[[Failure], None]], DeadLetterWriter],
        make_source: Callable[[SourceListener], SourceControl],
    ) -> None:
        self.sink = sink
        self.assignment = assignment
        self.stats = stats
        self.kafka_problem = ""
        self.unreadable_topics: frozenset[str] = frozenset()  # what that is about; none: all topics
        self.joined = False
        self.last_commit_succeeded = True  # False if the last commit of what was ours was not made
        self.warnings: Sequence[Mistake] = ()  # what the vendor says is wrong with the configuration
        self.vendor_events: Mapping[str, str] = {}  # the vendor's names of the events that the routes name by key
        self._router = router
        self._limits = limits
        self._marks = Marks(limits.max_open_events, limits.max_open_bytes)
        self._clock = clock
        self._chunks_to_request = 0  # chunks that the source delivered and for which no new one was requested
        self._tasks = Tasks()
        self._stopping = False
        self._last_commit_missed = False  # a commit that the stop needed was not made
        self._abandoned = False
        self._commit_schedule = CommitSchedule(assignment, limits.commit_interval)
        self._blocked = BlockedPartitions(assignment, sink.name)
        self.dispatcher = make_dispatcher(self)
        self.dead_letters = make_dead_letters(self.on_written)
        self._intake = Intake(self._on_piece, self._records_to_begin)
        self._pairs = pairs = ElementPairs()
        self._settlement = Settlement(assignment, pairs, stats, router.list_elements)
        self._admission = AdmissionQueue(
            assignment, pairs, stats, hand_on=self._hand_on, begin_records=self._begin_records
        )
        self.flood_guard = FloodGuard(
            failure_rate,
            assignment,
            self.dispatcher,
            sink=sink.name,
            clock=clock,
            begin_records=self._begin_records,
            fail=self.on_failed,
            begin_oldest_without_room=self._admission.begin_oldest_without_room,
        )
        self._handover = Handover(
            assignment,
            self._intake,
            self._admission,
            self.flood_guard,
            self.dispatcher,
            self.dead_letters,
            pairs,
            request_timeout=limits.request_timeout,
            sink=sink.name,
            clock=clock,
            stats=stats,
        )
        self._source = make_source(self)

    # --- from the source: partitions -------------------------------------------------------------------------------

    def on_assigned(self, partitions: Sequence[AssignedPartition]) -> None:
        """Add the partitions that are ours now."""
        self._intake.flush()  # what was read under epochs that these may replace
        self.joined = True
        self.stats.rebalances["assigned"] += 1
        for each in partitions:
            replaced = self.assignment.epoch_of(each.topic, each.partition)
            if replaced is not None:  # nothing of it is committed any more, so nothing of it waits for room
                self._admission.admit_without_limit(replaced)
            self.assignment.assign(each)
        log.info("partitions assigned", sink=self.sink.name, new=len(partitions), now=len(self.assignment))

    def on_revoked(self, epochs: frozenset[int], done: concurrent.futures.Future[Sequence[Commit]]) -> None:
        """Drain partitions that are about to leave, and answer with what to commit."""
        epochs = self.assignment.with_replaced(epochs)
        self.stats.rebalances["revoked"] += 1
        self._tasks.start(self._revoke(epochs, done))

    async def _revoke(self, epochs: frozenset[int], done: concurrent.futures.Future[Sequence[Commit]]) -> None:
        # If the process stalls during the drain, the polling thread does not make the commit.
        may_commit = self._may_commit(self._clock.monotonic())
        await self._handover.drain(epochs, self._clock.monotonic() + self._limits.drain)
        if not may_commit and self._stopping:
            self._note_uncommitted(epochs)
        done.set_result(self._handover.final_commits(epochs) if may_commit else [])
        self._handover.remove_partitions(epochs)
        self._request_records()

    def on_lost(self, epochs: frozenset[int]) -> None:
        """Drop partitions that are another member's already."""
        with_replaced = self.assignment.with_replaced(epochs)
        self.stats.rebalances["lost"] += 1
        self._handover.drop_unsent(with_replaced)
        self._handover.remove_partitions(with_replaced)
        log.warning("partitions lost", sink=self.sink.name, partitions=len(epochs))

    def on_left_group(self, epochs: frozenset[int]) -> None:
        """Drop all partitions: the client was replaced, and nothing is assigned until it has joined the group."""
        self.joined = False
        self._commit_schedule.commit_finished(succeeded=False)  # how that commit ended is never reported
        if epochs:
            self.on_lost(epochs)

    # --- from the source: reading ------------------------------------------------------------------------------------

    def on_poll(self, records: Sequence[Record], polled_at: float, confirmed: bool, demanded: bool) -> None:
        """Take in what the polling thread read, and send and commit what is due.

        `confirmed` holds for `polled_at`, not for now: if the process stalled in between, the confirmation may be past.
        `demanded` says that these records used up a requested chunk.
        """
        self.assignment.record_poll(polled_at, confirmed)
        if self._stopping:
            return
        self._chunks_to_request += demanded
        self._intake.enqueue(records)
        self._commit_if_due(self._clock.monotonic())

    def on_read_up_to(self, ends: Mapping[int, ReadEnd]) -> None:
        """Pass offsets that hold no record. Without effect while records wait to be begun: it comes again."""
        if self._intake.all_taken and not self._stopping:
            self.assignment.pass_empty(ends, self._admission)
            self._commit_if_due(self._clock.monotonic())

    def on_lost_to_retention(self, epoch: int, low: int, wanted: int = -1) -> None:
        """Count offsets that retention deleted before they were read; `low` is the log's first offset now."""
        self._intake.flush()
        offsets = self.assignment.offsets.get(epoch)
        if offsets is None or offsets.next_offset is None:
            return
        unread = max(wanted, self._admission.next_offset_after(epoch, offsets.next_offset))
        if low <= unread:
            return
        self.stats.lost_to_retention += low - unread
        # Nothing tells what they held: an event each, or less where producers use transactions or the log is compacted.
        log.error("retention deleted events before they were read", sink=self.sink.name, topic=offsets.topic,
                  partition=offsets.partition, events_at_most=low - unread, first=unread, reads_on_at=low)  # fmt: skip

    def on_unreadable(self, epoch: int, offset: int | None, why: str) -> None:
        """Skip a record that cannot be read if it is settled, else report its partition as blocked."""
        self._intake.flush()
        offsets = self.assignment.offsets.get(epoch)
        if offsets is None or epoch in self._admission:  # wait: it will be reported again
            return
        if offset is not None and offset < (offsets.next_offset or 0):  # read past already
            return
        # While records are deferred by the flood guard, the next offset is one of theirs, not the unreadable one.
        next_unsettled = offsets.pass_settled() if offset == offsets.next_offset else None
        if next_unsettled is not None:
            self._source.seek(epoch, offsets.topic, offsets.partition, next_unsettled)
            return
        self._blocked.report(epoch, BlockedPartition(offsets.topic, offsets.partition, offset, why))

    def on_log_changed(self, change: LogChange) -> None:
        """Note that a log was truncated, or its topic recreated."""
        self.stats.log_changes[change.change] += 1
        self.stats.recent_log_changes.append((self._clock.now(), change))

    def on_topic_id(self, epochs: frozenset[int], topic_id: str) -> None:
        """Note the id of these epochs' topic."""
        self.assignment.set_topic_id(epochs, topic_id)

    def on_watermarks(self, highs: Mapping[tuple[str, int], int]) -> None:
        """Note the high watermarks, by topic and partition."""
        self.assignment.high_watermarks = highs

    def on_kafka_problem(self, problem: str, topics: frozenset[str] = frozenset()) -> None:
        """Note why Kafka, or these topics, cannot be read; empty once it can."""
        self.kafka_problem, self.unreadable_topics = problem, topics

    def on_committed(self, error: str | None, last: bool) -> None:
        """Note the result of a commit; `last` says that it was made in a revocation or at the stop."""
        if error is None:
            self.stats.commits += 1
        else:
            self.stats.commit_failures += 1
            log.warning("a commit failed", sink=self.sink.name, why=error)
        if last:
            self._last_commit_missed |= self._stopping and error is not None
            self.last_commit_succeeded = error is None and not self._last_commit_missed
        else:
            self._commit_schedule.commit_finished(succeeded=error is None)

    # --- from the dispatcher and the dead-letter writer --------------------------------------------------------------

    def on_accepted(self, items: Sequence[Item]) -> None:
        """Settle items that the vendor accepted."""
        now = self._clock.monotonic()
        pairs, failures = self._settlement.accept(items)
        self.flood_guard.count_accepted(pairs, now)
        for failure in failures:
            self.on_failed(failure)
        if not self._admission.is_empty:
            self._admission.admit_waiting()  # the dispatcher pumps after this
        self._commit_schedule.count_settled(len(items))
        self.flood_guard.stop_deferring_if_unflooded()
        self._request_records()
        self._commit_if_due(now)

    def on_failed(self, failure: Failure) -> None:
        """Write a dead letter for an event that cannot be delivered, unless the flood guard defers it.

        Of one element of an event, only once every other one of the same route is accepted or has failed, too.
        """
        if failure.record.assignment_epoch not in self.assignment.offsets:
            return  # the partition's next owner meets it, too
        if failure.element:
            merged = self._settlement.fail(failure)
            if merged is None:
                return
            failure = merged
        now = self._clock.monotonic()
        if self.flood_guard.count_or_defer(failure, now):
            return
        self.stats.recent_letters.append(
            RecentFailure(now, failure.reason, failure.method, failure.status, failure.message, failure.record.address)
        )
        self.dead_letters.write(failure)

    def on_written(self, failure: Failure) -> None:
        """Settle an event, or those of its elements that failed, whose dead letter the brokers have."""
        settled = self._settlement.settle_letter(failure)
        if not self._admission.is_empty and self._admission.admit_waiting():
            self.dispatcher.pump()
        self._commit_schedule.count_settled(settled)
        self._request_records()
        self._commit_if_due(self._clock.monotonic())

    # --- from the service --------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Check, once a second, the secrets and whether the flood guard needs a probe."""
        gate = self.dispatcher.gate
        if gate.set_missing_secret(self.sink.credentials_ready() or ""):
            if gate.missing_secret:
                log.warning("a secret is missing: this sink waits for it", sink=self.sink.name, why=gate.missing_secret)
            else:
                log.info("the secrets are there: this sink sends", sink=self.sink.name)
        if self.sink.credentials_renewed():
            gate.probe_now()
            log.info("the vendor's credentials have changed: they are tried at once", sink=self.sink.name)
        self.flood_guard.find_probe()
        self.dispatcher.pump()

    def blocked_partitions(self) -> list[BlockedPartition]:
        """Return the partitions whose next record cannot be read."""
        return self._blocked.list_blocked()

    def lag(self) -> int | None:
        """Return how many offsets are not settled, at least as many as records were read and are not; None: unknown."""
        lag, guard = self.assignment.lag(), self.flood_guard
        read = self.assignment.open_records + len(self._intake)
        read += self._admission.waiting_records + guard.deferred_records
        return None if lag is None else max(lag, read)

    def abandon(self) -> None:
        """Take in and commit nothing from now on: after a bug of ours the offsets may be wrong. Sending goes on."""
        self._abandoned = True

    async def stop(self, deadline: float) -> bool:
        """Drain all partitions until `deadline` (monotonic seconds), and let the source commit and leave the group.

        Returns True if all that was in flight is settled. The source ends by itself: see Source.join.
        """
        self._stopping = True
        epochs = frozenset(self.assignment.offsets)
        drained = await self._handover.drain(epochs, deadline)
        self.dispatcher.stop()
        may_commit = self._may_commit(self._clock.monotonic())
        if not may_commit:
            self._note_uncommitted(epochs)
        commits = self._handover.final_commits(epochs) if may_commit else []
        if commits:
            self.last_commit_succeeded = False  # until `on_committed` reports that they were made
        self._source.stop(commits)
        return drained

    def _note_uncommitted(self, epochs: frozenset[int]) -> None:
        """Called in a stop where nothing may be committed: note it if there was something to commit."""
        if self.assignment.pending_commits(epochs):
            self._last_commit_missed = True
            self.last_commit_succeeded = False

    # --- from record to items ----------------------------------------------------------------------------------------

    def _on_piece(self, records: Sequence[Record]) -> None:
        """Begin these records, or defer them while the flood guard does, and send what may be sent.

        After the last piece of a chunk the next chunk is requested.
        """
        if self._abandoned:
            return
        if self.flood_guard.is_deferring:
            self.flood_guard.defer(records)
        else:
            self._begin_records(records)
        if not self._intake:
            self._admission.admit_waiting()
            self._pause_or_resume()
            self._request_records()
        self.dispatcher.pump()

    def _records_to_begin(self) -> int:
        """Return how many of the records read may be begun in this turn of the loop.

        Where they make many items, fewer: neither must the loop stand still for long, nor must a chunk open many more
        items than `max_open_events`. The flood guard defers records, which opens nothing.
        """
        if not self._pairs.ever_used or self.flood_guard.is_deferring:
            return PIECE
        if self.assignment.open_parts >= self._limits.max_open_events:
            return 0
        return max(1, PIECE * self.stats.records // max(self.stats.records, self.stats.items_read))

    def _begin_records(self, records: Sequence[Record]) -> None:
        """Begin records: route them and enqueue their items."""
        offsets_of, stats, enqueue = self.assignment.offsets, self.stats, self.dispatcher.enqueue
        for record in records:
            offsets = offsets_of.get(record.assignment_epoch)
            if offsets is None:
                continue
            if record.offset >= offsets.limit and not self._admission.admit_or_queue(offsets, record):
                continue
            stats.records += 1
            if not offsets.advance(record):
                stats.settled_before += 1
                continue
            results = self._route(record)
            if not results:
                stats.read += 1
                stats.skipped += 1
                continue
            result = results[0]
            # Parts, or what an earlier owner may have settled, or the one element of a list.
            if len(results) > 1 or offsets.inherited is not None or result.element:
                self._admission.open_parts(offsets, record, results)
                continue
            stats.read += 1
            self.assignment.open(offsets, record)
            # `_hand_on` inlined: it saves a call for each record
            if type(result) is Item:
                enqueue(result)
            elif type(result) is Failure:
                self.on_failed(result)

    def _hand_on(self, results: Sequence[Item | Failure]) -> None:
        for result in results:
            if type(result) is Item:
                self.dispatcher.enqueue(result)
            elif type(result) is Failure:
                self.on_failed(result)

    def _route(self, record: Record) -> Sequence[Item | Failure]:
        try:
            return self._router.route(record)
        except Exception as error:  # a bug of ours on this event must neither lose it nor stop the others
            log.exception("routing failed inside the connector", record=record.address, error=type(error).__name__)
            return [Failure(record, Reason.UNMAPPABLE, Stage.ROUTE, f"internal error: {type(error).__name__}")]

    # --- flow and commits ----------------------------------------------------------------------------------------

    def _request_records(self) -> None:
        """Request more chunks, unless enough is ready to be sent or too much is open."""
        self._intake.resume()
        if not self._chunks_to_request or self._intake or not self.dispatcher.wants_more:
            return
        guard, waiting = self.flood_guard, self._admission
        events = self.assignment.open_parts + guard.deferred_records + waiting.waiting_records
        size = self.assignment.open_bytes + guard.deferred_bytes + waiting.waiting_bytes
        if not self._marks.are_reached(events, size):
            while self._chunks_to_request:
                self._chunks_to_request -= 1
                self._source.request_chunk()

    def _pause_or_resume(self) -> None:
        pause, resume = self.assignment.update_paused(self._admission, self._marks)
        for epoch, offsets in pause:
            self._source.pause_partition(epoch, offsets.topic, offsets.partition)
        for epoch, offsets in resume:
            self._source.resume_partition(epoch, offsets.topic, offsets.partition)

    def _commit_if_due(self, now: float) -> None:
        if not self._stopping and self._may_commit(now):
            commits = self._commit_schedule.begin_commit(now)
            if commits:
                self._source.commit(list(commits))

    def _may_commit(self, now: float) -> bool:
        return not self._abandoned and self.assignment.confirmed(now)
