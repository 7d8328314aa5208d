"""Records of many items where a commit has no room to tell of more: they wait in order, and everything gets through."""

from __future__ import annotations

import asyncio

from connector.model import Limits
from tests.component.doubles import DOWN, Log, accept
from tests.component.harness import HERE, Harness

THERE = ("users", 1)
MANY = b" ".join([b"a"] * 40)
TEN = Limits(max_events=10, max_bytes=1000)


async def test_records_that_a_commit_could_not_tell_of_wait_and_other_partitions_do_not() -> None:
    line = Harness(limits=TEN, max_in_flight=2, max_open_events=10**6, places=(HERE, THERE))
    line.vendor.latency = 1.0
    for number in range(300):
        line.produce(MANY, key=b"%d" % number)
    for number in range(50):
        line.produce(b"event", key=b"there%d" % number, place=THERE)
    await line.until(lambda: HERE in line.source.halted)
    most = 0

    def watch() -> bool:
        nonlocal most
        here = [each for each in line.assignment.offsets.values() if each.partition == 0]
        most = max(most, here[0]._started)
        return line.stats.delivered == 300 * 40 + 50

    await line.until(lambda: watch() or any(item.record.partition for item in line.vendor.accepted), 3600)
    assert len(line.vendor.accepted) < 300 * 40 / 2
    await line.until(watch, 36_000)
    assert 100 < most < 400
    await line.settled()
    assert not line.source.halted
    line.check_accounts()
    await line.end()


async def test_a_stop_while_records_wait_sends_nothing_twice() -> None:
    log = Log()
    first = Harness(log, limits=TEN, max_in_flight=2, max_open_events=10**6)
    first.vendor.latency = 0.5
    for number in range(400):
        first.produce(MANY, key=b"%d" % (number % 7))
    await first.until(lambda: HERE in first.source.halted and len(first.vendor.accepted) > 100)
    assert await first.pipeline.stop(asyncio.get_running_loop().time() + 20.0)
    assert first.stats.not_in_metadata == 0
    await first.end()
    second = Harness(log, limits=TEN, max_in_flight=8)
    await second.settled(36_000)
    ends = first.vendor.ledger() + second.vendor.ledger()
    assert set(ends.values()) == {1}
    assert ends.total() == 400 * 40
    second.check_balance()
    await second.end()


async def test_a_partition_that_leaves_takes_what_waits_with_it() -> None:
    line = Harness(limits=TEN, max_open_events=10**6)
    line.vendor.answer = lambda _: DOWN
    for number in range(400):
        line.produce(MANY, key=b"%d" % number)
    await line.until(lambda: HERE in line.source.halted)
    await line.source.revoke(HERE)
    assert line.pipeline._admission.is_empty
    assert (line.pipeline._admission.waiting_records, line.assignment.open_parts) == (0, 0)
    line.check_balance()
    line.vendor.answer = accept
    line.source.assign(HERE)
    await line.settled(36_000)
    line.check_accounts()
    await line.end()


async def test_a_topic_recreated_costs_no_event_that_waits() -> None:
    line = Harness(limits=TEN, max_open_events=10**6)
    line.vendor.answer = lambda _: DOWN
    for number in range(400):
        line.produce(MANY, key=b"%d" % number)
    await line.until(lambda: HERE in line.source.halted)
    read = line.stats.records + line.pipeline._admission.waiting_records
    line.log.records[HERE].clear()
    line.source.assign(HERE)
    assert line.stats.records == read
    assert line.pipeline._admission.is_empty
    line.vendor.answer = accept
    await line.until(lambda: not line.assignment.open_parts, 36_000)
    assert line.stats.delivered == read * 40
    assert len(line.assignment.offsets) == 1
    line.check_balance()
    await line.end()


async def test_a_topic_recreated_costs_no_event_that_the_flood_guard_keeps_back() -> None:
    line = Harness(limits=Limits(max_events=100, max_bytes=10_000), guard=(0, 0.5, 300.0))
    line.produce(b"undecodable", MANY)
    await line.until(lambda: line.gate.flooded)
    line.produce(MANY, key=b"other")
    line.log.append(b"far", b"event", gap=30_000)
    await line.until(lambda: line.source._next[HERE] > 30_000)
    line.log.records[HERE].clear()
    line.source.assign(HERE)
    await line.until(lambda: not line.assignment.open_parts and not line.pipeline.flood_guard.deferred_count, 36_000)
    assert line.stats.delivered == 40 + 40 + 1
    assert line.pipeline._admission.is_empty
    line.check_balance()
    await line.end()


async def test_what_waits_counts_against_the_mark_of_open_bytes() -> None:
    places = [("users", partition) for partition in range(8)]
    line = Harness(limits=TEN, max_open_events=10**6, max_open_bytes=200_000, places=places)
    line.source.CHUNK = 100
    line.vendor.answer = lambda _: DOWN
    large = b"skip " * 2_000
    for place in places:
        line.produce(*[MANY] * 2, b"a b " + large, key=None, place=place)
        line.log.append(None, b"event " + large, topic=place[0], partition=place[1], gap=30_000)
        line.produce(*[b"event " + large] * 400, key=None, place=place)
    await asyncio.sleep(600.0)
    waiting = sum(
        len(each.value or b"") for queue in line.pipeline._admission._queues.values() for each in queue.records
    )
    assert 0 < waiting + line.assignment.open_bytes < 200_000 + 4 * 100 * (len(large) + 10)
    await line.end()


async def test_what_waits_is_neither_lost_to_retention_nor_passed() -> None:
    line = Harness(limits=TEN, max_open_events=10**6)
    line.vendor.answer = lambda _: DOWN
    for number in range(400):
        line.produce(MANY, key=b"%d" % number)
    await line.until(lambda: HERE in line.source.halted)
    (epoch,) = line.assignment.offsets
    end = line.pipeline._admission.next_offset_after(epoch, 0)
    line.pipeline.on_lost_to_retention(epoch, end + 3)
    assert line.stats.lost_to_retention == 3
    line.pipeline.on_unreadable(epoch, end, "damaged")
    assert line.pipeline.blocked_partitions() == []
    await line.end()


async def test_letters_make_room_too() -> None:
    line = Harness(limits=TEN, max_open_events=10**6)
    line.topic.refusal = "not now"
    for _ in range(400):
        line.produce(b" ".join([b"a"] * 39 + [b"undecodable"]), key=None)
    await line.until(lambda: HERE in line.source.halted and not line.vendor.in_flight)
    line.topic.refusal = None
    await line.settled(36_000)
    line.check_accounts()
    await line.end()


async def test_the_mark_of_open_events_counts_items() -> None:
    line = Harness(max_open_events=200, limits=TEN, max_in_flight=1)
    line.source.CHUNK = 1
    line.vendor.latency = 1.0
    for number in range(100):
        line.produce(MANY, key=b"%d" % number)
    most = 0

    def watch() -> bool:
        nonlocal most
        most = max(most, line.assignment.open_parts)
        return line.stats.delivered == 4_000

    await line.until(watch, 36_000)
    assert 200 <= most <= 200 + 3 * 40
    await line.end()
