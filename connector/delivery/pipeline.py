"""The pipeline of one sink: records in, items to the dispatcher, failures to the letter box, settled offsets committed.

It stands between the source (Kafka) and the dispatcher (the vendor). Everything here runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import structlog

from connector.clock import Clock
from connector.delivery.admission import AdmissionQueue
from connector.delivery.assignment import Assignment
from connector.delivery.commit_schedule import CommitSchedule
from connector.delivery.dead_letter_writer import DeadLetterWriter
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.flood import DeferredRecords
from connector.delivery.flood_guard import FloodGuard
from connector.delivery.gate import FLOOD_PROBE_EVERY
from connector.delivery.intake import Intake
from connector.delivery.stats import RecentFailure, Stats
from connector.delivery.tasks import Tasks
from connector.errors import Mistake
from connector.kafka.dead_letter import RecentLetter
from connector.kafka.source_interface import AssignedPartition, Commit, LogChange, SourceControl
from connector.model import Failure, Item, Reason, Record, Stage
from connector.vendors.base import Sink

# What did not fall to the event's own fault does not count for the flood guard.
NOT_COUNTED_REASONS = frozenset({Reason.UNROUTED, Reason.UNKNOWN_OUTCOME})
# How many deferred records are looked at in one tick to find one that makes an item to probe with.
PROBE_SEARCH = 100

log = structlog.get_logger()


class Router(Protocol):
    """What a record becomes for this sink."""

    def route(self, record: Record) -> Sequence[Item | Failure]:
        """Items to send and failures; empty if no route takes it."""
        ...


@dataclass(frozen=True, slots=True)
class PipelineLimits:
    """Limits of one pipeline: open items and bytes past which nothing more is read, seconds between commits, and how
    many seconds a revocation may wait for what is in flight, and one request may take."""

    max_open_events: int
    max_open_bytes: int
    commit_interval: float
    drain: float
    timeout: float = 0.0


class BlockedPartition(NamedTuple):
    """A partition that stands at a record which cannot be read, and why. `offset` is None where it is not known."""

    topic: str
    partition: int
    offset: int | None
    why: str


class Pipeline:
    """See the module. `source` and `dispatcher` are set by whoever builds it, since both call back here."""

    source: SourceControl
    dispatcher: Dispatcher
    dead_letters: DeadLetterWriter

    def __init__(
        self,
        sink: Sink,
        router: Router,
        assignment: Assignment,
        guard: FloodGuard,
        marks: PipelineLimits,
        *,
        clock: Clock,
        stats: Stats,
    ) -> None:
        self.sink = sink
        self.assignment = assignment
        self.stats = stats
        self.kafka_problem = ""
        self.joined = False
        self.committed_at_last = True
        self.warnings: Sequence[Mistake] = ()  # what the vendor says is wrong with the configuration
        self.vendor_events: Mapping[str, str] = {}  # what the vendor calls the events that the routes name by key
        self._router = router
        self._guard = guard
        self._marks = marks
        self._clock = clock
        self._intake = Intake(self._take_piece)
        self._deferred = DeferredRecords()
        self._admission = AdmissionQueue(assignment, stats, give_out=self._give_out, take_in=self._take_in)
        self._commit_schedule = CommitSchedule(assignment, marks.commit_interval)
        self._standing: dict[int, BlockedPartition] = {}  # by epoch
        self._demand = 0
        self._tasks = Tasks()
        self._flooding = False  # the flood guard holds, or what it held back is still to be taken in
        self._stopping = False
        self._abandoned = False

    # --- from the source -----------------------------------------------------------------------------------------

    def on_assigned(self, partitions: Sequence[AssignedPartition]) -> None:
        """New epochs."""
        self._intake.flush()  # what was read before: a epoch may take another's place
        self.joined = True
        self.stats.rebalances["assigned"] += 1
        for each in partitions:
            self._admission.admit_all(self.assignment.epoch_of(each.topic, each.partition))
            self.assignment.assign(each)
        log.info("partitions assigned", sink=self.sink.name, new=len(partitions), now=len(self.assignment))

    def on_poll(self, records: Sequence[Record], polled_at: float, confirmed: bool, demanded: bool) -> None:
        """The polling thread turned: take its records in and send what may go.

        What it confirms, it confirms for the time of its turning: a process that was frozen since hears it too late.
        """
        gate = self.dispatcher.gate
        if confirmed:
            gate.confirm(polled_at)
        else:
            gate.doubt()
        if self._stopping:
            return
        self._demand += demanded
        self._intake.enqueue(records)
        self._commit_if_due(self._clock.monotonic())

    def on_revoked(self, epochs: frozenset[int], done: concurrent.futures.Future[Sequence[Commit]]) -> None:
        """Partitions are about to leave: forget what was never sent, wait for what is in flight, say what to commit."""
        epochs = self.assignment.with_earlier(epochs)
        self.stats.rebalances["revoked"] += 1
        self._tasks.start(self._revoke(epochs, done))

    def on_lost(self, epochs: frozenset[int]) -> None:
        """Partitions are another's already: forget them."""
        epochs = self.assignment.with_earlier(epochs)
        self.stats.rebalances["lost"] += 1
        self._drop_unsent(epochs)
        self.stats.given_back += self.assignment.revoke(epochs)
        log.warning("partitions lost", sink=self.sink.name, partitions=len(epochs))

    def on_committed(self, error: str | None, last: bool) -> None:
        """A commit ended."""
        if error is None:
            self.stats.commits += 1
        else:
            self.stats.commit_failures += 1
            log.warning("a commit failed", sink=self.sink.name, why=error)
        if last:
            self.committed_at_last = error is None
        else:
            self._commit_schedule.commit_finished(well=error is None)

    def on_lost_to_retention(self, epoch: int, low: int) -> None:
        """Retention deleted events that were never read."""
        self._intake.flush()
        offsets = self.assignment.offsets.get(epoch)
        if offsets is None or offsets.next_offset is None:
            return
        lost = low - self._admission.end(epoch, offsets.next_offset)
        if lost <= 0:
            return
        self.stats.lost_to_retention += lost
        log.error("retention deleted events before they were read", sink=self.sink.name, topic=offsets.topic,
                  partition=offsets.partition, events=lost)  # fmt: skip

    def on_log_changed(self, change: LogChange) -> None:
        """A log was truncated, or a topic made anew."""
        self.stats.log_changes[change.change] += 1
        self.stats.recent_log_changes.append((self._clock.now(), change))

    def on_topic_id(self, epochs: frozenset[int], topic_id: str) -> None:
        """The id of these epochs' topic is known now."""
        self.assignment.set_topic_id(epochs, topic_id)

    def on_left_group(self, epochs: frozenset[int]) -> None:
        """The client is another one: until the group takes it, nothing is assigned."""
        self.joined = False
        self._commit_schedule.commit_finished(well=False)  # the client took along what was under way
        if epochs:
            self.on_lost(epochs)

    def on_unreadable(self, epoch: int, offset: int | None, why: str) -> None:
        """A partition stands at a record that cannot be read, unless that record is settled."""
        self._intake.flush()
        offsets = self.assignment.offsets.get(epoch)
        if offsets is None or epoch in self._admission:  # then it is told again, when what comes before it was taken in
            return
        if offset is not None and offset < (offsets.next_offset or 0):  # passed already
            return
        # Records that the flood guard keeps back come first: what is to be read next is another one yet.
        behind = offsets.skip_settled() if offset == offsets.next_offset else None
        if behind is not None:
            self.source.seek(epoch, offsets.topic, offsets.partition, behind)
            return
        standing = BlockedPartition(offsets.topic, offsets.partition, offset, why)
        if self._standing.get(epoch) != standing:
            log.error("a record cannot be read: its partition stands", sink=self.sink.name, topic=standing.topic,
                      partition=standing.partition, offset=offset, why=why)  # fmt: skip
        self._standing[epoch] = standing

    def on_watermarks(self, highs: Mapping[tuple[str, int], int]) -> None:
        """How far the partitions reach."""
        self.assignment.high_watermarks = highs

    def on_kafka_problem(self, trouble: str) -> None:
        """Kafka cannot be read, or can again."""
        self.kafka_problem = trouble

    # --- from the dispatcher and the letter box ------------------------------------------------------------------

    def on_accepted(self, items: Sequence[Item]) -> None:
        """The vendor accepted these."""
        now = self._clock.monotonic()
        self._guard.delivered(len(items), now)
        settle = self.assignment.settle
        for item in items:
            if not settle(item.record, item.route, item.element):
                self.stats.late += 1
        if self._admission:
            self._admission.admit_waiting()
        self._commit_schedule.settled(len(items))
        if self._flooding and not self.dispatcher.gate.flooded:
            self._end_flood()
        self._request_records()
        self._commit_if_due(now)

    def on_failed(self, failure: Failure) -> None:
        """This one cannot be delivered: a letter, unless so many fell that the fault must be elsewhere."""
        if failure.record.assignment_epoch not in self.assignment.offsets:
            return  # the partition's next owner meets it too
        now = self._clock.monotonic()
        if failure.reason not in NOT_COUNTED_REASONS:
            if self._flooding:
                self._deferred.failures.append(failure)
                return
            self._guard.rejected(1, now)
            if self._guard.exceeded(now):
                self._begin_flood(now, f"the last: {failure.message}")
        self.stats.recent_letters.append(
            RecentFailure(now, failure.reason, failure.method, failure.status, failure.message, failure.record.address)
        )
        self.dead_letters.write(failure)

    def on_written(self, failure: Failure) -> None:
        """The brokers have the failure's letter: its event is settled."""
        self.stats.dead_lettered[failure.reason] += 1
        if not self.assignment.settle(failure.record, failure.route, failure.element):
            self.stats.late += 1
        if self._admission and self._admission.admit_waiting():
            self.dispatcher.pump()
        self._commit_schedule.settled(1)
        self._request_records()
        self._commit_if_due(self._clock.monotonic())

    # --- what is to be seen --------------------------------------------------------------------------------------

    @property
    def deferred_events(self) -> int:
        """How many records and failures the flood guard keeps back."""
        return len(self._deferred.records) + len(self._deferred.failures)

    def blocked_partitions(self) -> list[BlockedPartition]:
        """The partitions that stand at a record which cannot be read."""
        for epoch, standing in list(self._standing.items()):
            offsets = self.assignment.offsets.get(epoch)
            if offsets is None or (offsets.next_offset or 0) > (standing.offset or 0):
                del self._standing[epoch]
        return list(self._standing.values())

    @property
    def oldest_deferred(self) -> Record | None:
        """The oldest record that the flood guard keeps back unread."""
        return self._deferred.records[0] if self._deferred.records else None

    # --- once a second -------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What no event drives: secrets that appear, and the flood guard's probe."""
        gate = self.dispatcher.gate
        if gate.hold(self.sink.credentials_ready() or ""):
            if gate.hold_reason:
                log.warning("a secret is missing: this sink waits for it", sink=self.sink.name, why=gate.hold_reason)
            else:
                log.info("the secrets are there: this sink sends", sink=self.sink.name)
        if self.sink.credentials_renewed():
            gate.probe_now()
            log.info("the vendor's credentials have changed: they are tried at once", sink=self.sink.name)
        if gate.flooded:
            self._find_probe()
        self.dispatcher.pump()

    # --- the way of a record -------------------------------------------------------------------------------------

    def _take_piece(self, records: Sequence[Record]) -> None:
        """Take these in and send what may go; with the last piece ask for the next chunk."""
        if self._abandoned:
            return
        if self._flooding:
            self._deferred.defer(records)
            self.assignment.defer({record.assignment_epoch for record in records})
        else:
            self._take_in(records)
        if not self._intake:
            self._admission.admit_waiting()
            self._pause_or_resume()
            self._request_records()
        self.dispatcher.pump()

    def _take_in(self, records: Sequence[Record]) -> None:
        offsets_of, stats, add = self.assignment.offsets, self.stats, self.dispatcher.batcher.enqueue
        for record in records:
            offsets = offsets_of.get(record.assignment_epoch)
            if offsets is None:
                continue
            if record.offset >= offsets.limit and not self._admission.admits(offsets, record):
                continue
            stats.records += 1
            if not offsets.begin(record):
                stats.settled_before += 1
                continue
            results = self._route(record)
            if not results:
                stats.read += 1
                stats.skipped += 1
                continue
            if len(results) > 1 or offsets.half_settled_before:
                self._admission.open(offsets, record, results)
                continue
            stats.read += 1
            self.assignment.open(offsets, record)
            result = results[0]
            if type(result) is Item:
                add(result)
            elif type(result) is Failure:
                self.on_failed(result)

    def _give_out(self, results: Sequence[Item | Failure]) -> None:
        for result in results:
            if type(result) is Item:
                self.dispatcher.batcher.enqueue(result)
            elif type(result) is Failure:
                self.on_failed(result)

    def _route(self, record: Record) -> Sequence[Item | Failure]:
        try:
            return self._router.route(record)
        except Exception as error:  # a bug of ours on this event must neither lose it nor stop the others
            log.exception("routing failed inside the connector", record=record.address, error=type(error).__name__)
            return [Failure(record, Reason.UNMAPPABLE, Stage.ROUTE, f"internal error: {type(error).__name__}")]

    # --- the flood guard -----------------------------------------------------------------------------------------

    def wait_for_flood_guard(self) -> None:
        """Look at no record before `recall` was called; what is read until then is kept."""
        self._flooding = True

    def restore_flood_guard(self, letters: Sequence[RecentLetter]) -> None:
        """Count the letters that this sink wrote before this start, so that a restart does not count afresh.

        What was delivered among them is not known; it is estimated by the offsets that lie between.
        """
        fallen = [letter for letter in letters if letter.reason not in NOT_COUNTED_REASONS]
        spans: dict[tuple[str, int], set[int]] = {}
        for letter in fallen:
            spans.setdefault((letter.topic, letter.partition), set()).add(letter.offset)
        between = sum(max(offsets) - min(offsets) + 1 - len(offsets) for offsets in spans.values())
        now, today = self._clock.monotonic(), self._clock.now()
        self._guard.restore([max(0.0, today - letter.at) for letter in fallen], between, now)
        if self._guard.exceeded(now):
            self._begin_flood(now, "all of them before this start", probe_in=0.0)
        else:
            self._take_in_what_was_held()
            self.dispatcher.pump()

    def _begin_flood(self, now: float, what: str, probe_in: float = FLOOD_PROBE_EVERY) -> None:
        fell, sent = self._guard.counts(now)
        self._flooding = True
        self.dispatcher.gate.flood(now, f"{fell} of {sent} events fell to their own fault; {what}", probe_in)
        log.error("too many dead letters: this sink holds and tries one event a minute", sink=self.sink.name,
                  fell=fell, sent=sent)  # fmt: skip

    def _find_probe(self) -> None:
        """Make an item of a deferred record, if all that could be sent has been tried."""
        for _ in range(min(PROBE_SEARCH, len(self._deferred.records))):
            if self.dispatcher.can_probe_untried():
                return
            self._take_in((self._deferred.next_record(),))

    def _end_flood(self) -> None:
        """An event passed: count afresh, and go on with what was held back."""
        self._guard.reset()
        self._take_in_what_was_held()

    def _take_in_what_was_held(self) -> None:
        self._flooding = False
        for failure in self._deferred.take_failures():
            self.on_failed(failure)
        while self._deferred.records and not self._flooding:
            self._take_in((self._deferred.next_record(),))
        if not self._deferred.records:
            self.assignment.deferred_records_begun()

    # --- flow and commits ----------------------------------------------------------------------------------------

    def _request_records(self) -> None:
        """Let the source hand over more, unless there is enough to send or too much is open already."""
        if not self._demand or self._intake or not self.dispatcher.wants_more:
            return
        events = self.assignment.open_parts + len(self._deferred.records) + self._admission.records
        size = self.assignment.open_bytes + self._deferred.bytes + self._admission.bytes
        if events < self._marks.max_open_events and size < self._marks.max_open_bytes:
            while self._demand:
                self._demand -= 1
                self.source.request_chunk()

    def _pause_or_resume(self) -> None:
        halt, resume = self.assignment.to_pause_and_resume(self._admission)
        for epoch, offsets in halt:
            self.source.pause_partition(epoch, offsets.topic, offsets.partition)
        for epoch, offsets in resume:
            self.source.resume_partition(epoch, offsets.topic, offsets.partition)

    def _commit_if_due(self, now: float) -> None:
        if not self._stopping and self._may_commit(now):
            commits = self._commit_schedule.due_commits(now)
            if commits:
                self.source.commit(list(commits))

    def _may_commit(self, now: float) -> bool:
        return not self._abandoned and self.dispatcher.gate.confirmed(now)

    # --- leaving -------------------------------------------------------------------------------------------------

    def abandon(self) -> None:
        """Take nothing in and commit nothing any more: after a bug of ours, what is known here may be wrong."""
        self._abandoned = True

    async def _revoke(self, epochs: frozenset[int], done: concurrent.futures.Future[Sequence[Commit]]) -> None:
        may_commit = self._may_commit(self._clock.monotonic())
        await self._drain(epochs, self._clock.monotonic() + self._marks.drain)
        done.set_result(self._final_commits(epochs) if may_commit else [])
        self.stats.given_back += self.assignment.revoke(epochs)
        self._request_records()

    async def _drain(self, epochs: frozenset[int], deadline: float) -> bool:
        """Forget what was never sent, finish half-settled records, and wait for what is in flight.

        Until `deadline` (monotonic); no request begins that might end after it. Says whether all came back.
        """
        half_settled = self.assignment.half_settled(epochs, self.dispatcher.records_in_flight())
        self._drop_unsent(epochs, half_settled)
        try:
            async with asyncio.timeout(max(0.0, deadline - self._marks.timeout - self._clock.monotonic())):
                await self.dispatcher.half_settled_sent()
        except TimeoutError:
            log.warning("not all of the half-settled records could be finished", sink=self.sink.name)
        if half_settled:
            self.dispatcher.drop_unsent(epochs)
        return await self._wait_for_in_flight(epochs, max(0.0, deadline - self._clock.monotonic()))

    async def _wait_for_in_flight(self, epochs: frozenset[int], seconds: float) -> bool:
        """Wait for the requests and letters of these epochs, so many seconds at most; say whether all came back."""
        try:
            async with asyncio.timeout(seconds):
                await self.dispatcher.nothing_in_flight(epochs)
                await self.dead_letters.nothing_pending(epochs)
        except TimeoutError:
            return False
        return True

    def _final_commits(self, epochs: frozenset[int]) -> list[Commit]:
        """What is to be committed of epochs that leave. What that cannot tell of will be sent again."""
        untold = self.assignment.not_in_metadata(epochs)
        if untold:
            self.stats.not_in_metadata += untold
            log.warning("a commit cannot tell of all that is settled above its position: it will be sent again",
                        sink=self.sink.name, events=untold)  # fmt: skip
        return list(self.assignment.pending_commits(epochs).values())

    def _drop_unsent(self, epochs: AbstractSet[int], keep: AbstractSet[tuple[int, int]] = frozenset()) -> None:
        """Forget what was never sent, but for the records to `keep` (epoch and offset)."""
        self._intake.drop(epochs)
        self._admission.drop(epochs)
        self.dispatcher.drop_unsent(epochs, keep)
        self.dead_letters.drop_retries(epochs)
        self._deferred.drop(epochs)

    async def stop(self, deadline: float) -> bool:
        """Send nothing more that is new, wait for what is in flight until `deadline` (monotonic), commit and leave.

        True if all that was in flight is settled. The source ends by itself; see Source.join.
        """
        self._stopping = True
        epochs = frozenset(self.assignment.offsets)
        landed = await self._drain(epochs, deadline)
        self.dispatcher.stop()
        may_commit = self._may_commit(self._clock.monotonic())
        self.source.stop(self._final_commits(epochs) if may_commit else [])
        return landed
