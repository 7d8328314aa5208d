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

# Called on the polling thread with a SourceListener's method and its arguments: has the event loop call it.
Notify = Callable[..., None]


class AssignedPartition(NamedTuple):
    """One partition that is now ours. `position` is None where it is known only after the first record.

    `leader_epoch` is the one that was committed with the position (-1: none); `topic_id` is Kafka's id of the topic,
    empty where it is unknown. `truncated_at`: the log that an earlier epoch of ours has read was truncated at this
    offset; what that epoch has open below it is still in the log, and must not be committed past (-1: not truncated).
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
    """A position of one epoch to commit, with its metadata and the leader epoch of the record there (-1: none)."""

    epoch: int
    topic: str
    partition: int
    position: int
    metadata: str
    leader_epoch: int = -1


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

        `confirmed` is False while the assignment is in doubt after a stall. `demanded`: the poll used up one requested
        chunk, whether it brought records or not; request another when more records are wanted.
        """
        ...

    def on_assigned(self, partitions: Sequence[AssignedPartition]) -> None:
        """These partitions are now ours; a later epoch of a partition replaces an earlier one.

        With no partitions at all it says that we are a member of the group without any."""
        ...

    def on_revoked(self, epochs: frozenset[int], done: concurrent.futures.Future[Sequence[Commit]]) -> None:
        """These epochs are being revoked: set the result of `done` to what is to be committed for them.

        The polling thread waits for that, for the drain's time at most; `on_poll` goes on being called meanwhile.
        """
        ...

    def on_lost(self, epochs: frozenset[int]) -> None:
        """These epochs have ended: their partitions are another member's already, and nothing can be committed."""
        ...

    def on_committed(self, error: str | None, last: bool) -> None:
        """A commit has ended; `error` is None if it succeeded. `last`: it was made in a revocation or at the stop."""
        ...

    def on_lost_to_retention(self, epoch: int, low: int) -> None:
        """Retention deleted what this epoch would have read next; reading goes on at `low`."""
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
        """The high watermarks of our partitions (topic, number) as far as they are known: one past the last offset."""
        ...

    def on_kafka_problem(self, problem: str) -> None:
        """The brokers or a topic cannot be reached or read; empty when they can again."""
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
