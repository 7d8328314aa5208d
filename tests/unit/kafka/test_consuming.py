"""The consumer's settings: the operator's, our defaults, and what nobody can override."""

from __future__ import annotations

from typing import Any

import pytest

from connector.kafka.consuming import BROKERS_HEARTBEAT_MS, HEARTBEAT_MS, consumer_config, heartbeat_ms


def settings(**conf: Any) -> dict[str, Any]:
    ours = {name.replace("_", "."): value for name, value in conf.items()}
    heard: Any = lambda *_: None  # noqa: E731  # nothing is heard without a client
    return consumer_config(
        ours, "crm.mytracker", [], on_topic_id=heard, on_commit=heard, on_error=heard, on_statistics=heard
    )


@pytest.mark.parametrize(
    ("conf", "sent", "beats"),
    [
        ({}, HEARTBEAT_MS, HEARTBEAT_MS),
        ({"heartbeat_interval_ms": "500"}, "500", 500),
        ({"heartbeat_interval_ms": "500.0"}, "500.0", 500),
        ({"group_protocol": "classic"}, HEARTBEAT_MS, HEARTBEAT_MS),
        ({"group_protocol": "CONSUMER"}, None, BROKERS_HEARTBEAT_MS),
    ],
)
def test_the_heartbeat_is_the_operators_or_ours_or_the_brokers(
    conf: dict[str, Any], sent: object, beats: float
) -> None:
    assert settings(**conf).get("heartbeat.interval.ms") == sent
    assert heartbeat_ms({name.replace("_", "."): value for name, value in conf.items()}) == beats


def test_an_operator_changes_the_prefetch_but_no_commit() -> None:
    made = settings(queued_max_messages_kbytes=4096, enable_auto_commit=True)
    assert (made["queued.max.messages.kbytes"], made["enable.auto.commit"]) == (4096, False)
