"""The requests to each vendor, to the byte."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from tests.unit.vendors.mocked import OK, TOKEN, item, keep, mytracker, sailplay


class Recorded:
    """A handler that keeps the last request and accepts."""

    request: httpx.Request

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.request = request
        return httpx.Response(200, json=OK)


@pytest.mark.parametrize("method", ["registration", "login", "customEvent", "customRevenue"])
async def test_mytracker_gets_the_items_as_one_array_by_the_batch_form(token_file: Path, method: str) -> None:
    seen = Recorded()
    await mytracker(seen, token_file).send(method, [item(b'{"a":1}', method), item(b'{"b":2}', method)])
    assert seen.request.method == "POST"
    assert str(seen.request.url) == f"https://tracker.test/v1/{method}Batch/?idApp=666"
    assert seen.request.content == b'[{"a":1},{"b":2}]'
    assert seen.request.headers["authorization"] == TOKEN
    assert seen.request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("size", "form", "sent"),
    [(9_998, "customEventBatch", 10_000), (9_999, "customEvent", 9_999), (10_000, "customEvent", 10_000)],
)
async def test_mytrackers_single_form_takes_what_only_the_arrays_brackets_make_too_large(
    token_file: Path, size: int, form: str, sent: int
) -> None:
    seen = Recorded()
    await mytracker(seen, token_file).send("customEvent", [item(b"x" * size)])
    assert seen.request.url.path == f"/v1/{form}/"
    assert len(seen.request.content) == sent


async def test_mytracker_takes_a_new_token_for_the_next_request(token_file: Path) -> None:
    seen = Recorded()
    sink = mytracker(seen, token_file)
    await sink.send("login", [item(b"{}")])
    keep(token_file, "renewed")
    await sink.send("login", [item(b"{}")])
    assert seen.request.headers["authorization"] == "renewed"


ACCOUNT = {"token": [TOKEN], "store_department_id": ["11"]}


async def test_sailplay_by_post_sends_a_form_and_no_token_in_the_url(token_file: Path) -> None:
    seen = Recorded()
    await sailplay(seen, token_file).send("fire", [item(b"event_key=k&email=a%2Bb%40c.d")])
    assert seen.request.method == "POST"
    assert str(seen.request.url) == "https://sailplay.test/api/v2/events/fire/"
    assert seen.request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(seen.request.content.decode()) == {"event_key": ["k"], "email": ["a+b@c.d"], **ACCOUNT}


async def test_sailplay_by_get_sends_everything_in_the_url(token_file: Path) -> None:
    seen = Recorded()
    await sailplay(seen, token_file, "get").send("fire", [item(b"event_key=k&email=a%2Bb%40c.d")])
    assert seen.request.method == "GET"
    assert seen.request.content == b""
    assert seen.request.url.path == "/api/v2/events/fire/"
    assert parse_qs(seen.request.url.query.decode()) == {"event_key": ["k"], "email": ["a+b@c.d"], **ACCOUNT}
