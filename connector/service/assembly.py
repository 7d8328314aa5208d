"""Builds what one sink needs from the settings, for the service and for replays, from the same parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from connector.batching.batcher import Batcher
from connector.clock import Clock
from connector.config.kafka_settings import MAX_POLL_INTERVAL_MS
from connector.deadletters.replay import Replay, ReplaySink
from connector.delivery.assignment import Assignment
from connector.delivery.backoff import Backoff
from connector.delivery.dead_letter_writer import DeadLetterWriter
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.flood_guard import FloodGuard
from connector.delivery.gate import NEVER, Gate
from connector.delivery.pipeline import Pipeline, PipelineLimits
from connector.delivery.stats import Stats
from connector.errors import ConnectorError
from connector.http.client import default_transport
from connector.kafka.consuming import heartbeat_ms
from connector.kafka.dead_letter_producer import DeadLetterProducer
from connector.kafka.source import Source
from connector.kafka.topic_ids import TopicIds
from connector.model import Failure, Limits
from connector.routing.identity import route_tag, telling
from connector.routing.plan import OtherRoute, RoutePlan, Unrouted
from connector.routing.router import Router
from connector.routing.validate import EventSchema
from connector.settings.values import Settings, SinkSettings, Topic
from connector.vendors.base import Sink
from connector.vendors.registry import VENDORS
from connector.vendors.sailplay.sink import SailPlaySink

SESSION_TIMEOUT_MS = 45_000  # librdkafka's own default
HEARTBEATS_TO_CONFIRM = 2
# A replay takes one part in so many of a sink's rate, to leave the service the rest.
REPLAY_SHARE = 5


@dataclass(frozen=True, slots=True)
class SinkRuntime:
    """One sink's pipeline, and the source that reads its records."""

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
    """Build everything that one sink needs to run. Nothing is started."""
    of = settings.sinks[name]
    group = f"{settings.group}.{name}"
    guard = settings.delivery.flood_guard
    stats = Stats()
    sink = build_sink(of, clock)
    assignment = Assignment(group, route_tags(settings, name))
    stall = min(
        _ms(conf, "max.poll.interval.ms", MAX_POLL_INTERVAL_MS), _ms(conf, "session.timeout.ms", SESSION_TIMEOUT_MS)
    )
    pipeline = Pipeline(
        sink,
        build_router(settings, name),
        assignment,
        FloodGuard(guard.dead_letters, guard.share, guard.within),
        PipelineLimits(
            settings.delivery.max_open_events,
            settings.delivery.max_open_bytes,
            settings.delivery.commit_interval,
            settings.delivery.drain,
            of.timeout,
        ),
        clock=clock,
        stats=stats,
    )
    pipeline.dead_letters = build_letter_writer(settings, name, letters, clock, pipeline.on_written)
    pipeline.dispatcher = build_dispatcher(of, sink, stats, pipeline, clock, stall=stall)
    pipeline.source = source = Source(
        conf,
        sorted({topic for route in settings.routes if route.sink == name for topic in route.topics}),
        group=group,
        start=of.start,
        listener=pipeline,
        loop=loop,
        clock=clock,
        drain=settings.delivery.drain,
        stall=stall,
        never=(settings.dead_letters, settings.receipts),
        topic_ids=topic_ids,
        confirm_after=HEARTBEATS_TO_CONFIRM * heartbeat_ms(conf) / 1000,
    )
    return SinkRuntime(pipeline, source)


def build_dispatcher(
    of: SinkSettings, sink: Sink, stats: Stats, listener: Any, clock: Clock, *, stall: float
) -> Dispatcher:
    """Build the dispatcher of a sink, for the service and for replays."""
    backoff = Backoff(of.retry.initial, of.retry.max)
    dispatcher = Dispatcher(
        sink,
        Batcher(sink.limits, ordered=of.order == "key", linger=of.linger),
        Gate(max_in_flight=of.max_in_flight, backoff=backoff, rate=of.rate, stall=stall),
        clock=clock,
        stats=stats,
        listener=listener,
        retry_code_backoff=backoff,
        on_unknown_outcome=of.on_answer_lost,
    )
    if isinstance(sink, SailPlaySink):
        sink.pace = dispatcher.wait_for_rate
    return dispatcher


def build_replay_sink(
    settings: Settings, name: str, replay: Replay, letters: DeadLetterProducer, rate: float | None, clock: Clock
) -> ReplaySink:
    """Build one sink of a replay, from the same parts as the service's. Nothing is started.

    `letters` writes the letters of what is refused again; `rate` is requests a second, None for the replay's share.
    Raises ConnectorError where the sink's secret is missing.
    """
    sink_settings = at_replay_rate(settings.sinks[name], rate)
    sink = build_sink(sink_settings, clock)
    missing = sink.credentials_ready()
    if missing is not None:
        raise ConnectorError(f"sinks.{name}: {missing}")
    return ReplaySink(
        sink,
        build_router(settings, name),
        build_dispatcher(sink_settings, sink, Stats(), replay, clock, stall=NEVER),
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
        return replace(sink, rate=rate)
    if sink.rate is not None:
        return replace(sink, rate=sink.rate / REPLAY_SHARE)
    return replace(sink, max_in_flight=max(1, sink.max_in_flight // REPLAY_SHARE))


def build_sink(settings: SinkSettings, clock: Clock) -> Sink:
    """Build the vendor account, with a connection pool of its own."""
    return VENDORS[settings.kind].open(settings, default_transport(settings.max_in_flight), clock)


def build_routers(settings: Settings, sinks: Iterable[str]) -> dict[str, Router]:
    """Build the routers of these sinks; those that the configuration does not have are left out."""
    return {name: build_router(settings, name) for name in sinks if name in settings.sinks}


def build_router(settings: Settings, name: str) -> Router:
    """Build the router of one sink from its routes, in file order.

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
        )
        for route in settings.routes
        if route.sink == name
    ]
    return Router(plans, {topic.name: _schema(topic) for topic in settings.topics.values()}, unrouted)


def route_tags(settings: Settings, name: str) -> dict[str, int]:
    """Return, by the name of each of a sink's routes, the tag that stands for it in commit metadata."""
    return telling(
        (each.name, route_tag(each.name, each.topics, each.when, each.method, each.fields))
        for each in settings.routes
        if each.sink == name
    )


def limits_of(settings: SinkSettings) -> Limits:
    """Return the vendor's limits, lowered where the configuration lowers them."""
    return settings.lowered(VENDORS[settings.kind].limits)


def _schema(topic: Topic) -> EventSchema | None:
    return None if topic.schema is None else EventSchema(orjson.loads(topic.schema.read_bytes()))


def _ms(conf: Mapping[str, Any], name: str, default: int) -> float:
    return float(conf.get(name, default)) / 1000
