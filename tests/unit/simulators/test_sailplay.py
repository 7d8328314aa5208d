"""SailPlay's simulator: forms and queries, its errors with status 200, and every point that was given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from connector.simulators.sailplay import SailPlaySimulator, SimulatedEvent, SimulatedLogin
from tests.support.clock import TurnedClock

TOKEN = "d352f4d1d241658e56142f2430bea4f72a80a6ae"  # noqa: S105 - the document's example
BASE = {"token": TOKEN, "store_department_id": "11"}
FIRE = BASE | {"event_key": "flag", "origin_user_id": "u1"}
OK = {"status": "ok"}
MISSING = {"status": "error", "status_code": -1000, "message": "Provide required parameters"}


@pytest.fixture
async def vendor(clock: TurnedClock) -> AsyncIterator[SailPlaySimulator]:
    events = [
        SimulatedEvent("flag", "flag", "F"),
        SimulatedEvent("counter", "counter", "C"),
        SimulatedEvent("sum", "sum", "S"),
    ]
    login = SimulatedLogin("department-key", "1111")
    async with SailPlaySimulator(
        token=TOKEN, store_department_id=11, events=events, login=login, clock=clock
    ) as simulator:
        yield simulator


class Client:
    def __init__(self, vendor: SailPlaySimulator, http: aiohttp.ClientSession) -> None:
        self._url = f"{vendor.url}/api/v2/"
        self._http = http

    async def call(self, method: str, parameters: dict[str, str], verb: str = "POST") -> Any:
        sent: dict[str, Any] = {"params" if verb == "GET" else "data": parameters}
        async with self._http.request(verb, f"{self._url}{method}/", **sent) as response:
            assert response.status == 200
            return await response.json()

    async def status(self, verb: str, path: str, **sent: Any) -> int:
        async with self._http.request(verb, self._url + path, **sent) as response:
            return response.status


@pytest.fixture
def client(vendor: SailPlaySimulator, http: aiohttp.ClientSession) -> Client:
    return Client(vendor, http)


@pytest.mark.parametrize("verb", ["GET", "POST"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"event_key": "counter"},
        {"event_key": "sum", "value": "300"},
        {"event_key": "sum", "value": "1.5"},
        {"value": "7"},
        {"purchase_order_num": "order 7/я"},
    ],
)
async def test_a_fire_is_entered_as_it_was_sent_without_the_token(
    client: Client, vendor: SailPlaySimulator, verb: str, change: dict[str, str]
) -> None:
    sent = FIRE | change
    assert await client.call("events/fire", sent, verb) == OK
    (entry,) = vendor.ledger
    assert entry.item == {name: value for name, value in sent.items() if name != "token"}
    assert (entry.method, entry.batch) == ("events/fire", 1)


@pytest.mark.parametrize("identity", [{"user_phone": "79001234567"}, {"email": "a@b.ru"}, {"origin_user_id": "u"}])
async def test_each_identifier_alone_is_enough(client: Client, identity: dict[str, str]) -> None:
    assert await client.call("events/fire", BASE | {"event_key": "flag"} | identity) == OK


@pytest.mark.parametrize("missing", ["token", "store_department_id", "event_key", "origin_user_id"])
@pytest.mark.parametrize("method", ["events/fire", "events/status"])
async def test_a_required_parameter_must_be_there_and_not_be_empty(client: Client, method: str, missing: str) -> None:
    absent = {name: value for name, value in FIRE.items() if name != missing}
    assert await client.call(method, absent) == MISSING
    assert await client.call(method, FIRE | {missing: ""}) == MISSING


async def test_a_sum_needs_a_value(client: Client, vendor: SailPlaySimulator) -> None:
    assert await client.call("events/fire", FIRE | {"event_key": "sum"}) == MISSING
    assert len(vendor.ledger) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"email": "a@b.ru"},
        {"origin_user_id": "", "user_phone": "+79001234567"},
        {"origin_user_id": "", "user_phone": "7 900"},
        {"event_key": "sum", "value": "much"},
        {"event_key": "sum", "value": "1e3"},
    ],
)
async def test_a_broken_rule_is_the_events_error(
    client: Client, vendor: SailPlaySimulator, change: dict[str, str]
) -> None:
    answer = await client.call("events/fire", FIRE | change)
    assert (answer["status"], answer["status_code"]) == ("error", -1000)
    assert len(vendor.ledger) == 0


async def test_an_unknown_event_is_an_error_without_a_code(client: Client) -> None:
    answer = await client.call("events/fire", FIRE | {"event_key": "nothing"})
    assert answer == {"status": "error", "message": "Event not found"}


@pytest.mark.parametrize("method", ["events/fire", "events/status", "events/list"])
@pytest.mark.parametrize("change", [{"token": "wrong"}, {"store_department_id": "12"}])
async def test_a_token_is_good_for_its_own_department_alone(
    client: Client, method: str, change: dict[str, str]
) -> None:
    assert (await client.call(method, FIRE | change))["status_code"] == -7


async def test_points_given_twice_can_be_seen(client: Client, vendor: SailPlaySimulator) -> None:
    for order in ("1", "2", "2"):
        await client.call("events/fire", FIRE | {"purchase_order_num": order})
    assert [(entry.times, entry.notes["fire_count"]) for entry in vendor.ledger] == [(1, 1), (1, 2), (2, 3)]
    assert vendor.ledger.duplicates == 1
    assert vendor.fires_of_users() == {("origin_user_id", "u1", "flag"): 3}


async def test_the_events_of_the_shop_are_listed(client: Client) -> None:
    answer = await client.call("events/list", BASE, "GET")
    assert answer["status"] == "ok"
    assert {(event["key"], event["kind"], event["name"]) for event in answer["events"]} == {
        ("flag", "flag", "F"),
        ("counter", "counter", "C"),
        ("sum", "sum", "S"),
    }
    assert answer["events"][0]["create_date"] == "1970-01-01T00:16:40"


async def test_status_knows_what_was_fired_for_whom(client: Client, clock: TurnedClock) -> None:
    fire = FIRE | {"event_key": "sum", "value": "300"}
    none = {"status": "error", "status_code": -4007, "message": "Event for user not found"}
    assert await client.call("events/status", fire) == none
    await client.call("events/fire", fire)
    clock.seconds += 60
    await client.call("events/fire", fire | {"value": "0.5"})
    assert (await client.call("events/status", fire))["event"] == {
        "create_date": "1970-01-01T00:16:40",
        "update_date": "1970-01-01T00:17:40",
        "fire_count": 2,
        "calculated_value": 300.5,
    }
    assert await client.call("events/status", fire | {"origin_user_id": "u2"}) == none


async def test_only_a_sum_has_a_calculated_value(client: Client) -> None:
    await client.call("events/fire", FIRE)
    assert "calculated_value" not in (await client.call("events/status", FIRE))["event"]


async def test_a_login_gives_a_token_that_serves_until_it_is_revoked(client: Client, vendor: SailPlaySimulator) -> None:
    login = {"store_department_id": "11", "store_department_key": "department-key", "pin_code": "1111"}
    answer = await client.call("login", login)
    assert answer["status"] == "ok"
    assert await client.call("events/fire", FIRE | {"token": answer["token"]}) == OK
    vendor.order({"revoke_token": True})
    assert (await client.call("events/fire", FIRE | {"token": answer["token"]}))["status_code"] == -7
    renewed = await client.call("login", login)
    assert renewed["token"] != answer["token"]
    assert await client.call("events/fire", FIRE | {"token": renewed["token"]}) == OK


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"pin_code": "1112"}, -2),
        ({"store_department_key": "other"}, -2),
        ({"store_department_id": "12"}, -2),
        ({"pin_code": ""}, -1000),
    ],
)
async def test_a_login_with_wrong_credentials_fails(client: Client, change: dict[str, str], code: int) -> None:
    login = {"store_department_id": "11", "store_department_key": "department-key", "pin_code": "1111"} | change
    assert (await client.call("login", login))["status_code"] == code


async def test_a_post_that_is_no_form_has_no_parameters(
    client: Client, vendor: SailPlaySimulator, http: aiohttp.ClientSession
) -> None:
    url = f"{vendor.url}/api/v2/events/fire/"
    async with http.post(url, json=FIRE) as response:
        assert await response.json() == MISSING
    async with http.post(url, params=FIRE) as response:
        assert await response.json() == MISSING


async def test_other_paths_and_verbs_do_not_exist(client: Client) -> None:
    assert await client.status("GET", "events/fire", params=FIRE) == 404
    assert await client.status("GET", "events/delete/", params=FIRE) == 404
    assert await client.status("PUT", "events/fire/", data=FIRE) == 404


async def test_more_than_fifty_requests_in_any_second_are_refused(
    client: Client, vendor: SailPlaySimulator, clock: TurnedClock
) -> None:
    for _ in range(49):
        assert await client.status("POST", "events/fire/", data=FIRE) == 200
    clock.seconds += 0.9
    assert await client.status("GET", "events/list/", params=BASE) == 200
    assert await client.status("POST", "events/fire/", data=FIRE) == 429
    clock.seconds += 0.1
    assert await client.status("POST", "events/fire/", data=FIRE) == 200
    assert len(vendor.ledger) == 50
    assert vendor.ledger.summary()["by_status"] == {"200": 51, "429": 1}
