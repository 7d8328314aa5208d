"""Asks the brokers first, so that a command which cannot reach them says why, and what to look at, within seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.errors import ConnectorError
from connector.service.preflight.connection import BrokerConnection, connect


def reach(conf: Mapping[str, Any]) -> None:
    """Return as soon as the brokers answer. Raises ConnectorError after 8 s with what keeps us out, and what to do."""
    found = connect(conf)
    if not isinstance(found, BrokerConnection):
        todo = f"\n→ {found.todo}" if found.todo else ""
        raise ConnectorError(f"Kafka cannot be used: {found.says}{todo}")
