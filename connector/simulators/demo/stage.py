"""The demo's set-up: Kafka and both vendors in this process, a configuration file on disk, events and incidents."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from connector.kafka.records import record_of
from connector.resources import schemas
from connector.settings.values import Settings
from connector.simulators.demo.reconciliation import Partition, Produced, ReadLetter
from connector.simulators.demo.samples import (
    PARTITIONS,
    REFUSED_BY_MYTRACKER,
    REFUSED_BY_SAILPLAY,
    SampleEvent,
)
from connector.simulators.kafka import MockKafka
from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from connector.simulators.server import Simulator

TOKEN = "demo-token"  # noqa: S105 - it guards nothing
_SLICE = 0.05  # seconds between two handfuls of events
_KAFKA_SECONDS = 10.0
_LATENCY_MS = 40

_BANNED = {
    "kind": "status",
    "status": 400,
    "body": {"error": "Bad Request"},
    "times": "until_reset",
    "match": {"contains": REFUSED_BY_MYTRACKER},
}
_UNKNOWN = {
    "kind": "status",
    "status": 200,
    "body": {"status": "error", "status_code": -4000, "message": "User not found"},
    "times": "until_reset",
    "match": {"contains": REFUSED_BY_SAILPLAY},
}

Announce = Callable[[str], None]


class DemoPlan(NamedTuple):
    """The demo's size and times: `events` produced over `seconds`; `outage` seconds without myTracker; at most
    `deadline` seconds until everything must be settled."""

    events: int = 6000
    seconds: float = 9.0
    outage: float = 2.0
    deadline: float = 45.0


def write_configuration(directory: Path, kafka: MockKafka, mytracker: Simulator, sailplay: Simulator) -> Path:
    """Write the configuration file and its secrets' files as an operator would; return its path."""
    secrets = directory / "secrets"
    secrets.mkdir(mode=0o700)
    for name in ("mytracker-token", "sailplay-token"):
        (secrets / name).write_text(f"{TOKEN}\n", encoding="utf-8")
    template = resources.files("connector.simulators.demo").joinpath("connector.yaml").read_text(encoding="utf-8")
    path = directory / "connector.yaml"
    filled = Template(template).substitute(
        brokers=kafka.bootstrap, schemas=schemas() / "events", mytracker=mytracker.url, sailplay=sailplay.url
    )
    path.write_text(filled, encoding="utf-8")
    return path


def create_topics(kafka: MockKafka, settings: Settings) -> None:
    """Create the topics that are read, and the one for dead letters."""
    for topic, partitions in PARTITIONS.items():
        kafka.create_topic(topic, partitions)
    kafka.create_topic(settings.dead_letters, 1)


class Feed:
    """Produces the samples; `produced` grows as the brokers confirm them."""

    def __init__(self, kafka: MockKafka, samples: Sequence[SampleEvent]) -> None:
        self.produced: list[Produced] = []
        self.total = len(samples)
        self._samples = samples
        self._failures: list[str] = []
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap, "enable.idempotence": True, "log_level": 0})

    async def run(self, seconds: float) -> None:
        """Produce all samples evenly over so many seconds. Raises KafkaException if one could not be produced."""
        slices = max(1, round(seconds / _SLICE))
        size = -(-len(self._samples) // slices)
        for start in range(0, len(self._samples), size):
            for number, sample in enumerate(self._samples[start : start + size], start):
                self._produce(number, sample)
            self._producer.poll(0)
            await asyncio.sleep(_SLICE)
        await asyncio.to_thread(self._producer.flush, _KAFKA_SECONDS)
        if self._failures or len(self.produced) != self.total:
            raise KafkaException(f"sample events could not be produced: {next(iter(self._failures), 'no answer')}")

    def end_offsets(self) -> Counter[Partition]:
        """Return how many records each partition holds."""
        return Counter((each.sample.topic, each.partition) for each in self.produced)

    def _produce(self, number: int, sample: SampleEvent) -> None:
        def delivered(error: KafkaError | None, message: Message) -> None:
            partition, offset = message.partition(), message.offset()
            if error is not None or partition is None or offset is None:
                self._failures.append("no offset" if error is None else error.str())
            else:
                self.produced.append(Produced(sample, partition, offset))

        self._producer.produce(
            sample.topic,
            sample.value,
            sample.key,
            partition=sample.partition(number),
            headers=list(sample.headers),
            on_delivery=delivered,
        )


def prepare_vendors(mytracker: MyTrackerSimulator, sailplay: SailPlaySimulator) -> None:
    """Make each vendor respond slowly, and refuse some events that obey every rule of its document."""
    for vendor in (mytracker, sailplay):
        vendor.reset({"latency_ms": _LATENCY_MS})
    mytracker.order(_BANNED)
    sailplay.order(_UNKNOWN)


async def incidents(mytracker: MyTrackerSimulator, sailplay: SailPlaySimulator, plan: DemoPlan, tell: Announce) -> None:
    """Cause a short outage, a request to slow down, and broken connections."""
    await asyncio.sleep(plan.seconds * 0.3)
    tell(f"myTracker answers 503 for {plan.outage:g} s")
    mytracker.faults.clear()
    mytracker.order([{"kind": "status", "status": 503, "times": "until_reset"}, _BANNED])
    await asyncio.sleep(plan.outage)
    mytracker.faults.clear()
    mytracker.order(_BANNED)
    tell("myTracker is back")
    await asyncio.sleep(plan.seconds * 0.1)
    tell("SailPlay answers 429, Retry-After: 1")
    sailplay.order({"kind": "status", "status": 429, "headers": {"Retry-After": "1"}})
    await asyncio.sleep(plan.seconds * 0.2)
    tell("SailPlay breaks three connections")
    sailplay.order({"kind": "outage", "times": 3})


def read_dead_letters(bootstrap: str, topic: str) -> list[ReadLetter]:
    """Return every record of the dead-letter topic, from its beginning. Raises KafkaException."""
    consumer = _reader(bootstrap, "demo-reads-letters")
    try:
        partition = TopicPartition(topic, 0)
        _, end = consumer.get_watermark_offsets(partition, timeout=_KAFKA_SECONDS)
        found: list[ReadLetter] = []
        consumer.assign([TopicPartition(topic, 0, 0)])
        while len(found) < end:
            messages = consumer.consume(end - len(found), _KAFKA_SECONDS)
            if not messages:
                raise KafkaException(f"{topic} holds {end} records, and only {len(found)} could be read back")
            found += [_letter(message) for message in messages if message.error() is None]
        return found
    finally:
        consumer.close()


def committed_offsets(bootstrap: str, group: str, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """Return the offsets that a group has committed. Raises KafkaException."""
    consumer = _reader(bootstrap, group)
    try:
        asked = [TopicPartition(*partition) for partition in partitions]
        return {
            (each.topic, each.partition): each.offset
            for each in consumer.committed(asked, timeout=_KAFKA_SECONDS)
            if each.offset >= 0
        }
    finally:
        consumer.close()


def _reader(bootstrap: str, group: str) -> Consumer:
    """Return a consumer that joins no group and commits nothing."""
    return Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 0})


def _letter(message: Message) -> ReadLetter:
    record = record_of(message)
    return ReadLetter(record.key, record.value, record.headers)
