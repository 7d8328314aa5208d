"""Continues reading where a partition's log is not the one that was read: log_changes says what may have happened.

All of it runs on the polling thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connector.kafka import commit_metadata
from connector.kafka.client_errors import ProblemPart, ReadProblem
from connector.kafka.fetching import Fetching
from connector.kafka.log_changes import LogChangeKind, Resumption, resumption, truncation
from connector.kafka.owned_partitions import OwnedPartitions, Partition
from connector.kafka.positions import Start, StartingPoint, known_leader_epoch, starting_points, topic_partition
from connector.kafka.source_interface import LogChange, Notify, SourceListener
from connector.kafka.topic_ids import TopicIds
from connector.kafka.topic_recreation import TopicRecreation

# How long to wait for the brokers' answer.
WATERMARK_SECONDS = 5.0

log = structlog.get_logger()


class StartPosition(NamedTuple):
    """The start of a newly assigned partition, its topic's id ("": unknown), and what happened to its log."""

    point: StartingPoint
    topic_id: str
    change: LogChange | None


class LogRecovery:
    """Finds where one client's partitions begin, and continues where an offset is not in the log."""

    def __init__(
        self,
        consumer: Consumer,
        group: str,
        owned: OwnedPartitions,
        fetching: Fetching,
        topic_ids: TopicIds,
        *,
        listener: SourceListener,
        notify: Notify,
        problem: ReadProblem,
    ) -> None:
        self.recreation = TopicRecreation(owned, topic_ids, listener=listener, notify=notify)
        self._consumer = consumer
        self._group = group
        self._owned = owned
        self._fetching = fetching
        self._topic_ids = topic_ids
        self._listener = listener
        self._notify = notify
        self._problem = problem
        self._validated: set[int] = set()  # epochs whose offset `recover` had validated once; it does not try again
        # Calls that the client or the brokers refused for now, one a partition, retried before each poll. Until one
        # succeeds the client may read at a wrong offset, so the partition's messages are dropped (`drop_stale`).
        self._retries: dict[Partition, Callable[[], None]] = {}

    # --- where an assignment begins ------------------------------------------------------------------------------

    def start_positions(
        self,
        partitions: Sequence[TopicPartition],
        start: Start,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> list[StartPosition]:
        """Return where these partitions are read from.

        Raises KafkaException where the brokers do not answer, and StopRequestedError where it waits for another member
        while `stop_requested` is true.
        """

        def partitions_of(topic: str) -> list[int]:
            return self._topic_ids.partitions(topic, WATERMARK_SECONDS)

        points = starting_points(
            self._consumer,
            partitions,
            start,
            partitions_of,
            known=self._owned.topic_ids,
            stop_requested=stop_requested,
        )
        ids = self.recreation.ask({point.topic for point in points})
        return [self._start_position(point, ids.get(point.topic, "")) for point in points]

    def _start_position(self, point: StartingPoint, broker_id: str) -> StartPosition:
        """Return the start of one partition; `broker_id` is the topic's id as the brokers report it.

        Client and brokers may disagree for a moment after a recreation. If the committed id is one of theirs, nothing
        has changed yet: should it be the old one, the client reports the new id before it returns a record.
        """
        committed = commit_metadata.decode(self._group, point.topic, point.partition, point.offset, point.metadata)
        known = "" if committed is None else committed.topic_id
        if point.metadata is None:  # the commit was deleted with the topic; the id under which we read it is known
            known = self._owned.topic_ids.get(point.topic, "")
        ids = [
            each
            for each in (self._owned.client_topic_ids.get(point.topic, ""), self._owned.unless_deleted(broker_id))
            if each
        ]
        if not ids or not known or known in ids:
            return StartPosition(point, known or next(iter(ids), ""), None)
        low, _ = self._watermarks((point.topic, point.partition))
        change = LogChange(LogChangeKind.RECREATED, point.topic, point.partition, max(point.offset, 0), low)
        return StartPosition(StartingPoint(point.topic, point.partition, low, None), ids[0], change)

    def assign(self, points: Sequence[StartingPoint]) -> None:
        """Assign these to the client, and have it validate their positions against the logs."""
        self._consumer.incremental_assign([topic_partition(*point[:3], point.leader_epoch) for point in points])
        self.partitions_removed([point[:2] for point in points])  # their retries were meant for another offset
        for point in points:
            self._validate(point[:2], point.offset, point.leader_epoch)

    def partitions_removed(self, partitions: Iterable[Partition]) -> None:
        """Drop the retries of these partitions."""
        for partition in partitions:
            self._retries.pop(partition, None)

    def _validate(self, partition: Partition, offset: int, leader_epoch: int) -> None:
        """Seek to the assigned offset: the client validates a position against the log after a seek, but not after an
        assignment. Where the log that was read ends before the offset, the client reports an error (see `recover`)."""
        if offset <= 0 or leader_epoch < 0:
            return
        try:
            self._consumer.seek(topic_partition(*partition, offset, leader_epoch))
        except KafkaException as error:  # it does not fetch this partition yet
            self._retry_later(partition, error, lambda: self._validate(partition, offset, leader_epoch))
        else:
            self._retries.pop(partition, None)

    # --- an offset that is not in the log ------------------------------------------------------------------------

    def recover(self, partition: Partition, why: str) -> None:
        """Find out why the offset to read next is not in the log, and continue at one that is.

        `why` is the text of the client's error.
        """
        epoch = self._owned.epochs.get(partition)
        if epoch is None:
            return
        try:
            same, topic_id = self.recreation.same_topic(partition)
            if same is False:
                self.recreation.mark_recreated(partition[0])
                return
            low, high = self._watermarks(partition)
            wanted, leader_epoch = self._next(partition)
            truncated = truncation(why)
            if same and wanted > high and truncated is None and leader_epoch >= 0 and epoch not in self._validated:
                # The broker refused the offset before the client had compared leader epochs, so it is unknown where the
                # log that was read ends. Move to an offset that exists (the end), then seek to the wanted one: the seek
                # makes the client ask for that end (OffsetForLeaderEpoch), and its next error reports it.
                self._reassign(partition, high, -1)
                self._validated.add(epoch)
                self._owned.set_start(partition, wanted, leader_epoch)
                self._validate(partition, wanted, leader_epoch)
                return
            resumed = resumption(wanted, low, high, truncated=truncated, same_topic=same)
            self._reassign(partition, resumed.offset, resumed.leader_epoch)
        except KafkaException as error:
            self._retry_later(partition, error, lambda: self.recover(partition, why))
            return
        if resumed.change is LogChangeKind.EXPIRED:
            self._notify(self._listener.on_lost_to_retention, epoch, low, wanted)
        elif resumed.change is not None:
            self._start_new_epoch(partition, resumed, wanted, topic_id)

    def _start_new_epoch(self, partition: Partition, resumed: Resumption, wanted: int, topic_id: str) -> None:
        """Report the partition as assigned again, at another position: its former offsets mean nothing any more."""
        self._fetching.partitions_removed([partition])  # the former epoch may have paused it
        self._fetching.partitions_assigned([partition])
        point = StartingPoint(*partition, resumed.offset, None, resumed.leader_epoch)
        truncated_at = -1 if resumed.change is LogChangeKind.RECREATED else resumed.offset
        self._notify(self._listener.on_assigned, [self._owned.assign(point, topic_id, truncated_at)])
        change: Any = resumed.change
        self.report_change(LogChange(change, *partition, max(wanted, 0), max(resumed.offset, 0)))

    def report_change(self, change: LogChange) -> None:
        """Log a change, and report it to the listener."""
        log.error(_EVENTS[change.change], group=self._group, topic=change.topic, partition=change.partition,
                  wanted=change.wanted, resumes_at=change.resumes_at)  # fmt: skip
        self._notify(self._listener.on_log_changed, change)

    # --- seeking, and retries ------------------------------------------------------------------------------------

    def seek(self, partition: Partition, offset: int) -> None:
        """Read a partition from this offset on, as soon as the client allows it."""
        try:
            self._reassign(partition, offset, -1)
        except KafkaException as error:
            self._retry_later(partition, error, lambda: self.seek(partition, offset))

    def next_offset(self, partition: Partition) -> int | None:
        """Return the offset to be read next; None if it is known only after the first record."""
        offset, _ = self._next(partition)
        return offset if offset >= 0 else None

    def is_stale(self, partition: Partition) -> bool:
        """True if nothing may be handed over of a partition: see `drop_stale`."""
        return partition in self._retries or self.recreation.is_recreated(partition[0])

    def drop_stale(self, messages: list[Message]) -> list[Message]:
        """Return the messages that may be handed over: not those of recreated topics, nor records of partitions of
        which a call is to be retried."""
        messages = self.recreation.drop_stale_messages(messages)
        if self._retries:
            messages = [each for each in messages if _is_problem(each) or _key(each) not in self._retries]
        return messages

    def retry(self) -> None:
        """Try the refused calls again."""
        for act in list(self._retries.values()):
            act()
        for topic in set(self._problem.of(ProblemPart.RESET)) - {topic for topic, _ in self._retries}:
            self._problem.clear(topic, ProblemPart.RESET)

    def _next(self, partition: Partition) -> tuple[int, int]:
        """Return the offset to be read next, and the leader epoch of the record before it (-1: unknown)."""
        at = self._consumer.position([TopicPartition(*partition)])[0]
        if at.offset < 0 or partition in self._retries:  # nothing was read yet, or nothing that was handed over
            return self._owned.start_of(partition)
        return at.offset, known_leader_epoch(at.leader_epoch)

    def _watermarks(self, partition: Partition) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=WATERMARK_SECONDS)
        return low, high

    def _reassign(self, partition: Partition, offset: int, leader_epoch: int) -> None:
        """Assign the partition again, at this offset: the client cannot seek in one without a valid position."""
        # First remember where it reads: the client forgets that when unassigned, and the rest may fail.
        self._owned.set_start(partition, *self._next(partition))
        # An earlier try may have unassigned it; if it still is assigned, incremental_assign would fail.
        with suppress(KafkaException):
            self._consumer.incremental_unassign([TopicPartition(*partition)])
        self.assign([StartingPoint(*partition, offset, None, leader_epoch)])
        self._owned.set_start(partition, offset, leader_epoch)

    def _retry_later(self, partition: Partition, error: KafkaException, act: Callable[[], None]) -> None:
        if error.args[0].code() != KafkaError._STATE:  # just after its assignment, the client refuses a seek with that
            why = f"{partition[0]}/{partition[1]} cannot be reset: {error.args[0].str()}"
            self._problem.report(why, partition[0], ProblemPart.RESET)
        self._owned.set_start(partition, *self._next(partition))  # nothing that comes from now on is handed over
        self._retries[partition] = act


def _is_problem(message: Message) -> bool:
    """True for an error, but not for the report of a partition's end: that is what was read, as a record is."""
    error = message.error()
    return error is not None and error.code() != KafkaError._PARTITION_EOF


def _key(message: Message) -> Any:
    return message.topic(), message.partition()


_EVENTS = {
    LogChangeKind.TRUNCATED: "a log was truncated below what was read of it: reading goes on where it ends",
    LogChangeKind.OVERWRITTEN: "a log was truncated and written anew past what was read of it: reading goes back",
    LogChangeKind.RECREATED: "a topic was deleted and made anew: it is read from its beginning",
}
