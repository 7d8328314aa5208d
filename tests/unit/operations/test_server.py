"""The endpoints, as Kubernetes, Prometheus and people ask them."""

from __future__ import annotations

import httpx
import pytest

from connector.errors import ConnectorError
from connector.operations.server import OperationsServer
from tests.support.clock import TurnedClock
from tests.unit.operations.bench import Bench


async def get(server: OperationsServer, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{server.port}{path}", headers=headers)


async def test_a_process_that_turns_is_alive(server: OperationsServer) -> None:
    response = await get(server, "/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")


async def test_a_loop_without_a_tick_for_more_than_a_minute_is_not_alive(
    server: OperationsServer, bench: Bench, clock: TurnedClock
) -> None:
    clock.seconds += 60.0
    bench.source.last_poll = clock.monotonic()
    assert (await get(server, "/healthz")).status_code == 200
    clock.seconds += 1.0
    response = await get(server, "/healthz")
    assert (response.status_code, response.text) == (503, "the event loop has not turned for 61 s\n")
    server.tick()
    assert (await get(server, "/healthz")).status_code == 200


async def test_a_polling_thread_that_hangs_is_named(server: OperationsServer, bench: Bench, clock: TurnedClock) -> None:
    clock.seconds += 75.0
    server.tick()
    response = await get(server, "/healthz")
    assert (response.status_code, response.text) == (
        503,
        "the polling thread of mytracker has not turned for 75 s\n",
    )
    bench.source.alive = False
    assert "mytracker (which has ended)" in (await get(server, "/healthz")).text


async def test_a_vendor_outage_and_broker_trouble_leave_it_alive_and_ready(
    server: OperationsServer, bench: Bench
) -> None:
    bench.assign()
    bench.pipeline.on_kafka_problem("all brokers are down")
    for _ in range(5):
        bench.pipeline.dispatcher.gate.record_fault(0.0, "503", retry_after=None, throttled=False)
    assert (await get(server, "/healthz")).status_code == 200
    assert (await get(server, "/readyz")).status_code == 200


async def test_it_is_ready_once_the_group_has_assigned_even_nothing(server: OperationsServer, bench: Bench) -> None:
    bench.pipeline.on_kafka_problem("no route to host")
    response = await get(server, "/readyz")
    assert response.status_code == 503
    assert response.text == "mytracker waits for its group to assign partitions (Kafka: no route to host)\n"
    bench.assign()
    response = await get(server, "/readyz")
    assert (response.status_code, response.text) == (200, "ok\n")


async def test_metrics_speak_the_format_that_is_asked_for(server: OperationsServer) -> None:
    plain = await get(server, "/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert 'connector_events_lost_to_retention_total{sink="mytracker"} 0.0' in plain.text
    opened = await get(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert opened.headers["content-type"].startswith("application/openmetrics-text")
    assert opened.text.endswith("# EOF\n")


async def test_status_is_json_that_no_cache_keeps(server: OperationsServer) -> None:
    response = await get(server, "/status")
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["sinks"][0]["sink"] == "mytracker"


async def test_other_paths_and_methods_do_not_exist(server: OperationsServer) -> None:
    assert (await get(server, "/admin")).status_code == 404
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(f"http://127.0.0.1:{server.port}/status")).status_code == 405


async def test_a_port_in_use_is_said_with_where_to_change_it(server: OperationsServer, clock: TurnedClock) -> None:
    second = OperationsServer(
        "127.0.0.1",
        server.port,
        [],
        started_at=0.0,
        version="1",
        shown_configuration="",
        ask_retention=lambda _: {},
        clock=clock,
    )
    with pytest.raises(ConnectorError, match=rf"127.0.0.1, port {server.port}: another program.*http.port"):
        await second.start()
