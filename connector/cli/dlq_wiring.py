"""Wires a replay from settings: the live pipeline's own parts, at a fifth of its pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from connector.cli.dlq_options import Context
from connector.clock import SystemClock
from connector.deadletters.lock import Lock, lock_group
from connector.deadletters.receipt_topic import ensure_receipt_topic
from connector.deadletters.receipts import Receipt
from connector.deadletters.remap import Router
from connector.deadletters.replay import Replay
from connector.deadletters.replay_state import ReplaySink
from connector.delivery.dead_letter_writer import DeadLetterWriter
from connector.delivery.gate import NEVER
from connector.delivery.stats import Stats
from connector.errors import ConnectorError
from connector.kafka.dead_letter import ProducedLetter
from connector.kafka.dead_letter_producer import DeadLetterProducer
from connector.kafka.topic_reader import TopicReader
from connector.service.assembly import build_dispatcher, build_router, build_sink
from connector.settings.values import Settings, SinkSettings

# The share of a sink's rate that a replay takes unless told otherwise; of its places in flight where it has no rate.
SHARE = 5

OnReceipt = Callable[[int | None, str | None], None]


class TopicReceipts:
    """Writes receipts to their topic, and says of each when the brokers have it."""

    def __init__(self, producer: DeadLetterProducer, on_receipt: OnReceipt) -> None:
        self._producer = producer
        self._on_receipt = on_receipt

    def write(self, identity: bytes, receipt: Receipt, letter: int | None) -> None:
        """Write one receipt."""
        self._producer.write(
            ProducedLetter(identity, receipt.encode(), []), lambda error: self._on_receipt(letter, error)
        )


@contextmanager
def locked(context: Context, waiting: Callable[[str], None]) -> Iterator[Lock]:
    """The lock, and the receipts topic that it stands on, made if it is absent.

    Raises ConnectorError where there is no dead-letter topic, no receipts topic can be made, or another has the lock.
    """
    topic = context.settings.receipts
    with TopicReader(context.conf, context.settings.dead_letters) as letters:
        letters.expect_topic()  # first: a misspelt name must not make a receipts topic
    partitions = ensure_receipt_topic(context.conf, topic)
    group = lock_group(context.settings.group, context.settings.sinks)
    lock = Lock(context.conf, group, topic, partitions)
    lock.acquire(waiting)
    try:
        yield lock
    finally:
        lock.release()


def build_routers(settings: Settings, names: Sequence[str]) -> Mapping[str, Router]:
    """The routers of those of these sinks that the configuration has."""
    return {name: build_router(settings, name) for name in names if name in settings.sinks}


def at_replay_pace(of: SinkSettings, rate: float | None) -> SinkSettings:
    """The sink's settings with `rate` requests a second; None takes a fifth of what the live service may."""
    if rate is not None:
        return replace(of, rate=rate)
    if of.rate is not None:
        return replace(of, rate=of.rate / SHARE)
    return replace(of, max_in_flight=max(1, of.max_in_flight // SHARE))


def build_outlets(
    context: Context, names: Sequence[str], replay: Replay, letters: DeadLetterProducer, rate: float | None
) -> dict[str, ReplaySink]:
    """Each sink's router, dispatcher and letter box. Raises ConnectorError where a sink's secret is missing."""
    settings, clock = context.settings, SystemClock()
    outlets = {}
    for name in names:
        if name not in settings.sinks:
            continue
        of = at_replay_pace(settings.sinks[name], rate)
        sink = build_sink(of, clock)
        missing = sink.credentials_ready()
        if missing is not None:
            raise ConnectorError(f"sinks.{name}: {missing}")
        outlets[name] = ReplaySink(
            sink,
            build_router(settings, name),
            build_dispatcher(of, sink, Stats(), replay, clock, stall=NEVER),
            DeadLetterWriter(letters, group=settings.group, sink=name, clock=clock, on_written=replay.on_written),
        )
    return outlets


async def close_all(outlets: Mapping[str, ReplaySink], producers: Sequence[DeadLetterProducer], seconds: float) -> bool:
    """Close connections and flush what is written; True if all of it reached the brokers."""
    for outlet in outlets.values():
        await outlet.sink.close()
    left = [await asyncio.to_thread(producer.close, seconds) for producer in producers]
    await asyncio.sleep(0)  # let the last reports arrive
    return not any(left)
