"""The Beacon sink: the sink contract over a mock transport, and both before the strict simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import orjson
import pytest
from beacon.fields import LIMITS, METHODS
from beacon.simulator import BeaconSimulator
from beacon.vendor import BEACON, BeaconSettings, probe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.clock import SystemClock
from connector.errors import FieldError
from connector.http.client import default_transport
from connector.model import ACCEPTED, Item, OutcomeKind, Record
from connector.vendors.http_sink import HttpSink, at_once

TOKEN = "s3cret"  # noqa: S105 - only the simulator knows it
GOOD = {"user": "u", "name": "order.paid", "at": 1772355600}
Handler = Callable[[httpx.Request], httpx.Response]
MakeSink = Callable[..., HttpSink]


def item(values: dict[str, Any]) -> Item:
    return Item(Record("t", 0, 0, -1, None, b"{}", ()), "route", "track", METHODS["track"].encode(values))


def keep(file: Path, text: str | None) -> None:
    """Put a token into its file; None takes the file away."""
    if text is None:
        file.unlink()
    else:
        file.write_text(text)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    keep(file, TOKEN)
    return file


def account(token: Path, url: str = "https://b.test") -> BeaconSettings:
    section = {"kind": "beacon", "base_url": url, "token": {"file": str(token)}, "timeout": "5s"}
    return BeaconSettings.from_section(section, name="beacon")


@pytest.fixture
def make(token: Path) -> MakeSink:
    def make(handler: Handler | None = None, url: str = "https://b.test") -> HttpSink:
        transport = default_transport(1) if handler is None else httpx.MockTransport(handler)
        return HttpSink(account(token, url), BEACON, transport, SystemClock(), at_once)

    return make


@pytest.fixture
async def simulator() -> AsyncIterator[BeaconSimulator]:
    async with BeaconSimulator(0, [TOKEN]) as simulator:
        yield simulator


# --- the contract: whose fault is what ---


@pytest.mark.parametrize(
    ("status", "content", "blame"),
    [
        (202, {"accepted": 1}, OutcomeKind.ACCEPTED),
        (202, {"accepted": 0}, OutcomeKind.UNAVAILABLE),  # not what was sent: some proxy's word
        (200, {"accepted": 1}, OutcomeKind.UNAVAILABLE),
        (400, {"error": "line 1"}, OutcomeKind.REJECTED),
        (413, {}, OutcomeKind.REJECTED),
        (401, {"error": "no such token"}, OutcomeKind.MISCONFIGURED),
        (404, {"error": "no such path"}, OutcomeKind.MISCONFIGURED),
        (307, {}, OutcomeKind.MISCONFIGURED),
        (429, {}, OutcomeKind.UNAVAILABLE),
        (500, {}, OutcomeKind.UNAVAILABLE),
        (503, {}, OutcomeKind.UNAVAILABLE),
    ],
)
async def test_an_answer_says_whose_fault_it_is(make: MakeSink, status: int, content: Any, blame: OutcomeKind) -> None:
    sink = make(lambda _: httpx.Response(status, json=content))
    assert (await sink.send("track", [item(GOOD)])).kind is blame


async def test_a_broken_connection_is_an_outcome_whose_text_names_no_secret(make: MakeSink) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"{request.url} {request.headers}")

    outcome = await make(fail).send("track", [item(GOOD)])
    assert (outcome.kind, outcome.status, outcome.effect_unknown) == (OutcomeKind.UNAVAILABLE, None, True)
    assert TOKEN not in outcome.message


async def test_an_answer_that_echoes_the_token_is_masked(make: MakeSink) -> None:
    outcome = await make(lambda request: httpx.Response(400, text=str(request.headers))).send("track", [item(GOOD)])
    assert TOKEN not in outcome.message
    outcome = await make(lambda _: httpx.Response(401, json={"error": TOKEN})).send("track", [item(GOOD)])
    assert outcome.message == "***"


async def test_without_a_token_nothing_is_sent_and_a_new_one_is_taken(make: MakeSink, token: Path) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(202 if len(seen) > 1 else 401, json={"accepted": 1})

    keep(token, None)
    sink = make(answer)
    assert "cannot be read" in (sink.credentials_ready() or "")
    assert (await sink.send("track", [item(GOOD)])).kind is OutcomeKind.MISCONFIGURED
    assert not seen
    keep(token, "old")
    assert sink.credentials_ready() is None
    assert (await sink.send("track", [item(GOOD)])).kind is OutcomeKind.MISCONFIGURED
    assert not sink.credentials_renewed()
    keep(token, "renewed")
    assert sink.credentials_renewed()
    assert await sink.send("track", [item(GOOD)]) is ACCEPTED
    assert seen == ["Bearer old", "Bearer renewed"]


# --- sink and simulator ---


async def test_the_simulator_takes_what_the_sink_sends_to_the_limit(make: MakeSink, simulator: BeaconSimulator) -> None:
    sink = make(url=simulator.url)
    items = [item(GOOD | {"user": f"user-{number}", "tags": {"n": number}}) for number in range(LIMITS.max_events)]
    assert await sink.send("track", items) is ACCEPTED
    assert (await sink.send("track", [*items, item(GOOD)])).kind is OutcomeKind.REJECTED
    await sink.close()
    summary = simulator.ledger.summary()
    assert (summary["events"], summary["max_items"]) == (50, 50)


async def test_one_bad_line_refuses_all_of_them(make: MakeSink, simulator: BeaconSimulator) -> None:
    sink = make(url=simulator.url)
    bad = item(GOOD)._replace(body=b'{"user":"u"}')
    outcome = await sink.send("track", [item(GOOD), bad])
    await sink.close()
    assert (outcome.kind, outcome.message) == (OutcomeKind.REJECTED, "line 2: name breaks its rule")
    assert simulator.ledger.events == 0


async def test_a_probe_says_whether_the_token_is_accepted_and_sends_no_event(
    make: MakeSink, simulator: BeaconSimulator, token: Path
) -> None:
    settings, sink = account(token, simulator.url), make(url=simulator.url)
    assert await probe(settings, sink.ask) is ACCEPTED
    keep(token, "another")
    assert (await probe(settings, sink.ask)).kind is OutcomeKind.MISCONFIGURED
    await sink.close()
    assert simulator.ledger.events == 0


# --- the field table ---

scalars = st.one_of(st.text(max_size=5), st.sampled_from(["x" * 128, "x" * 129, "a.b"]), st.integers(), st.none())
values = st.one_of(scalars, st.dictionaries(st.text(max_size=3), scalars, max_size=2))


# The first text that hypothesis makes on a machine takes it seconds.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*METHODS["track"].fields]), values))
def test_what_is_encoded_is_valid_and_what_is_refused_would_not_have_been(given_values: dict[str, Any]) -> None:
    given_values = GOOD | given_values
    validator = jsonschema_rs.validator_for(dict(METHODS["track"].schema))
    try:
        body = METHODS["track"].encode(given_values)
    except FieldError:
        assert not validator.is_valid(given_values)
    else:
        assert validator.is_valid(orjson.loads(body))
