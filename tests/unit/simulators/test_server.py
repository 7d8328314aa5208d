"""Faults as a bare client sees them, before and after the request took effect."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable

import aiohttp
import pytest

from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from tests.unit.simulators.conftest import Control, exchange, request


async def until(holds: Callable[[], bool]) -> None:
    """Let the simulator run until this holds; the suite's timeout bounds it."""
    while not holds():  # noqa: ASYNC110 - the simulator has no event for what tests wait for
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(("apply", "accepted"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    "kind", ["close", "half_header", "half_body", "html_200", "truncated_json", "bad_gzip", "drip"]
)
async def test_a_fault_comes_before_or_after_the_effect(
    vendor: MyTrackerSimulator, kind: str, apply: str, accepted: int
) -> None:
    vendor.order({"kind": kind, "apply": apply, "latency_ms": 0})
    spoiled = await exchange(vendor, request())
    assert '{"message": "ОK"}'.encode() not in spoiled  # noqa: RUF001 - the document's Cyrillic letter
    assert len(vendor.ledger) == accepted
    assert vendor.ledger.summary()["by_fault"] == {kind: 1}
    assert b"200 OK" in await exchange(vendor, request())
    assert len(vendor.ledger) == accepted + 1


@pytest.mark.parametrize(("apply", "accepted"), [("before", 0), ("after", 1)])
async def test_a_reset_is_a_reset(vendor: MyTrackerSimulator, apply: str, accepted: int) -> None:
    vendor.order({"kind": "reset", "apply": apply})
    with pytest.raises(ConnectionResetError):
        await exchange(vendor, request())
    assert len(vendor.ledger) == accepted


async def test_a_closed_connection_ends_without_a_byte(vendor: MyTrackerSimulator) -> None:
    vendor.order({"kind": "close"})
    assert await exchange(vendor, request()) == b""


async def test_half_a_header_ends_inside_the_header(vendor: MyTrackerSimulator) -> None:
    vendor.order({"kind": "half_header"})
    answer = await exchange(vendor, request())
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in answer


@pytest.mark.parametrize(("kind", "whole"), [("half_body", False), ("drip", True)])
async def test_a_body_is_as_long_as_announced_or_not(vendor: MyTrackerSimulator, kind: str, whole: bool) -> None:
    vendor.order({"kind": kind, "latency_ms": 0})
    header, body = (await exchange(vendor, request())).split(b"\r\n\r\n")
    announced = int(header.rpartition(b"Content-Length: ")[2])
    assert (len(body) == announced) is whole
    assert 0 < len(body) <= announced


async def test_html_and_broken_json_come_with_status_200(vendor: MyTrackerSimulator) -> None:
    vendor.order([{"kind": "html_200"}, {"kind": "truncated_json"}])
    html, truncated = [await exchange(vendor, request()) for _ in range(2)]
    assert html.startswith(b"HTTP/1.1 200")
    assert b"text/html" in html
    assert truncated.startswith(b"HTTP/1.1 200")
    assert b"application/json" in truncated
    assert not truncated.endswith(b"}")


async def test_the_gzip_kinds_are_a_bomb_and_no_gzip(vendor: MyTrackerSimulator) -> None:
    vendor.order([{"kind": "gzip_bomb"}, {"kind": "bad_gzip"}])
    bomb, bad = [(await exchange(vendor, request())).partition(b"\r\n\r\n") for _ in range(2)]
    assert b"Content-Encoding: gzip" in bomb[0]
    assert len(bomb[2]) < 200_000
    assert len(gzip.decompress(bomb[2])) > 100_000_000
    assert b"Content-Encoding: gzip" in bad[0]
    with pytest.raises((gzip.BadGzipFile, EOFError)):
        gzip.decompress(bad[2])


@pytest.mark.parametrize(("apply", "accepted"), [("before", 0), ("after", 1)])
async def test_a_hang_answers_nothing_and_keeps_the_connection(
    vendor: MyTrackerSimulator, apply: str, accepted: int
) -> None:
    vendor.order({"kind": "hang", "apply": apply})
    reader, writer = await asyncio.open_connection("127.0.0.1", vendor.port)
    writer.write(request())
    await until(lambda: vendor.ledger.summary()["by_fault"] == {"hang": 1})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)
    assert (len(vendor.ledger), vendor.ledger.in_flight) == (accepted, 1)
    writer.close()
    await until(lambda: vendor.ledger.in_flight == 0)


