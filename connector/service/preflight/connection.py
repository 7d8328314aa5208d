"""Connects to the brokers; if they do not let us in, says which setting is wrong: address, TLS or SASL."""

from __future__ import annotations

import logging
import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import (  # `admin` offers them without exporting them
    BrokerMetadata,
    ClusterMetadata,
)

from connector.errors import ConnectorError
from connector.service.preflight.findings import Finding, Severity

SECTION = "kafka"
CONNECT_SECONDS = 8.0
REACH_SECONDS = 2.0
_SYSLOG_INFO = 6  # the most specific failures are logged and not passed to error_cb
# For all brokers together: a few that do not answer are enough to know.
REACH_ALL_SECONDS = 5.0

_FAIL_LINE = re.compile(r"^FAIL \[[^]]*\] \[thrd:[^]]*\]: (?P<broker>\S+?)(?:/\w+)?: (?P<text>.*)$", re.DOTALL)
_IN_STATE = re.compile(r" \(after \d+ms in state (?P<state>\w+)\).*$", re.DOTALL)


class ConnectionProblem(NamedTuple):
    """The reason why a broker does not let us in. `decided`: trying longer cannot help."""

    subject: str
    says: str
    todo: str
    decided: bool


@dataclass(frozen=True, slots=True)
class _Symptom:
    pattern: re.Pattern[str]
    subject: str
    says: str
    todo: str
    decided: bool = True


def _symptom(pattern: str, subject: str, says: str, todo: str, *, decided: bool = True) -> _Symptom:
    return _Symptom(re.compile(pattern, re.IGNORECASE | re.DOTALL), subject, says, todo, decided)


# Matches librdkafka's log lines; the first that matches counts.
_SYMPTOMS = (
    _symptom(
        r"SASL .*mechanism handshake failed.*supported mechanisms: *[^\s(]",
        "SASL",
        "the broker does not take this SASL mechanism",
        "set kafka.sasl.mechanism to one that the broker supports",
    ),
    _symptom(
        r"SASL .*handshake failed",
        "SASL",
        "the listener does no SASL",
        "set kafka.security.protocol to PLAINTEXT or SSL, or take the port of the SASL listener",
    ),
    _symptom(
        r"SASL|authentication",
        "SASL",
        "the broker refuses the credentials",
        "look at kafka.sasl.username, kafka.sasl.password and kafka.sasl.mechanism",
    ),
    _symptom(
        r"certificate verify failed.*(hostname|host name|ip address) mismatch",
        "TLS",
        "the broker's certificate is for another host",
        "use the name in kafka.bootstrap.servers that the certificate has",
    ),
    _symptom(
        r"certificate verify failed|broker certificate could not be verified",
        "TLS",
        "the broker's certificate is not signed by an authority that is trusted here",
        "set kafka.ssl.ca.location to the CA certificate that signed the brokers' certificates",
    ),
    _symptom(
        r"PLAINTEXT broker listener|wrong version number",
        "TLS",
        "the listener does not speak TLS",
        "set kafka.security.protocol to PLAINTEXT or SASL_PLAINTEXT, or take the port of the TLS listener",
    ),
    _symptom(
        r"alert.*(certificate|unknown ca)|certificate required",
        "TLS",
        "the broker wants a client certificate, or refuses ours",
        "set kafka.ssl.certificate.location and kafka.ssl.key.location",
    ),
    _symptom(r"SSL handshake failed", "TLS", "the TLS handshake failed", "look at the kafka.ssl.* settings"),
    _symptom(
        r"SSL connection closed by peer.*in state (UP|APIVERSION_QUERY)",
        "SASL",
        "the broker closes the connection after TLS: the listener wants SASL, or a client certificate",
        "set kafka.security.protocol to SASL_SSL with kafka.sasl.*, or kafka.ssl.certificate.location",
    ),
    _symptom(
        r"Disconnected.*in state (APIVERSION_QUERY|UP)",
        "TLS",
        "the broker closes the connection at our first request: the listener wants TLS, or is no Kafka",
        "set kafka.security.protocol to SSL or SASL_SSL, or take the port of a listener without TLS",
    ),
    _symptom(
        r"Failed to resolve",
        "brokers",
        "the host's name could not be resolved",
        "look at kafka.bootstrap.servers and at this machine's DNS",
        decided=False,
    ),
    _symptom(
        r"Connect to .* failed: (?P<why>[^(]*)",
        "brokers",
        "no connection",
        "look at kafka.bootstrap.servers, at the brokers and at firewalls between",
        decided=False,
    ),
)


def connection_problem(lines: Sequence[str]) -> ConnectionProblem | None:
    """Return the problem that the client's log lines show, a decided one first; None if they show none. Pure."""
    found = [problem for problem in map(_problem_of, lines) if problem is not None]
    return next((problem for problem in found if problem.decided), found[-1] if found else None)


