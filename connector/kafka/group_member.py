"""One client's membership of a consumer group, from joining to leaving, and the callbacks of its rebalances.

The client calls back on the polling thread, inside `consume` and `close`. Callbacks never raise: an exception that
leaves one would end the thread, and nothing would be reported.
"""

from __future__ import annotations

import concurrent.futures
import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connector.clock import Clock
from connector.kafka.client_errors import FatalError, ProblemPart, ReadProblem, is_fatal
from connector.kafka.consuming import answer_seconds, consumer_config
from connector.kafka.fetching import Fetching
from connector.kafka.log_recovery import LogRecovery, StartPosition
from connector.kafka.offset_committer import LAST_COMMIT_SECONDS, OffsetCommitter
from connector.kafka.owned_partitions import OwnedPartitions
from connector.kafka.poll_tracker import POLL_SECONDS, PollTracker
from connector.kafka.poller import Poller
from connector.kafka.positions import Start, StopRequestedError
from connector.kafka.problem_probe import ProblemProbe
from connector.kafka.source_interface import Commit, Notify, SourceListener
from connector.kafka.topic_ids import TopicIds
from connector.kafka.watermarks import Watermarks

# A client that subscribed so long ago, was not refused, and was assigned nothing has an empty assignment.
JOINED_AFTER_SECONDS = 2.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MemberSettings:
    """The settings that every client of a source is made with; for the fields see Source."""

    conf: Mapping[str, Any]
    topics: Sequence[str]
    never: Sequence[str]
    group: str
    start: Start
    drain: float  # seconds
    poll_interval: float  # seconds


