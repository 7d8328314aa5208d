"""Builds what one sink needs from the settings, for the service and for replays, from the same parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from connector.batching.batcher import Batcher
from connector.clock import Clock
from connector.config.kafka_settings import MAX_POLL_INTERVAL_MS
from connector.deadletters.replay import Replay, ReplaySink
from connector.delivery.assignment import Assignment
from connector.delivery.backoff import Backoff
from connector.delivery.dead_letter_writer import DeadLetterWriter
from connector.delivery.dispatcher import AlwaysOwned, Dispatcher, Ownership
from connector.delivery.failure_rate import FailureRate
from connector.delivery.gate import Gate, wait_for_rate
from connector.delivery.outcomes import DispatchListener
from connector.delivery.pipeline import Pipeline, PipelineLimits
from connector.delivery.stats import Stats
from connector.errors import ConnectorError
from connector.http.client import default_transport
from connector.kafka.consuming import heartbeat_ms
from connector.kafka.dead_letter_producer import DeadLetterProducer
from connector.kafka.poll_tracker import PollLimits
from connector.kafka.source import Source
from connector.kafka.source_interface import SourceListener
from connector.kafka.topic_ids import TopicIds
from connector.model import Failure, Limits
from connector.routing.identity import distinct_tags, route_tag
from connector.routing.plan import OtherRoute, RoutePlan, Unrouted
from connector.routing.router import Router
from connector.routing.validate import EventSchema
from connector.settings.values import Settings, SinkSettings, Topic
from connector.vendors.base import Sink
from connector.vendors.http_sink import HttpSink, WaitForRate, at_once, open_sink
from connector.vendors.registry import VENDORS

SESSION_TIMEOUT_MS = 45_000  # librdkafka's own default
HEARTBEATS_TO_CONFIRM = 2
# A replay takes one part in so many of a sink's rate, to leave the service the rest.
REPLAY_SHARE = 5


@dataclass(frozen=True, slots=True)
class SinkRuntime:
    """One sink with its pipeline, and the source that feeds that."""

    sink: HttpSink
    pipeline: Pipeline
    source: Source


def build_sink_runtime(
    settings: Settings,
    name: str,
    conf: Mapping[str, Any],
    letters: DeadLetterProducer,
    topic_ids: TopicIds,
    loop: asyncio.AbstractEventLoop,
    clock: Clock,
) -> SinkRuntime:
    """Return one sink's pipeline and its source; nothing is started."""
    sink_settings = settings.sinks[name]
    group = f"{settings.group}.{name}"
    guard = settings.delivery.flood_guard
    router = build_router(settings, name, counting=True)
    stats = Stats(routes=router.counts)
    gate = build_gate(sink_settings)
    sink = build_sink(sink_settings, clock, partial(wait_for_rate, gate, clock), settings.delivery.drain)
    poll_interval = _ms(conf, "max.poll.interval.ms", MAX_POLL_INTERVAL_MS)
    stall = min(poll_interval, _ms(conf, "session.timeout.ms", SESSION_TIMEOUT_MS))
    poll_limits = PollLimits(stall, HEARTBEATS_TO_CONFIRM * heartbeat_ms(conf) / 1000, poll_interval)
    assignment = Assignment(group, route_tags(settings, name), stall=stall)
    source: Source

    def make_source(listener: SourceListener) -> Source:
        nonlocal source
        source = Source(
            conf,
            sorted({topic for route in settings.routes if route.sink == name for topic in route.topics}),
            group=group,
            start=sink_settings.start,
            listener=listener,
            loop=loop,
            clock=clock,
            drain=settings.delivery.drain,
            poll_limits=poll_limits,
            never=(settings.dead_letters, settings.receipts),
            topic_ids=topic_ids,
        )
        return source

    pipeline = Pipeline(
        sink,
        router,
        assignment,
        FailureRate(guard.dead_letters, guard.share, guard.within),
        PipelineLimits(
            settings.delivery.max_open_events,
            settings.delivery.max_open_bytes,
            settings.delivery.commit_interval,
            settings.delivery.drain,
            sink_settings.timeout,
        ),
        clock=clock,
        stats=stats,
        make_dispatcher=lambda listener: build_dispatcher(
            sink_settings, sink, gate, assignment, stats, listener, clock, doubt_refusals=True
        ),
        make_dead_letters=partial(build_letter_writer, settings, name, letters, clock),
        make_source=make_source,
    )
    return SinkRuntime(sink, pipeline, source)


def build_dispatcher(
    settings: SinkSettings,
    sink: Sink,
    gate: Gate,
    ownership: Ownership,
    stats: Stats,
    listener: DispatchListener,
    clock: Clock,
    *,
    doubt_refusals: bool = False,
) -> Dispatcher:
    """Build the dispatcher of a sink, for the service and for replays."""
    return Dispatcher(
        sink,
        Batcher(sink.limits, ordered=settings.order == "key", linger=settings.linger),
        gate,
        ownership=ownership,
        clock=clock,
        stats=stats,
        listener=listener,
        retry_code_backoff=Backoff(settings.retry.initial, settings.retry.max),
        on_unknown_outcome=settings.unknown_outcome_policy,
        doubt_refusals=doubt_refusals,
    )


