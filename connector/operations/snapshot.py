"""The state of one sink at one moment, as operators see it; computed from the pipeline when asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from connector.clock import Clock
from connector.delivery.blocked_partitions import BlockedPartition
from connector.delivery.flood_guard import NOT_COUNTED_REASONS
from connector.delivery.gate import SinkState
from connector.delivery.offsets import PartitionOffsets
from connector.delivery.pipeline import Pipeline
from connector.delivery.stats import Stats
from connector.errors import Mistake
from connector.model import Limits, Record
from connector.redaction.vendor_messages import mask_failure_message, mask_vendor_message


class PollingThread(Protocol):
    """A source, as health sees it."""

    @property
    def last_poll(self) -> float:
        """When the thread last polled (monotonic seconds)."""
        ...

    @property
    def alive(self) -> bool:
        """True while the thread runs."""
        ...


class ObservedSink(Protocol):
    """One sink's pipeline and the source that feeds it."""

    @property
    def pipeline(self) -> Pipeline:
        """Its pipeline."""
        ...

    @property
    def source(self) -> PollingThread:
        """Its source."""
        ...


@dataclass(frozen=True, slots=True)
class PartitionSnapshot:
    """One assigned partition. Offsets are Kafka's; None while they are not known.

    `high` is the high watermark, or what was read past it since; `lag` is how many offsets lie between the position and
    that. Both are unknown while the partition's topic cannot be read. `halted`: it is paused.
    """

    topic: str
    partition: int
    position: int | None
    next_offset: int | None
    high: int | None
    lag: int | None
    open_events: int
    halted: bool


@dataclass(frozen=True, slots=True)
class SinkSnapshot:
    """One sink, now. Times in seconds; `reason` says why the gate limits sending, the vendor's message masked.

    `open_events` are records that are read and not settled, `open_parts` are their items. Of these are
    `unsent` batched or waiting for their key, `in_flight` in a request, `retrying` in a batch that failed and is sent
    again, `letters` dead letters that are not written yet, `deferred` deferred by the flood guard.

    `kafka_trouble` says why Kafka or a topic cannot be read; with `reads_other_topics` there are partitions of others.
    `lag_events` is None while it is unknown.

    `warnings` is what the vendor says is wrong with the configuration; `vendor_events` has the vendor's names of the
    events that the routes name by key. `standing` are the blocked partitions.
    """

    name: str
    limits: Limits
    stats: Stats
    warnings: tuple[Mistake, ...]
    vendor_events: Mapping[str, str]
    state: SinkState
    reason: str
    kafka_trouble: str
    reads_other_topics: bool
    letter_trouble: str
    joined: bool
    standing: tuple[BlockedPartition, ...]
    partitions: tuple[PartitionSnapshot, ...]
    lag_events: int | None
    oldest_seconds: float
    held_seconds: float
    retention_left: float | None
    open_events: int
    open_parts: int
    open_bytes: int
    unsent: int
    in_flight: int
    retrying: int
    letters: int
    deferred: int
    requests: int
    window: int
    batches_retrying: int
    shut_for: float
    slot_in: float | None
    packed_in: float | None
    longest_wait: int
    restoring: bool = False  # the flood guard is still to learn what it counted before this start


