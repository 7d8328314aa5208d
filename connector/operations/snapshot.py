"""What operators see of one sink at one moment: derived from the pipeline when asked, nothing is kept."""

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
    """What health asks of a source."""

    @property
    def last_poll(self) -> float:
        """When the thread last turned (monotonic seconds)."""
        ...

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        ...


class SinkRuntime(Protocol):
    """One sink's pipeline and the source that feeds it."""

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline."""
        ...

    @property
    def source(self) -> PollingThread:
        """The source."""
        ...


@dataclass(frozen=True, slots=True)
class PartitionSnapshot:
    """One partition that is ours. Offsets are Kafka's; None where nothing is known yet.

    `high` is one past the last offset that the brokers hold, `lag` how many lie between the position and that.
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
    """One sink, now. Seconds and events; `reason` says why the gate is shut, the vendor's words masked.

    `open_events` are records that are read and not settled, `open_parts` are (record, route) pairs. Where these stand:
    `unsent` (packed, or waiting behind their key), `in_flight` (in a request), `retrying` (in a batch that failed and
    goes again), `letters` (their dead letter is under way), `deferred` (kept back by the flood guard).

    `warnings` is what the vendor says is wrong with the configuration; `vendor_events` gives the vendor's names of the
    events that the routes name by key.
    """

    name: str
    limits: Limits
    stats: Stats
    warnings: tuple[Mistake, ...]
    vendor_events: Mapping[str, str]
    state: SinkState
    reason: str
    kafka_trouble: str
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


def snapshot(line: SinkRuntime, clock: Clock, retention: Mapping[str, float]) -> SinkSnapshot:
    """Look at a sink. `retention` gives the seconds for which a topic keeps its events, where that is limited."""
    pipeline, now = line.pipeline, clock.monotonic()
    assignment, dispatcher, letters = pipeline.assignment, pipeline.dispatcher, pipeline.dead_letters
    gate = dispatcher.gate
    partitions = tuple(
        _partition(
            offsets, assignment.high_watermarks.get((offsets.topic, offsets.partition)), epoch in assignment.paused
        )
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
        reason=gate.hold_reason or _reason(gate.reason, pipeline.stats),
        kafka_trouble=pipeline.kafka_problem,
        letter_trouble=letters.problem,
        joined=pipeline.joined,
        standing=tuple(pipeline.blocked_partitions()),
        partitions=partitions,
        lag_events=assignment.lag(),
        oldest_seconds=max((_age(record, clock.now()) for record in oldest), default=0.0),
        held_seconds=max((now - record.read_at for record in oldest), default=0.0),
        retention_left=_retention_left(oldest, clock.now(), retention),
        open_events=assignment.open_events,
        open_parts=assignment.open_parts,
        open_bytes=assignment.open_bytes,
        unsent=dispatcher.unsent_items,
        in_flight=dispatcher.items_in_flight(),
        retrying=dispatcher.items_awaiting_retry,
        letters=letters.pending,
        deferred=pipeline.flood_guard.deferred_events,
        requests=gate.in_flight,
        window=gate.window,
        batches_retrying=dispatcher.batches_awaiting_retry,
        shut_for=gate.retry_after_left(now),
        slot_in=gate.next_slot_in(now) if gate.rate_limited else None,
        packed_in=None if next_batch_at is None else max(0.0, next_batch_at - now),
        longest_wait=dispatcher.longest_key_queue,
    )


def _reason(text: str, stats: Stats) -> str:
    """Why the gate is shut, as people may see it: the failure that shut it tells whose words those are."""
    letters = (each for each in reversed(stats.recent_letters) if each.reason not in NOT_COUNTED_REASONS)
    cause = next((fault for fault in stats.recent_faults if fault.message == text), next(letters, None))
    if cause is None or not text.endswith(cause.message):
        return mask_vendor_message(text)
    return mask_failure_message(text, status=cause.status, reason=cause.reason)


def _partition(offsets: PartitionOffsets, high: int | None, halted: bool) -> PartitionSnapshot:
    position = offsets.position
    lag = None if high is None or position is None else max(0, high - position)
    return PartitionSnapshot(
        offsets.topic, offsets.partition, position, offsets.next_offset, high, lag, offsets.open_events, halted
    )


def _oldest_records(pipeline: Pipeline) -> list[Record]:
    """The oldest unsettled record of each partition, and the oldest that the flood guard keeps back."""
    oldest = [record for offsets in pipeline.assignment.offsets.values() if (record := offsets.oldest()) is not None]
    deferred = pipeline.flood_guard.oldest_record
    return oldest if deferred is None else [*oldest, deferred]


def _age(record: Record, now: float) -> float:
    """Seconds since Kafka's timestamp; 0 where a record has none, or one in the future."""
    return max(0.0, now - record.timestamp / 1000) if record.timestamp >= 0 else 0.0


def _retention_left(oldest: Iterable[Record], now: float, retention: Mapping[str, float]) -> float | None:
    """Seconds until Kafka may delete the first event that is not settled; None where no limit is known."""
    left = (retention[record.topic] - _age(record, now) for record in oldest if record.topic in retention)
    return min(left, default=None)
