"""The service counts what its routes map; a router that a preview or a replay is built with counts nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Producer

from connector.config.load import load
from connector.service.assembly import build_router, build_routers
from connector.service.run import Service
from connector.simulators.kafka import MockKafka
from connector.simulators.mytracker import MyTrackerSimulator


async def test_the_service_counts_events_and_nulls_by_route(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "demo-token")
    with MockKafka() as kafka:
        async with MyTrackerSimulator() as vendor:
            kafka.create_topic("users", 1)
            kafka.create_topic("letters", 1)
            file = configuration(tmp_path, kafka.bootstrap, vendor.url)
            service = Service(load(file))
            running = asyncio.create_task(service.run())
            producer = Producer({"bootstrap.servers": kafka.bootstrap})
            for event in (b'{"id": "ann", "age": 30}', b'{"id": "ben"}', b'{"id": "cid", "age": null}'):
                producer.produce("users", event)
            assert await asyncio.to_thread(producer.flush, 20) == 0
            while not service.runtimes or service.runtimes[0].pipeline.stats.delivered < 3:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
            (route,) = service.runtimes[0].pipeline.stats.routes
            service.stop()
            assert await running == 0
    assert (route.name, route.method, route.events) == ("logins", "login", 3)
    assert dict(route.nulls()) == {"customUserId": 0, "age": 2}


def test_routers_for_commands_count_nothing(tmp_path: Path) -> None:
    settings = load(configuration(tmp_path, "127.0.0.1:9092", "http://127.0.0.1:1"))
    (router,) = build_routers(settings, ["mytracker"]).values()
    assert router.counts == ()
    assert build_router(settings, "mytracker").counts == ()


def configuration(directory: Path, bootstrap: str, vendor: str) -> Path:
    settings = {
        "kafka": {"bootstrap.servers": bootstrap},
        "group": "crm",
        "dead_letters": "letters",
        "http": {"port": 0},
        "topics": {"users": {}},
        "sinks": {
            "mytracker": {"kind": "mytracker", "base_url": vendor, "app_id": 666, "token": {"env": "TOKEN"}},
        },
        "routes": [
            {
                "name": "logins",
                "from": "users",
                "to": "mytracker.login",
                "fields": {"customUserId": "id", "age": "age"},
            }
        ],
    }
    file = directory / "connector.yaml"
    file.write_text(yaml.safe_dump(settings))
    return file