def snapshot(runtime: ObservedSink, clock: Clock, retention: Mapping[str, float]) -> SinkSnapshot:
    """Return the state of a sink. `retention`: for how many seconds a topic keeps its events, if that is limited."""
    pipeline, now = runtime.pipeline, clock.monotonic()
    assignment, dispatcher, letters = pipeline.assignment, pipeline.dispatcher, pipeline.dead_letters
    gate = dispatcher.gate
    partitions = tuple(
        _partition(pipeline, epoch, offsets)
        for epoch, offsets in sorted(assignment.offsets.items(), key=lambda each: (each[1].topic, each[1].partition))
    )
    oldest = _oldest_records(pipeline)
    next_batch_at = dispatcher.next_batch_at
    return SinkSnapshot(
        name=pipeline.sink.name,
        limits=pipeline.sink.limits,
        stats=pipeline.stats,
        warnings=tuple(pipeline.warnings),
        vendor_events=pipeline.vendor_events,
        state=dispatcher.state(now),
        reason=gate.missing_secret or _reason(gate.reason, pipeline.stats),
        kafka_trouble=pipeline.kafka_problem,
        reads_other_topics=any(not _in_trouble(pipeline, partition.topic) for partition in partitions),
        letter_trouble=letters.problem,
        joined=pipeline.joined,
        standing=tuple(pipeline.blocked_partitions()),
        partitions=partitions,
        lag_events=known_lag(pipeline),
        oldest_seconds=max((_age(record, clock.now()) for record in oldest), default=0.0),
        held_seconds=max((now - record.read_at for record in oldest), default=0.0),
        retention_left=_retention_left(oldest, clock.now(), retention),
        open_events=assignment.open_records,
        open_parts=assignment.open_parts,
        open_bytes=assignment.open_bytes,
        unsent=dispatcher.unsent_items,
        in_flight=dispatcher.items_in_flight(),
        retrying=dispatcher.items_awaiting_retry,
        letters=letters.pending,
        deferred=pipeline.flood_guard.deferred_count,
        requests=gate.in_flight,
        window=gate.window,
        batches_retrying=dispatcher.batches_awaiting_retry,
        shut_for=gate.retry_after_left(now),
        slot_in=gate.rate_allows_in(now) if gate.rate_limited else None,
        packed_in=None if next_batch_at is None else max(0.0, next_batch_at - now),
        longest_wait=dispatcher.longest_key_queue,
        restoring=pipeline.flood_guard.is_restoring,
    )


def _reason(text: str, stats: Stats) -> str:
    """Return the gate's reason for people, masked by where its text comes from: the failure with the same message."""
    letters = (each for each in reversed(stats.recent_letters) if each.reason not in NOT_COUNTED_REASONS)
    cause = next((fault for fault in stats.recent_faults if fault.message == text), next(letters, None))
    if cause is None or not text.endswith(cause.message):
        return mask_vendor_message(text)
    return mask_failure_message(text, status=cause.status, reason=cause.reason)


def known_lag(pipeline: Pipeline) -> int | None:
    """Return the lag; None before an assignment, and while Kafka or one of the assigned topics cannot be read."""
    topics = {offsets.topic for offsets in pipeline.assignment.offsets.values()}
    is_unknown = any(_in_trouble(pipeline, topic) for topic in topics) if topics else bool(pipeline.kafka_problem)
    return None if is_unknown or not pipeline.joined else pipeline.lag()


def _in_trouble(pipeline: Pipeline, topic: str) -> bool:
    """True while this topic cannot be read: where its partitions end now is not known."""
    topics = pipeline.unreadable_topics
    return bool(pipeline.kafka_problem) and (not topics or topic in topics)


def _partition(pipeline: Pipeline, epoch: int, offsets: PartitionOffsets) -> PartitionSnapshot:
    assignment, unknown = pipeline.assignment, _in_trouble(pipeline, offsets.topic)
    return PartitionSnapshot(
        offsets.topic,
        offsets.partition,
        offsets.position,
        offsets.next_offset,
        None if unknown else assignment.end_of(epoch),
        None if unknown else assignment.lag_of(epoch),
        offsets.open_records,
        epoch in assignment.paused,
    )


def _oldest_records(pipeline: Pipeline) -> list[Record]:
    """Return the oldest unsettled record of each partition, and the oldest that the flood guard defers."""
    oldest = [record for offsets in pipeline.assignment.offsets.values() if (record := offsets.oldest()) is not None]
    deferred = pipeline.flood_guard.oldest_record
    return oldest if deferred is None else [*oldest, deferred]


def _age(record: Record, now: float) -> float:
    """Return the seconds since Kafka's timestamp; 0 if a record has none, or one in the future."""
    return max(0.0, now - record.timestamp / 1000) if record.timestamp >= 0 else 0.0


def _retention_left(oldest: Iterable[Record], now: float, retention: Mapping[str, float]) -> float | None:
    """Return the seconds until Kafka may delete the first unsettled event; None if no limit is known."""
    left = (retention[record.topic] - _age(record, now) for record in oldest if record.topic in retention)
    return min(left, default=None)
