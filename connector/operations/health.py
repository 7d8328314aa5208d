"""Liveness and readiness, as Kubernetes asks for them. Neither depends on a vendor or a broker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.operations.snapshot import ObservedSink

STALL_SECONDS = 60.0


def liveness_failures(runtimes: Sequence[ObservedSink], last_tick: float, now: float) -> list[str]:
    """Return why the process should be restarted: what has made no progress for a minute. Empty if it is alive.

    A revocation may keep a polling thread busy for some 40 seconds; that is no failure.
    """
    return [
        f"{name} has not turned for {now - seen_at:.0f} s"
        for name, seen_at in _last_seen(runtimes, last_tick)
        if now - seen_at > STALL_SECONDS
    ]


def not_ready(runtimes: Sequence[ObservedSink]) -> list[str]:
    """Return which sinks have no assignment yet, and why; an empty assignment counts as one."""
    return [
        f"{runtime.pipeline.sink.name} waits for its group to assign partitions"
        + (f" (Kafka: {runtime.pipeline.kafka_problem})" if runtime.pipeline.kafka_problem else "")
        for runtime in runtimes
        if not runtime.pipeline.joined
    ]


def _last_seen(runtimes: Sequence[ObservedSink], last_tick: float) -> Iterator[tuple[str, float]]:
    yield "the event loop", last_tick
    for runtime in runtimes:
        state = "" if runtime.source.alive else " (which has ended)"
        yield f"the polling thread of {runtime.pipeline.sink.name}{state}", runtime.source.last_poll
