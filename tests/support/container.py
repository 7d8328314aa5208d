"""Apache Kafka in a container, by testcontainers, where a Docker engine answers."""

from __future__ import annotations

import contextlib
import gc
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException
from testcontainers.core.container import DockerContainer

from tests.support.server import (
    KAFKA_VERSION,
    Broker,
    BrokerError,
    free_port,
    secure_port,
    server_properties,
    wait_until_serving,
)

_ENGINE_SECONDS = 2
_START_SECONDS = 60
_STOP_SECONDS = 30
_LOOK_SECONDS = 2  # how often a start that takes long looks whether the container still runs


class ContainerBroker(Broker):
    """A broker in a container of this machine's engine. Testcontainers' reaper removes it when the tests are killed."""

    def __init__(self, directory: Path, properties: Mapping[str, str]) -> None:
        """Prepare it; data and log stay in the container. Raises BrokerError where no engine answers."""
        if not _engine_answers():
            raise BrokerError("no Docker engine answers")
        port, secure = free_port(), secure_port(properties)
        self.bootstrap = f"127.0.0.1:{port}"
        self.secure_bootstrap = f"127.0.0.1:{secure}" if secure else None
        self._container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}")
        # One number inside and outside, so that one advertised address is right for both. `with_bind_ports` takes no
        # host address, and without one the engine would listen on all of them.
        self._container.ports = {
            f"{each}/tcp": ("127.0.0.1", each)  # type: ignore[misc]  # docker takes the pair
            for each in (port, secure)
            if each
        }
        all_properties = server_properties(port, free_port(), "0.0.0.0", secure) | dict(properties)  # noqa: S104  # inside
        for name, value in all_properties.items():
            self._container.with_env(_variable(name), value)
        self._created = False

    @property
    def description(self) -> str:
        return f"Apache Kafka {KAFKA_VERSION} in a container, {self.bootstrap}"

    def start(self) -> None:
        try:
            if self._created:
                self._container.get_wrapped_container().start()
            else:
                self._container.start()
                self._created = True
        except Exception as error:  # whatever an engine without images, rights or network comes up with
            raise BrokerError(f"no container of apache/kafka:{KAFKA_VERSION}: {str(error)[:500]}") from error
        self._wait_until_serving()

    def stop(self) -> None:
        self._container.get_wrapped_container().stop(timeout=_STOP_SECONDS)

    def kill(self) -> None:
        container = self._container.get_wrapped_container()
        container.reload()
        if container.status == "running":
            container.kill()
            container.wait()

    def close(self) -> None:
        with contextlib.suppress(DockerException, OSError):  # an engine that is gone has nothing left to remove
            self._container.stop()  # removes it with its volumes

    def log_tail(self, lines: int = 40) -> str:
        if not self._created:
            return ""
        said: bytes = self._container.get_wrapped_container().logs(tail=lines)
        return said.decode(errors="replace")

    def _wait_until_serving(self) -> None:
        container = self._container.get_wrapped_container()
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                return wait_until_serving(self.bootstrap, _LOOK_SECONDS)
            except BrokerError:
                container.reload()
                if container.status != "running":
                    raise BrokerError(f"Kafka's container has ended:\n{self.log_tail()}") from None
                if time.monotonic() > deadline:
                    late = f"nothing serves Kafka at {self.bootstrap} after {_START_SECONDS} s"
                    raise BrokerError(f"{late}:\n{self.log_tail()}") from None


def _engine_answers() -> bool:
    try:
        docker.from_env(timeout=_ENGINE_SECONDS).close()  # it asks the engine for its version
    except (DockerException, RequestException):
        pass
    else:
        return True
    with warnings.catch_warnings():
        # docker leaves the socket on which nobody answered open; let it go here, not as the mistake of some test
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return False


def _variable(name: str) -> str:
    """Return the environment variable by which the image takes a server property."""
    return "KAFKA_" + name.replace("-", "___").replace("_", "__").replace(".", "_").upper()
