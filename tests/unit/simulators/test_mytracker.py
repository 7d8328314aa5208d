"""myTracker's simulator accepts what the document allows and refuses everything else, whole batches at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from connector.simulators.mytracker import MyTrackerSimulator

TOKEN = "skjdfASFasf03asdffar3asJHB32r"  # noqa: S105 - the document's example
OK = '{"message": "ОK"}'  # noqa: RUF001 - the document's Cyrillic letter
BAD_REQUEST = '{"error": "Bad Request"}'

USER = {"customUserId": "1"}
EVENT = USER | {"customEventName": "levelUp"}
REVENUE = USER | {"eventTimestamp": 1580213208, "idTransaction": "order1", "currency": "USD", "total": 1.99}
EXAMPLES: dict[str, dict[str, Any]] = {
    "registration": USER,
    "login": USER,
    "customEvent": EVENT,
    "customRevenue": REVENUE,
}
DOCUMENTS_EXAMPLE = {
    "customUserId": "1",
    "customEventName": "levelUp",
    "customEventParams": {"level": "2"},
    "idGender": "1",
    "age": "25",
    "eventTimestamp": "1580213208",
    "instanceId": "00000000-0000-0000-0000-000000000000",
}


@pytest.fixture
async def vendor() -> AsyncIterator[MyTrackerSimulator]:
    async with MyTrackerSimulator(token=TOKEN, app_id=666) as simulator:
        yield simulator


class Client:
    def __init__(self, vendor: MyTrackerSimulator, http: aiohttp.ClientSession) -> None:
        self._url = vendor.url
        self._http = http

    async def send(
        self, path: str, body: bytes, query: str = "?idApp=666", token: str | None = TOKEN, verb: str = "POST"
    ) -> tuple[int, str]:
        headers = {} if token is None else {"Authorization": token}
        async with self._http.request(verb, self._url + path + query, data=body, headers=headers) as response:
            assert response.content_type == "application/json"
            return response.status, await response.text()

    async def call(self, method: str, content: Any) -> tuple[int, str]:
        return await self.send(f"/v1/{method}/", orjson.dumps(content))


@pytest.fixture
def client(vendor: MyTrackerSimulator, http: aiohttp.ClientSession) -> Client:
    return Client(vendor, http)


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("method", EXAMPLES)
async def test_every_method_takes_one_event_or_a_batch(
    client: Client, vendor: MyTrackerSimulator, method: str, slash: str
) -> None:
    event = EXAMPLES[method]
    assert await client.send(f"/v1/{method}{slash}", orjson.dumps(event)) == (200, OK)
    assert await client.send(f"/v1/{method}Batch{slash}", orjson.dumps([event, event])) == (200, OK)
    assert [entry.item for entry in vendor.ledger] == [event] * 3
    assert [entry.method for entry in vendor.ledger] == [method, f"{method}Batch", f"{method}Batch"]


async def test_the_documents_own_example_is_accepted(client: Client) -> None:
    assert await client.call("customEvent", DOCUMENTS_EXAMPLE) == (200, OK)


LONG = "x" * 255
UUID = "00000000-0000-0000-0000-000000000000"
ACCEPTED: list[tuple[str, Any]] = [
    ("eventTimestamp", 0),
    ("eventTimestamp", 4294967295),
    ("eventTimestamp", "4294967295"),
    ("customUserId", "я" * 1024),
    ("ipv4", "125.125.125.125"),
    ("ipv6", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"),
    ("ipv6", "0000:0000:0000:0000:0000:ffff:255.255.255.255"),
    *(("idGender", value) for value in (0, 1, 2, "2")),
    ("age", 128),
    ("age", "38"),
    *(("connectionType", value) for value in (0, 2, "1")),
    *(("bluetoothEnabled", value) for value in (0, 2, "1")),
    *(("adTrackingEnabled", value) for value in (0, 1, "1")),
    *(("adBlocker", value) for value in (0, 1, "0")),
    *((name, UUID) for name in ("instanceId", "idfa", "iosVendorId", "gaid")),
    ("androidId", "0" * 16),
    ("lvid", "0" * 32),
    ("userAgent", "x" * 2048),
]
REFUSED: list[tuple[str, Any]] = [
    *(("eventTimestamp", value) for value in (-1, 4294967296, 1580213208000, "-1", "now", "", 1.5, True, None, "1.5")),
    *(("customUserId", value) for value in ("x" * 1025, 1, None, "")),
    *(("ipv4", value) for value in ("256.1.1.1", "1.2.3", "::1", 1, "")),
    *(("ipv6", value) for value in ("1.2.3.4", "x", None)),
    *(("idGender", value) for value in (3, -1, "3", "male", True, 1.0)),
    *(("age", value) for value in (129, "129", "old", 30.5)),
    *(("connectionType", value) for value in (3, "wi-fi")),
    *(("bluetoothEnabled", value) for value in (3, False)),
    *(("adTrackingEnabled", value) for value in (2, "2", True)),
    *(("adBlocker", value) for value in (2, "no")),
    *((name, UUID[1:]) for name in ("instanceId", "idfa", "iosVendorId", "gaid")),
    *((name, UUID + "0") for name in ("instanceId", "idfa", "iosVendorId", "gaid")),
    *(("androidId", "0" * length) for length in (15, 17)),
    *(("lvid", "0" * length) for length in (31, 33)),
    ("userAgent", "x" * 2049),
    ("nickname", "unknown to the document"),
]


@pytest.mark.parametrize(("field", "value"), ACCEPTED)
async def test_a_common_parameter_within_its_rule_is_accepted(client: Client, field: str, value: Any) -> None:
    assert await client.call("login", USER | {field: value}) == (200, OK)


@pytest.mark.parametrize(("field", "value"), REFUSED)
async def test_a_common_parameter_outside_its_rule_refuses_the_event(
    client: Client, vendor: MyTrackerSimulator, field: str, value: Any
) -> None:
    assert await client.call("login", USER | {field: value}) == (400, BAD_REQUEST)
    assert len(vendor.ledger) == 0
    if field != "nickname":
        assert field in vendor.ledger.summary()["last_refusals"][0]["reason"]


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("customEvent", {"customEventName": LONG}),
        ("customEvent", {"customEventParams": {"a": "1", LONG: LONG}}),
        ("customEvent", {"customEventParams": {str(number): "1" for number in range(300)}}),
        ("customRevenue", {"idTransaction": LONG}),
        ("customRevenue", {"currency": "840"}),
        ("customRevenue", {"total": 0}),
        ("customRevenue", {"total": 12.3456}),
    ],
)
async def test_a_methods_own_parameter_within_its_rule_is_accepted(client: Client, method: str, change: Any) -> None:
    assert await client.call(method, EXAMPLES[method] | change) == (200, OK)


BAD_PARAMS: list[Any] = [
    *([], "a", None),
    *({"a": 1}, {"a": ""}, {"": "a"}, {"a": {}}),
    *({LONG + "x": "a"}, {"a": LONG + "x"}),
]


@pytest.mark.parametrize(
    ("method", "change"),
    [
        *(("customEvent", {"customEventName": value}) for value in ("", LONG + "x", 7, None)),
        *(("customEvent", {"customEventParams": value}) for value in BAD_PARAMS),
        ("customEvent", {"total": 1}),
        *(("customRevenue", {"idTransaction": value}) for value in ("", LONG + "x", 7)),
        *(("customRevenue", {"currency": value}) for value in ("usd", "US", "USDT", "", 840)),
        *(("customRevenue", {"total": value}) for value in (-0.01, 1.00001, "1.99", True, None)),
        ("login", {"customEventName": "a"}),
        ("registration", {"idTransaction": "a"}),
    ],
)
async def test_a_methods_own_parameter_outside_its_rule_refuses_the_event(
    client: Client, method: str, change: Any
) -> None:
    assert await client.call(method, EXAMPLES[method] | change) == (400, BAD_REQUEST)


@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("registration", "customUserId"),
        ("login", "customUserId"),
        ("customEvent", "customEventName"),
        ("customEvent", "customUserId"),
        *(("customRevenue", field) for field in REVENUE),
    ],
)
async def test_a_required_parameter_must_be_there(client: Client, method: str, field: str) -> None:
    event = {name: value for name, value in EXAMPLES[method].items() if name != field}
    assert await client.call(method, event) == (400, BAD_REQUEST)


DEVICES = dict.fromkeys(("instanceId", "gaid", "idfa", "iosVendorId"), UUID) | {
    "androidId": "0" * 16,
    "lvid": "0" * 32,
}


@pytest.mark.parametrize(("device", "identifier"), DEVICES.items())
@pytest.mark.parametrize(
    ("method", "status"), [("customEvent", 200), ("customRevenue", 200), ("registration", 400), ("login", 400)]
)
async def test_a_device_stands_for_the_user_where_the_document_says_so(
    client: Client, method: str, status: int, device: str, identifier: str
) -> None:
    event = {name: value for name, value in EXAMPLES[method].items() if name != "customUserId"}
    assert (await client.call(method, event | {device: identifier}))[0] == status


@pytest.mark.parametrize("position", [0, 10, 19])
async def test_one_broken_event_refuses_the_whole_batch(
    client: Client, vendor: MyTrackerSimulator, position: int
) -> None:
    batch: list[Any] = [USER] * 20
    batch[position] = {"customUserId": 1}
    assert await client.call("loginBatch", batch) == (400, BAD_REQUEST)
    assert len(vendor.ledger) == 0
    assert f"[{position}] customUserId" in vendor.ledger.summary()["last_refusals"][0]["reason"]


@pytest.mark.parametrize(("count", "status"), [(0, 400), (1, 200), (20, 200), (21, 400)])
async def test_a_batch_holds_one_to_twenty_events(client: Client, count: int, status: int) -> None:
    assert (await client.call("loginBatch", [USER] * count))[0] == status


@pytest.mark.parametrize(("size", "status"), [(9_999, 200), (10_000, 200), (10_001, 400)])
async def test_a_body_is_at_most_ten_thousand_bytes(client: Client, size: int, status: int) -> None:
    bare = len(orjson.dumps(EVENT | {"customEventParams": {}}))
    params = {str(number): "x" * 255 for number in range(100, 137)}
    rest = size - bare - (len(orjson.dumps(params)) - 2) - len(',"p":""')
    body = orjson.dumps(EVENT | {"customEventParams": params | {"p": "x" * rest}})
    assert len(body) == size
    assert (await client.send("/v1/customEvent/", body))[0] == status


@pytest.mark.parametrize("content", [USER, "text", 1, None, True, [1], [[]], [None]])
async def test_a_batch_is_an_array_of_objects(client: Client, content: Any) -> None:
    assert await client.call("loginBatch", content) == (400, BAD_REQUEST)


@pytest.mark.parametrize("content", [[USER], "text", 1, None])
async def test_a_single_event_is_an_object(client: Client, content: Any) -> None:
    assert await client.call("login", content) == (400, BAD_REQUEST)


@pytest.mark.parametrize("body", [b"{", b'{"customUserId": "1",}', b"customUserId=1", b" ", b"\xff", b'{"total":NaN}'])
async def test_what_is_not_json_is_told_so(client: Client, body: bytes) -> None:
    assert await client.send("/v1/login/", body) == (400, '{"error": "Bad json"}')


async def test_an_empty_body_is_told_so(client: Client) -> None:
    assert await client.send("/v1/login/", b"") == (400, '{"error": "Empty post data"}')
    assert await client.send("/v1/login/", b"", verb="GET") == (400, '{"error": "Empty post data"}')


async def test_only_version_one_exists(client: Client) -> None:
    for path in ("/v2/login/", "/v0/login", "/v10/nothing/"):
        assert await client.send(path, orjson.dumps(USER)) == (400, '{"error": "Bad api version"}')


@pytest.mark.parametrize("path", ["/v1/logout/", "/v1/", "/", "/v1/login/more", "/v1/loginbatch/", "/v1/versionBatch"])
async def test_a_method_that_does_not_exist_is_told_so(client: Client, path: str) -> None:
    assert await client.send(path, orjson.dumps(USER)) == (404, '{"error": "Method not found"}')


@pytest.mark.parametrize("path", ["/v1/login/", "/v1/version", "/v1/test-app-access"])
@pytest.mark.parametrize("token", [None, "", "wrong", f"Bearer {TOKEN}", TOKEN.lower()])
async def test_the_token_is_compared_raw(client: Client, path: str, token: str | None) -> None:
    assert await client.send(path, b"true", token=token) == (403, '{"error": "Forbidden"}')


@pytest.mark.parametrize("query", ["", "?idApp=", "?idApp=667", "?idapp=666", "?idApp=x"])
async def test_the_token_is_good_for_its_own_app_alone(client: Client, query: str) -> None:
    assert await client.send("/v1/login/", orjson.dumps(USER), query=query) == (403, '{"error": "Forbidden"}')


@pytest.mark.parametrize("method", ["version", "test-app-access"])
async def test_credentials_can_be_asked_about(client: Client, vendor: MyTrackerSimulator, method: str) -> None:
    assert await client.send(f"/v1/{method}", b"true") == (200, OK)
    assert len(vendor.ledger) == 0


async def test_an_event_is_the_same_whether_it_came_alone_or_in_a_batch(
    client: Client, vendor: MyTrackerSimulator
) -> None:
    await client.call("login", USER)
    await client.call("loginBatch", [{"customUserId": "2"}, USER])
    await client.call("registration", USER)
    assert [entry.times for entry in vendor.ledger] == [1, 1, 2, 1]
    assert vendor.ledger.duplicates == 1
