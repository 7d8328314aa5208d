"""The process stands still past its session: nothing is sent until the polling thread has confirmed again."""

from __future__ import annotations

import asyncio
from typing import cast

from connector.delivery.gate import SinkState
from connector.model import Limits
from tests.component.harness import Harness
from tests.support.virtual_time import VirtualTimeLoop

STALL = 45.0


def now() -> float:
    return asyncio.get_running_loop().time()


def freeze(seconds: float = 60.0) -> None:
    """The whole process stands still: nothing of the loop runs, and its time goes on."""
    cast(VirtualTimeLoop, asyncio.get_running_loop()).freeze(seconds)


def line_with_requests_in_flight(latency: float = 1.0) -> Harness:
    line = Harness(stall=STALL, max_in_flight=2, limits=Limits(max_events=1, max_bytes=1000))
    line.vendor.latency = latency
    for number in range(20):
        line.produce(b"event", key=b"%d" % number)
    return line


async def test_a_poll_that_was_made_before_a_freeze_confirms_nothing_after_it() -> None:
    line = line_with_requests_in_flight()
    await line.until(lambda: line.vendor.in_flight == 2)
    line.source.unheard = []
    line.source.poll()  # decoded, and not heard yet
    freeze()
    line.source.hear()
    assert line.dispatcher.state(now()) is SinkState.UNCONFIRMED
    line.source.blocked = True  # the polling thread has not turned since
    await asyncio.sleep(30)
    assert len(line.vendor.requests) == 2
    assert not line.vendor.in_flight
    line.source.blocked = False
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_what_a_late_poll_brought_is_not_sent_before_the_next_one_confirms() -> None:
    line = Harness(stall=STALL)
    line.source.unheard = []
    line.produce(b"event")
    line.source.poll()
    freeze()
    line.source.hear()
    line.source.blocked = True
    await asyncio.sleep(30)
    assert (line.assignment.open_records, line.vendor.requests) == (1, [])
    line.source.blocked = False
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_a_loop_that_is_late_by_less_than_the_session_goes_on() -> None:
    line = Harness(stall=STALL)
    line.source.unheard = []
    line.produce(b"event")
    line.source.poll()
    freeze(STALL - 5.0)
    line.source.hear()
    line.source.blocked = True
    await asyncio.sleep(3.0)
    assert line.stats.delivered == 1
    line.source.blocked = False
    await line.end()


async def test_a_request_that_was_chosen_before_a_freeze_is_not_sent_after_it() -> None:
    line = line_with_requests_in_flight()
    line.source.poll()
    assert line.gate.in_flight == 2
    line.source.blocked = True
    freeze()
    await asyncio.sleep(30)
    assert (line.vendor.requests, line.gate.in_flight, line.stats.retries) == ([], 0, 0)
    line.source.blocked = False
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_nothing_is_committed_on_the_word_of_a_poll_before_the_freeze() -> None:
    line = line_with_requests_in_flight(latency=0.01)
    await line.until(lambda: line.stats.delivered == 20)
    commits = len(line.source.commits)
    line.source.unheard = []
    line.source.poll()
    freeze()
    line.source.hear()
    line.source.blocked = True
    await asyncio.sleep(10)
    assert len(line.source.commits) == commits
    await line.end()
