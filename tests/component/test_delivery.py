"""A record's way through a pipeline that meets no trouble, bad events or a bug in routing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from connector.kafka.source_interface import Commit
from connector.model import Limits
from tests.component.doubles import refuse_those_marked
from tests.component.harness import HERE, Harness


@pytest.fixture
async def line() -> AsyncIterator[Harness]:
    harness = Harness()
    yield harness
    await harness.end()


async def test_every_event_is_accepted_once_and_the_end_is_committed(line: Harness) -> None:
    for number in range(1000):
        line.produce(b"event%d" % number, key=b"key%d" % (number % 7))
    await line.settled()
    line.check_accounts()
    assert line.stats.delivered == 1000
    assert line.log.committed[HERE][3:5] == (1000, "")
    for number in range(7):
        order = line.vendor.order_of(b"key%d" % number)
        assert order == sorted(order)


async def test_events_of_one_key_stay_in_order_over_methods_and_partitions_fill_the_same_batches(line: Harness) -> None:
    line.source.assign(("users", 1))
    for number in range(40):
        line.produce(b"x:%s" % (b"login", b"customEvent", b"customRevenue")[number % 3], key=b"k")
        line.produce(b"x:login", key=b"other%d" % number, place=("users", 1))
    await line.settled()
    line.check_accounts()
    order = line.vendor.order_of(b"k")
    assert order == sorted(order)
    assert any(len({item.record.partition for item in request.items}) == 2 for request in line.vendor.requests)


async def test_one_record_may_become_items_and_failures_and_is_settled_by_the_last_of_them(line: Harness) -> None:
    line.produce(b"a b undecodable", b"skip", b"", b"c")
    await line.settled()
    line.check_accounts()
    assert (line.stats.read, line.stats.delivered, line.stats.skipped) == (6, 3, 2)
    assert line.topic.reasons() == {"undecodable": 1}


async def test_the_culprits_of_a_batch_are_dead_letters_and_the_others_are_delivered_in_order(line: Harness) -> None:
    line.vendor.answer = refuse_those_marked
    for number in range(200):
        line.produce(b"bad" if number % 9 == 0 else b"good", key=b"key%d" % (number % 3))
    await line.settled()
    line.check_accounts()
    assert line.topic.reasons() == {"refused": 23}
    for number in range(3):
        order = line.vendor.order_of(b"key%d" % number)
        assert order == sorted(order)


async def test_a_dead_letter_says_what_the_vendor_said_and_how_often_it_was_sent(line: Harness) -> None:
    line.vendor.answer = refuse_those_marked
    line.produce(b"good", b"bad", b"good", b"good")
    await line.settled()
    (letter,) = line.topic.letters
    header = line.topic.header
    assert header(letter, "connector.status") == "422"
    assert header(letter, "connector.attempts") == "3"  # with three others, with one other, alone
    assert header(letter, "__connect.errors.exception.message") == "bad event"
    assert (letter.key, letter.value) == (b"k", b"bad")


async def test_a_router_that_raises_costs_that_event_and_nothing_else(line: Harness) -> None:
    line.produce(b"good", b"crash", b"good")
    await line.settled()
    line.check_accounts()
    assert line.topic.reasons() == {"unmappable": 1}
    assert line.topic.messages() == {"internal error: RuntimeError"}
    assert line.stats.delivered == 2


async def test_a_sink_that_raises_holds_the_batch_and_tries_again(line: Harness) -> None:
    line.produce(b"one", b"two")
    send, failures = line.vendor.send, 0

    async def broken(method: str, items: object) -> object:
        nonlocal failures
        failures += 1
        if failures < 3:
            raise RuntimeError("a bug in a sink")
        return await send(method, items)  # type: ignore[arg-type]  # what came is what goes

    line.vendor.send = broken  # type: ignore[method-assign,assignment]  # a bug is not typed
    await line.settled()
    line.check_accounts()
    assert (failures, line.stats.delivered) == (3, 2)


async def test_the_letter_topic_refuses_and_the_position_waits_for_it() -> None:
    line = Harness()
    line.topic.refusal = "topic does not exist"
    line.produce(b"undecodable", b"good", key=None)
    await line.until(lambda: line.stats.delivered == 1)
    await line.until(lambda: line.topic.attempts >= 5)
    assert line.letters.problem == "topic does not exist"
    assert line.log.committed[HERE].position == 0
    assert line.log.committed[HERE].metadata != ""
    line.topic.refusal = None
    await line.settled()
    line.check_accounts()
    assert line.letters.problem == ""
    await line.end()


async def test_reading_stops_at_the_mark_and_goes_on_when_events_are_settled() -> None:
    line = Harness(max_open_events=100, limits=Limits(max_events=20, max_bytes=10_000))
    line.source.CHUNK = 30
    line.vendor.latency = 5.0
    for number in range(2000):
        line.produce(b"event", key=b"%d" % number)
    most = 0

    def watch() -> bool:
        nonlocal most
        most = max(most, line.assignment.open_records)
        return line.stats.delivered == 2000

    await line.until(watch, 3600)
    assert 100 <= most <= 100 + 2 * 30
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_reading_stops_at_the_mark_of_bytes_too() -> None:
    line = Harness(max_open_bytes=5_000, max_in_flight=1)
    line.source.CHUNK = 10
    line.vendor.latency = 1.0
    for _ in range(60):
        line.produce(b"skip " * 100 + b"event", key=None)
    most = 0

    def watch() -> bool:
        nonlocal most
        most = max(most, line.assignment.open_bytes)
        return line.stats.delivered == 60

    await line.until(watch, 3600)
    assert 5_000 <= most <= 5_000 + 2 * 10 * 505
    await line.end()


async def test_a_partition_whose_reading_is_too_far_ahead_of_its_position_is_halted_alone() -> None:
    line = Harness(max_open_events=10**6)
    line.source.assign(("users", 1))
    line.topic.refusal = "no"
    line.produce(b"undecodable", key=None)
    for _ in range(30_000):
        line.produce(b"skip", key=None)
    line.produce(b"event", key=None, place=("users", 1))
    await line.until(lambda: HERE in line.source.halted)
    (offsets,) = [each for each in line.assignment.offsets.values() if each.partition == 0]
    assert 20_000 <= offsets.span <= 20_000 + 3 * 500
    await line.until(lambda: line.stats.delivered == 1)
    line.topic.refusal = None
    await line.settled()
    assert not line.source.halted
    line.check_accounts()
    await line.end()


async def test_a_kill_repeats_no_more_than_a_thousand_settled_events_however_fast_they_come() -> None:
    line = Harness(limits=Limits(max_events=50, max_bytes=10_000))
    for number in range(8_000):
        line.produce(b"event", key=b"key%d" % number)
    uncommitted = 0
    committing = line.source.commit

    def commit(commits: Sequence[Commit]) -> None:
        nonlocal uncommitted
        uncommitted = line.stats.delivered
        committing(commits)

    line.source.commit = commit  # type: ignore[method-assign]  # a look at the call, which goes on as it was
    most = 0
    while line.stats.delivered < 8_000:
        await asyncio.sleep(0.001)
        most = max(most, line.stats.delivered - uncommitted)
    # What is accepted while a commit is under way, for a hundredth of a second, waits for the next.
    assert most <= 1_500
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_commits_that_fail_are_tried_once_an_interval_and_not_with_every_thousand_events() -> None:
    line = Harness(limits=Limits(max_events=50, max_bytes=10_000))
    line.source.commit_error = "not now"
    for number in range(8_000):
        line.produce(b"event", key=b"key%d" % number)
    begun = asyncio.get_running_loop().time()
    await line.until(lambda: line.stats.delivered == 8_000)
    assert 1 <= line.stats.commit_failures <= 1 + (asyncio.get_running_loop().time() - begun)
    line.source.commit_error = None
    await line.settled()
    line.check_accounts()
    await line.end()
