"""The cost of a request: a sink's `send`, 32 at a time, against the checking sink in another process.

None asserts a time. For CPU instead of waiting:
`.venv/bin/pytest benchmarks/micro/test_request.py --benchmark-enable --benchmark-timer time.process_time`
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import uvloop
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.contenders import TOKEN, Vendor
from benchmarks.events import Load, user
from benchmarks.measuring import running_sink
from connector.model import ACCEPTED, Item, Outcome, Record
from connector.vendors.base import Sink
from connector.vendors.registry import VENDORS
from tests.support.sinks import mytracker_settings, opened, sailplay_settings

REQUESTS, IN_FLIGHT, KEYS = 320, 32, 100
RECORD = Record("events", 0, 0, -1, None, b"{}", ())


def mytracker(url: str, token: Path) -> Sink:
    return opened(mytracker_settings(url, token, max_in_flight=IN_FLIGHT))


def sailplay(url: str, token: Path) -> Sink:
    return opened(sailplay_settings(url, token, max_in_flight=IN_FLIGHT))


def custom_event(number: int) -> bytes:
    params = b'{"level":"7","zone":"forest","n":"%d"}' % number
    return b'{"customUserId":"%b","customEventName":"level.completed","customEventParams":%b}' % (name(number), params)


def fire(number: int) -> bytes:
    return b"origin_user_id=%b&event_key=85783d035a&value=7&purchase_order_num=%d" % (name(number), number)


def name(number: int) -> bytes:
    return user(number % KEYS).encode()


async def sent(sink: Sink, method: str, batches: Sequence[Sequence[Item]]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for first in range(0, len(batches), IN_FLIGHT):
        outcomes += await asyncio.gather(*(sink.send(method, batch) for batch in batches[first : first + IN_FLIGHT]))
    return outcomes


@pytest.mark.parametrize(
    ("vendor", "make", "method", "encode"),
    [("mytracker", mytracker, "customEvent", custom_event), ("sailplay", sailplay, "fire", fire)],
    ids=["mytracker", "sailplay"],
)
def test_requests(
    benchmark: BenchmarkFixture,
    tmp_path: Path,
    vendor: Vendor,
    make: Callable[[str, Path], Sink],
    method: str,
    encode: Callable[[int], bytes],
) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    size = VENDORS[vendor].limits.max_events
    items = [Item(RECORD, "route", method, encode(number)) for number in range(REQUESTS * size)]
    batches = [items[first : first + size] for first in range(0, len(items), size)]
    with (
        running_sink(Load(len(items), keys=KEYS), vendor, 0.0, None) as vendors,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        sink = make(vendors.url, token)
        outcomes = benchmark(lambda: runner.run(sent(sink, method, batches)))
        runner.run(sink.close())
    assert outcomes == [ACCEPTED] * REQUESTS
