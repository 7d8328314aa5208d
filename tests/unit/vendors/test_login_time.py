"""A login takes its own time, never that of the request that waits for it. In virtual time: nothing really waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.model import ACCEPTED, Outcome, OutcomeKind
from connector.service.vendor_events import audit_events
from connector.vendors.http_sink import HttpSink, at_once, open_sink
from connector.vendors.sailplay.events import EVENTS, fetch_events
from tests.support.sinks import sailplay_settings
from tests.support.virtual_time import LoopClock, VirtualTimeLoop
from tests.unit.vendors.mocked import item

TIMEOUT = 10.0
OK = {"status": "ok"}


class SlowVendor(httpx.AsyncBaseTransport):
    """Answers each kind of call after its seconds; refuses the first `tokens_refused` tokens."""

    def __init__(self, *, login: float, call: float, tokens_refused: int = 0) -> None:
        self.seconds = {"login": login, "events": call}
        self.tokens_refused = tokens_refused
        self.logins = 0
        self.begun: list[float] = []  # when each call but logins was sent
        self.cut_off = 0  # calls that nobody waited for any more

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        what = request.url.path.split("/")[3]
        if what == "login":
            self.logins += 1
        else:
            self.begun.append(now())
        try:
            await asyncio.sleep(self.seconds[what])
        except asyncio.CancelledError:
            self.cut_off += 1
            raise
        if what == "login":
            return httpx.Response(200, json={"status": "ok", "token": f"t{self.logins}"})
        if f"token=t{self.tokens_refused + 1}".encode() not in request.content and self.tokens_refused:
            return httpx.Response(200, json={"status": "error", "status_code": -7, "message": "Invalid token"})
        return httpx.Response(200, json={"status": "ok", "events": []})


def now() -> float:
    return asyncio.get_running_loop().time()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(test())


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., HttpSink]:
    for name in ("key", "pin"):
        (tmp_path / name).write_text(name)
    login = {
        "store_department_key": {"file": str(tmp_path / "key")},
        "pin_code": {"file": str(tmp_path / "pin")},
    }

    def make(vendor: SlowVendor, **options: Any) -> HttpSink:
        settings = sailplay_settings("https://s.test", {"login": login}, timeout=f"{TIMEOUT:g}s")
        return open_sink(settings, vendor, LoopClock(), options.pop("wait_for_rate", at_once), **options)

    return make


FIRE = item(b"event_key=k&origin_user_id=u", "fire")


@pytest.mark.parametrize("login", [0.0, 5.0, 9.9])
@pytest.mark.parametrize("fire", [0.1, 9.9])
def test_a_fire_after_a_slow_login_has_its_whole_time(
    opened: Callable[..., HttpSink], login: float, fire: float
) -> None:
    async def test() -> None:
        vendor = SlowVendor(login=login, call=fire)
        assert await opened(vendor, drain=2 * TIMEOUT).send("fire", [FIRE]) is ACCEPTED
        assert vendor.cut_off == 0

    run(test)


@pytest.mark.parametrize("login", [3.0, 8.0])
def test_a_fire_that_is_sent_again_after_a_renewal_has_its_whole_time(
    opened: Callable[..., HttpSink], login: float
) -> None:
    async def test() -> None:
        vendor = SlowVendor(login=login, call=1.0, tokens_refused=1)
        sink = opened(vendor)
        vendor.seconds["login"] = 0.0
        await sink._credentials.fetch(None)  # the first token, which is refused
        vendor.seconds["login"] = login
        assert await sink.send("fire", [FIRE]) is ACCEPTED
        assert vendor.logins == 2
        assert vendor.cut_off == 0

    run(test)


def test_a_fire_that_would_end_after_the_drain_is_not_begun_and_the_next_has_the_token(
    opened: Callable[..., HttpSink],
) -> None:
    async def test() -> None:
        vendor = SlowVendor(login=6.0, call=9.0)
        sink = opened(vendor, drain=TIMEOUT + 5.0)
        began = now()
        outcome = await sink.send("fire", [FIRE])
        assert (outcome.kind, outcome.status, outcome.effect_unknown) == (OutcomeKind.UNAVAILABLE, None, False)
        assert "was not sent" in outcome.message
        assert now() - began <= 5.0
        assert vendor.begun == []
        await asyncio.sleep(2.0)  # the login goes on
        assert await sink.send("fire", [FIRE]) is ACCEPTED
        assert vendor.logins == 1
        assert vendor.cut_off == 0

    run(test)


@pytest.mark.parametrize("drain", [10.1, 12.0, 15.0, 20.0, 60.0, None])
@pytest.mark.parametrize("login", [0.05, 1.9, 4.9, 9.9, 12.0])
@pytest.mark.parametrize("fire", [0.1, 9.9, 11.0])
def test_whatever_is_begun_has_its_whole_time_and_ends_within_the_drain(
    opened: Callable[..., HttpSink], login: float, fire: float, drain: float | None
) -> None:
    async def test() -> None:
        vendor = SlowVendor(login=login, call=fire)
        sink = opened(vendor, drain=drain)
        began = now()
        outcome = await sink.send("fire", [FIRE])
        took = now() - began
        assert took <= min(2 * TIMEOUT, drain or 2 * TIMEOUT) + 0.001
        assert outcome.effect_unknown == bool(vendor.begun and fire > TIMEOUT)
        if vendor.begun:
            assert took - (vendor.begun[0] - began) >= min(fire, TIMEOUT) - 0.001
        await sink.close()

    run(test)


def test_the_rate_takes_none_of_a_fires_time_either(opened: Callable[..., HttpSink]) -> None:
    async def test() -> None:
        async def slowly() -> None:
            await asyncio.sleep(2.0)

        vendor = SlowVendor(login=3.0, call=9.0)
        assert await opened(vendor, wait_for_rate=slowly).send("fire", [FIRE]) is ACCEPTED
        vendor = SlowVendor(login=7.0, call=9.0)  # two waits and the login: too late
        outcome = await opened(vendor, wait_for_rate=slowly).send("fire", [FIRE])
        assert (outcome.kind, outcome.effect_unknown, vendor.begun) == (OutcomeKind.UNAVAILABLE, False, [])

    run(test)


def test_what_check_live_asks_has_its_whole_time_too(opened: Callable[..., HttpSink]) -> None:
    async def test() -> None:
        sink = opened(SlowVendor(login=8.0, call=8.0))
        assert await fetch_events(sink.settings, sink.ask) == {}  # type: ignore[arg-type]
        sink = opened(SlowVendor(login=8.0, call=8.0))
        assert not isinstance(await audit_events(sink, EVENTS, []), Outcome)

    run(test)