def build_gate(settings: SinkSettings) -> Gate:
    """Return the gate of a sink, for the live pipeline and a replay alike. It exists before the sink, which uses it."""
    return Gate(
        max_in_flight=settings.max_in_flight,
        backoff=Backoff(settings.retry.initial, settings.retry.max),
        rate=settings.rate,
    )


def build_sink(
    settings: SinkSettings, clock: Clock, wait_for_rate: WaitForRate = at_once, drain: float | None = None
) -> HttpSink:
    """Return the vendor account, with a connection pool of its own. By default nobody sends besides, so none waits.

    `drain` (seconds) is in what time a call must have ended when the service stops.
    """
    return open_sink(settings, default_transport(settings.max_in_flight), clock, wait_for_rate, drain)


def build_replay_sink(
    settings: Settings, name: str, replay: Replay, letters: DeadLetterProducer, rate: float | None, clock: Clock
) -> ReplaySink:
    """Build one sink of a replay, from the same parts as the service's. Nothing is started.

    `letters` writes the letters of what is refused again; `rate` is requests a second, None for the replay's share.
    Raises ConnectorError where the sink's secret is missing.
    """
    sink_settings = at_replay_rate(settings.sinks[name], rate)
    gate = build_gate(sink_settings)
    sink = build_sink(sink_settings, clock, partial(wait_for_rate, gate, clock), settings.delivery.drain)
    missing = sink.credentials_ready()
    if missing is not None:
        raise ConnectorError(f"sinks.{name}: {missing}")
    return ReplaySink(
        sink,
        build_router(settings, name),
        build_dispatcher(sink_settings, sink, gate, AlwaysOwned(), Stats(), replay, clock),
        build_letter_writer(settings, name, letters, clock, replay.on_written),
    )


def build_letter_writer(
    settings: Settings, name: str, letters: DeadLetterProducer, clock: Clock, on_written: Callable[[Failure], None]
) -> DeadLetterWriter:
    """Build the dead-letter writer of a sink, for the service and for replays."""
    return DeadLetterWriter(letters, group=settings.group, sink=name, clock=clock, on_written=on_written)


def at_replay_rate(sink: SinkSettings, rate: float | None) -> SinkSettings:
    """Return the sink's settings for a replay at `rate` requests a second.

    None takes a share of the service's rate, or of its requests in flight where it has no rate.
    """
    if rate is not None:
        return sink.model_copy(update={"rate": rate})
    if sink.rate is not None:
        return sink.model_copy(update={"rate": sink.rate / REPLAY_SHARE})
    return sink.model_copy(update={"max_in_flight": max(1, sink.max_in_flight // REPLAY_SHARE)})


def build_routers(settings: Settings, sinks: Iterable[str]) -> dict[str, Router]:
    """Build the routers of these sinks; those that the configuration does not have are left out."""
    return {name: build_router(settings, name) for name in sinks if name in settings.sinks}


def build_router(settings: Settings, name: str, *, counting: bool = False) -> Router:
    """Build the router of one sink from its routes, in file order; `counting` is the service's alone.

    It gets the other sinks' routes too where unrouted events become dead letters: the first sink that reads the topic
    writes that letter.
    """
    sink = settings.sinks[name]
    order = list(settings.sinks)
    unrouted = None
    if settings.delivery.unrouted == "dead_letter":
        unrouted = Unrouted(
            [
                OtherRoute(route.topics, route.when, order.index(route.sink) < order.index(name))
                for route in settings.routes
                if route.sink != name
            ]
        )
    plans = [
        RoutePlan(
            route.name,
            route.topics,
            route.when,
            route.method,
            route.fields,
            VENDORS[sink.kind].methods[route.method].encode,
            limits_of(sink),
            route.each,
        )
        for route in settings.routes
        if route.sink == name
    ]
    schemas = {topic.name: _schema(topic) for topic in settings.topics.values()}
    return Router(plans, schemas, unrouted, counting=counting)


def route_tags(settings: Settings, name: str) -> dict[str, int]:
    """Return, by the name of each of a sink's routes, the tag that stands for it in commit metadata."""
    return distinct_tags(
        (route.name, route_tag(route.name, route.topics, route.when, route.method, route.fields, route.each))
        for route in settings.routes
        if route.sink == name
    )


def limits_of(settings: SinkSettings) -> Limits:
    """Return the vendor's limits, lowered where the configuration lowers them."""
    return settings.lowered(VENDORS[settings.kind].limits)


def _schema(topic: Topic) -> EventSchema | None:
    return None if topic.schema is None else EventSchema(orjson.loads(topic.schema.read_bytes()))


def _ms(conf: Mapping[str, Any], name: str, default: int) -> float:
    return float(conf.get(name, default)) / 1000
