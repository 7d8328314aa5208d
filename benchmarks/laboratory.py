"""The laboratory for measurements: one real broker, topics filled once for each load, a certificate, scratch files."""

from __future__ import annotations

import itertools
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from benchmarks.bento import start_bento, start_bento_singly
from benchmarks.contenders import Setting, Vendor, start_baseline, start_connector, start_replay
from benchmarks.events import Load, fill, fill_with_letters
from benchmarks.measuring import Measurement, measure, running_sink
from tests.support.broker import obtain_broker
from tests.support.topics import TopicFactory

Contender = Literal["connector", "baseline", "replay", "bento", "bento singly"]
STARTS = {
    "connector": start_connector,
    "baseline": start_baseline,
    "replay": start_replay,
    "bento": start_bento,
    "bento singly": start_bento_singly,
}
OURS: frozenset[Contender] = frozenset({"connector", "replay"})
_ANSWER_SECONDS, _SHARED_SECONDS, _COORDINATOR_SECONDS = 10.0, 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of a table."""

    name: str
    load: Load
    contender: Contender = "connector"
    vendor: Vendor = "mytracker"
    latency: float = 0.0
    in_flight: int = 32
    routes: int = 1
    tls: bool = False
    idle: bool = False
    processes: int = 1

    @property
    def ceiling(self) -> float:
        """Return the events per second that so many requests in flight of 20 can carry at this latency; infinite at
        none."""
        return self.in_flight * 20 / self.latency if self.latency else float("inf")

    @property
    def ours(self) -> bool:
        """True if the connector is measured, which may break no rule."""
        return self.contender in OURS

    def faults(self, measured: Measurement) -> int:
        """Return how often the connector broke a rule; 0 for others."""
        if not self.ours:
            return 0
        # Whoever joins a group later gets events that are in flight: duplicates, which at-least-once allows.
        return measured.violations if self.processes == 1 else measured.lost


@dataclass(slots=True)
class Laboratory:
    """A broker and what was made for it."""

    bootstrap: str
    directory: Path
    topics: TopicFactory
    _admin: AdminClient
    _filled: dict[Load, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def run(self, scenario: Scenario) -> Measurement:
        """Measure one scenario."""
        certificate = self._certificate() if scenario.tls else None
        with running_sink(scenario.load, scenario.vendor, scenario.latency, certificate) as sink:
            setting = replace(self.setting(scenario, sink.url), certificate=certificate)
            if scenario.contender == "replay":
                fill_with_letters(self.bootstrap, setting.dead_letters, setting.topic, setting.group, scenario.load)
            start = STARTS[scenario.contender]
            try:
                measured = measure(
                    lambda: start(setting),
                    sink,
                    scenario.load,
                    processes=scenario.processes,
                    shared=lambda: scenario.processes == 1 or self._shared(setting, scenario.processes),
                    finished=lambda: not scenario.load.bad or self._length(setting.dead_letters) >= scenario.load.bad,
                    idle=scenario.idle,
                    ends=scenario.contender == "replay",
                    gives_up=not scenario.ours,
                )
            except RuntimeError as error:
                said = (setting.directory / "log").read_text(errors="replace")[-2_000:]
                raise RuntimeError(f"{scenario.name}: {error}; its log ends with\n{said}") from error
        return self._reconciled(measured, scenario.load.bad, setting.dead_letters) if scenario.load.bad else measured

    def setting(self, scenario: Scenario, url: str) -> Setting:
        """Return a contender's settings for a scenario: a group and a dead-letter topic of its own."""
        number = next(self._numbers)
        directory = self.directory / f"{number}"
        directory.mkdir()
        return Setting(
            bootstrap=self.bootstrap,
            topic=self.topic(scenario.load),
            group=f"bench-{number}",
            dead_letters=self.topics(1, prefix="letters"),
            url=url,
            directory=directory,
            in_flight=scenario.in_flight,
            vendor=scenario.vendor,
            routes=scenario.routes,
            wide=scenario.load.wide,
        )

    def topic(self, load: Load) -> str:
        """Return a topic that holds the load."""
        if load not in self._filled:
            name = self.topics(load.partitions, prefix="events")
            fill(self.bootstrap, name, load)
            self._filled[load] = name
        return self._filled[load]

    def _shared(self, setting: Setting, processes: int) -> bool:
        """True if so many members of a connector's group have partitions."""
        group = f"{setting.group}.{setting.vendor}"
        asked = self._admin.describe_consumer_groups([group], request_timeout=_SHARED_SECONDS)
        try:
            described = asked[group].result()
        except KafkaException:  # its coordinator is not there yet
            return False
        return sum(bool(each.assignment.topic_partitions) for each in described.members) == processes

    def _reconciled(self, measured: Measurement, bad: int, dead_letters: str) -> Measurement:
        """Return the measurement corrected by the dead-letter topic: more than the bad events are good ones, fewer are
        lost ones."""
        letters = self._length(dead_letters)
        lost = max(0, measured.lost + bad - letters)
        return replace(measured, lost=lost, good_letters=max(0, letters - bad))

    def _length(self, topic: str) -> int:
        """Return how many records a topic of one partition holds."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "benchmarks"})
        try:
            offsets: tuple[int, int] = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=_ANSWER_SECONDS)
        finally:
            consumer.close()
        return offsets[1] - offsets[0]

    def _certificate(self) -> Path:
        """Return a self-signed certificate with its key, made once."""
        file = self.directory / "sink.pem"
        if not file.exists():
            command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=sink"]
            command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", f"{file}.crt"]
            subprocess.run(command, check=True, capture_output=True)
            with file.open("a") as both:
                both.write(Path(f"{file}.crt").read_text())
        return file


def _wait_for_coordinator(bootstrap: str) -> None:
    """Wait until groups can be used: a new broker knows none for some seconds, which are not the first contender's."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "benchmarks"})
    deadline = time.monotonic() + _COORDINATOR_SECONDS
    try:
        while True:
            try:
                consumer.committed([TopicPartition("benchmarks", 0)], timeout=_ANSWER_SECONDS)
                return
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
    finally:
        consumer.close()


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """A laboratory; broker, topics and files are gone afterwards. Raises BrokerError where no broker can be had."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        broker = obtain_broker(directory / "broker")
        _wait_for_coordinator(broker.bootstrap)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        topics = TopicFactory(admin)
        try:
            yield Laboratory(broker.bootstrap, directory, topics, admin)
        finally:
            topics.delete_all()
            broker.close()
