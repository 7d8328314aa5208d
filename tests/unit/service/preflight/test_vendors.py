"""The live check's findings on vendors, asked of the simulators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.clock import SystemClock
from connector.service.preflight.findings import Finding, Severity
from connector.service.preflight.vendors import ask_vendor
from connector.settings.values import Route
from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from connector.vendors.mytracker.vendor import MyTrackerSettings
from connector.vendors.sailplay.settings import SailPlaySettings
from tests.support.sinks import Token, mytracker_settings, sailplay_settings

TOKEN = "a-token-to-look-for"  # noqa: S105 - it guards nothing

SUM_EVENT = "85783d035a716769502775afa287fce17040afe1"  # as the simulated shop has it


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return file


def mytracker(url: str, token: Path, app_id: int = 1) -> MyTrackerSettings:
    return mytracker_settings(url, token, name="mt", app_id=app_id, timeout="500ms")


def sailplay(url: str, token: Token, **more: Any) -> SailPlaySettings:
    return sailplay_settings(url, token, name="sp", timeout="500ms", **more)


async def ask(settings: MyTrackerSettings | SailPlaySettings, *routes: Route) -> Finding:
    """The first finding, on the vendor itself."""
    return (await ask_all(settings, *routes))[0]


async def ask_all(settings: MyTrackerSettings | SailPlaySettings, *routes: Route) -> list[Finding]:
    found = await ask_vendor(settings, routes, SystemClock())
    assert TOKEN not in repr(found)
    return found


def fires(event_key: str, **fields: str) -> Route:
    return Route("fire", ("t",), None, "sp", "fire", {"event_key": f"'{event_key}'", **fields}, 0)


async def test_credentials_that_are_good_are_accepted_and_nothing_is_sent(secret: Path) -> None:
    async with MyTrackerSimulator(token=TOKEN, app_id=1) as tracker, SailPlaySimulator(token=TOKEN) as shop:
        for settings in (
            mytracker(tracker.url, secret),
            sailplay(shop.url, secret),
            sailplay(shop.url, secret, http_method="get"),
        ):
            found = await ask(settings)
            assert (found.severity, found.section, found.todo) == (Severity.OK, f"sink {settings.name}", "")
        assert [vendor.ledger.summary()["events"] for vendor in (tracker, shop)] == [0, 0]


async def test_a_login_is_tried_whole(tmp_path: Path) -> None:
    def login(pin: str) -> Token:
        files = {name: tmp_path / name for name in ("key", "pin")}
        files["key"].write_text("demo-department-key")
        files["pin"].write_text(pin)
        key, pin_code = ({"file": str(file)} for file in files.values())
        return {"login": {"store_department_key": key, "pin_code": pin_code}}

    async with SailPlaySimulator(token="another") as shop:  # noqa: S106  # it guards nothing
        assert (await ask(sailplay(shop.url, login("demo-pin")))).severity is Severity.OK
        refused = await ask(sailplay(shop.url, login("0000")))
    assert (refused.severity, "code -2" in refused.says) == (Severity.FAIL, True)


async def test_a_token_that_is_refused_fails_and_says_where_it_is_kept(secret: Path) -> None:
    async with MyTrackerSimulator(token="x", app_id=1) as tracker, SailPlaySimulator(token="x") as shop:  # noqa: S106
        tracked, shopped = await ask(mytracker(tracker.url, secret)), await ask(sailplay(shop.url, secret))
    assert (tracked.severity, shopped.severity) == (Severity.FAIL, Severity.FAIL)
    assert "answers 403: Forbidden" in tracked.says
    assert "code -7" in shopped.says
    assert f"file {secret}" in tracked.todo
    assert f"file {secret}" in shopped.todo


async def test_events_that_the_routes_name_and_the_shop_has_not_fail(secret: Path) -> None:
    async with SailPlaySimulator(token=TOKEN) as shop:
        settings = sailplay(shop.url, secret)
        for route, says in (
            (fires("no-such-event", value="total"), "routes[0].fields.event_key: 'no-such-event' is no event"),
            (fires(SUM_EVENT), "of kind sum, which requires value"),
        ):
            vendor, events = await ask_all(settings, route)
            assert (vendor.severity, events.severity, events.subject) == (Severity.OK, Severity.FAIL, "events")
            assert says in events.says
        _, events = await ask_all(settings, fires(SUM_EVENT, value="total"))
        assert events.severity is Severity.OK


async def test_a_host_that_does_not_know_the_probe_leaves_the_credentials_unverified(secret: Path) -> None:
    """`test-app-access` stands in no document of the vendor's: without it nothing has failed."""
    async with MyTrackerSimulator(token=TOKEN, app_id=1) as tracker:
        unknown = {"kind": "status", "status": 404, "body": {"error": "Method not found"}}
        tracker.order(unknown)
        found = await ask(mytracker(tracker.url, secret))
    assert (found.severity, "credentials not verified" in found.says) == (Severity.WARN, True)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"kind": "hang"}, "no complete answer within 0.5 s"),
        ({"kind": "status", "status": 503, "body": "busy"}, "answers 503: busy"),
        ({"kind": "reset"}, "Connection reset by peer"),
    ],
    ids=["hang", "503", "reset"],
)
async def test_a_vendor_that_does_not_answer_well_fails_in_time(
    secret: Path, fault: Mapping[str, Any], says: str
) -> None:
    async with MyTrackerSimulator(token=TOKEN, app_id=1) as tracker:
        tracker.order(dict(fault))
        found = await ask(mytracker(tracker.url, secret))
    assert found.severity is Severity.FAIL
    assert says in found.says


async def test_a_secret_that_is_missing_fails_without_asking(tmp_path: Path) -> None:
    found = await ask(mytracker("http://127.0.0.1:9", tmp_path / "absent"))
    assert (found.severity, "cannot be read" in found.says) == (Severity.FAIL, True)
