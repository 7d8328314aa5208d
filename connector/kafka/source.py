"""The source: one thread that polls one client, hands records to the event loop, and does what the loop asks of it.

A consumer's calls wait for each other, so once it is built only this thread calls it, and the loop puts commands into a
queue; a client that is given up is closed on a thread of its own. Every message to the loop goes through
`call_soon_threadsafe`, so that an assignment, its records and its end arrive in this order.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException

from connector.clock import Clock
from connector.kafka.client_errors import ProblemPart, ReadProblem, is_fatal, is_fenced
from connector.kafka.group_member import GroupMember, MemberSettings
from connector.kafka.owned_partitions import OwnedPartitions, Partition
from connector.kafka.poll_tracker import POLL_SECONDS, PollLimits, PollTracker
from connector.kafka.positions import Start
from connector.kafka.source_interface import Commit, SourceListener
from connector.kafka.topic_ids import TopicIds

# Records per hand-over. Each hand-over costs a fixed amount on the event loop, about as much as twelve records.
CHUNK_RECORDS = 200
# Rebalance and commit callbacks run only inside a poll, so the client is polled for one record this often even when the
# pipeline has requested nothing.
IDLE_POLL_SECONDS = 0.5
# When the pipeline has requested nothing for this long, its partitions are paused. A pause discards what was
# prefetched, and to fetch it again takes long enough to leave in-flight slots empty.
PAUSE_AFTER_SECONDS = 2.0
# First and longest delay before a client that met a fatal error is replaced; it doubles in between.
REPLACE_CLIENT_SECONDS = (1.0, 5.0)
MAX_DOUBLINGS = 10  # enough to reach the longest delay; a float cannot hold 2**1024

log = structlog.get_logger()


class Source:
    """Reads `topics` (names or ^patterns) as a member of `group`, and hands their records to the listener.

    `drain` is how many seconds a revocation may wait for what is in flight. `poll_limits` say when the assignment is in
    doubt, and how long is asked where a new one begins. Topics in `never` are not read, whatever pattern matches them.

    A fatal error of the client (a fenced or refused member) costs the assignment: the client is replaced until the
    group admits one. Only where another process has joined with our group.instance.id does the thread end.
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
        poll_limits: PollLimits,
        topic_ids: TopicIds,
        never: Sequence[str] = (),
    ) -> None:
        self.group = group
        self._failed = False
        self._settings = MemberSettings(conf, topics, never, group, start, drain, poll_limits.interval)
        self._listener = listener
        self._loop = loop
        self._clock = clock
        self._topic_ids = topic_ids
        self._poll_tracker = PollTracker(clock, poll_limits)
        self._owned = OwnedPartitions()
        self._problem = ReadProblem(
            group, lambda problem, topics: self._notify(listener.on_kafka_problem, problem, topics)
        )
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._requested_chunks = 1  # that were not delivered yet
        self._last_request_at = clock.monotonic()
        self._stop_requested = threading.Event()
        self._stopping = threading.Event()
        self._client_failures = 0  # fatal errors since partitions were last assigned
        self._rejoined_at = -math.inf
        self._member = self._new_member(subscribe_at=0.0)
        self._thread = threading.Thread(target=self._run, name=f"source {group}", daemon=True)

    def _new_member(self, *, subscribe_at: float) -> GroupMember:
        return GroupMember(
            self._settings,
            owned=self._owned,
            poll_tracker=self._poll_tracker,
            topic_ids=self._topic_ids,
            problem=self._problem,
            listener=self._listener,
            notify=self._notify,
            stop_requested=self._stop_requested,
            stopping=self._stopping,
            clock=self._clock,
            subscribe_at=subscribe_at,
        )

    # --- commands of the event loop, see SourceControl ------------------------------------------------------------

    def start(self) -> None:
        """Join the group and begin to read."""
        self._thread.start()

    def request_chunk(self) -> None:
        """Allow one more chunk of records to be handed over."""
        self._commands.put(self._add_requested_chunk)

    def commit(self, commits: Sequence[Commit]) -> None:
        """Commit these positions; `on_committed` reports how it ended."""
        self._commands.put(lambda: self._member.committer.commit_async(commits))

    def pause_partition(self, epoch: int, topic: str, partition: int) -> None:
        """Stop fetching one partition, if that epoch still owns it."""
        self._commands.put(lambda: self._if_owned(epoch, (topic, partition), self._member.fetching.pause_partition))

    def resume_partition(self, epoch: int, topic: str, partition: int) -> None:
        """Fetch it again, if that epoch still owns it."""
        self._commands.put(lambda: self._if_owned(epoch, (topic, partition), self._member.fetching.resume_partition))

    def seek(self, epoch: int, topic: str, partition: int, offset: int) -> None:
        """Read a partition from this offset on, if that epoch still owns it."""
        self._commands.put(
            lambda: self._if_owned(epoch, (topic, partition), lambda key: self._member.recovery.seek(key, offset))
        )

    def renew_credentials(self, username: str, password: str) -> None:
        """Log in with these (SASL) from the next connection on."""
        self._commands.put(lambda: self._member.renew_credentials(username, password))

    def stop(self, commits: Sequence[Commit]) -> None:
        """Commit these positions, leave the group and end the thread."""
        self._stop_requested.set()
        self._commands.put(lambda: self._stop(commits))

    def join(self, timeout: float) -> bool:
        """Wait for the thread's end; False if it did not come within `timeout` seconds."""
        self._thread.join(max(timeout, 0.0))
        return not self._thread.is_alive()

    @property
    def last_poll(self) -> float:
        """Return when the thread last polled, or tried again what brokers do not answer (monotonic seconds)."""
        return self._poll_tracker.last_turn

    @property
    def failed(self) -> bool:
        """True if the thread ends, or has ended, by an error."""
        return self._failed or self._member.failed

    @property
    def alive(self) -> bool:
        """True if the thread runs."""
        return self._thread.is_alive()

    # --- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._poll_or_replace_client()
        except BaseException as error:  # a dead thread would look like a quiet topic
            self._failed = True
            log.exception("the polling thread has died", group=self.group, error=type(error).__name__)
            self._notify(self._listener.on_kafka_problem, f"the polling thread has died: {type(error).__name__}")

    def _poll_or_replace_client(self) -> None:
        fatal = self._member.fatal
        try:
            self._poll_once()
            if self._member.recovery.recreation.detected and fatal.error is None and not self._stopping.is_set():
                self._rejoin()
        except KafkaException as error:
            if fatal.error is None and not is_fatal(error.args[0]):
                raise
            fatal.note(error.args[0])
        if fatal.error is not None and not self._stopping.is_set():
            self._replace_failed_client(fatal.error)

    def _poll_once(self) -> None:
        self._run_commands()
        if self._stopping.is_set():
            return
        now = self._clock.monotonic()
        fetching = self._member.fetching
        self._member.subscribe_if_due(now)
        if self._requested_chunks:
            self._requested_chunks -= 1
            self._last_request_at = now
            fetching.resume()
            self._read(CHUNK_RECORDS, demanded=True)
        # While paused, a poll brings nothing that takes memory, so it may wait for callbacks.
        elif fetching.paused or now - self._poll_tracker.last > IDLE_POLL_SECONDS:
            if now - self._last_request_at > PAUSE_AFTER_SECONDS:
                fetching.pause()
            self._read(1, demanded=False)

    def _run_commands(self) -> None:
        """Run what the loop has asked for, and retry what was deferred; with no demand, wait for the loop to ask."""
        wait = 0 if self._requested_chunks or self._member.fetching.paused else POLL_SECONDS
        with suppress(queue.Empty):
            self._commands.get(timeout=wait)()
            while not self._stopping.is_set():
                self._commands.get_nowait()()
        if not self._stopping.is_set():
            self._member.recovery.retry()

    def _add_requested_chunk(self) -> None:
        self._requested_chunks += 1

    def _if_owned(self, epoch: int, key: Partition, act: Callable[[Partition], None]) -> None:
        if self._owned.epochs.get(key) == epoch:
            act(key)

    def _read(self, most: int, *, demanded: bool) -> None:
        poller = self._member.poller
        try:
            messages = poller.poll(most)
        except KafkaException:
            self._requested_chunks += demanded  # give it back: no on_poll call will report it as used up
            raise
        poller.hand_over(messages, most, demanded=demanded)

    def _stop(self, commits: Sequence[Commit]) -> None:
        self._stopping.set()
        self._member.stop(commits)

    # --- replacing the client ------------------------------------------------------------------------------------

    def _replace_failed_client(self, error: KafkaError) -> None:
        """Replace a client that met a fatal error, and reads and commits nothing any more."""
        self._notify(self._listener.on_left_group, self._owned.disown(list(self._owned.epochs)))
        if is_fenced(error):
            self._failed = True
            self._stopping.set()
            log.error("another process has our group.instance.id: each needs its own", group=self.group)
            self._notify(self._listener.on_kafka_problem, "another process has our group.instance.id")
            return
        if self._member.was_assigned:
            self._client_failures = 0
        initial, most = REPLACE_CLIENT_SECONDS
        delay = min(initial * 2 ** min(self._client_failures, MAX_DOUBLINGS), most)
        self._client_failures += 1
        log.error("Kafka's client has failed: it is made anew", group=self.group, why=error.str(), code=error.name(),
                  seconds=delay)  # fmt: skip
        self._replace_client(delay)
        self._problem.report(f"the client has failed and is made anew: {error.str()}", part=ProblemPart.GROUP)

    def _rejoin(self) -> None:
        """Leave the group in order, and join it with another client: one that has met a recreated topic may never read
        from it (see TopicRecreation)."""
        now = self._clock.monotonic()
        again = now - self._rejoined_at < REPLACE_CLIENT_SECONDS[1]  # the brokers do not agree on the topic's id yet
        self._rejoined_at = now
        log.warning("a topic was made anew: the group is joined with a new client", group=self.group)
        self._member.leave()
        if self._member.fatal.error is not None:  # it is out of the group already, and replaced for that
            return
        self._notify(self._listener.on_left_group, self._owned.disown(list(self._owned.epochs)))
        self._client_failures = 0  # this client was assigned partitions
        self._replace_client(REPLACE_CLIENT_SECONDS[1] if again else 0.0)

    def _replace_client(self, delay: float) -> None:
        self._member.abandon()
        self._member = self._new_member(subscribe_at=self._clock.monotonic() + delay)

    def _notify(self, call: Callable[..., None], *arguments: Any) -> None:
        """Call a listener's method on the event loop."""
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop is closed: the process ends
            self._stopping.set()
