"""Liveness and readiness, as Kubernetes asks for them. Neither depends on a vendor or a broker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.operations.snapshot import SinkRuntime

STALL_SECONDS = 60.0


def liveness_failures(lines: Sequence[SinkRuntime], last_tick: float, now: float) -> list[str]:
    """Why the process should be restarted: what has not turned for a minute; empty if it is well.

    A revocation may keep a polling thread busy for some 40 seconds; that is no ailment.
    """
    return [
        f"{who} has not turned for {now - turned:.0f} s"
        for who, turned in _turns(lines, last_tick)
        if now - turned > STALL_SECONDS
    ]


def not_ready(lines: Sequence[SinkRuntime]) -> list[str]:
    """Which sinks hold no assignment yet; an empty assignment is one."""
    return [
        f"{line.pipeline.sink.name} waits for its group to assign partitions"
        + (f" (Kafka: {line.pipeline.kafka_problem})" if line.pipeline.kafka_problem else "")
        for line in lines
        if not line.pipeline.joined
    ]


def _turns(lines: Sequence[SinkRuntime], last_tick: float) -> Iterator[tuple[str, float]]:
    yield "the event loop", last_tick
    for line in lines:
        state = "" if line.source.alive else " (which has ended)"
        yield f"the polling thread of {line.pipeline.sink.name}{state}", line.source.last_poll
