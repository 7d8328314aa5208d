"""Commits positions for one client: while it runs, when partitions are revoked, and when it stops.

All of it runs on the polling thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connector.clock import Clock
from connector.kafka.client_errors import GROUP_MOVED, FatalError
from connector.kafka.owned_partitions import OwnedPartitions
from connector.kafka.poll_tracker import PollTracker
from connector.kafka.positions import topic_partition
from connector.kafka.source_interface import Commit, Notify, SourceListener

# How long a last commit is tried again while the group moves from one generation to the next.
LAST_COMMIT_SECONDS = 2.0

log = structlog.get_logger()


class OffsetCommitter:
    """Commits only for partitions that are still owned by the epoch that asks, and reports how each commit ended.

    `poll` is the Poller's.
    """

    def __init__(
        self,
        consumer: Consumer,
        group: str,
        owned: OwnedPartitions,
        poll_tracker: PollTracker,
        fatal: FatalError,
        *,
        poll: Callable[[int], list[Message]],
        listener: SourceListener,
        notify: Notify,
        clock: Clock,
    ) -> None:
        self._consumer = consumer
        self._group = group
        self._owned = owned
        self._poll_tracker = poll_tracker
        self._fatal = fatal
        self._poll = poll
        self._listener = listener
        self._notify = notify
        self._clock = clock
        self._last_commits: list[Commit] = []  # still to be made by commit_last

    def commit_async(self, commits: Sequence[Commit]) -> None:
        """Send a commit; `on_commit` is called by the client once the brokers have answered."""
        offsets = self._still_owned(commits)
        if not offsets:
            self._notify(self._listener.on_committed, "the partitions have left meanwhile", False)
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._fatal.note(error.args[0])
            self._notify(self._listener.on_committed, error.args[0].str(), False)

    def on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Called by the client while it polls: an asynchronous commit has ended."""
        errors = (error, *(each.error for each in partitions))
        failed = next((each for each in errors if each is not None), None)
        self._notify(self._listener.on_committed, None if failed is None else failed.str(), False)

    def commit_sync(self, commits: Sequence[Commit]) -> None:
        """Commit and wait for the brokers, for partitions that are being revoked.

        Ownership is not checked: the revocation has already disowned them.
        """
        if commits:
            self._notify_committed(self._try_commit([_offset(commit) for commit in commits]))

    def report_uncommitted(self, why: str) -> None:
        """Report that the last commit of revoked partitions was not made."""
        self._notify(self._listener.on_committed, why, True)

    def commit_last(self, commits: Sequence[Commit]) -> None:
        """Commit before the client leaves, again if the group moves on meanwhile, and report how it ended.

        Partitions in `OwnedPartitions.revoked` are left out: how their last commit ended was reported.
        """
        self._last_commits = [each for each in commits if (each.topic, each.partition) not in self._owned.revoked]
        deadline = self._clock.monotonic() + LAST_COMMIT_SECONDS
        while offsets := self._still_owned(self._last_commits):
            error = self._try_commit(offsets)
            if error is None or error.code() not in GROUP_MOVED or self._clock.monotonic() > deadline:
                self._notify_committed(error)
                break
            # A rebalance is under way: poll so that it ends (on_revoke may call commit_last_of), then commit again.
            if not self._poll_again():
                break
        if len(offsets) < len(self._last_commits):
            self._notify(self._listener.on_committed, "the partitions have left meanwhile", True)
        self._last_commits = []

    def commit_last_of(self, partitions: Sequence[TopicPartition]) -> None:
        """Called in a revocation while `commit_last` polls: make its commits for these partitions now."""
        revoked = {(each.topic, each.partition) for each in partitions}
        commits = [each for each in self._last_commits if (each.topic, each.partition) in revoked]
        self._last_commits = [each for each in self._last_commits if each not in commits]
        self.commit_sync(commits)

    def _poll_again(self) -> bool:
        """Poll in the middle of a last commit. Return False, and report the commit as failed, if the client has."""
        try:
            self._fatal.note_in(self._poll(1))
            error = self._fatal.error
        except KafkaException as raised:
            error = raised.args[0]
            self._fatal.note(error)
        if error is not None:
            self._notify_committed(error)
        return error is None

    def _try_commit(self, offsets: list[TopicPartition]) -> KafkaError | None:
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            refused: KafkaError = error.args[0]
            self._fatal.note(refused)
            return refused
        return None

    def _notify_committed(self, error: KafkaError | None) -> None:
        if error is not None:
            log.warning("a last commit failed: its events will be read again", group=self._group, why=error.str())
        self._notify(self._listener.on_committed, None if error is None else error.str(), True)

    def _still_owned(self, commits: Sequence[Commit]) -> list[TopicPartition]:
        """Return what may be committed. A command may have waited in the queue while its partitions were revoked or
        the process stalled; to commit then could move the group's offset behind what the next owner has committed."""
        if self._poll_tracker.stalled:
            return []
        epochs = self._owned.epochs
        return [_offset(each) for each in commits if epochs.get((each.topic, each.partition)) == each.epoch]


def _offset(commit: Commit) -> TopicPartition:
    return topic_partition(commit.topic, commit.partition, commit.position, commit.leader_epoch, commit.metadata)
