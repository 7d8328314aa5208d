"""Apache Kafka on the local JVM, with jars that Maven fetches: a real broker without Docker."""

from __future__ import annotations

import base64
import fcntl
import os
import re
import shutil
import struct
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from tests.support.server import (
    KAFKA_VERSION,
    Broker,
    BrokerError,
    free_port,
    secure_port,
    server_properties,
    wait_until_serving,
)

_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "kafka" / KAFKA_VERSION
_LISTING = _CACHE / "classpath.txt"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""
_OLDEST_JAVA = 17  # Kafka 4's brokers need it
_FETCH_SECONDS = 600
_START_SECONDS = 60  # 5 s on an idle machine
_STOP_SECONDS = 30
# Of a record batch on disk: base offset and length come before it, and where the offset of its last record lies.
_BATCH_OVERHEAD = 12
_LAST_OFFSET_DELTA = 23


class JvmBroker(Broker):
    """A broker process of this machine. It ends with the process that started it, however that one ends."""

    def __init__(self, directory: Path, properties: Mapping[str, str]) -> None:
        """Format its storage in `directory`. Raises BrokerError where Java, Maven or the jars cannot be had."""
        java, classpath = find_java(), fetch_classpath()
        self._java = [java, "-Xmx512m", "-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", classpath]
        self._directory = directory
        self._log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        port, secure = free_port(), secure_port(properties)
        self.bootstrap = f"127.0.0.1:{port}"
        self.secure_bootstrap = f"127.0.0.1:{secure}" if secure else None
        self._format(server_properties(port, free_port(), "127.0.0.1", secure) | dict(properties))

    @property
    def description(self) -> str:
        return f"Apache Kafka {KAFKA_VERSION} on the local JVM, {self.bootstrap}"

    def start(self) -> None:
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            begin = log.tell()
            self._process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests; they end the broker
            )
        self._guard = _end_with_this_process(self._process.pid)
        try:
            self._wait_until_serving(begin)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise BrokerError(f"{self.description}, did not stop within {_STOP_SECONDS} s and was killed") from None
        self._forget()

    def kill(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._forget()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._data, ignore_errors=True)

    def truncate(self, topic: str, partition: int, offset: int) -> int:
        """Take what lies at `offset` and behind it out of a log, as a loss of power does; the broker must not run.

        Cuts at the beginning of the batch that holds the offset, and returns where the log ends now. A start makes
        the indexes anew.
        """
        assert self._process is None
        folder = self._data / f"{topic}-{partition}"
        for index in (*folder.glob("*.index"), *folder.glob("*.timeindex")):
            index.unlink()
        (log,) = folder.glob("*.log")
        data = log.read_bytes()
        cut = end = 0
        while cut < len(data):
            base, length = struct.unpack_from(">qi", data, cut)
            (last,) = struct.unpack_from(">i", data, cut + _LAST_OFFSET_DELTA)
            if base + last >= offset:
                break
            end = base + last + 1
            cut += _BATCH_OVERHEAD + length
        log.write_bytes(data[:cut])
        return end

    def log_tail(self, lines: int = 40) -> str:
        return _tail(self._log, lines)

    @property
    def _configuration(self) -> Path:
        return self._directory / "server.properties"

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _format(self, properties: dict[str, str]) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        properties["log.dirs"] = str(self._data)
        self._configuration.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        # A fixed first byte: some would begin the text with `-`, which StorageTool takes for an option.
        cluster = base64.urlsafe_b64encode(b"k" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        command = [*self._java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._configuration)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_START_SECONDS, check=False)
        if done.returncode:
            raise BrokerError(f"Kafka's storage cannot be formatted: {(done.stdout + done.stderr).strip()[-1000:]}")

    def _wait_until_serving(self, begin: int) -> None:
        """Wait; what the log held before `begin` is of an earlier start."""
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise BrokerError(f"Kafka ended with status {self._process.returncode}:\n{self.log_tail()}")
            if b"Kafka Server started" in self._log.read_bytes()[begin:]:
                break
            time.sleep(0.05)
        try:
            wait_until_serving(self.bootstrap, seconds=max(1.0, deadline - time.monotonic()))
        except BrokerError as error:
            raise BrokerError(f"{error}:\n{self.log_tail()}") from None

    def _forget(self) -> None:
        self._process = None
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None


def find_java() -> str:
    """Return the path of a Java that Kafka runs on. Raises BrokerError."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise BrokerError(f"no JVM: neither JAVA_HOME nor PATH has a `java` (Kafka needs {_OLDEST_JAVA} or newer)")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < _OLDEST_JAVA:
        found = version[1] if version else said.strip()[:100]
        raise BrokerError(f"the JVM is too old: Java {found}, Kafka needs {_OLDEST_JAVA} or newer")
    return java


def fetch_classpath() -> str:
    """Return the class path of the broker's jars, fetched by Maven once for this checkout. Raises BrokerError."""
    known = _known_classpath()
    if known is not None:
        return known
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerError("no Maven (`mvn`) to fetch Kafka's jars with")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Maven's repository is not for two at a time
        return _known_classpath() or _fetch(maven)


def _known_classpath() -> str | None:
    """Return the class path that was fetched before; None if a jar of it is missing."""
    if not _LISTING.is_file():
        return None
    classpath = _LISTING.read_text()
    return classpath if all(Path(jar).is_file() for jar in classpath.split(os.pathsep)) else None


def _fetch(maven: str) -> str:
    pom, fresh = _CACHE / "pom.xml", _LISTING.with_suffix(".fresh")
    pom.write_text(_POM)
    goal = ["dependency:build-classpath", f"-Dmdep.outputFile={fresh}", "-Dmdep.includeScope=runtime"]
    try:
        done = subprocess.run(
            [maven, "-q", "-B", "-f", str(pom), *goal],
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BrokerError(f"Maven did not fetch Kafka's jars within {_FETCH_SECONDS} s") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise BrokerError("Maven cannot fetch Kafka's jars: " + (said[0][:500] if said else "it does not say why"))
    fresh.replace(_LISTING)
    return _LISTING.read_text()


def _end_with_this_process(pid: int) -> subprocess.Popen[bytes]:
    """Start a guard that kills `pid` when this process is gone: its standard input ends with us, even on kill -9."""
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _; kill -KILL "$1"', "guard", str(pid)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _tail(file: Path, lines: int) -> str:
    """Return the last lines, of at most the last 64 KiB."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - 65_536))
            return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
