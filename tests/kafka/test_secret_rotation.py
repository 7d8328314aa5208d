"""Tokens change without a restart: one that is missing is waited for, one that is revoked is replaced."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from tests.support.connector import RunningConnector, configuration, until
from tests.support.server import Broker
from tests.support.topics import TopicFactory

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

EVENT_KEY = "85783d035a716769502775afa287fce17040afe1"
SINKS = ("mytracker", "sailplay")


class MountedSecret:
    """A secret's directory as Kubernetes mounts it: the file is a link through `..data`, which is swapped whole."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._versions = 0
        directory.mkdir()
        (directory / "token").symlink_to(Path("..data") / "token")

    @property
    def file(self) -> str:
        return str(self._directory / "token")

    def put(self, token: str) -> None:
        self._versions += 1
        version = self._directory / f"..version{self._versions}"
        version.mkdir()
        (version / "token").write_text(token)
        fresh = self._directory / "..data_tmp"
        fresh.symlink_to(version.name)
        os.replace(fresh, self._directory / "..data")  # noqa: PTH105  # as the kubelet renames it


def settings(broker: Broker, topic: str, letters: str, urls: dict[str, str], file: str) -> dict[str, Any]:
    token = {"file": file}
    return configuration(
        broker.bootstrap,
        group=letters,
        dead_letters=letters,
        topics={topic: {}},
        sinks={
            "mytracker": {"kind": "mytracker", "base_url": urls["mytracker"], "app_id": 1, "token": token},
            "sailplay": {"kind": "sailplay", "base_url": urls["sailplay"], "store_department_id": 11, "token": token},
        },
        routes=[
            {"from": topic, "to": "mytracker.login", "fields": {"customUserId": "user"}},
            {
                "from": topic,
                "to": "sailplay.fire",
                "fields": {"origin_user_id": "user", "event_key": f"'{EVENT_KEY}'", "value": "`1`"},
            },
        ],
    )


@contextmanager
def producing(broker: Broker) -> Iterator[Any]:
    """A function that produces one event for a user."""
    producer = Producer({"bootstrap.servers": broker.bootstrap})

    def produce(topic: str, user: str) -> None:
        producer.produce(topic, json.dumps({"user": user}), user)
        assert producer.flush(20) == 0

    yield produce


async def test_a_token_is_waited_for_and_a_revoked_one_is_replaced_without_a_restart(
    broker: Broker, topic_factory: TopicFactory, tmp_path: Path
) -> None:
    """Every event is delivered once in the end, and none became a dead letter."""
    topic, letters, secret = topic_factory(), topic_factory(), MountedSecret(tmp_path / "secret")
    async with (
        MyTrackerSimulator(token="first", app_id=1) as mytracker,  # noqa: S106  # it guards nothing
        SailPlaySimulator(token="first", store_department_id=11) as sailplay,  # noqa: S106  # it guards nothing
    ):
        urls = {"mytracker": mytracker.url, "sailplay": sailplay.url}
        with producing(broker) as produce:
            produce(topic, "before")
            config = settings(broker, topic, letters, urls, secret.file)
            async with RunningConnector(tmp_path, config) as connector:

                async def all_are(state: str) -> bool:
                    found = [await connector.sink(name) for name in SINKS]
                    return all(each.get("state") == state for each in found)

                async def delivered(count: int) -> bool:
                    found = [await connector.sink(name) for name in SINKS]
                    return all(each.get("counts", {}).get("delivered") == count for each in found)

                await until(lambda: all_are("held"), seconds=30, what="sinks that wait for their token")
                secret.put("first")
                await until(lambda: delivered(1), seconds=30, what="delivery with the token that came")
                for vendor in (mytracker, sailplay):
                    vendor.order({"revoke_token": True})
                produce(topic, "meanwhile")
                await until(lambda: all_are("misconfigured"), seconds=30, what="sinks that say they are refused")
                for vendor in (mytracker, sailplay):
                    vendor.order({"tokens": ["second"]})
                secret.put("second")
                await until(lambda: delivered(2), seconds=30, what="delivery with the token that replaced it")
                assert await all_are("open")
                counts = [(await connector.sink(name))["counts"] for name in SINKS]
                assert [each["dead_lettered"] for each in counts] == [{}, {}]
                assert await connector.stop() == 0
        assert [entry.item["customUserId"] for entry in mytracker.ledger] == ["before", "meanwhile"]
        assert [entry.item["origin_user_id"] for entry in sailplay.ledger] == ["before", "meanwhile"]
