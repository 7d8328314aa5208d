"""Builds a pipeline with its dispatcher and dead-letter writer, as the service does, between doubles of its edges."""

from __future__ import annotations

from collections.abc import Callable

from connector.batching.batcher import Batcher
from connector.clock import Clock
from connector.delivery.assignment import Assignment
from connector.delivery.backoff import Backoff
from connector.delivery.dead_letter_writer import DeadLetterSender, DeadLetterWriter
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.failure_rate import FailureRate
from connector.delivery.gate import Gate
from connector.delivery.outcomes import DispatchListener
from connector.delivery.pipeline import Pipeline, PipelineLimits, RecordRouter
from connector.delivery.stats import Stats
from connector.kafka.source_interface import SourceControl, SourceListener
from connector.vendors.base import Sink

LINGER = 0.2


def build_pipeline(
    sink: Sink,
    router: RecordRouter,
    topic: DeadLetterSender,
    make_source: Callable[[SourceListener], SourceControl],
    *,
    assignment: Assignment,
    limits: PipelineLimits,
    failure_rate: FailureRate,
    clock: Clock,
    group: str,
    max_in_flight: int,
    rate: float | None = None,
    ordered: bool = True,
    on_unknown_outcome: str = "retry",
) -> Pipeline:
    """Return a pipeline that sends to `sink` and writes dead letters to `topic`."""
    stats, backoff = Stats(), Backoff(0.2, 30.0)

    def make_dispatcher(listener: DispatchListener) -> Dispatcher:
        return Dispatcher(
            sink,
            Batcher(sink.limits, ordered=ordered, linger=LINGER),
            Gate(max_in_flight=max_in_flight, backoff=backoff, rate=rate),
            ownership=assignment,
            clock=clock,
            stats=stats,
            listener=listener,
            retry_code_backoff=backoff,
            on_unknown_outcome=on_unknown_outcome,
            doubt_refusals=True,
        )

    return Pipeline(
        sink,
        router,
        assignment,
        failure_rate,
        limits,
        clock=clock,
        stats=stats,
        make_dispatcher=make_dispatcher,
        make_dead_letters=lambda on_written: DeadLetterWriter(
            topic, group=group, sink=sink.name, clock=clock, on_written=on_written
        ),
        make_source=make_source,
    )
