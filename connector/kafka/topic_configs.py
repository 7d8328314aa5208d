"""Topics' configurations: asked of the brokers, and the commands of Kafka's own tools that change them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # `admin` offers it without exporting it

from connector.errors import ConnectorError
from connector.kafka.logs import client_logger

POLICY = "cleanup.policy"
ASK_SECONDS = 10.0


def topic_retention(conf: Mapping[str, Any], topics: Collection[str]) -> dict[str, float]:
    """Return after how many seconds each topic's events may be deleted; topics that delete none by age are left out.

    A limit by size (`retention.bytes`) is not counted in. Blocks for up to 10 s. Raises ConnectorError where the
    brokers cannot be asked or do not allow it (DescribeConfigs on the topic).
    """
    if not topics:
        return {}
    kept = {}
    for topic, settings in _settings(conf, topics):
        milliseconds = int(settings["retention.ms"])
        if milliseconds >= 0 and "delete" in settings[POLICY]:
            kept[topic] = milliseconds / 1000
    return kept


def is_compacted(conf: Mapping[str, Any], topic: str) -> bool:
    """True if the brokers keep only the last record of each key of a topic. Blocks and raises as `topic_retention`."""
    # This is asked again and again of brokers that are away: the consumers report that, once.
    ((_, settings),) = _settings({**conf, "log_level": 0}, [topic])
    return "compact" in settings[POLICY]


def _settings(conf: Mapping[str, Any], topics: Collection[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    client = AdminClient(dict(conf), logger=client_logger("admin"))
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic) for topic in topics]
    for resource, answer in client.describe_configs(resources, request_timeout=ASK_SECONDS).items():
        try:
            entries = answer.result()
        except KafkaException as error:
            raise ConnectorError(f"topic {resource.name}: {error.args[0].str()}") from error
        yield resource.name, {name: entry.value for name, entry in entries.items()}


def kafka_command(tool: str, conf: Mapping[str, Any], *arguments: str) -> str:
    """Return the command, ready to paste, that runs one of Kafka's tools against the brokers of these settings."""
    servers = str(conf.get("bootstrap.servers", conf.get("metadata.broker.list", "BROKERS")))
    return shlex.join([tool, "--bootstrap-server", servers, *arguments])


def policy_command(conf: Mapping[str, Any], topic: str, policy: str) -> str:
    """Return the command that sets a topic's cleanup policy."""
    return kafka_command("kafka-configs.sh", conf, "--alter", "--topic", topic, "--add-config", f"{POLICY}={policy}")
