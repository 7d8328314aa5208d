"""What passes between a source's thread and the event loop."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from connector.kafka.log_changes import LogChangeKind
from connector.model import Record


class AssignedPartition(NamedTuple):
    """One partition that is now ours. `position` is None where only the first record will tell.

    `leader_epoch` is the one that was committed with the position (-1: none); `topic_id` is Kafka's id of the topic,
    empty where it is not known. `truncated_at`: the log that an earlier epoch of ours has read was truncated at this
    offset; what that epoch has open below it is still in the log, and must not be committed past (-1: it was not).
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
    """The pipeline, as the source sees it; every method is called on the event loop."""

    def on_poll(self, records: Sequence[Record], polled_at: float, confirmed: bool, demanded: bool) -> None:
        """The polling thread turned once, at `turned` (monotonic seconds), which may be long ago when this is heard.

        `confirmed` is False while the assignment is in doubt after a stall; `credited` says that the turn used up a
        credit, to be granted again when more records are wanted."""
        ...

    def on_assigned(self, partitions: Sequence[AssignedPartition]) -> None:
        """These partitions are now ours; a later epoch of a partition takes the place of an earlier one."""
        ...

    def on_revoked(self, epochs: frozenset[int], done: concurrent.futures.Future[Sequence[Commit]]) -> None:
        """These are about to leave us: answer with what to commit, within the drain."""
        ...

    def on_lost(self, epochs: frozenset[int]) -> None:
        """These are somebody else's already."""
        ...

    def on_committed(self, error: str | None, last: bool) -> None:
        """A commit has ended; `error` is None if it went well. `last` says that it was made on leaving partitions."""
        ...

    def on_lost_to_retention(self, epoch: int, low: int) -> None:
        """Retention deleted what this epoch would have read next; reading goes on at `low`."""
        ...

    def on_log_changed(self, change: LogChange) -> None:
        """A log was truncated, or a topic made anew; a new epoch of the partition was told before."""
        ...

    def on_topic_id(self, epochs: frozenset[int], topic_id: str) -> None:
        """The id of these epochs' topic is known now."""
        ...

    def on_left_group(self, epochs: frozenset[int]) -> None:
        """The client is another one now: these, all that was still ours, is another's, and we are no member. How the
        commit that was under way has ended will not be told."""
        ...

    def on_unreadable(self, epoch: int, offset: int | None, why: str) -> None:
        """The record (or the batch) to be read next, at `offset`, cannot be unpacked or read: its partition stands.
        Told again as long as it does."""
        ...

    def on_watermarks(self, highs: Mapping[tuple[str, int], int]) -> None:
        """One past the last offset that each of our partitions (topic, number) holds, as far as that is known."""
        ...

    def on_kafka_problem(self, trouble: str) -> None:
        """The brokers or a topic cannot be reached or read; empty when they can again."""
        ...


class SourceControl(Protocol):
    """The source, as the pipeline sees it; every method only asks, and returns at once."""

    def request_chunk(self) -> None:
        """Let one more chunk of records come."""
        ...

    def commit(self, commits: Sequence[Commit]) -> None:
        """Commit these positions."""
        ...

    def pause_partition(self, epoch: int, topic: str, partition: int) -> None:
        """Stop fetching one partition, if that epoch of it still stands."""
        ...

    def resume_partition(self, epoch: int, topic: str, partition: int) -> None:
        """Fetch it again, if that epoch of it still stands."""
        ...

    def seek(self, epoch: int, topic: str, partition: int, offset: int) -> None:
        """Read a partition from this offset on, if that epoch of it still stands."""
        ...

    def stop(self, commits: Sequence[Commit]) -> None:
        """Commit these positions and leave the group."""
        ...
