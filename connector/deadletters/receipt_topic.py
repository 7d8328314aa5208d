"""Makes sure that the receipts topic exists and is compacted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # `admin` offers it without exporting it
from confluent_kafka.cimpl import NewTopic  # `admin` offers it without exporting it

from connector.errors import ConnectorError
from connector.kafka.logs import client_logger
from connector.kafka.topic_configs import POLICY, kafka_command, policy_command

TIMEOUT_SECONDS = 15.0


def ensure_receipt_topic(conf: Mapping[str, Any], topic: str) -> int:
    """Create the topic if it is absent; return how many partitions it has.

    Raises ConnectorError with the command for operators where the brokers do not permit that, and where the topic
    exists but is not compacted: retention would delete receipts, and what was delivered would be sent again. Raises it
    too where the brokers still do not know the topic after TIMEOUT_SECONDS: the lock needs its partitions.
    """
    # A mere query must not create it: brokers that create topics automatically would make one that is not compacted.
    settings = {**conf, "log_level": 0, "allow.auto.create.topics": False}
    client = AdminClient(settings, logger=client_logger("admin"))
    try:
        if not _partitions(client, topic):
            _create(client, conf, topic)
        else:
            _check_policy(client, conf, topic)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not (partitions := _partitions(client, topic)) and time.monotonic() < deadline:
            time.sleep(0.1)
    except KafkaException as error:
        raise ConnectorError(f"topic {topic}: {error.args[0].str()}") from error
    if not partitions:
        raise ConnectorError(f"topic {topic} was created, but the brokers do not know it yet: try again")
    return partitions


def _partitions(client: AdminClient, topic: str) -> int:
    found = client.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
    if found.error is not None and found.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise KafkaException(found.error)
    return len(found.partitions)


def _create(client: AdminClient, conf: Mapping[str, Any], topic: str) -> None:
    wanted = NewTopic(topic, num_partitions=1, replication_factor=-1, config={POLICY: "compact"})
    try:
        client.create_topics([wanted], request_timeout=TIMEOUT_SECONDS)[topic].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        command = kafka_command("kafka-topics.sh", conf, "--create", "--topic", topic, "--partitions", "1")
        raise ConnectorError(
            f"topic {topic}, which keeps what was replayed, cannot be created: {error.args[0].str()}\n"
            f"Have somebody with the rights run:\n  {command} --config {POLICY}=compact"
        ) from error


def _check_policy(client: AdminClient, conf: Mapping[str, Any], topic: str) -> None:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    try:
        entries = client.describe_configs([resource], request_timeout=TIMEOUT_SECONDS)[resource].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return  # we may use the topic but not see its settings
        raise
    policy = entries[POLICY].value if POLICY in entries else "compact"
    if policy != "compact":
        raise ConnectorError(
            f"topic {topic} has {POLICY}={policy}: it would forget what was replayed, which would then be sent again\n"
            f"Have somebody with the rights run:\n  {policy_command(conf, topic, 'compact')}"
        )
