"""Commands of Kafka's own tools, ready to paste, for what somebody with the rights must do. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

POLICY = "cleanup.policy"


def kafka_command(tool: str, conf: Mapping[str, Any], *arguments: str) -> str:
    """The command that runs a tool of Kafka's against the brokers of these settings of librdkafka's."""
    servers = str(conf.get("bootstrap.servers", conf.get("metadata.broker.list", "BROKERS")))
    return shlex.join([tool, "--bootstrap-server", servers, *arguments])


def set_policy(conf: Mapping[str, Any], topic: str, policy: str) -> str:
    """The command that sets a topic's cleanup policy."""
    return kafka_command("kafka-configs.sh", conf, "--alter", "--topic", topic, "--add-config", f"{POLICY}={policy}")
