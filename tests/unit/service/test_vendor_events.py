"""Routes compared with events/list of the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.delivery.pipeline import Pipeline
from connector.model import Outcome, OutcomeKind
from connector.service import vendor_events
from connector.service.vendor_events import Audit, audit_events, audit_while_running
from connector.settings.values import Route
from connector.simulators.sailplay import SailPlaySimulator, SimulatedEvent
from connector.vendors.http_sink import HttpSink
from connector.vendors.sailplay.events import EVENTS, named_keys
from tests.support.sinks import opened, sailplay_settings


def route(event_key: str, sink: str = "sailplay", index: int = 0, **fields: str) -> Route:
    return Route("r", ("t",), None, sink, "fire", {"origin_user_id": "u", "event_key": event_key, **fields}, index)


@pytest.fixture
async def vendor() -> AsyncIterator[SailPlaySimulator]:
    events = [
        SimulatedEvent("paid", "sum", "Paid"),
        SimulatedEvent("seen", "flag", "Seen"),
        SimulatedEvent("left", "flag", "Left"),
    ]
    async with SailPlaySimulator(events=events) as simulator:
        yield simulator


@pytest.fixture
async def sink(vendor: SailPlaySimulator, tmp_path: Path) -> AsyncIterator[HttpSink]:
    file = tmp_path / "token"
    file.write_text("demo-token")
    made = opened(sailplay_settings(vendor.url, file))
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("expression", "keys"),
    [
        ("'paid'", ("paid",)),
        ('`"paid"`', ("paid",)),
        ("order.event_key", ()),
        ("type == 'opened' && 'seen' || 'paid'", ("seen", "paid")),
        ("order.event_key || 'paid'", ("paid",)),
        ("`7`", ()),
    ],
)
def test_the_keys_that_an_expression_names_are_found(expression: str, keys: tuple[str, ...]) -> None:
    assert named_keys(route(expression)) == keys


async def test_a_key_that_does_not_exist_and_a_sum_without_a_value_are_mistakes_with_their_path(
    sink: HttpSink,
) -> None:
    routes = [
        route("'gone'", index=3),
        route("'paid'", index=4),
        route("'paid'", index=5, value="total"),
        route("'seen'", index=6),
        route("'elsewhere'", sink="another", index=7),
    ]
    found = await audit_events(sink, EVENTS, routes)
    assert isinstance(found, Audit)
    assert [mistake.path for mistake in found.mistakes] == ["routes[3].fields.event_key", "routes[4].fields.value"]
    assert "'seen' (Seen)" in found.mistakes[0].message
    assert "(Paid) is of kind sum" in found.mistakes[1].message
    assert {key: event.name for key, event in found.events.items()} == {"paid": "Paid", "seen": "Seen"}


async def test_a_vendor_that_does_not_answer_is_no_finding(sink: HttpSink, vendor: SailPlaySimulator) -> None:
    vendor.order({"kind": "status", "status": 503})
    found = await audit_events(sink, EVENTS, [route("'gone'")])
    assert isinstance(found, Outcome)
    assert (found.kind, found.status) == (OutcomeKind.UNAVAILABLE, 503)


def status() -> Any:
    return SimpleNamespace(warnings=(), vendor_events={})


async def test_an_outage_at_the_start_is_waited_out(
    sink: HttpSink, vendor: SailPlaySimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor_events, "ASK_AGAIN", (0.01, 0.02))
    vendor.order({"kind": "outage", "times": 3})
    shown = status()
    await audit_while_running(sink, [route("'seen'")], cast(Pipeline, shown))
    assert (list(shown.warnings), shown.vendor_events) == ([], {"seen": "Seen (flag)"})
    assert vendor.ledger.requests == 4


async def test_a_warning_goes_when_the_shop_has_mended_it(
    sink: HttpSink, vendor: SailPlaySimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor_events, "CHECK_AGAIN", 0.02)
    shown = status()
    watching = asyncio.create_task(audit_while_running(sink, [route("'new'")], cast(Pipeline, shown)))
    async with asyncio.timeout(10):
        while not shown.warnings:  # noqa: ASYNC110 - nothing tells of it but the status
            await asyncio.sleep(0.005)
        vendor.reset({"events": [{"key": "new", "kind": "flag", "name": "New"}]})
        await watching
    assert list(shown.warnings) == []


async def test_nothing_is_asked_where_no_route_names_a_key(sink: HttpSink, vendor: SailPlaySimulator) -> None:
    await audit_while_running(sink, [route("event.key")], cast(Pipeline, status()))
    assert vendor.ledger.requests == 0
