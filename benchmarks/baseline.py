"""The baseline: what a good programmer writes in an afternoon with confluent-kafka, orjson and httpx.AsyncClient.

The benchmarks' yardstick: same events, same mapping, batches of 20; no key order, no isolation of bad events, no state
worth the name. A chunk is consumed, mapped, sent with at most IN_FLIGHT requests at once, and committed. `python -m
benchmarks.baseline BOOTSTRAP TOPIC GROUP URL TOKEN_FILE IN_FLIGHT`
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from confluent_kafka import Consumer, Message

CHUNK = 1_000
BATCH, BATCH_BYTES = 20, 10_000


def mapped(message: Message) -> bytes:
    """Return one event as myTracker takes it."""
    event: dict[str, Any] = orjson.loads(message.value() or b"")
    return orjson.dumps(
        {
            "customUserId": event["user"]["id"],
            "customEventName": event["event_type"],
            "customEventParams": {
                "level": str(event["data"]["level"]),
                "zone": event["data"]["zone"],
                "n": str(event["data"]["n"]),
            },
            "eventTimestamp": int(datetime.fromisoformat(event["occurred_at"]).timestamp()),
            "instanceId": event["device"]["instance_id"],
            "ipv4": event["device"]["ip"],
            "age": event["user"]["age"],
        }
    )


def batches(items: list[bytes]) -> list[bytes]:
    """Return the bodies of the requests, each within the vendor's limits."""
    bodies: list[bytes] = []
    batch: list[bytes] = []
    size = 2
    for item in items:
        if batch and (len(batch) == BATCH or size + len(item) + 1 > BATCH_BYTES):
            bodies.append(b"[" + b",".join(batch) + b"]")
            batch, size = [], 2
        batch.append(item)
        size += len(item) + 1
    if batch:
        bodies.append(b"[" + b",".join(batch) + b"]")
    return bodies


async def run(bootstrap: str, topic: str, group: str, url: str, token: str, in_flight: int) -> None:
    """Consume until SIGTERM."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "partition.assignment.strategy": "cooperative-sticky",
        }
    )
    consumer.subscribe([topic])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    slots = asyncio.Semaphore(in_flight)
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    headers = {"Authorization": token, "Content-Type": "application/json"}
    async with httpx.AsyncClient(limits=limits, headers=headers, timeout=10, trust_env=False) as client:

        async def send(body: bytes) -> None:
            async with slots:
                response = await client.post(url, content=body)
                response.raise_for_status()

        while not stop.is_set():
            messages = await asyncio.to_thread(consumer.consume, CHUNK, 0.1)
            items = [mapped(message) for message in messages if message.error() is None]
            if items:
                await asyncio.gather(*(send(body) for body in batches(items)))
                consumer.commit(asynchronous=True)
    consumer.close()


if __name__ == "__main__":
    _bootstrap, _topic, _group, _url, _token, _in_flight = sys.argv[1:]
    asyncio.run(run(_bootstrap, _topic, _group, _url, Path(_token).read_text(), int(_in_flight)))
