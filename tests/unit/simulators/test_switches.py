"""Choices that the vendors' documents leave open: each switch changes just that, and the command names every one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import aiohttp
import pytest

from connector.cli.simulate import simulate
from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.sailplay import SailPlaySimulator
from connector.simulators.switches import MyTrackerSwitches, SailPlaySwitches, SwitchError, parse_switches
from tests.support.clock import TurnedClock

USER = {"customUserId": "1"}
PAID = USER | {"eventTimestamp": 1, "idTransaction": "o1", "currency": "USD", "total": 1}
ACCOUNT = {"token": "demo-token", "store_department_id": "11"}
FIRE = ACCOUNT | {"event_key": "8bd3ede30c49139a9410daf3c42329d40722b0c5", "origin_user_id": "u1"}


async def imported(
    http: aiohttp.ClientSession, switches: MyTrackerSwitches, method: str, *contents: Any
) -> tuple[list[int], list[Any]]:
    """The statuses of these requests, and what is in the ledger after them."""
    async with MyTrackerSimulator(switches=switches) as vendor:
        url, headers = f"{vendor.url}/v1/{method}/?idApp=1", {"Authorization": "demo-token"}
        statuses = []
        for content in contents:
            async with http.post(url, json=content, headers=headers) as response:
                statuses.append(response.status)
        return statuses, [entry.item for entry in vendor.ledger]


async def called(vendor: SailPlaySimulator, http: aiohttp.ClientSession, method: str, fields: dict[str, str]) -> Any:
    async with http.post(f"{vendor.url}/api/v2/{method}/", data=fields) as response:
        return await response.json()


@pytest.mark.parametrize(
    ("switches", "method", "content", "status"),
    [
        (MyTrackerSwitches(max_bytes=20), "login", USER | {"lvid": "0" * 32}, 400),
        (MyTrackerSwitches(max_bytes=20, oversize="413"), "login", USER | {"lvid": "0" * 32}, 413),
        (MyTrackerSwitches(), "login", USER | {"strange": 1}, 400),
        (MyTrackerSwitches(unknown_fields="accept"), "login", USER | {"strange": 1}, 200),
        (MyTrackerSwitches(), "login", USER | {"age": "25"}, 200),
        (MyTrackerSwitches(numeric_texts="refuse"), "login", USER | {"age": "25"}, 400),
        (MyTrackerSwitches(numeric_texts="refuse"), "login", USER | {"age": 25}, 200),
        (MyTrackerSwitches(), "test-app-access", True, 200),
        (MyTrackerSwitches(probes="absent"), "test-app-access", True, 404),
    ],
)
async def test_mytracker_answers_as_its_switch_says(
    http: aiohttp.ClientSession, switches: MyTrackerSwitches, method: str, content: Any, status: int
) -> None:
    assert (await imported(http, switches, method, content))[0] == [status]


async def test_a_refused_batch_takes_effect_as_its_switch_says(http: aiohttp.ClientSession) -> None:
    batch = [USER, {"lvid": "short"}, {"customUserId": "2"}]
    assert await imported(http, MyTrackerSwitches(), "loginBatch", batch) == ([400], [])
    partial = MyTrackerSwitches(refused_batch="partial")
    assert await imported(http, partial, "loginBatch", batch) == ([400], [USER, {"customUserId": "2"}])


async def test_a_payment_that_comes_again_counts_as_its_switch_says(http: aiohttp.ClientSession) -> None:
    again = await imported(http, MyTrackerSwitches(), "customRevenue", PAID, PAID)
    assert again == ([200, 200], [PAID, PAID])
    once = await imported(http, MyTrackerSwitches(id_transaction="once"), "customRevenue", PAID, PAID)
    assert once == ([200, 200], [PAID])


async def test_mytracker_has_a_rate_only_if_it_is_told_so(http: aiohttp.ClientSession) -> None:
    assert (await imported(http, MyTrackerSwitches(rate=2), "login", USER, USER, USER))[0] == [200, 200, 429]
    assert (await imported(http, MyTrackerSwitches(), "login", *[USER] * 60))[0] == [200] * 60


@pytest.mark.parametrize(
    ("said", "code"), [("number", {"status_code": -7}), ("text", {"status_code": "-7"}), ("absent", {})]
)
async def test_sailplay_names_its_codes_as_its_switch_says(
    http: aiohttp.ClientSession, said: Any, code: dict[str, Any]
) -> None:
    async with SailPlaySimulator(switches=SailPlaySwitches(status_code=said)) as vendor:
        answer = await called(vendor, http, "events/list", ACCOUNT | {"token": "another"})
    assert answer == {"status": "error", **code, "message": "Invalid token"}


async def test_a_token_from_login_ends_when_its_time_is_over(http: aiohttp.ClientSession, clock: TurnedClock) -> None:
    login = {"store_department_id": "11", "store_department_key": "demo-department-key", "pin_code": "demo-pin"}
    async with SailPlaySimulator(switches=SailPlaySwitches(token_seconds=5), clock=clock) as vendor:
        given = ACCOUNT | {"token": (await called(vendor, http, "login", login))["token"]}
        clock.seconds += 4.9
        assert (await called(vendor, http, "events/list", given))["status"] == "ok"
        clock.seconds += 0.2
        assert (await called(vendor, http, "events/list", given))["status_code"] == -7


async def test_a_client_that_is_new_is_unknown_for_a_while(http: aiohttp.ClientSession, clock: TurnedClock) -> None:
    async with SailPlaySimulator(switches=SailPlaySwitches(client_after=2), clock=clock) as vendor:
        assert (await called(vendor, http, "events/fire", FIRE))["status_code"] == -4000
        clock.seconds += 2.0
        assert (await called(vendor, http, "events/fire", FIRE))["status"] == "ok"


def test_switches_are_read_from_text() -> None:
    orders = ["mytracker.oversize=413", "sailplay.rate=0", "mytracker.rate=7"]
    assert parse_switches(orders) == (MyTrackerSwitches(oversize="413", rate=7), SailPlaySwitches(rate=0))


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("mytracker.oversize=500", "mytracker.oversize takes 400 or 413, not 500"),
        ("sailplay.rate=fast", "sailplay.rate takes a whole number from 0, not fast"),
        ("sailplay.rate", "write NAME=VALUE"),
        ("oversize=413", "one of mytracker.oversize, "),
        ("other.rate=1", "is not a switch"),
    ],
)
def test_a_switch_that_is_none_is_refused_with_what_would_be_right(order: str, said: str) -> None:
    with pytest.raises(SwitchError, match=said):
        parse_switches([order])


def test_the_commands_help_names_every_switch_with_its_default() -> None:
    said = simulate.__doc__ or ""
    for vendor, kind in (("mytracker", MyTrackerSwitches), ("sailplay", SailPlaySwitches)):
        for switch in fields(kind):
            assert f"{vendor}.{switch.name}={switch.default}" in said
