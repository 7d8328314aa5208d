"""Poison (rule 6): an event that draws 500 while the vendor is well is isolated and given up; never in an outage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from connector.model import ACCEPTED, Limits, Outcome
from tests.component.doubles import DOWN, ERROR_500, LOST, Request, accept
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


# --- without other traffic: the neighbours in its batch show that the vendor is well --------------------------------


FULL = Limits(max_events=20, max_bytes=10_000)


def produce_batch(line: Harness, poison: int, *, key: bytes | None = None) -> None:
    """One full batch, all of one key or each of its own, with one poisoned event."""
    for at in range(20):
        line.produce(b"poison" if at == poison else b"event", key=key or b"key%d" % at)


@pytest.mark.parametrize("poison", [0, 7, 15, 16, 19])
async def test_on_a_quiet_topic_the_neighbours_of_poison_are_delivered_within_minutes(poison: int) -> None:
    """The first of a batch that are poison are condemned, too: four neighbours behind them show the vendor well."""
    line = Harness(limits=FULL)
    line.vendor.answer = poisoned
    produce_batch(line, poison)
    await line.until(lambda: len(line.vendor.accepted) == 19, 600)
    if poison < 15:
        await line.settled(60)
        line.check_accounts()
        assert line.topic.identities() == {((*HERE, poison), "route0", 0): 1}
        alone = [each.at for each in line.vendor.requests if each.offsets == [poison]]
        assert len(alone) >= 5
    else:
        assert (line.assignment.open_records, line.topic.letters) == (1, [])
        await trickle(line, 30)  # it is condemned as soon as others come
        await line.settled()
        assert line.topic.reasons() == {"poison": 1}
    await line.end()


async def test_the_neighbours_of_poison_do_not_pass_it_where_they_have_its_key() -> None:
    line = Harness(limits=FULL)
    line.vendor.answer = poisoned
    produce_batch(line, 5, key=b"k")
    await line.until(lambda: len(line.vendor.accepted) == 5, 600)
    with pytest.raises(TimeoutError):
        await line.until(lambda: len(line.vendor.accepted) > 5, 1200)
    await trickle(line, 30)
    await line.settled()
    line.check_accounts()
    assert line.vendor.order_of(b"k") == [at for at in range(20) if at != 5]
    await line.end()


async def test_without_order_they_pass_it_whatever_their_key() -> None:
    line = Harness(limits=FULL, ordered=False)
    line.vendor.answer = poisoned
    produce_batch(line, 0, key=b"k")
    await line.settled(600)
    line.check_accounts()
    assert line.topic.reasons() == {"poison": 1}
    await line.end()


@pytest.mark.parametrize(
    ("events", "faults"),
    [
        (20, (ERROR_500,)),
        (300, (ERROR_500,)),
        (20, (ERROR_500, DOWN)),
        (20, (ERROR_500, ERROR_500, ERROR_500, ERROR_500, ERROR_500, ERROR_500, LOST)),
    ],
)
async def test_an_outage_however_long_condemns_nobody(events: int, faults: tuple[Outcome, ...]) -> None:
    line = Harness(limits=FULL)
    sent = 0

    def fail(_: Request) -> Outcome:
        nonlocal sent
        sent += 1
        return faults[sent % len(faults)]

    line.vendor.answer = fail
    for number in range(events):
        line.produce(b"event", key=b"key%d" % number)
    with pytest.raises(TimeoutError):
        await line.until(lambda: line.topic.letters, 3600)
    line.vendor.answer = accept
    await line.settled(600)
    line.check_accounts()
    assert line.stats.delivered == events
    await line.end()


async def test_poison_that_outlasts_an_outage_is_found_after_it_and_nobody_else() -> None:
    """In the outage each event drew 500 alone; the probes that follow go round them, and not to the poison alone."""
    line = Harness(limits=FULL)
    line.vendor.answer = lambda _: ERROR_500
    produce_batch(line, 3)
    with pytest.raises(TimeoutError):
        await line.until(lambda: line.topic.letters, 3600)
    line.vendor.answer = poisoned
    await line.until(lambda: len(line.vendor.accepted) == 19, 600)
    await trickle(line, 30)
    await line.settled(600)
    line.check_accounts()
    assert line.topic.identities() == {((*HERE, 3), "route0", 0): 1}
    await line.end()
