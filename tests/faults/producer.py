"""Produces events, and takes each one's place from its delivery report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from confluent_kafka import KafkaError, Message, Producer

from tests.faults.events import Draft, Made, OwnHeaders

_TIMEOUT = 30.0


class EventProducer:
    """One client for many scenarios: a new one waits half a second and more for its producer id."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True})

    def produce(self, topic: str, drafts: Sequence[Draft]) -> list[Made]:
        """Produce these; returns them in the order of their reports. Blocks; threads may call it at the same time."""
        made: list[Made] = []
        count = len(drafts)
        for one in drafts:
            headers = (("trace", b"\x00\xff%d" % one.number), ("trace", b""))
            produced = partial(_note, made, one, headers)
            self._producer.produce(topic, value=one.value, key=one.key, headers=list(headers), on_delivery=produced)
            self._producer.poll(0)
        deadline = time.monotonic() + _TIMEOUT
        while len(made) < count:
            assert time.monotonic() < deadline, f"{len(made)} of {count} events produced within {_TIMEOUT} s"
            self._producer.poll(0.01)
        return made


def _note(made: list[Made], one: Draft, headers: OwnHeaders, error: KafkaError | None, message: Message) -> None:
    assert error is None, error
    made.append(Made(one, str(message.topic()), message.partition() or 0, message.offset() or 0, headers))