async def test_a_hanging_request_does_not_keep_the_simulator_from_ending(vendor: MyTrackerSimulator) -> None:
    vendor.order({"kind": "hang"})
    reader, writer = await asyncio.open_connection("127.0.0.1", vendor.port)
    writer.write(request())
    await until(lambda: vendor.ledger.in_flight == 1)
    await vendor.close()
    assert await reader.read() == b""
    writer.close()


async def test_an_outage_meets_open_connections_and_new_ones_until_it_is_cleared(
    vendor: MyTrackerSimulator, control: Control
) -> None:
    idle, writer = await asyncio.open_connection("127.0.0.1", vendor.port)
    await control.get("/_faults")  # the server has seen the connection that was opened before
    assert (await control.post("/_faults", {"kind": "outage", "times": "until_reset"}))[0] == 200
    with pytest.raises(ConnectionResetError):
        await idle.read()
    writer.close()
    for _ in range(3):
        with pytest.raises(ConnectionResetError):
            await exchange(vendor, request())
    await control.delete("/_faults")
    assert b"200 OK" in await exchange(vendor, request())
    assert vendor.ledger.summary()["by_fault"] == {"outage": 3}


async def test_a_status_comes_with_its_headers_and_its_body(vendor: MyTrackerSimulator, control: Control) -> None:
    await control.post(
        "/_faults",
        [
            {"kind": "status", "status": 503, "headers": {"Retry-After": "7"}, "body": "busy"},
            {"kind": "status", "status": 400, "body": {"error": "Bad Request"}},
            {"kind": "status", "status": 502, "headers": {"content-type": "text/html"}, "body": "<html>"},
        ],
    )
    busy, refused, page = [await exchange(vendor, request()) for _ in range(3)]
    assert busy.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: 7" in busy
    assert busy.endswith(b"busy")
    assert b"application/json" in refused
    assert refused.endswith(b'{"error":"Bad Request"}')
    assert b"text/html" in page
    assert b"application/json" not in page


@pytest.mark.parametrize("apply", ["before", "after"])
async def test_a_late_answer_is_the_proper_one(vendor: MyTrackerSimulator, apply: str) -> None:
    vendor.order({"kind": "latency", "latency_ms": 1, "apply": apply})
    assert b"200 OK" in await exchange(vendor, request())
    assert len(vendor.ledger) == 1


async def test_requests_at_the_same_time_are_counted(vendor: MyTrackerSimulator) -> None:
    vendor.order({"kind": "hang", "times": "until_reset"})
    waiting = [asyncio.create_task(exchange(vendor, request())) for _ in range(5)]
    await until(lambda: vendor.ledger.in_flight == 5)
    await vendor.close()
    await asyncio.gather(*waiting)
    assert (vendor.ledger.in_flight, vendor.ledger.summary()["max_in_flight"]) == (0, 5)


async def test_a_fault_meets_the_method_and_the_user_it_names(vendor: MyTrackerSimulator, control: Control) -> None:
    await control.post("/_faults", {"kind": "close", "match": {"method": "login", "contains": "user-8"}})
    assert b"200 OK" in await exchange(vendor, request())
    assert b"200 OK" in await exchange(vendor, request("registration", b'{"customUserId":"user-8"}'))
    assert await exchange(vendor, request("login", b'{"customUserId":"user-8"}')) == b""


async def test_a_fault_finds_sailplays_user_in_a_form(http: aiohttp.ClientSession) -> None:
    async with SailPlaySimulator() as vendor:
        vendor.order({"kind": "status", "status": 500, "match": {"method": "events/fire", "contains": "a b@c"}})
        url = f"{vendor.url}/api/v2/events/fire/"
        for user, status in (("other", 200), ("a b@c", 500), ("a b@c", 200)):
            async with http.post(url, data={"email": user}) as response:
                assert response.status == status


async def test_a_simulator_that_was_closed_refuses_connections_and_opens_the_same_port(
    vendor: MyTrackerSimulator,
) -> None:
    await exchange(vendor, request())
    port = vendor.port
    await vendor.close()
    with pytest.raises(ConnectionRefusedError):
        await exchange(vendor, request())
    await vendor.start()
    assert vendor.port == port
    await exchange(vendor, request())
    assert len(vendor.ledger) == 2


async def test_a_body_over_a_mebibyte_is_too_large_for_the_web_server(vendor: MyTrackerSimulator) -> None:
    assert b" 413 " in await exchange(vendor, request(body=b" " * (1024**2 + 1)))
    assert vendor.ledger.summary()["by_status"] == {"413": 1}
