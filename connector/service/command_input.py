"""The input of operators' commands: a configuration whose brokers answer, and the address of a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.config.kafka_settings import resolve_kafka
from connector.config.load import load
from connector.errors import ConfigError, Mistake
from connector.kafka.records import Address, parse_address
from connector.kafka.topic_reader import TopicReader
from connector.service.preflight.connection import require_brokers
from connector.settings.values import Settings


@dataclass(frozen=True, slots=True)
class OpenConfig:
    """A configuration, the file it is from, and librdkafka's settings (`conf`) with every secret read."""

    settings: Settings
    conf: Mapping[str, Any]
    file: Path

    def read_dead_letters(self) -> TopicReader:
        """Open a reader of the dead-letter topic; use it in a `with` statement. Raises ConnectorError, see there."""
        return TopicReader(self.conf, self.settings.dead_letters)


def open_config(file: Path) -> OpenConfig:
    """Load a configuration and reach its brokers.

    Raises ConfigError with its mistakes, ConnectorError where a secret of `kafka` is missing or no broker answers.
    """
    settings = load(file)
    conf = resolve_kafka(settings)
    require_brokers(conf)
    return OpenConfig(settings, conf, file)


def parse_address_argument(name: str, text: str) -> Address:
    """Return the address `topic/partition/offset`. Raises ConfigError, naming the argument, where it is none."""
    try:
        return parse_address(text)
    except ValueError as error:
        raise ConfigError([Mistake(name, str(error))]) from None