def _is_decided(lines: Sequence[str]) -> bool:
    """True if trying longer cannot help: two lines must say so, for a restarting broker closes connections too."""
    return sum(problem is not None and problem.decided for problem in map(_problem_of, lines)) > 1


def _problem_of(line: str) -> ConnectionProblem | None:
    match = _FAIL_LINE.match(line)
    if match is None:
        return None
    symptom = next((symptom for symptom in _SYMPTOMS if symptom.pattern.search(match["text"])), None)
    if symptom is None:
        return ConnectionProblem("brokers", f"{match['broker']}: {_shorten(match['text'])}", "", False)
    return ConnectionProblem(
        symptom.subject, f"{match['broker']}: {symptom.says} ({_shorten(match['text'])})", symptom.todo, symptom.decided
    )


def _shorten(text: str) -> str:
    text = _IN_STATE.sub("", text)
    return text if len(text) <= 160 else f"{text[:159]}…"


class _LogLines(logging.Handler):
    """Collects what a client logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@dataclass(frozen=True, slots=True)
class BrokerConnection:
    """A client that the brokers let in, and the cluster's metadata."""

    client: AdminClient
    metadata: ClusterMetadata


def connect(conf: Mapping[str, Any]) -> BrokerConnection | Finding:
    """Return a connection, or after at most CONNECT_SECONDS the finding that says what prevents it."""
    lines = _LogLines()
    logger = logging.Logger("live")  # noqa: LOG001 - without a parent: nothing of it is printed
    logger.addHandler(lines)
    try:
        client = AdminClient({**conf, "log_level": _SYSLOG_INFO}, logger=logger)
    except KafkaException as error:
        return _no_client(error)
    deadline = time.monotonic() + CONNECT_SECONDS
    while (remaining := deadline - time.monotonic()) > 0:
        try:
            return BrokerConnection(client, client.list_topics(timeout=min(remaining, 1.0)))
        except KafkaException:
            client.poll(0)  # makes the client pass on its log lines
        if _is_decided(lines.lines):
            break
    problem = connection_problem(lines.lines)
    if problem is not None:
        return Finding(SECTION, problem.subject, Severity.FAIL, problem.says, problem.todo)
    servers = conf.get("bootstrap.servers", conf.get("metadata.broker.list"))
    return Finding(
        SECTION,
        "brokers",
        Severity.FAIL,
        f"{servers}: no answer within {CONNECT_SECONDS:.0f} s",
        "look at kafka.bootstrap.servers, at the brokers and at firewalls between",
    )


def require_brokers(conf: Mapping[str, Any]) -> None:
    """Return once the brokers answer. Raises ConnectorError after CONNECT_SECONDS with the reason and what to do."""
    connection = connect(conf)
    if not isinstance(connection, BrokerConnection):
        todo = f"\n→ {connection.todo}" if connection.todo else ""
        raise ConnectorError(f"Kafka cannot be used: {connection.says}{todo}")


def _no_client(error: KafkaException) -> Finding:
    text = str(error.args[0].str())
    subject = "TLS" if "ssl" in text.lower() else "SASL" if "sasl" in text.lower() else "brokers"
    return Finding(SECTION, subject, Severity.FAIL, f"librdkafka makes no client: {text}", "correct the kafka section")


def connection_findings(connection: BrokerConnection, conf: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield findings on the brokers at their advertised addresses, to which every client connects in the end."""
    brokers: Sequence[BrokerMetadata] = list(connection.metadata.brokers.values())
    protocol = str(conf.get("security.protocol", "plaintext")).upper()
    user = f" as {conf['sasl.username']}" if "SASL" in protocol and "sasl.username" in conf else ""
    yield Finding(SECTION, "security", Severity.OK, f"{protocol}{user}: the brokers let us in")
    unreachable = dict(_unreachable_brokers(brokers))
    if not unreachable:
        names = ", ".join(f"{broker.host}:{broker.port}" for broker in brokers[:3])
        says = f"{len(brokers)} reachable: {names}{', …' if len(brokers) > 3 else ''}"
        yield Finding(SECTION, "brokers", Severity.OK, says, data={"brokers": len(brokers)})
    for address, why in unreachable.items():
        yield Finding(
            SECTION,
            "brokers",
            Severity.FAIL,
            f"the cluster names a broker {address}, which cannot be reached: {why}",
            "look at the broker, at firewalls between, and at its advertised.listeners",
        )


def _unreachable_brokers(brokers: Sequence[BrokerMetadata]) -> Iterator[tuple[str, str]]:
    deadline = time.monotonic() + REACH_ALL_SECONDS
    for broker in brokers:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return
        try:
            socket.create_connection((broker.host, broker.port), timeout=min(remaining, REACH_SECONDS)).close()
        except OSError as error:
            yield f"{broker.host}:{broker.port}", error.strerror or "no answer"
