"""What a broker is to the tests, whoever runs it, and the server properties that ours share."""

from __future__ import annotations

import abc
import random
import socket
import time
from collections.abc import Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

KAFKA_VERSION = "4.3.1"


class BrokerError(Exception):
    """A broker that should be there cannot be had; the message says why."""


class NoBrokerError(BrokerError):
    """This machine offers no way to a broker; the message names each way and what it lacks."""


class Broker(abc.ABC):
    """One broker. Stopping and starting keep its address and its data; `close` throws the data away."""

    bootstrap: str
    secure_bootstrap: str | None = None  # SASL over TLS, where properties ask for it

    @property
    @abc.abstractmethod
    def description(self) -> str:
        """What it is and where, for people."""

    @abc.abstractmethod
    def start(self) -> None:
        """Start it and wait until it serves; nothing happens where it runs. Raises BrokerError."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Shut it down as an operator would (a clean leave), and wait for its end."""

    @abc.abstractmethod
    def kill(self) -> None:
        """End it at once, as a crash would."""

    @abc.abstractmethod
    def close(self) -> None:
        """End it and remove its data; its log stays."""

    @abc.abstractmethod
    def log_tail(self, lines: int = 40) -> str:
        """The last lines of the server's log, "" where it cannot be read."""

    def restart(self) -> None:
        """Stop it cleanly and start it."""
        self.stop()
        self.start()


class GivenBroker(Broker):
    """A broker that somebody else runs; it is never stopped by tests."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    @property
    def description(self) -> str:
        return f"the given broker, {self.bootstrap}"

    def start(self) -> None:
        wait_until_serving(self.bootstrap, seconds=20)

    def stop(self) -> None:
        raise BrokerError(f"{self.description}, is not the tests' to stop")

    kill = stop

    def close(self) -> None:
        """Nothing of it is ours."""

    def log_tail(self, lines: int = 40) -> str:
        return ""


def server_properties(port: int, controller_port: int, host: str, secure_port: int | None = None) -> dict[str, str]:
    """Return a single combined broker and controller that listens on `host` and is known to clients as 127.0.0.1.

    With `secure_port` it has a listener named SECURE there, SASL over TLS, which `listener.name.secure.…` configures.
    """
    secure = "" if secure_port is None else f",SECURE://{{}}:{secure_port}"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://127.0.0.1:{controller_port}" + secure.format(host),
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}" + secure.format("127.0.0.1"),
        "inter.broker.listener.name": "PLAINTEXT",
        # A broker that was killed is let in again only when its old session has run out.
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "4000",
        "auto.create.topics.enable": "false",
        "log.cleaner.backoff.ms": "500",  # tests of compaction need not wait for 15 s
        "group.initial.rebalance.delay.ms": "0",
        # Members that tests kill are missed after a second or two: their sessions may be as short as that.
        "group.min.session.timeout.ms": "500",
        "group.consumer.min.session.timeout.ms": "500",
        "group.consumer.session.timeout.ms": "3000",
        "group.consumer.min.heartbeat.interval.ms": "100",
        "group.consumer.heartbeat.interval.ms": "500",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }


def secure_port(properties: Mapping[str, str]) -> int | None:
    """Return a port for the listener SECURE where the properties configure one."""
    return free_port() if any(name.startswith("listener.name.secure.") for name in properties) else None


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on.

    It lies below the range from which systems take ports for outgoing connections, so that none of those takes it
    while a stopped broker is to come back on it.
    """
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BrokerError("no free port between 20000 and 32000 on 127.0.0.1")


def wait_until_serving(bootstrap: str, seconds: float) -> None:
    """Wait until the broker answers and takes part in its cluster (a fenced one lists no brokers)."""
    deadline = time.monotonic() + seconds
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 250})
    while True:
        try:
            if client.list_topics(timeout=1).brokers:
                return
        except KafkaException:
            pass  # not there yet
        if time.monotonic() > deadline:
            raise BrokerError(f"nothing serves Kafka at {bootstrap} after {seconds:.0f} s")
        time.sleep(0.05)
