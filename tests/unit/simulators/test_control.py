"""The control API: tokens, resets, the ledger in pages, and orders that are refused."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from tests.unit.simulators.conftest import Control, exchange, request


async def test_tokens_can_be_revoked_and_given_anew(vendor: MyTrackerSimulator, control: Control) -> None:
    await control.post("/_faults", {"revoke_token": True})
    assert b"403 Forbidden" in await exchange(vendor, request())
    await control.post("/_faults", {"tokens": ["other", "demo-token"]})
    assert b"200 OK" in await exchange(vendor, request())


async def test_a_reset_brings_everything_back(vendor: MyTrackerSimulator, control: Control) -> None:
    await exchange(vendor, request())
    await control.post("/_faults", [{"kind": "hang", "times": "until_reset"}, {"revoke_token": True}])
    assert (await control.post("/_reset", {}))[0] == 200
    assert (await control.get("/_ledger"))[1]["events"] == []
    assert b"200 OK" in await exchange(vendor, request())


async def test_a_reset_seeds_sailplays_events(http: aiohttp.ClientSession) -> None:
    async with SailPlaySimulator() as vendor:
        control = Control(vendor, http)
        status, _ = await control.post("/_reset", {"events": [{"key": "k", "kind": "flag", "name": "N"}]})
        assert status == 200
        _, listed = await control.get("/api/v2/events/list/?token=demo-token&store_department_id=1")
        assert [event["key"] for event in listed["events"]] == ["k"]


@pytest.mark.parametrize(
    ("path", "content", "where"),
    [
        ("/_faults", "hang", "fault must be an object"),
        ("/_faults", [{"kind": "hang"}, {"kind": "x"}], "faults[1].kind"),
        ("/_faults", {"revoke_token": False}, "fault.revoke_token"),
        ("/_faults", {"tokens": "a"}, "fault.tokens"),
        ("/_faults", {"tokens": ["a"], "times": 1}, "fault must hold"),
        ("/_reset", [], "the body"),
        ("/_reset", {"evnets": []}, "evnets"),
        ("/_reset", {"latency_ms": "1"}, "latency_ms"),
        ("/_reset", {"tokens": [1]}, "tokens"),
        ("/_reset", {"events": {}}, "events"),
        ("/_reset", {"events": [{"key": "k"}]}, "events[0]"),
        ("/_reset", {"events": [{"key": "k", "kind": "x", "name": "n"}]}, "events[0].kind"),
        ("/_reset", {"events": [{"key": "", "kind": "sum", "name": "n"}]}, "events[0]"),
    ],
)
async def test_a_wrong_order_is_refused_with_its_place_and_changes_nothing(
    http: aiohttp.ClientSession, path: str, content: Any, where: str
) -> None:
    async with SailPlaySimulator() as vendor:
        control = Control(vendor, http)
        status, answer = await control.post(path, content)
        assert status == 400
        assert answer["error"].startswith(where)
        assert not vendor.faults
        assert vendor.tokens == {"demo-token"}


async def test_what_is_not_json_is_refused(vendor: MyTrackerSimulator) -> None:
    assert b"the body is not JSON" in await exchange(vendor, request(path="/_faults", body=b"{"))


async def test_the_ledger_is_read_in_pages_or_whole(vendor: MyTrackerSimulator, control: Control) -> None:
    for number in range(5):
        await exchange(vendor, request(body=b'{"customUserId":"%d"}' % number))
    _, whole = await control.get("/_ledger")
    assert [entry["item"]["customUserId"] for entry in whole["events"]] == ["0", "1", "2", "3", "4"]
    assert whole["next"] is None
    assert whole["summary"]["events"] == 5
    after: int | None = 0
    pages = []
    while after is not None:
        _, page = await control.get(f"/_ledger?after={after}&limit=2")
        pages.append([entry["number"] for entry in page["events"]])
        after = page["next"]
    assert pages == [[1, 2], [3, 4], [5]]
    assert (await control.get("/_ledger?summary=1"))[1] == {"summary": whole["summary"]}
    assert (await control.get("/_ledger?after=x"))[0] == 400


async def test_a_long_ledger_is_whole(vendor: MyTrackerSimulator, control: Control) -> None:
    for number in range(2500):
        vendor.ledger.record_accepted("m", [b"%d" % number], b'{"n":%d}' % number, request=number, time=0, size=1)
    _, whole = await control.get("/_ledger")
    assert [entry["item"]["n"] for entry in whole["events"]] == list(range(2500))


async def test_an_unknown_control_path_is_told_so(control: Control) -> None:
    status, answer = await control.get("/_nothing")
    assert status == 404
    assert "GET /_ledger" in answer["error"]
