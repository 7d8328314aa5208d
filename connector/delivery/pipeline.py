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
from connector.delivery.admission import Waiting
from connector.delivery.assignment import Assignment
from connector.delivery.commit_schedule import Commits
from connector.delivery.dead_letter_writer import LetterBox
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.flood import Backwater
from connector.delivery.flood_guard import FloodGuard
from connector.delivery.gate import FLOOD_PROBE_EVERY
from connector.delivery.intake import Intake
from connector.delivery.stats import Mishap, Stats
from connector.delivery.tasks import Tasks
from connector.errors import Mistake
from connector.kafka.recent_dead_letters import RecentLetter
from connector.kafka.source_interface import Assigned, Commit, LogChange, SourceControl
from connector.model import Failure, Item, Reason, Record, Stage
from connector.vendors.base import Sink

# What did not fall to the event's own fault does not count for the flood guard.
NOT_THE_EVENTS_FAULT = frozenset({Reason.UNROUTED, Reason.AMBIGUOUS})
# How many deferred records are looked at in one tick to find one that makes an item to probe with.
PROBE_SEARCH = 100

log = structlog.get_logger()


class Router(Protocol):
    """What a record becomes for this sink."""

    def route(self, record: Record) -> Sequence[Item | Failure]:
        """Items to send and failures; empty if no route takes it."""
        ...


@dataclass(frozen=True, slots=True)
class Marks:
    """Limits of one pipeline: open items and bytes past which nothing more is read, seconds between commits, and how
    many seconds a revocation may wait for what is in flight, and one request may take."""

    max_open_events: int
    max_open_bytes: int
    commit_interval: float
    drain: float
    timeout: float = 0.0


class Standing(NamedTuple):
    """A partition that stands at a record which cannot be read, and why. `offset` is None where it is not known."""

    topic: str
    partition: int
    offset: int | None
    why: str


