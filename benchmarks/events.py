"""The events that the benchmarks send: domain events of one user each, numbered so that a sink can check them all."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from confluent_kafka import Producer

from connector.kafka.dead_letter import ProducedLetter, compose_letter
from connector.model import Failure, Reason, Record, Stage

ZONES = ("forest", "castle", "harbour", "desert")
PLAIN, BAD = "level.completed", "level.refused"
_FLUSH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Load:
    """The content of a topic.

    Event number n belongs to key n % `keys`, so that a key's numbers rise. `size` is an event's length in bytes, 0: as
    it is (about 263). `wide` puts the padding into a field that is mapped, so that the item grows with the event. Every
    event whose number is divisible by `bad_every` is one that the sink refuses (0: none).
    """

    events: int
    partitions: int = 8
    keys: int = 1_000
    size: int = 0
    wide: bool = False
    bad_every: int = 0

    @property
    def bad(self) -> int:
        """Return how many events the sink refuses."""
        return -(-self.events // self.bad_every) if self.bad_every else 0

    def is_bad(self, number: int) -> bool:
        """True if the sink refuses this event."""
        return bool(self.bad_every) and number % self.bad_every == 0

    def event(self, number: int) -> bytes:
        """Return event `number` as its bytes in the topic."""
        event: dict[str, Any] = {
            "event_type": BAD if self.is_bad(number) else PLAIN,
            "occurred_at": f"2026-03-01T{number % 24:02}:{number % 60:02}:00Z",
            "user": {"id": user(number % self.keys), "age": 18 + number % 60},
            "device": {"instance_id": str(uuid.UUID(int=number % self.keys)), "ip": f"10.0.{number % 256}.7"},
            "session": f"{number:012x}",
            "data": {"level": number % 100, "zone": ZONES[number % 4], "n": number, "note": ""},
        }
        value = orjson.dumps(event)
        padding = "x" * max(0, self.size - len(value))
        if not padding:
            return value
        if self.wide:
            event["data"]["note"] = padding[:250]
            padding = padding[250:]
        return orjson.dumps(event | {"padding": padding} if padding else event)


def user(key: int) -> str:
    """The user behind a key."""
    return f"u{key:08}"


def fill(bootstrap: str, topic: str, load: Load) -> None:
    """Produce the load into a topic. Raises RuntimeError if the brokers do not take all of it."""
    _produce(
        bootstrap, topic, (ProducedLetter(user(n % load.keys).encode(), load.event(n), []) for n in range(load.events))
    )


def fill_with_letters(bootstrap: str, dead_letters: str, topic: str, group: str, load: Load) -> None:
    """Produce the load as dead letters of the sink called mytracker, which refused every event of `topic`."""
    now = time.time()

    def letter(number: int) -> ProducedLetter:
        key = user(number % load.keys).encode()
        record = Record(topic, 0, number, int(now * 1000), key, load.event(number), ())
        refused = Failure(
            record, Reason.REFUSED, Stage.SEND, "refused", "mytracker.customEvent", "customEvent", 400, attempts=1
        )
        return compose_letter(refused, group=f"{group}.mytracker", sink="mytracker", now=now)

    _produce(bootstrap, dead_letters, map(letter, range(load.events)))


def _produce(bootstrap: str, topic: str, letters: Iterable[ProducedLetter]) -> None:
    # Idempotent: without that, a retry changes the order within a key, and the sink would blame whoever delivers.
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 50,
            "queue.buffering.max.messages": 2_000_000,
            "enable.idempotence": True,
        }
    )
    for number, (key, value, headers) in enumerate(letters):
        producer.produce(topic, value=value, key=key, headers=headers)
        if number % 1_000 == 0:
            producer.poll(0)
    left = producer.flush(_FLUSH_SECONDS)
    if left:
        raise RuntimeError(f"{left} events could not be produced into {topic}")
