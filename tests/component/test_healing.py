"""Codes that may heal (`retry_codes`): their retries hold their own keys, and never the sink."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from connector.model import ACCEPTED, Limits, Outcome, OutcomeKind
from tests.component.doubles import Request
from tests.component.harness import HERE, Harness

TERM = 600.0
UNKNOWN_CLIENT = Outcome(OutcomeKind.UNAVAILABLE, 200, "no such client", code="-4000", retry_for=TERM)
ONE_BY_ONE = Limits(max_events=1, max_bytes=1000)


def unknown(request: Request) -> Outcome:
    return UNKNOWN_CLIENT if any(b"unknown" in item.body for item in request.items) else ACCEPTED


def retries(line: Harness) -> list[Request]:
    """The requests that carried what was sent before."""
    seen: set[int] = set()
    found = []
    for request in line.vendor.requests:
        if not seen.isdisjoint(request.offsets):
            found.append(request)
        seen.update(request.offsets)
    return found


def line_of(**options: object) -> Harness:
    line = Harness(limits=ONE_BY_ONE, **options)  # type: ignore[arg-type]  # the harness's own options
    line.vendor.answer = unknown
    return line


@pytest.mark.parametrize(("max_in_flight", "rate"), [(4, 10.0), (1, None)])
async def test_good_events_never_wait_for_unknown_clients(max_in_flight: int, rate: float | None) -> None:
    """Half the sink's rate for half an hour, and every twentieth client is unknown."""
    line = line_of(max_in_flight=max_in_flight, rate=rate)
    most_waiting = 0
    for number in range(30 * 60 * 5):
        line.produce(b"unknown" if number % 20 == 0 else b"good", key=b"key%d" % number)
        await asyncio.sleep(0.2)
        good = number + 1 - number // 20 - 1
        most_waiting = max(most_waiting, good - line.stats.delivered)
    assert most_waiting <= 10
    assert line.stats.vendor_outages == 0
    await line.settled()
    line.check_accounts()
    assert line.topic.reasons() == {"refused": 450}
    await line.end()


async def test_retries_take_a_quarter_of_the_rate_at_most_even_where_nothing_else_is_sent() -> None:
    line = line_of(rate=20.0)
    for number in range(400):
        line.produce(b"unknown", key=b"key%d" % number)
    await line.until(lambda: len(line.vendor.requests) >= 600)
    begun = asyncio.get_running_loop().time()
    await asyncio.sleep(60.0)
    in_a_minute = sum(each.at >= begun for each in retries(line))
    assert 5 * 60 * 0.9 <= in_a_minute <= 5 * 60 + 1
    await line.end()


@pytest.mark.parametrize(("max_in_flight", "places"), [(32, 8), (4, 1), (1, 1)])
async def test_retries_take_a_quarter_of_the_places_at_most_and_one_at_least(max_in_flight: int, places: int) -> None:
    line = line_of(max_in_flight=max_in_flight)
    for number in range(400):
        line.produce(b"unknown", key=b"key%d" % number)
    await line.until(lambda: len(line.vendor.requests) >= 400)
    line.vendor.latency = 2.0
    await asyncio.sleep(1.0)
    line.vendor.most_in_flight = 0
    await asyncio.sleep(120.0)
    assert line.vendor.most_in_flight == places
    await line.end()


async def test_while_others_wait_one_request_in_four_is_a_retry_at_most() -> None:
    line = line_of(max_in_flight=1)
    for number in range(400):
        line.produce(b"unknown", key=b"key%d" % number)
    await line.until(lambda: len(line.vendor.requests) >= 400)
    await asyncio.sleep(30.0)
    begun = len(line.vendor.requests)
    for number in range(300):
        line.produce(b"good", key=b"other%d" % number)
    await line.until(lambda: line.stats.delivered == 300)
    good = [b"good" in each.items[0].body for each in line.vendor.requests[begun:]]
    while not good[0]:  # sent before the first of the good ones was read
        good.pop(0)
    assert len(good) - sum(good) <= sum(good) / 3 + 1
    assert all(sum(good[at : at + 4]) >= 3 for at in range(len(good) - 4))
    await line.end()


async def test_every_event_gets_its_retries_in_turn_where_their_share_is_too_small_for_all() -> None:
    """The one whose time came first goes first, so that the youngest are not left without any until their term ends."""
    line = line_of(rate=4.0)
    for number in range(300):
        line.produce(b"unknown", key=b"key%d" % number)
    await line.until(lambda: len(line.vendor.requests) >= 300)
    await asyncio.sleep(330.0)
    assert {offset for each in retries(line) for offset in each.offsets} == set(range(300))
    await line.end()


async def test_a_code_is_asked_for_as_often_as_makes_sense_for_its_term() -> None:
    line = line_of()
    line.produce(b"unknown", b"good")
    await line.settled()
    line.check_accounts()
    tries = [request.at for request in line.vendor.requests if request.offsets == [0]]
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert 5.0 <= waits[0] <= 10.1  # a sixtieth of ten minutes
    assert all(30.0 <= wait <= 60.1 for wait in waits[3:-1])  # a tenth
    assert tries[-1] - tries[0] == pytest.approx(TERM, abs=0.2)
    assert 12 <= len(tries) <= 30
    assert line.topic.reasons() == {"refused": 1}
    await line.end()


async def test_the_order_of_a_key_holds_and_an_outage_hastens_no_retry() -> None:
    line = line_of()
    line.produce(b"unknown", b"good", b"good", key=b"k")
    await line.until(lambda: line.vendor.requests and not line.vendor.in_flight)
    first = line.vendor.requests[0].at
    line.vendor.answer = lambda request: (
        UNKNOWN_CLIENT if request.at < first + 20 and 0 in request.offsets
        else Outcome(OutcomeKind.UNAVAILABLE, 503, "down") if request.at < first + 3 else ACCEPTED
    )  # fmt: skip
    for number in range(20):
        line.produce(b"good", key=b"other%d" % number)
    await line.settled()
    line.check_accounts()
    assert line.vendor.order_of(b"k") == [0, 1, 2]
    asked = [request.at for request in line.vendor.requests if 0 in request.offsets]
    assert len(asked) <= 6
    await line.end()


async def test_what_awaits_a_code_to_heal_is_dropped_when_its_partition_leaves() -> None:
    line = line_of()
    for number in range(20):
        line.produce(b"unknown", key=b"key%d" % number)
    await line.until(lambda: len(line.vendor.requests) == 20 and not line.vendor.in_flight)
    assert line.dispatcher.items_awaiting_retry == 20
    line.source.lose(HERE)
    assert (line.dispatcher.items_awaiting_retry, line.dispatcher.batches_awaiting_retry) == (0, 0)
    await asyncio.sleep(TERM)
    assert len(line.vendor.requests) == 20
    await line.end()