class GroupMember:
    """One client and what belongs to it alone: when it fails, it is replaced by another GroupMember.

    `owned`, `poll_tracker`, `topic_ids` and `problem` outlive it. It subscribes from `subscribe_at` on (monotonic
    seconds). `stop_requested` says that the stop's command is on its way, `stopping` that the source ends. The member
    sets `stopping`, and `failed`, where it cannot go on.
    """

    def __init__(
        self,
        settings: MemberSettings,
        *,
        owned: OwnedPartitions,
        poll_tracker: PollTracker,
        topic_ids: TopicIds,
        problem: ReadProblem,
        listener: SourceListener,
        notify: Notify,
        stop_requested: threading.Event,
        stopping: threading.Event,
        clock: Clock,
        subscribe_at: float,
    ) -> None:
        group = settings.group
        self.fatal = FatalError()
        self.failed = False
        self.joined = False
        self.was_assigned = False  # True once an on_assign call has succeeded
        self._settings = settings
        self._group = group
        self._owned = owned
        self._poll_tracker = poll_tracker
        self._problem = problem
        self._listener = listener
        self._notify = notify
        self._stop_requested = stop_requested
        self._stopping = stopping
        self._clock = clock
        self._subscribe_at: float | None = subscribe_at
        self._subscribed_at = math.inf
        self._abandoned = False
        self._consumer = consumer = Consumer(
            consumer_config(
                settings.conf,
                group,
                settings.never,
                on_topic_id=self._unless_abandoned(self._on_topic_id),
                on_commit=self._unless_abandoned(self._on_commit),
                on_error=self._unless_abandoned(self._on_error),
                on_statistics=self._unless_abandoned(self.on_statistics),
            )
        )
        patience = answer_seconds(settings.conf)
        self.fetching = Fetching(consumer, owned.epochs.keys(), patience)
        self.recovery = LogRecovery(
            consumer, group, owned, self.fetching, topic_ids, listener=listener, notify=notify, problem=problem
        )
        watermarks = Watermarks(consumer, patience)
        self.poller = Poller(
            consumer, group, owned, poll_tracker, self.fetching, self.recovery, watermarks,
            ProblemProbe(problem, owned, watermarks, topic_ids, settings.topics),
            problem=problem, fatal=self.fatal, listener=listener, notify=notify,
        )  # fmt: skip
        self.committer = OffsetCommitter(
            consumer, group, owned, poll_tracker, self.fatal,
            poll=self.poller.poll, listener=listener, notify=notify, clock=clock,
        )  # fmt: skip

    def _unless_abandoned(self, call: Callable[..., None]) -> Callable[..., None]:
        """Return the callback to give to the client: one that is closed goes on calling, on the closing thread."""

        def callback(*arguments: Any) -> None:
            if not self._abandoned:
                call(*arguments)

        return callback

    # --- joining and leaving -------------------------------------------------------------------------------------

    def subscribe_if_due(self, now: float) -> None:
        """Join the group once `subscribe_at` has come."""
        if self._subscribe_at is None or now < self._subscribe_at:
            return
        self._subscribe_at, self._subscribed_at = None, now
        self._consumer.subscribe(
            list(self._settings.topics),
            on_assign=self._unless_abandoned(self.on_assign),
            on_revoke=self._unless_abandoned(self.on_revoke),
            on_lost=self._unless_abandoned(self.on_lost),
        )

    def renew_credentials(self, username: str, password: str) -> None:
        """Log in with these (SASL) from the next connection on."""
        self._consumer.set_sasl_credentials(username, password)

    def leave(self) -> None:
        """Unsubscribe, then poll until `on_revoke` has run.

        Ends early after a fatal error, or after the drain and LAST_COMMIT_SECONDS. Records that it reads are dropped:
        the next client reads them again.
        """
        deadline = self._clock.monotonic() + self._settings.drain + LAST_COMMIT_SECONDS
        self._consumer.unsubscribe()
        while self._owned.epochs and self.fatal.error is None and self._clock.monotonic() < deadline:
            self.fatal.note_in(self.poller.poll(1))

    def abandon(self) -> None:
        """Ignore this client's callbacks from now on, and close it on a thread of its own, since `close` may block."""
        self._abandoned = True
        threading.Thread(target=_close, args=[self._consumer], name=f"closing {self._group}", daemon=True).start()

    def stop(self, commits: Sequence[Commit]) -> None:
        """Make the last commits, leave the group and close the client."""
        self.committer.commit_last(commits)
        # A close in the middle of a rebalance can end without having left: the group then waits for our session's end.
        with suppress(KafkaException):  # a client that met a fatal error is out of the group already
            self._consumer.unsubscribe()
            self._consumer.consume(1, POLL_SECONDS)
        self._consumer.close()

    # --- callbacks of the client ---------------------------------------------------------------------------------

    def on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Called by the client in a rebalance: these partitions are ours in addition to those we own."""
        try:
            positions = self._find_start_positions(partitions)
            points = [each.point for each in positions]
            assigned = [self._owned.assign(each.point, each.topic_id) for each in positions]
            self.recovery.assign(points)
            self.poller.rebalanced_at = self._clock.monotonic()
            self.fetching.partitions_assigned([point[:2] for point in points])
            self.joined = self.was_assigned = True
            self._problem.clear("", ProblemPart.ANSWER, ProblemPart.GROUP)
            self._notify(self._listener.on_assigned, assigned)
            for each in positions:
                if each.change is not None:
                    self.recovery.report_change(each.change)
        except StopRequestedError:
            return  # nothing was read of these partitions: the client leaves the group next
        except Exception as error:  # see the module
            if isinstance(error, KafkaException) and self.fatal.note(error.args[0]):
                return
            self.failed = True
            log.exception("where to begin cannot be learned: the process ends rather than guess", group=self._group,
                          error=type(error).__name__)  # fmt: skip
            self._stopping.set()

    def _find_start_positions(self, partitions: list[TopicPartition]) -> list[StartPosition]:
        """Ask until the brokers answer; heartbeats go on.

        Raises KafkaException after `poll_interval` seconds, when the group gives the partitions to another member, and
        StopRequestedError once the source is to stop. These are no polls: an assignment from before is in doubt after
        the stall, as callbacks, a loss among them, wait for this one.
        """
        deadline = self._clock.monotonic() + self._settings.poll_interval
        while not self._stop_requested.is_set():
            try:
                return self.recovery.start_positions(partitions, self._settings.start, self._stop_requested.is_set)
            except KafkaException as error:
                self._problem.report(f"committed offsets cannot be read: {error.args[0].str()}", part=ProblemPart.GROUP)
                if is_fatal(error.args[0]) or self._clock.monotonic() > deadline:
                    raise
                self._poll_tracker.record_turn()
                self._stop_requested.wait(POLL_SECONDS)
        raise StopRequestedError

    def on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Called by the client in a rebalance: commit for these partitions and give them back."""
        try:
            stalled = self._poll_tracker.stalled
            epochs = self._disown(partitions)
            if self._stopping.is_set():
                self.committer.commit_last_of(partitions)
            elif epochs:
                self._owned.revoked |= {(each.topic, each.partition) for each in partitions}
                commits = self._ask_what_to_commit(epochs)
                if not stalled and not self._poll_tracker.stalled:
                    self.committer.commit_sync(commits)
                elif commits:
                    self.committer.report_uncommitted("the process stalled: another member may own the partitions")
        except Exception as error:  # see the module; what was not committed is read again by the next owner
            log.exception("revoking failed", group=self._group, error=type(error).__name__)
            self.committer.report_uncommitted(f"revoking failed: {type(error).__name__}")
        self._unassign(consumer, partitions)

    def _ask_what_to_commit(self, epochs: frozenset[int]) -> Sequence[Commit]:
        """Wait for the pipeline, which waits for what is in flight. Heartbeats go on meanwhile, and `on_poll` calls.

        Raises TimeoutError where the pipeline does not answer within the drain and a second.
        """
        done: concurrent.futures.Future[Sequence[Commit]] = concurrent.futures.Future()
        self._notify(self._listener.on_revoked, epochs, done)
        deadline = self._clock.monotonic() + self._settings.drain + 1.0
        while True:
            try:
                return done.result(POLL_SECONDS)
            except TimeoutError:
                self.poller.record_poll()
                if self._poll_tracker.last > deadline:
                    raise
            self._notify(self._listener.on_poll, (), self._poll_tracker.last, self._poll_tracker.confirmed, False)

    def on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Called by the client when it was expelled from the group: these partitions are another member's already."""
        self._notify(self._listener.on_lost, self._disown(partitions))
        self._unassign(consumer, partitions)

    def _disown(self, partitions: Sequence[TopicPartition]) -> frozenset[int]:
        keys = [(each.topic, each.partition) for each in partitions]
        self.fetching.partitions_removed(keys)
        self.recovery.partitions_removed(keys)
        return self._owned.disown(keys)

    def _unassign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.poller.rebalanced_at = self._clock.monotonic()
        try:
            consumer.incremental_unassign(partitions)
        except KafkaException as error:  # LogRecovery could not assign one of them again
            log.warning("partitions could not be given back", group=self._group, why=error.args[0].str())

    def on_statistics(self, statistics: str) -> None:
        """Called by the client every JOIN_CHECK_MS, only with the newer group protocol: that one makes no callback for
        an empty assignment, so that it is reported here."""
        if self.joined or self._clock.monotonic() - self._subscribed_at < JOINED_AFTER_SECONDS:
            return
        group = json.loads(statistics).get("cgrp", {})
        if group.get("state") == "up" and not group.get("rebalance_reason"):
            self.joined = True
            self._notify(self._listener.on_assigned, [])

    def _on_topic_id(self, topic: str, topic_id: str) -> None:
        self.recovery.recreation.on_topic_id(topic, topic_id)

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        self.committer.on_commit(error, partitions)

    def _on_error(self, error: KafkaError) -> None:
        if not self.fatal.note(error) and (
            # "All brokers are down" follows an error that says why.
            error.code() != KafkaError._ALL_BROKERS_DOWN or "" not in self._problem.of(ProblemPart.ANSWER)
        ):
            self._problem.report(error.str())


def _close(consumer: Consumer) -> None:
    with suppress(KafkaException):  # its fatal error again, which was reported
        consumer.close()
