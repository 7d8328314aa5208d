"""The `kafka` section: settings that librdkafka knows, except those that would break the connector's guarantees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, Producer

from connector.errors import Mistake
from connector.secrets import Secret
from connector.settings.references import NEVER_A_LITERAL, reference_tag
from connector.settings.suggestions import nearest
from connector.settings.units import shown
from connector.settings.values import KafkaValue, Settings

# librdkafka's default, in milliseconds.
MAX_POLL_INTERVAL_MS = 300_000

# The connector sets these itself; the file may repeat the value that it sets.
_FIXED_VALUES: Mapping[str, tuple[str, str]] = {
    "enable.auto.commit": ("false", "it would commit what no vendor has accepted"),
    "auto.commit.enable": ("false", "it would commit what no vendor has accepted"),
    "enable.auto.offset.store": ("false", "it would commit what no vendor has accepted"),
    "enable.partition.eof": ("false", "the end of a partition is no event"),
    "partition.assignment.strategy": ("cooperative-sticky", "others revoke every partition at every rebalance"),
    "enable.idempotence": ("true", "a dead letter could be written twice or out of order"),
    "acks": ("all", "a dead letter could be lost with one broker"),
    "request.required.acks": ("all", "a dead letter could be lost with one broker"),
}
# The connector sets these itself; no value in the file is right.
_NEVER_SET: Mapping[str, str] = {
    "group.id": "each sink consumes as <group>.<sink>: set group instead",
    "transactional.id": "dead letters are written outside transactions; leave it out",
    "message.max.bytes": "only the broker's limits decide which dead letters are too large; leave it out",
}
# Arguments of the Python client that are no settings of librdkafka, though it takes them from the same mapping.
_PYTHON_ONLY = frozenset(
    {
        "default.topic.config",
        "error_cb",
        "log_cb",
        "logger",
        "oauth_cb",
        "on_commit",
        "on_delivery",
        "stats_cb",
        "throttle_cb",
    }
)
_START_VALUES: Mapping[str, str] = {
    "smallest": "earliest",
    "earliest": "earliest",
    "beginning": "earliest",
    "largest": "latest",
    "latest": "latest",
    "end": "latest",
}
_SECRET_ENDINGS = ("password", "secret", "passphrase", "key.pem")
# A misspelt name is compared with these for a suggestion.
_COMMON = (
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "max.poll.interval.ms",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "ssl.ca.location",
)
# Not a librdkafka setting: it refuses here, before it creates a client.
_UNKNOWN_SETTING = "connector.checks.no.further"


class _Finding(NamedTuple):
    """What is wrong with one setting, and the name of its kind."""

    message: str
    name: str


def is_secret(name: str) -> bool:
    """True if a setting holds a secret, judged by its name (`sasl.password`, `ssl.key.pem`, …)."""
    return name.endswith(_SECRET_ENDINGS)


def kafka_mistakes(kafka: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield the mistakes of the section as written in the file."""
    if not {"bootstrap.servers", "metadata.broker.list", "test.mock.num.brokers"} & kafka.keys():
        yield Mistake("kafka.bootstrap.servers", "is missing: the brokers, such as localhost:9092", "missing-key")
    for name, value in kafka.items():
        finding = _mistake(str(name), value)
        if finding is not None:
            yield Mistake(f"kafka.{name}", *finding)


def default_start(kafka: Mapping[str, Any]) -> str:
    """Return the default of `start` that `auto.offset.reset` means: `earliest` or `latest`."""
    return _START_VALUES.get(str(kafka.get("auto.offset.reset")), "earliest")


def client_mistake(kafka: Mapping[str, KafkaValue]) -> Mistake | None:
    """Return librdkafka's objection to the settings together, found by creating clients that know no broker.

    None if there is none, and if a missing secret or file (which is a warning) prevents the check.
    """
    if missing_files(kafka) or any(isinstance(value, Secret) and value.missing() for value in kafka.values()):
        return None
    alone = {"bootstrap.servers", "metadata.broker.list", "test.mock.num.brokers", "debug", "auto.offset.reset"}
    settings = {name: value for name, value in _resolved(kafka).items() if name not in alone}
    quiet = {"log_level": 0, **settings}
    error = _refusal({"group.id": "check", **quiet}) or _refusal({"enable.idempotence": True, **quiet}, Producer)
    if error is None:
        return None
    return Mistake("kafka", f"librdkafka refuses these settings: {error}", "kafka-contradiction")


def missing_files(kafka: Mapping[str, KafkaValue]) -> list[str]:
    """Return the settings that name a file or directory that does not exist."""
    return [
        name
        for name, value in kafka.items()
        if name.endswith(".location") and value != "probe" and isinstance(value, str) and not Path(value).exists()
    ]


def resolve_kafka(settings: Settings) -> dict[str, str | int | float | bool]:
    """Return librdkafka's settings from the file, with every secret read. Raises ConnectorError if one is missing."""
    return _resolved(settings.kafka)


def _resolved(kafka: Mapping[str, KafkaValue]) -> dict[str, str | int | float | bool]:
    return {name: value.read() if isinstance(value, Secret) else value for name, value in kafka.items()}


def _mistake(name: str, value: Any) -> _Finding | None:
    """Return the mistake in one setting; None if there is none, or if its type is wrong (which the model reports)."""
    by_reference = reference_tag(value) is not None
    if not isinstance(value, str | int | float) and not by_reference:
        return None
    if is_secret(name) and not by_reference:
        return _Finding(NEVER_A_LITERAL, "literal-secret")
    return _guarded(name, value) or _unknown(name, value, by_reference)


def _guarded(name: str, value: Any) -> _Finding | None:
    """Return how a setting would break the connector's guarantees; None if it would not."""
    if name in _NEVER_SET:
        return _Finding(f"the connector sets this itself: {_NEVER_SET[name]}", "kafka-guarantee")
    if name in _PYTHON_ONLY:
        message = "this is an argument of a client library and no setting of librdkafka; leave it out"
        return _Finding(message, "unknown-kafka-setting")
    text = str(value).lower()
    if name in _FIXED_VALUES:
        own, reason = _FIXED_VALUES[name]
        harmless = text == own or (own == "all" and text == "-1")
        message = f"{shown(value)} would break a guarantee ({reason}); leave it out, or {own}"
        return None if harmless else _Finding(message, "kafka-guarantee")
    if name == "auto.offset.reset" and text not in _START_VALUES:
        return _Finding(f"{shown(value)} is not a starting position: write earliest or latest", "kafka-value")
    return None


def _unknown(name: str, value: Any, by_reference: bool) -> _Finding | None:
    """Return librdkafka's objection to one setting alone. Of a reference to a secret only the name is checked."""
    error = _refusal({"group.id": "check", name: "1" if by_reference else value, _UNKNOWN_SETTING: ""})
    if error is None or _UNKNOWN_SETTING in error:
        return None
    if "No such configuration property" in error:
        near = nearest(name, _COMMON)
        message = f"librdkafka knows no setting of this name{f'; did you mean {near}?' if near else ''}"
        return _Finding(message, "unknown-kafka-setting")
    return None if by_reference else _Finding(f"librdkafka refuses {shown(value)}: {error}", "kafka-value")


def _refusal(settings: dict[str, Any], client: type[Consumer | Producer] = Consumer) -> str | None:
    """Return why librdkafka creates no client from these settings; None if it creates one, which is closed again."""
    try:
        client(settings).close()
    except KafkaException as error:
        return re.sub(r"^Failed to create \w+: ", "", str(error.args[0].str()).strip())
    except (TypeError, ValueError, AttributeError) as error:
        return str(error)
    return None