class Pipeline:
    """See the module. `source` and `dispatcher` are set by whoever builds it, since both call back here."""

    source: SourceControl
    dispatcher: Dispatcher
    letters: LetterBox

    def __init__(
        self,
        sink: Sink,
        router: Router,
        assignment: Assignment,
        guard: FloodGuard,
        marks: Marks,
        *,
        clock: Clock,
        stats: Stats,
    ) -> None:
        self.sink = sink
        self.assignment = assignment
        self.stats = stats
        self.trouble = ""
        self.joined = False
        self.committed_at_last = True
        self.warnings: Sequence[Mistake] = ()  # what the vendor says is wrong with the configuration
        self.vendor_events: Mapping[str, str] = {}  # what the vendor calls the events that the routes name by key
        self._router = router
        self._guard = guard
        self._marks = marks
        self._clock = clock
        self._intake = Intake(self._take_piece)
        self._backwater = Backwater()
        self._waiting = Waiting(assignment, stats, give_out=self._give_out, take_in=self._take_in)
        self._commits = Commits(assignment, marks.commit_interval)
        self._standing: dict[int, Standing] = {}  # by claim
        self._credits = 0
        self._tasks = Tasks()
        self._flooding = False  # the flood guard holds, or what it held back is still to be taken in
        self._stopping = False
        self._abandoned = False

    # --- from the source -----------------------------------------------------------------------------------------

    def on_assigned(self, partitions: Sequence[Assigned]) -> None:
        """New claims."""
        self._intake.flush()  # what was read before: a claim may take another's place
        self.joined = True
        self.stats.rebalances["assigned"] += 1
        for each in partitions:
            self._waiting.let_in(self.assignment.claim_of(each.topic, each.partition))
            self.assignment.add(each)
        log.info("partitions assigned", sink=self.sink.name, new=len(partitions), now=len(self.assignment))

    def on_turn(self, records: Sequence[Record], turned: float, confirmed: bool, credited: bool) -> None:
        """The polling thread turned: take its records in and send what may go.

        What it confirms, it confirms for the time of its turning: a process that was frozen since hears it too late.
        """
        gate = self.dispatcher.gate
        if confirmed:
            gate.confirm(turned)
        else:
            gate.doubt()
        if self._stopping:
            return
        self._credits += credited
        self._intake.add(records)
        self._commit_if_due(self._clock.monotonic())

    def on_revoked(self, claims: frozenset[int], done: concurrent.futures.Future[Sequence[Commit]]) -> None:
        """Partitions are about to leave: forget what was never sent, wait for what is in flight, say what to commit."""
        claims = self.assignment.with_earlier(claims)
        self.stats.rebalances["revoked"] += 1
        self._tasks.start(self._hand_over(claims, done))

    def on_lost(self, claims: frozenset[int]) -> None:
        """Partitions are another's already: forget them."""
        claims = self.assignment.with_earlier(claims)
        self.stats.rebalances["lost"] += 1
        self._forget_unsent(claims)
        self.stats.given_back += self.assignment.forget(claims)
        log.warning("partitions lost", sink=self.sink.name, partitions=len(claims))

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
            self._commits.ended(well=error is None)

    def on_expired(self, claim: int, low: int) -> None:
        """Retention deleted events that were never read."""
        self._intake.flush()
        offsets = self.assignment.offsets.get(claim)
        if offsets is None or offsets.next_offset is None:
            return
        lost = low - self._waiting.end(claim, offsets.next_offset)
        if lost <= 0:
            return
        self.stats.lost_to_retention += lost
        log.error("retention deleted events before they were read", sink=self.sink.name, topic=offsets.topic,
                  partition=offsets.partition, events=lost)  # fmt: skip

    def on_log_changed(self, change: LogChange) -> None:
        """A log was truncated, or a topic made anew."""
        self.stats.log_changes[change.change] += 1
        self.stats.recent_log_changes.append((self._clock.now(), change))

    def on_identified(self, claims: frozenset[int], topic_id: str) -> None:
        """The id of these claims' topic is known now."""
        self.assignment.identify(claims, topic_id)

    def on_out_of_group(self, claims: frozenset[int]) -> None:
        """The client is another one: until the group takes it, nothing is assigned."""
        self.joined = False
        self._commits.ended(well=False)  # the client took along what was under way
        if claims:
            self.on_lost(claims)

    def on_unreadable(self, claim: int, offset: int | None, why: str) -> None:
        """A partition stands at a record that cannot be read, unless that record is settled."""
        self._intake.flush()
        offsets = self.assignment.offsets.get(claim)
        if offsets is None or claim in self._waiting:  # then it is told again, when what comes before it was taken in
            return
        if offset is not None and offset < (offsets.next_offset or 0):  # passed already
            return
        # Records that the flood guard keeps back come first: what is to be read next is another one yet.
        behind = offsets.pass_settled() if offset == offsets.next_offset else None
        if behind is not None:
            self.source.seek(claim, offsets.topic, offsets.partition, behind)
            return
        standing = Standing(offsets.topic, offsets.partition, offset, why)
        if self._standing.get(claim) != standing:
            log.error("a record cannot be read: its partition stands", sink=self.sink.name, topic=standing.topic,
                      partition=standing.partition, offset=offset, why=why)  # fmt: skip
        self._standing[claim] = standing

    def on_watermarks(self, highs: Mapping[tuple[str, int], int]) -> None:
        """How far the partitions reach."""
        self.assignment.highs = highs

    def on_trouble(self, trouble: str) -> None:
        """Kafka cannot be read, or can again."""
        self.trouble = trouble

    # --- from the dispatcher and the letter box ------------------------------------------------------------------

    def on_accepted(self, items: Sequence[Item]) -> None:
        """The vendor accepted these."""
        now = self._clock.monotonic()
        self._guard.delivered(len(items), now)
        settle = self.assignment.settle
        for item in items:
            if not settle(item.record, item.route, item.element):
                self.stats.late += 1
        if self._waiting:
            self._waiting.go_on()
        self._commits.settled(len(items))
        if self._flooding and not self.dispatcher.gate.flooded:
            self._end_flood()
        self._ask_for_more()
        self._commit_if_due(now)

    def on_failed(self, failure: Failure) -> None:
        """This one cannot be delivered: a letter, unless so many fell that the fault must be elsewhere."""
        if failure.record.claim not in self.assignment.offsets:
            return  # the partition's next owner meets it too
        now = self._clock.monotonic()
        if failure.reason not in NOT_THE_EVENTS_FAULT:
            if self._flooding:
                self._backwater.failures.append(failure)
                return
            self._guard.fell(1, now)
            if self._guard.exceeded(now):
                self._begin_flood(now, f"the last: {failure.message}")
        self.stats.recent_letters.append(
            Mishap(now, failure.reason, failure.method, failure.status, failure.message, failure.record.address)
        )
        self.letters.write(failure)

    def on_written(self, failure: Failure) -> None:
        """The brokers have the failure's letter: its event is settled."""
        self.stats.dead_lettered[failure.reason] += 1
        if not self.assignment.settle(failure.record, failure.route, failure.element):
            self.stats.late += 1
        if self._waiting and self._waiting.go_on():
            self.dispatcher.pump()
        self._commits.settled(1)
        self._ask_for_more()
        self._commit_if_due(self._clock.monotonic())

    # --- what is to be seen --------------------------------------------------------------------------------------

    @property
    def deferred_events(self) -> int:
        """How many records and failures the flood guard keeps back."""
        return len(self._backwater.records) + len(self._backwater.failures)

    def standing(self) -> list[Standing]:
        """The partitions that stand at a record which cannot be read."""
        for claim, standing in list(self._standing.items()):
            offsets = self.assignment.offsets.get(claim)
            if offsets is None or (offsets.next_offset or 0) > (standing.offset or 0):
                del self._standing[claim]
        return list(self._standing.values())

    @property
    def oldest_deferred(self) -> Record | None:
        """The oldest record that the flood guard keeps back unread."""
        return self._backwater.records[0] if self._backwater.records else None

    # --- once a second -------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What no event drives: secrets that appear, and the flood guard's probe."""
        gate = self.dispatcher.gate
        if gate.hold(self.sink.credentials_ready() or ""):
            if gate.held_for:
                log.warning("a secret is missing: this sink waits for it", sink=self.sink.name, why=gate.held_for)
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
            self._backwater.defer(records)
            self.assignment.keep_back({record.claim for record in records})
        else:
            self._take_in(records)
        if not self._intake:
            self._waiting.go_on()
            self._check_spans()
            self._ask_for_more()
        self.dispatcher.pump()

    def _take_in(self, records: Sequence[Record]) -> None:
        offsets_of, stats, add = self.assignment.offsets, self.stats, self.dispatcher.lanes.add
        for record in records:
            offsets = offsets_of.get(record.claim)
            if offsets is None:
                continue
            if record.offset >= offsets.limit and not self._waiting.admits(offsets, record):
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
            if len(results) > 1 or offsets.told:
                self._waiting.open(offsets, record, results)
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
                self.dispatcher.lanes.add(result)
            elif type(result) is Failure:
                self.on_failed(result)

    def _route(self, record: Record) -> Sequence[Item | Failure]:
        try:
            return self._router.route(record)
        except Exception as error:  # a bug of ours on this event must neither lose it nor stop the others
            log.exception("routing failed inside the connector", record=record.address, error=type(error).__name__)
            return [Failure(record, Reason.UNMAPPABLE, Stage.ROUTE, f"internal error: {type(error).__name__}")]

    # --- the flood guard -----------------------------------------------------------------------------------------

    def await_recall(self) -> None:
        """Look at no record before `recall` was called; what is read until then is kept."""
        self._flooding = True

    def recall(self, letters: Sequence[RecentLetter]) -> None:
        """Count the letters that this sink wrote before this start, so that a restart does not count afresh.

        What was delivered among them is not known; it is estimated by the offsets that lie between.
        """
        fallen = [letter for letter in letters if letter.reason not in NOT_THE_EVENTS_FAULT]
        spans: dict[tuple[str, int], set[int]] = {}
        for letter in fallen:
            spans.setdefault((letter.topic, letter.partition), set()).add(letter.offset)
        between = sum(max(offsets) - min(offsets) + 1 - len(offsets) for offsets in spans.values())
        now, today = self._clock.monotonic(), self._clock.now()
        self._guard.remember([max(0.0, today - letter.at) for letter in fallen], between, now)
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
        for _ in range(min(PROBE_SEARCH, len(self._backwater.records))):
            if self.dispatcher.has_something_untried():
                return
            self._take_in((self._backwater.next_record(),))

    def _end_flood(self) -> None:
        """An event passed: count afresh, and go on with what was held back."""
        self._guard.reset()
        self._take_in_what_was_held()

    def _take_in_what_was_held(self) -> None:
        self._flooding = False
        for failure in self._backwater.take_failures():
            self.on_failed(failure)
        while self._backwater.records and not self._flooding:
            self._take_in((self._backwater.next_record(),))
        if not self._backwater.records:
            self.assignment.all_begun()

    # --- flow and commits ----------------------------------------------------------------------------------------

    def _ask_for_more(self) -> None:
        """Let the source hand over more, unless there is enough to send or too much is open already."""
        if not self._credits or self._intake or not self.dispatcher.wants_more:
            return
        events = self.assignment.open_parts + len(self._backwater.records) + self._waiting.records
        size = self.assignment.open_bytes + self._backwater.bytes + self._waiting.bytes
        if events < self._marks.max_open_events and size < self._marks.max_open_bytes:
            while self._credits:
                self._credits -= 1
                self.source.grant()

    def _check_spans(self) -> None:
        halt, resume = self.assignment.overrun(self._waiting)
        for claim, offsets in halt:
            self.source.halt(claim, offsets.topic, offsets.partition)
        for claim, offsets in resume:
            self.source.resume(claim, offsets.topic, offsets.partition)

    def _commit_if_due(self, now: float) -> None:
        if not self._stopping and self._may_commit(now):
            commits = self._commits.due(now)
            if commits:
                self.source.commit(list(commits))

    def _may_commit(self, now: float) -> bool:
        return not self._abandoned and self.dispatcher.gate.confirmed(now)

    # --- leaving -------------------------------------------------------------------------------------------------

    def abandon(self) -> None:
        """Take nothing in and commit nothing any more: after a bug of ours, what is known here may be wrong."""
        self._abandoned = True

    async def _hand_over(self, claims: frozenset[int], done: concurrent.futures.Future[Sequence[Commit]]) -> None:
        may_commit = self._may_commit(self._clock.monotonic())
        await self._drained(claims, self._clock.monotonic() + self._marks.drain)
        done.set_result(self._last_commits(claims) if may_commit else [])
        self.stats.given_back += self.assignment.forget(claims)
        self._ask_for_more()

    async def _drained(self, claims: frozenset[int], deadline: float) -> bool:
        """Forget what was never sent, finish half-settled records, and wait for what is in flight.

        Until `deadline` (monotonic); no request begins that might end after it. Says whether all came back.
        """
        half_settled = self.assignment.half_settled(claims, self.dispatcher.airborne_records())
        self._forget_unsent(claims, half_settled)
        try:
            async with asyncio.timeout(max(0.0, deadline - self._marks.timeout - self._clock.monotonic())):
                await self.dispatcher.finished()
        except TimeoutError:
            log.warning("not all of the half-settled records could be finished", sink=self.sink.name)
        if half_settled:
            self.dispatcher.forget(claims)
        return await self._landed(claims, max(0.0, deadline - self._clock.monotonic()))

    async def _landed(self, claims: frozenset[int], seconds: float) -> bool:
        """Wait for the requests and letters of these claims, so many seconds at most; say whether all came back."""
        try:
            async with asyncio.timeout(seconds):
                await self.dispatcher.landed(claims)
                await self.letters.emptied(claims)
        except TimeoutError:
            return False
        return True

    def _last_commits(self, claims: frozenset[int]) -> list[Commit]:
        """What is to be committed of claims that leave. What that cannot tell of will be sent again."""
        untold = self.assignment.untold(claims)
        if untold:
            self.stats.untold += untold
            log.warning("a commit cannot tell of all that is settled above its position: it will be sent again",
                        sink=self.sink.name, events=untold)  # fmt: skip
        return list(self.assignment.changes(claims).values())

    def _forget_unsent(self, claims: AbstractSet[int], keep: AbstractSet[tuple[int, int]] = frozenset()) -> None:
        """Forget what was never sent, but for the records to `keep` (claim and offset)."""
        self._intake.forget(claims)
        self._waiting.forget(claims)
        self.dispatcher.forget(claims, keep)
        self.letters.forget(claims)
        self._backwater.forget(claims)

    async def stop(self, deadline: float) -> bool:
        """Send nothing more that is new, wait for what is in flight until `deadline` (monotonic), commit and leave.

        True if all that was in flight is settled. The source ends by itself; see Source.join.
        """
        self._stopping = True
        claims = frozenset(self.assignment.offsets)
        landed = await self._drained(claims, deadline)
        self.dispatcher.stop()
        may_commit = self._may_commit(self._clock.monotonic())
        self.source.stop(self._last_commits(claims) if may_commit else [])
        return landed
