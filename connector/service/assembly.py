"""Builds what one sink needs to run, from the settings: gate, sink, router, pipeline, dispatcher, source."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from connector.batching.batcher import Batcher
from connector.clock import Clock
from connector.config.kafka_settings import MAX_POLL_INTERVAL_MS
from connector.delivery.assignment import Assignment
from connector.delivery.backoff import Backoff
from connector.delivery.dead_letter_writer import DeadLetterWriter
from connector.delivery.dispatcher import Dispatcher, Ownership
from connector.delivery.flood_guard import RejectionRate
from connector.delivery.gate import Gate, wait_for_rate
from connector.delivery.outcomes import DispatchListener
from connector.delivery.pipeline import Pipeline, PipelineLimits
from connector.delivery.stats import Stats
from connector.http.client import default_transport
from connector.kafka.consuming import heartbeat_ms
from connector.kafka.dead_letter_producer import DeadLetterProducer
from connector.kafka.source import Source
from connector.kafka.source_interface import SourceListener
from connector.kafka.topic_ids import TopicIds
from connector.model import Limits
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
    stats = Stats()
    gate = build_gate(sink_settings)
    sink = build_sink(sink_settings, clock, partial(wait_for_rate, gate, clock))
    stall = min(
        _ms(conf, "max.poll.interval.ms", MAX_POLL_INTERVAL_MS), _ms(conf, "session.timeout.ms", SESSION_TIMEOUT_MS)
    )
    assignment = Assignment(group, route_tags(settings, name), stall=stall)
    source: Source

    def open_source(listener: SourceListener) -> Source:
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
            stall=stall,
            never=(settings.dead_letters, settings.receipts),
            topic_ids=topic_ids,
            confirm_after=HEARTBEATS_TO_CONFIRM * heartbeat_ms(conf) / 1000,
        )
        return source

    pipeline = Pipeline(
        sink,
        build_router(settings, name),
        assignment,
        RejectionRate(guard.dead_letters, guard.share, guard.within),
        PipelineLimits(
            settings.delivery.max_open_events,
            settings.delivery.max_open_bytes,
            settings.delivery.commit_interval,
            settings.delivery.drain,
            sink_settings.timeout,
        ),
        clock=clock,
        stats=stats,
        open_dispatcher=lambda listener: build_dispatcher(
            sink_settings, sink, gate, assignment, stats, listener, clock
        ),
        open_dead_letters=lambda on_written: DeadLetterWriter(
            letters, group=settings.group, sink=name, clock=clock, on_written=on_written
        ),
        open_source=open_source,
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
) -> Dispatcher:
    """Return the dispatcher of a sink, for the live pipeline and a replay alike."""
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
    )


def build_gate(settings: SinkSettings) -> Gate:
    """Return the gate of a sink, for the live pipeline and a replay alike. It exists before the sink, which uses it."""
    return Gate(
        max_in_flight=settings.max_in_flight,
        backoff=Backoff(settings.retry.initial, settings.retry.max),
        rate=settings.rate,
    )


def build_sink(settings: SinkSettings, clock: Clock, wait_for_rate: WaitForRate = at_once) -> HttpSink:
    """Return the vendor account, with a connection pool of its own. By default nobody sends besides, so none waits."""
    return open_sink(settings, default_transport(settings.max_in_flight), clock, wait_for_rate)


def build_router(settings: Settings, name: str) -> Router:
    """The router of one sink: its own routes in file order, and of the others what an unrouted event needs."""
    of = settings.sinks[name]
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
            VENDORS[of.kind].methods[route.method].encode,
            limits_of(of),
        )
        for route in settings.routes
        if route.sink == name
    ]
    return Router(plans, {topic.name: _schema(topic) for topic in settings.topics.values()}, unrouted)


def route_tags(settings: Settings, name: str) -> dict[str, int]:
    """By the name of each of a sink's routes: the tag by which a commit tells what was sent of it."""
    return distinct_tags(
        (each.name, route_tag(each.name, each.topics, each.when, each.method, each.fields))
        for each in settings.routes
        if each.sink == name
    )


def limits_of(of: SinkSettings) -> Limits:
    """The vendor's limits, lowered where the configuration lowers them."""
    return of.lowered(VENDORS[of.kind].limits)


def _schema(topic: Topic) -> EventSchema | None:
    return None if topic.schema is None else EventSchema(orjson.loads(topic.schema.read_bytes()))


def _ms(conf: Mapping[str, Any], name: str, default: int) -> float:
    return float(conf.get(name, default)) / 1000
