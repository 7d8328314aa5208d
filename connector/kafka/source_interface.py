"""The calls between a source's polling thread and the event loop.

Both directions are queues: the thread's calls of a SourceListener and the loop's calls of a SourceControl each arrive
in the order in which they were made.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from connector.kafka.log_changes import LogChangeKind
from connector.model import Record

# Schedules `method(*arguments)` of a SourceListener on the event loop; called from the polling thread only.
Notify = Callable[..., None]


class AssignedPartition(NamedTuple):
    """A partition that this process now owns, under a new assignment epoch.

    `position` is the offset of the first record to come; None until that record has been read. `leader_epoch` was
    committed with it (-1: none was). `topic_id` is Kafka's id of the topic, empty where it is unknown.

    `truncated_at` is set (else -1) when this epoch replaces an earlier one of this process because the log was
    truncated at that offset. Records of the earlier epoch below it still exist: until they are settled, no commit may
    pass them.
    """

    epoch: int
    topic: str
    partition: int
    position: int | None
    metadata: str | None
    leader_epoch: int = -1
    topic_id: str = ""
    truncated_at: int = -1


class Commit(NamedTuple):
    """A position of one epoch to commit, with its metadata.

    By `leader_epoch` (-1: unknown) a later assignment notices a truncation below the position: it is that of the record
    at the position if that one is open, else of the record read last. Kafka's own clients commit that of the record
    before the position.
    """

    epoch: int
    topic: str
    partition: int
    position: int
    metadata: str
    leader_epoch: int = -1


class ReadEnd(NamedTuple):
    """How far a partition is read: every record below `offset` was handed over, and none is there above the last one.

    `leader_epoch` is that of what was read last, a transaction's mark included (-1: unknown).
    """

    offset: int
    leader_epoch: int


class LogChange(NamedTuple):
    """A partition's log is not the one that was read: `wanted` was to be read next, reading goes on at `resumes_at`."""

    change: LogChangeKind
    topic: str
    partition: int
    wanted: int
    resumes_at: int


class SourceListener(Protocol):
    """The methods that a source calls, on the event loop; the pipeline implements them.

    Calls come in the order of what happened: an epoch's `on_assigned` before its records, its records before the
    `on_revoked`, `on_lost` or `on_left_group` that ends it. After that nothing more comes of this epoch.
    """

    def on_poll(self, records: Sequence[Record], polled_at: float, confirmed: bool, demanded: bool) -> None:
        """The thread has polled, at `polled_at` (monotonic seconds), which may be long ago when this is called.

        `confirmed` is False while the assignment is in doubt after a stall: nothing may be sent or committed then.
        `demanded`: the poll used up one requested chunk, whether it brought records or not; request another when more
        records are wanted.
        """
        ...

    def on_assigned(self, partitions: Sequence[AssignedPartition]) -> None:
        """These partitions are now ours; a later epoch of a partition replaces an earlier one.

        With no partitions at all it says that we are a member of the group without any."""
        ...

    def on_revoked(self, epochs: frozenset[int], done: concurrent.futures.Future[Sequence[Commit]]) -> None:
        """These epochs are being revoked: set the result of `done` to what is to be committed for them.

        The polling thread waits for that, at most for the drain and one second; `on_poll` is called meanwhile.
        """
        ...

    def on_lost(self, epochs: frozenset[int]) -> None:
        """These epochs have ended: their partitions are another member's already, and nothing can be committed."""
        ...

    def on_committed(self, error: str | None, last: bool) -> None:
        """A commit has ended; `error` is None if it succeeded.

        `last`: it was that of a revocation or of the stop. It ends with an error too where it was not sent at all,
        since the partitions have left meanwhile or another member may own them.
        """
        ...

    def on_read_up_to(self, ends: Mapping[int, ReadEnd]) -> None:
        """How far epochs are read, past offsets that hold no record as well. Comes again from time to time."""
        ...

    def on_lost_to_retention(self, epoch: int, low: int, wanted: int = -1) -> None:
        """Retention deleted what this epoch would have read next; reading goes on at `low`.

        `wanted` is the offset that was to be read next, -1 if it is not known: all records below it were handed over.
        """
        ...

    def on_log_changed(self, change: LogChange) -> None:
        """A log was truncated or a topic recreated. Called after `on_assigned` of the partition's new epoch."""
        ...

    def on_topic_id(self, epochs: frozenset[int], topic_id: str) -> None:
        """The id of these epochs' topic has become known."""
        ...

    def on_left_group(self, epochs: frozenset[int]) -> None:
        """The client was replaced and we are no member of the group: these, all remaining epochs, have ended.

        How an asynchronous commit of the former client has ended is not reported.
        """
        ...

    def on_unreadable(self, epoch: int, offset: int | None, why: str) -> None:
        """The record (or the batch) at `offset`, to be read next, cannot be decoded: its partition is blocked.

        Called again from time to time as long as it is."""
        ...

    def on_watermarks(self, highs: Mapping[tuple[str, int], int]) -> None:
        """The high watermarks of our partitions (topic, number): one past the last offset. Others are unknown now."""
        ...

    def on_kafka_problem(self, problem: str, topics: frozenset[str] = frozenset()) -> None:
        """The brokers or `topics` (none: all) cannot be reached or read; `problem` is empty when they can again."""
        ...


class SourceControl(Protocol):
    """The commands of the pipeline. Every method only queues one for the polling thread, and returns."""

    def request_chunk(self) -> None:
        """Allow one more chunk of records to be handed over, by one `on_poll` call with `demanded`."""
        ...

    def commit(self, commits: Sequence[Commit]) -> None:
        """Commit these positions, as far as their epochs still own the partitions; `on_committed` reports the end."""
        ...

    def pause_partition(self, epoch: int, topic: str, partition: int) -> None:
        """Stop fetching one partition, if that epoch still owns it."""
        ...

    def resume_partition(self, epoch: int, topic: str, partition: int) -> None:
        """Fetch it again, if that epoch still owns it."""
        ...

    def seek(self, epoch: int, topic: str, partition: int, offset: int) -> None:
        """Read a partition from this offset on, if that epoch still owns it."""
        ...

    def stop(self, commits: Sequence[Commit]) -> None:
        """Commit these positions, leave the group and end the thread. Commands queued after it are not run."""
        ...
