"""The source: one thread that owns one consumer, hands records to the event loop, and does what the loop asks of it.

A consumer's calls wait for each other, so only this thread calls it; the loop puts commands into a queue. Every
message to the loop goes through `call_soon_threadsafe`, so that an assignment, its records and its end arrive in
this order. Rebalance callbacks run on this thread inside `consume`, and never raise.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connector.clock import Clock
from connector.kafka.consuming import consumer_config
from connector.kafka.fetching import SLEEP_SECONDS, Fetching
from connector.kafka.log_recovery import LogRecovery, StartPosition, topic_partition
from connector.kafka.lookup import UNREADABLE
from connector.kafka.owned_partitions import OwnedPartitions
from connector.kafka.poll_tracker import PollTracker
from connector.kafka.positions import Start
from connector.kafka.read_problem import ReadProblem
from connector.kafka.records import record_at
from connector.kafka.source_interface import Commit, SourceListener
from connector.kafka.topic_ids import TopicIds
from connector.kafka.watermarks import Watermarks
from connector.model import Record

# To hand a chunk over costs as much as a dozen records, whatever its size; the loop takes it in piece by piece.
CHUNK = 200
POLL_SECONDS = 0.1
# Rebalances and the ends of commits are heard only while polling: without demand for so long a single record is read.
IDLE_POLL_SECONDS = 0.5
# Without demand for so long, partitions are paused: that throws away what was prefetched, and to have it again takes
# long enough to leave places in flight empty.
PAUSE_AFTER_SECONDS = 2.0
# How long after it asked to join, and was not refused, a client to which no assignment was told has an empty one.
JOINED_AFTER_SECONDS = 2.0

# How long a last commit is tried while the group moves from one generation to the next.
LAST_COMMIT_SECONDS = 2.0
# A client that met a fatal error is made anew after so long, doubling, and at most so long.
REPLACE_CLIENT_SECONDS = (1.0, 5.0)
# A fatal error's code says only that it is one; its text holds that of the broker's error.
FENCED = KafkaError(KafkaError.FENCED_INSTANCE_ID).str()
GROUP_MOVED = frozenset({KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION})

log = structlog.get_logger()


class Source:
    """Reads `topics` (names or ^patterns) as `group`; see the module.

    `drain` is how many seconds a revocation may wait for what is in flight; `stall` after how many seconds without a
    turn of the thread the assignment is in doubt (the group's max.poll.interval.ms), and `confirm_after` how many
    seconds of polling without a loss confirm it again (two heartbeats). Topics in `never` are not read, whatever
    pattern matches them.

    A fatal error of the client (a fenced or refused member) costs the assignment: the client is made anew, until the
    group takes it. Only where another process has taken our place by the same group.instance.id does the thread end.
    """

    def __init__(
        self,
        conf: Mapping[str, Any],
        topics: Sequence[str],
        *,
        group: str,
        start: Start,
        listener: SourceListener,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        drain: float,
        stall: float,
        confirm_after: float,
        topic_ids: TopicIds,
        never: Sequence[str] = (),
    ) -> None:
        self.group = group
        self.failed = False  # whether the thread has ended by an error
        self._conf = conf
        self._never = never
        self._topics = list(topics)
        self._start = start
        self._listener = listener
        self._loop = loop
        self._clock = clock
        self._drain = drain
        self._stall = stall
        self._poll_tracker = PollTracker(clock, stall=stall, confirm_after=confirm_after)
        self._owned = OwnedPartitions()
        self._epochs = self._owned.epochs
        self._topic_ids = topic_ids
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._demand = 1  # chunks
        self._last_demand_at = clock.monotonic()  # when a chunk was wanted last
        self._rebalanced_at = clock.monotonic()  # when partitions came or left last
        self._prefetch_exhausted = (
            True  # since the ends were looked at: what was prefetched was used up, so more was fetched
        )
        self._stopping = False
        self._last_commits: list[Commit] = []  # what is still to be committed while stopping
        self._reported_on_revoke: set[tuple[str, int]] = set()  # left by a revocation, which said how its commit ended
        self._joined = False
        self._problem = ReadProblem(group, lambda trouble: self._notify(listener.on_kafka_problem, trouble))
        self._fatal: KafkaError | None = None
        self._clients = 0  # how many were made
        self._client_failures = 0  # how often the client was made anew since partitions were last assigned
        self._subscribe_at: float | None = 0.0
        self._subscribed_at = math.inf
        self._rejoined_at = -math.inf
        self._make_client()
        self._thread = threading.Thread(target=self._run, name=f"source {group}", daemon=True)

    def _make_client(self) -> None:
        self._clients += 1
        self._consumer = Consumer(
            consumer_config(
                self._conf,
                self.group,
                self._never,
                on_topic_id=self._of_this_client(self._on_topic_id),
                on_commit=self._of_this_client(self._on_commit),
                on_error=self._of_this_client(self._on_error),
                on_statistics=self._of_this_client(self._on_statistics),
            )
        )
        self._watermarks = Watermarks(self._consumer)
        self._fetching = Fetching(self._consumer, self._epochs.keys())
        self._recovery = LogRecovery(
            self._consumer,
            self.group,
            self._owned,
            self._fetching,
            self._topic_ids,
            listener=self._listener,
            tell=self._notify,
            trouble=self._problem,
        )

    def _of_this_client(self, call: Callable[..., None]) -> Callable[..., None]:
        """A client that has failed goes on telling while it is closed, on another thread: nobody listens to it."""
        number = self._clients

        def callback(*arguments: Any) -> None:
            if number == self._clients:
                call(*arguments)

        return callback

    # --- what the loop asks for ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Join the group and begin to read."""
        self._thread.start()

    def request_chunk(self) -> None:
        """One more chunk of records may be handed over."""
        self._commands.put(self._add_demand)

    def commit(self, commits: Sequence[Commit]) -> None:
        """Commit these positions; `on_committed` tells how it ended."""
        self._commands.put(lambda: self._commit_async(commits))

    def pause_partition(self, epoch: int, topic: str, partition: int) -> None:
        """Stop fetching one partition, if that epoch of it still stands."""
        self._commands.put(lambda: self._if_owned(epoch, (topic, partition), self._fetching.pause_partition))

    def resume_partition(self, epoch: int, topic: str, partition: int) -> None:
        """Fetch it again, if that epoch of it still stands."""
        self._commands.put(lambda: self._if_owned(epoch, (topic, partition), self._fetching.resume_partition))

    def seek(self, epoch: int, topic: str, partition: int, offset: int) -> None:
        """Read a partition from this offset on, if that epoch of it still stands."""
        self._commands.put(
            lambda: self._if_owned(epoch, (topic, partition), lambda place: self._recovery.seek(place, offset))
        )

    def renew_credentials(self, username: str, password: str) -> None:
        """Log in with these (SASL) from the next connection on."""
        self._commands.put(lambda: self._consumer.set_sasl_credentials(username, password))

    def stop(self, commits: Sequence[Commit]) -> None:
        """Commit these positions, leave the group and end the thread."""
        self._commands.put(lambda: self._stop(commits))

    def join(self, timeout: float) -> bool:
        """Wait for the thread's end; False if it did not come within `timeout` seconds."""
        self._thread.join(max(timeout, 0.0))
        return not self._thread.is_alive()

    @property
    def last_poll(self) -> float:
        """When the thread last turned (monotonic seconds)."""
        return self._poll_tracker.last

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    # --- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._poll_or_replace_client()
        except BaseException as error:  # a dead thread would look like a quiet topic
            self.failed = True
            log.exception("the polling thread has died", group=self.group, error=type(error).__name__)
            self._notify(self._listener.on_kafka_problem, f"the polling thread has died: {type(error).__name__}")

    def _poll_or_replace_client(self) -> None:
        try:
            self._poll_once()
            if self._recovery.topic_recreated and self._fatal is None and not self._stopping:
                self._rejoin()
        except KafkaException as error:
            if self._fatal is None and not _is_fatal(error.args[0]):
                raise
            self._fatal = self._fatal or error.args[0]
        if self._fatal is not None and not self._stopping:
            self._replace_failed_client(self._fatal)

    def _replace_failed_client(self, error: KafkaError) -> None:
        """Let another client take the place of one that met a fatal error, which reads and commits nothing any more."""
        self._fatal = None
        self._joined = False
        self._notify(self._listener.on_left_group, self._owned.disown(list(self._epochs)))
        if FENCED in error.str():
            self.failed = self._stopping = True
            log.error("another process has our group.instance.id: each needs its own", group=self.group)
            self._notify(self._listener.on_kafka_problem, "another process has our group.instance.id")
            return
        initial, most = REPLACE_CLIENT_SECONDS
        delay = min(initial * 2**self._client_failures, most)
        self._client_failures += 1
        log.error("Kafka's client has failed: it is made anew", group=self.group, why=error.str(), code=error.name(),
                  seconds=delay)  # fmt: skip
        self._replace_client(delay)
        self._problem.report(f"the client has failed and is made anew: {error.str()}")

    def _rejoin(self) -> None:
        """Leave the group in order, and join it with another client: one that has met a topic which was made anew may
        never read from it (see Resuming.reads_other_topics)."""
        now = self._clock.monotonic()
        again = now - self._rejoined_at < REPLACE_CLIENT_SECONDS[1]  # brokers that do not agree yet
        self._rejoined_at = now
        log.warning("a topic was made anew: the group is joined with a new client", group=self.group)
        self._consumer.unsubscribe()
        deadline = now + self._drain + LAST_COMMIT_SECONDS
        while self._epochs and self._fatal is None and self._clock.monotonic() < deadline:
            # Hears of the revocation, which waits for what is in flight.
            self._note_fatal_among(self._consumer.consume(1, POLL_SECONDS))
        if self._fatal is not None:  # it is out of the group already, and made anew for that
            return
        self._joined = False
        self._notify(self._listener.on_left_group, self._owned.disown(list(self._epochs)))
        self._replace_client(REPLACE_CLIENT_SECONDS[1] if again else 0.0)

    def _replace_client(self, delay: float) -> None:
        # To close it may take long, and there is nothing to wait for.
        threading.Thread(target=_close, args=[self._consumer], name=f"closing {self.group}", daemon=True).start()
        self._make_client()
        self._subscribe_at, self._subscribed_at = self._clock.monotonic() + delay, math.inf

    def _poll_once(self) -> None:
        self._run_commands()
        if self._stopping:
            return
        now = self._clock.monotonic()
        if self._subscribe_at is not None and now >= self._subscribe_at:
            self._subscribe_at, self._subscribed_at = None, now
            self._consumer.subscribe(
                self._topics,
                on_assign=self._of_this_client(self._on_assign),
                on_revoke=self._of_this_client(self._on_revoke),
                on_lost=self._of_this_client(self._on_lost),
            )
        if self._demand:
            self._demand -= 1
            self._last_demand_at = now
            self._fetching.resume()
            self._read(demanded=True)
        elif self._fetching.paused or now - self._poll_tracker.last > IDLE_POLL_SECONDS:
            if now - self._last_demand_at > PAUSE_AFTER_SECONDS:
                self._fetching.pause()
            self._read(demanded=False)

    def _run_commands(self) -> None:
        """Do what the loop has asked for, and what was put off; with nothing to read, wait for it to ask."""
        with suppress(queue.Empty):
            self._commands.get(timeout=0 if self._demand or self._fetching.paused else POLL_SECONDS)()
            while not self._stopping:
                self._commands.get_nowait()()
        if not self._stopping:
            self._recovery.retry()

    def _add_demand(self) -> None:
        self._demand += 1

    def _read(self, *, demanded: bool) -> None:
        self._record_poll()
        most = CHUNK if demanded else 1
        try:
            messages = self._consume(most)
        except KafkaException:
            self._demand += demanded  # a credit that no turn used up would be lost
            raise
        self._record_poll()
        now = self._poll_tracker.last
        handed = self._recovery.drop_recreated_topics(messages)
        if len(handed) < len(messages):
            self._note_fatal_among(messages)  # whatever topic it came with
        messages = handed
        records, errors = self._records(messages, now)
        self._notify(self._listener.on_poll, records, now, self._poll_tracker.confirmed, demanded)
        for message, error in errors:  # what they tell of lies behind what was read
            self._on_message_error(message, error)
        self._prefetch_exhausted |= len(messages) < most
        highs = self._watermarks.high_watermarks(
            now, self._epochs, fetching=self._fetching.nothing_paused and self._prefetch_exhausted
        )
        if highs:
            self._prefetch_exhausted = False
            self._notify(self._listener.on_watermarks, highs)
        # Last, for both may take a while: whoever stands still here must hear of it before a turn is told as confirmed.
        if demanded and not messages and now - self._rebalanced_at < SLEEP_SECONDS:
            self._fetching.wake()
        self._recovery.fetch_topic_ids(now)

    def _consume(self, most: int) -> list[Message]:
        """What is there already; else wait a moment for what comes."""
        messages = self._consumer.consume(most, 0) if most > 1 else []
        if messages:
            return messages
        messages = self._consumer.consume(1, POLL_SECONDS)
        return messages + self._consumer.consume(most - 1, 0) if messages and most > 1 else messages

    def _record_poll(self) -> None:
        stalled = self._poll_tracker.record_poll()
        if stalled is not None:
            log.warning("the polling thread has stalled: the assignment is in doubt", group=self.group,
                        seconds=round(stalled, 1))  # fmt: skip

    def _records(
        self, messages: Sequence[Message], now: float
    ) -> tuple[list[Record], list[tuple[Message, KafkaError]]]:
        """What was read, and the messages that are errors."""
        records, errors = [], []
        for message in messages:
            error = message.error()
            if error is not None:
                errors.append((message, error))
                continue
            topic: Any = message.topic()
            partition: Any = message.partition()
            epoch = self._epochs.get((topic, partition))
            if epoch is not None:
                records.append(record_at(topic, partition, message, epoch, now))
        if records and self._problem.current and not self._recovery.is_blocked:
            self._problem.clear()
            self._recovery.fetch_topic_ids_soon()
        return records, errors

    # --- commands ------------------------------------------------------------------------------------------------

    def _commit_async(self, commits: Sequence[Commit]) -> None:
        offsets = self._still_owned(commits)
        if not offsets:
            self._notify(self._listener.on_committed, "the partitions have left meanwhile", False)
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._note_fatal(error.args[0])
            self._notify(self._listener.on_committed, error.args[0].str(), False)

    def _commit_sync(self, offsets: list[TopicPartition]) -> None:
        if offsets:
            self._notify_committed(self._try_commit(offsets))

    def _try_commit(self, offsets: list[TopicPartition]) -> KafkaError | None:
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            refused: KafkaError = error.args[0]
            self._note_fatal(refused)
            return refused
        return None

    def _notify_committed(self, error: KafkaError | None) -> None:
        if error is not None:
            log.warning("a last commit failed: its events will be read again", group=self.group, why=error.str())
        self._notify(self._listener.on_committed, None if error is None else error.str(), True)

    def _still_owned(self, commits: Sequence[Commit]) -> list[TopicPartition]:
        """What may be committed. A command may have waited while its partitions left or the process stood still; to
        commit then could take back what the next owner has committed."""
        if self._poll_tracker.stalled:
            return []
        return [_offset(each) for each in commits if self._epochs.get((each.topic, each.partition)) == each.epoch]

    def _if_owned(self, epoch: int, place: tuple[str, int], act: Callable[[tuple[str, int]], None]) -> None:
        if self._epochs.get(place) == epoch:
            act(place)

    def _stop(self, commits: Sequence[Commit]) -> None:
        self._stopping = True
        self._last_commits = [each for each in commits if (each.topic, each.partition) not in self._reported_on_revoke]
        deadline = self._clock.monotonic() + LAST_COMMIT_SECONDS
        while offsets := self._still_owned(self._last_commits):
            error = self._try_commit(offsets)
            if error is None or error.code() not in GROUP_MOVED or self._clock.monotonic() > deadline:
                self._notify_committed(error)
                break
            # The group is past the generation that we know of: hear of it, and commit as a member of the new one.
            self._consumer.consume(1, POLL_SECONDS)
        if len(offsets) < len(self._last_commits):
            self._notify(self._listener.on_committed, "the partitions have left meanwhile", True)
        self._last_commits = []
        # A close in the middle of a rebalance can end without having left: the group then waits for our session's end.
        with suppress(KafkaException):  # a client that met a fatal error is out of the group already
            self._consumer.unsubscribe()
            self._consumer.consume(1, POLL_SECONDS)
        self._consumer.close()

    # --- callbacks of the client ---------------------------------------------------------------------------------

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            beginnings = self._find_start_positions(partitions)
            points = [each.point for each in beginnings]
            assigned = [self._owned.assign(each.point, each.topic_id) for each in beginnings]
            self._reported_on_revoke.difference_update(point[:2] for point in points)
            self._recovery.assign(points)
            self._rebalanced_at = self._clock.monotonic()
            self._fetching.partitions_assigned([point[:2] for point in points])
            self._joined = True
            self._client_failures = 0
            self._problem.clear()
            self._notify(self._listener.on_assigned, assigned)
            for each in beginnings:
                if each.change is not None:
                    self._recovery.report_change(each.change)
        except Exception as error:  # an exception that leaves a callback would kill the thread without a word
            if isinstance(error, KafkaException) and self._note_fatal(error.args[0]):
                return
            log.exception("where to begin cannot be learned: the process ends rather than guess", group=self.group,
                          error=type(error).__name__)  # fmt: skip
            self._stopping = True

    def _find_start_positions(self, partitions: list[TopicPartition]) -> list[StartPosition]:
        """Ask until the brokers answer; heartbeats go on. Raises KafkaException when the poll interval ends."""
        deadline = self._clock.monotonic() + self._stall
        while True:
            try:
                return self._recovery.start_positions(partitions, self._start)
            except KafkaException as error:
                self._problem.report(f"committed offsets cannot be read: {error.args[0].str()}")
                if _is_fatal(error.args[0]) or self._clock.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)

    def _disown(self, partitions: Sequence[TopicPartition]) -> frozenset[int]:
        places = [(each.topic, each.partition) for each in partitions]
        self._fetching.partitions_removed(places)
        self._recovery.partitions_removed(places)
        return self._owned.disown(places)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            stalled = self._poll_tracker.stalled
            epochs = self._disown(partitions)
            if self._stopping:
                leaving = {(each.topic, each.partition) for each in partitions}
                mine = [each for each in self._last_commits if (each.topic, each.partition) in leaving]
                self._last_commits = [each for each in self._last_commits if each not in mine]
                self._commit_sync([_offset(commit) for commit in mine])
            elif epochs:
                self._reported_on_revoke |= {(each.topic, each.partition) for each in partitions}
                commits = self._ask_what_to_commit(epochs)
                if not stalled and not self._poll_tracker.stalled:
                    self._commit_sync([_offset(commit) for commit in commits])
        except Exception as error:  # as above; what was not committed is read again by the next owner
            log.exception("revoking failed", group=self.group, error=type(error).__name__)
        self._unassign(consumer, partitions)

    def _ask_what_to_commit(self, epochs: frozenset[int]) -> Sequence[Commit]:
        """Wait for the pipeline, which waits for what is in flight. Heartbeats go on meanwhile, and so do turns."""
        done: concurrent.futures.Future[Sequence[Commit]] = concurrent.futures.Future()
        self._notify(self._listener.on_revoked, epochs, done)
        deadline = self._clock.monotonic() + self._drain + 1.0
        while True:
            try:
                return done.result(POLL_SECONDS)
            except TimeoutError:
                self._record_poll()
                if self._poll_tracker.last > deadline:
                    raise
            self._notify(self._listener.on_poll, (), self._poll_tracker.last, self._poll_tracker.confirmed, False)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._notify(self._listener.on_lost, self._disown(partitions))
        self._unassign(consumer, partitions)

    def _unassign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalanced_at = self._clock.monotonic()
        try:
            consumer.incremental_unassign(partitions)
        except KafkaException as error:  # one of them is not assigned (see _reset); a callback must not raise
            log.warning("partitions could not be given back", group=self.group, why=error.args[0].str())

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        errors = (error, *(each.error for each in partitions))
        failed = next((each for each in errors if each is not None), None)
        self._notify(self._listener.on_committed, None if failed is None else failed.str(), False)

    def _on_statistics(self, statistics: str) -> None:
        if self._joined or self._clock.monotonic() - self._subscribed_at < JOINED_AFTER_SECONDS:
            return
        group = json.loads(statistics).get("cgrp", {})
        if group.get("state") == "up" and not group.get("rebalance_reason"):
            self._joined = True
            self._notify(self._listener.on_assigned, [])

    def _on_topic_id(self, topic: str, topic_id: str) -> None:
        self._recovery.on_topic_id(topic, topic_id)

    def _on_error(self, error: KafkaError) -> None:
        if not self._note_fatal(error) and (
            error.code() != KafkaError._ALL_BROKERS_DOWN or not self._problem.current  # what came before says why
        ):
            self._problem.report(error.str())

    def _on_message_error(self, message: Message, error: KafkaError) -> None:
        partition: Any = (message.topic(), message.partition())
        if self._note_fatal(error):
            return
        if error.code() == KafkaError._AUTO_OFFSET_RESET and None not in partition:
            self._recovery.reset(partition, error.str())
        elif error.code() in UNREADABLE and None not in partition:
            if partition in self._epochs:
                epoch, offset = self._epochs[partition], self._recovery.next_offset(partition)
                self._notify(self._listener.on_unreadable, epoch, offset, error.str())
        elif error.code() != KafkaError._PARTITION_EOF:
            self._problem.report(f"{message.topic() or 'consumer'}: {error.str()}")

    def _note_fatal(self, error: KafkaError) -> bool:
        """Whether the client has failed: then it is made anew at the end of this turn."""
        if _is_fatal(error):
            self._fatal = self._fatal or error
        return _is_fatal(error)

    def _note_fatal_among(self, messages: Sequence[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is not None:
                self._note_fatal(error)

    def _notify(self, call: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop is closed: we are ending
            self._stopping = True


def _is_fatal(error: KafkaError) -> bool:
    return error.fatal() or error.code() == KafkaError._FATAL


def _close(consumer: Consumer) -> None:
    with suppress(KafkaException):  # it has failed: nobody needs to hear of it again
        consumer.close()


def _offset(commit: Commit) -> TopicPartition:
    return topic_partition(commit.topic, commit.partition, commit.position, commit.leader_epoch, commit.metadata)
