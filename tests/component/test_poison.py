"""Poison (rule 6): an event that draws 500 while the vendor is well is isolated and given up; never in an outage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from connector.model import ACCEPTED, Outcome
from tests.component.doubles import ERROR_500, Request, accept
from tests.component.harness import HERE, Harness


def poisoned(request: Request) -> Outcome:
    return ERROR_500 if any(b"poison" in item.body for item in request.items) else ACCEPTED


@pytest.fixture
async def line() -> AsyncIterator[Harness]:
    harness = Harness()
    harness.vendor.answer = poisoned
    yield harness
    await harness.end()


async def trickle(line: Harness, seconds: int) -> None:
    """Other traffic: an event every second, of a key of its own."""
    begun = line.stats.delivered
    for second in range(seconds):
        line.produce(b"event", key=b"other%d" % (second % 7))
        expected = begun + second + 1
        await line.until(lambda expected=expected: line.stats.delivered >= expected, 600)  # type: ignore[misc]


async def test_poison_among_other_traffic_is_a_dead_letter_after_five_500s_with_a_success_between_each_two(
    line: Harness,
) -> None:
    line.produce(b"poison", b"event", b"event", b"event")
    await trickle(line, 120)
    await line.settled()
    line.check_accounts()
    assert line.topic.reasons() == {"poison": 1}
    assert line.topic.pairs() == {((*HERE, 0), "route0"): 1}
    alone = [number for number, request in enumerate(line.vendor.requests) if request.offsets == [0]]
    assert len(alone) >= 5
    successes = [
        any(each.outcome is ACCEPTED for each in line.vendor.requests[first:second])
        for first, second in pairwise(alone)
    ]
    assert sum(successes) >= 4
    assert line.vendor.order_of(b"k") == [1, 2, 3]


async def test_a_batch_is_sent_whole_three_times_before_it_is_halved(line: Harness) -> None:
    line.produce(b"poison", b"event", b"event", b"event")
    await trickle(line, 60)
    await line.settled()
    whole = [request for request in line.vendor.requests if len(request.items) == 4 and 0 in request.offsets]
    assert len(whole) == 3


async def test_poison_alone_without_other_traffic_is_held_and_shown(line: Harness) -> None:
    line.produce(b"poison")
    with pytest.raises(TimeoutError):
        await line.until(lambda: line.topic.letters, 1200)
    assert line.gate.is_down
    assert (line.dispatcher.batches_awaiting_retry, line.assignment.open_records) == (1, 1)
    assert line.log.committed[HERE].position == 0
    line.vendor.answer = accept
    await line.settled()
    line.check_accounts()


async def test_nothing_is_counted_while_the_gate_is_closed(line: Harness) -> None:
    """An outage answered with 500s, however long, gives up nothing."""
    line.vendor.answer = lambda _: ERROR_500
    for number in range(60):
        line.produce(b"event", key=b"key%d" % number)
    await line.until(lambda: line.gate.is_down and len(line.vendor.requests) > 60, 7200)
    line.vendor.answer = accept
    await line.settled()
    line.check_accounts()
    assert line.stats.dead_lettered.total() == 0


async def test_several_poisoned_events_of_one_batch_are_each_isolated(line: Harness) -> None:
    line.produce(b"poison", b"event", b"poison", b"event")
    await trickle(line, 300)
    await line.settled()
    line.check_accounts()
    assert line.topic.reasons() == {"poison": 2}
    assert line.vendor.order_of(b"k") == [1, 3]
