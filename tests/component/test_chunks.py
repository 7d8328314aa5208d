"""A chunk is taken in piece by piece: what happens in the middle of one loses nothing and sends nothing too much."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from connector.delivery.dispatcher import READY_AT_LEAST
from connector.delivery.intake import PIECE
from connector.kafka import commit_metadata
from connector.model import Item, Limits, Outcome
from tests.component.doubles import accept, refuse_those_marked
from tests.component.harness import GROUP, HERE, Harness

CHUNK = 5 * PIECE


def line_in_the_middle_of_a_chunk() -> Harness:
    line = Harness()
    line.produce(*[b"word"] * CHUNK)
    line.source.poll()
    assert line.assignment.open_records == PIECE
    return line


async def test_a_revocation_in_the_middle_of_a_chunk_leaves_the_rest_to_the_next_owner() -> None:
    line = line_in_the_middle_of_a_chunk()
    commits = await line.source.revoke(HERE)
    sent = len(line.vendor.accepted)
    assert [commit.position for commit in commits] == [sent]
    await asyncio.sleep(10)
    assert len(line.vendor.accepted) == sent
    line.check_balance()
    line.source.assign(HERE)
    await line.settled()
    line.check_accounts()
    assert line.vendor.order_of(b"k") == list(range(CHUNK))
    await line.end()


async def test_a_partition_lost_in_the_middle_of_a_chunk_is_not_read_on() -> None:
    line = line_in_the_middle_of_a_chunk()
    line.source.lose(HERE)
    await asyncio.sleep(10)
    assert len(line.vendor.accepted) <= PIECE
    line.check_balance()
    await line.end()


async def test_a_topic_recreated_in_the_middle_of_a_chunk_costs_no_event_of_the_old_one() -> None:
    line = line_in_the_middle_of_a_chunk()
    line.log.records[HERE].clear()
    line.source.assign(HERE)
    assert line.assignment.open_records == CHUNK
    await line.until(lambda: not line.assignment.open_records)
    assert line.vendor.order_of(b"k") == list(range(CHUNK))
    await line.end()


async def test_what_is_read_but_not_looked_at_yet_is_not_counted_as_lost_to_retention() -> None:
    line = line_in_the_middle_of_a_chunk()
    (epoch,) = line.assignment.offsets
    line.pipeline.on_lost_to_retention(epoch, CHUNK + 3)
    assert line.stats.lost_to_retention == 3
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_a_stop_in_the_middle_of_a_chunk_sends_nothing_more() -> None:
    line = line_in_the_middle_of_a_chunk()
    assert await line.pipeline.stop(asyncio.get_running_loop().time() + 5)
    requests = len(line.vendor.requests)
    await asyncio.sleep(10)
    assert len(line.vendor.requests) == requests
    line.check_balance()
    await line.end()


async def test_no_chunk_is_asked_for_before_the_last_one_is_taken_in() -> None:
    line = line_in_the_middle_of_a_chunk()
    granted = line.source.credits
    line.pipeline.on_accepted([])
    assert line.source.credits == granted
    await line.settled()
    assert line.source.credits > granted
    await line.end()


async def test_a_flood_in_the_middle_of_a_chunk_keeps_the_rest_of_it() -> None:
    line = Harness(guard=(PIECE // 2, 0.5, 300.0))
    line.produce(*[b"undecodable"] * PIECE, *[b"word"] * CHUNK)
    line.source.poll()
    assert line.gate.flooded
    await asyncio.sleep(1)
    assert line.pipeline.flood_guard.deferred_count >= CHUNK
    await line.until(lambda: not line.gate.flooded)
    await line.settled()
    line.check_accounts()
    assert line.vendor.order_of(b"k") == list(range(PIECE, PIECE + CHUNK))
    await line.end()


async def test_the_next_request_is_out_before_the_acceptance_of_the_last_one_is_settled() -> None:
    line = Harness(max_in_flight=1, limits=Limits(max_events=2, max_bytes=1000))
    delivered: list[int] = []
    send = line.vendor.send

    async def noting(method: str, items: Sequence[Item]) -> Outcome:
        delivered.append(line.stats.delivered)
        return await send(method, items)

    line.vendor.send = noting  # type: ignore[method-assign]  # a test's own
    line.vendor.answer = accept
    for number in range(6):
        line.produce(b"word", key=b"key%d" % number)
    await line.settled()
    line.check_accounts()
    assert delivered == [0, 0, 2]
    assert line.vendor.most_in_flight == 1
    await line.end()


def line_to_a_slow_vendor(max_in_flight: int, keys: int) -> Harness:
    """One event of each key, each a batch of its own, and one chunk that may be read."""
    line = Harness(max_in_flight=max_in_flight, limits=Limits(max_events=1, max_bytes=1000))
    line.source.credits = 1
    line.vendor.latency = 10.0
    for number in range(keys):
        line.produce(b"word", key=b"key%d" % number)
    return line


async def test_while_places_are_free_the_next_chunk_is_asked_for() -> None:
    line = line_to_a_slow_vendor(max_in_flight=4, keys=2)
    await line.until(lambda: line.vendor.in_flight == 2)
    assert line.source.credits == 1
    await line.end()


async def test_however_few_the_places_enough_is_ready_for_answers_that_come_together() -> None:
    line = line_to_a_slow_vendor(max_in_flight=2, keys=100)
    line.source.CHUNK = 2
    await line.until(lambda: line.stats.read >= 2 + READY_AT_LEAST, seconds=5.0)
    await asyncio.sleep(1)
    assert (line.stats.read, line.vendor.in_flight) == (2 + READY_AT_LEAST, 2)
    await line.end()


async def test_after_a_bug_of_ours_nothing_that_was_not_taken_in_seems_settled(
    loop_errors: list[Mapping[str, Any]],
) -> None:
    """The bug ends the process without a commit; meanwhile answers come, and the thread turns."""
    line = Harness(max_in_flight=4, limits=Limits(max_events=1, max_bytes=1000))
    add = line.dispatcher.enqueue

    def broken(item: Item) -> None:
        if item.record.offset == PIECE + 5:
            raise RuntimeError("a bug")
        add(item)

    line.dispatcher.enqueue = broken
    for number in range(CHUNK):
        line.produce(b"word", key=b"key%d" % number)
    await line.until(lambda: loop_errors)
    await line.until(lambda: len(line.vendor.accepted) == PIECE + 5)
    line.produce(b"word")
    await asyncio.sleep(10)
    (commit,) = line.assignment.pending_commits().values() or [line.log.committed[HERE]]
    settled = commit_metadata.decode(GROUP, *HERE, commit.position, commit.metadata)
    assert commit.position == PIECE + 5
    assert settled is None
    (error,) = loop_errors
    assert str(error["exception"]) == "a bug"
    loop_errors.clear()
    await line.end()


async def test_what_was_accepted_before_a_refusal_counts_before_it() -> None:
    """Four answers in one turn of the loop: nine events accepted, then three refused."""
    line = Harness(max_in_flight=4, limits=Limits(max_events=10, max_bytes=1000), guard=(2, 0.5, 300.0))
    line.vendor.answer = refuse_those_marked
    send = line.vendor.send

    async def acceptance_first(method: str, items: Sequence[Item]) -> Outcome:
        line.vendor.latency = 0.05 if method == "login" else 0.05 + 1e-10  # less than the loop can tell apart
        return await send(method, items)

    line.vendor.send = acceptance_first  # type: ignore[method-assign]  # a test's own
    line.produce(*[b"word"] * 9, key=None)
    for number in range(3):
        line.produce(b"bad:method%d" % number, key=b"key%d" % number)
    await line.settled()
    assert len({request.at for request in line.vendor.requests}) == 1, "they were not sent together"
    assert line.gate.reason == "", "the flood guard held, though three of twelve fell"
    line.check_accounts()
    await line.end()


async def test_what_is_abandoned_takes_nothing_in_and_commits_nothing() -> None:
    line = line_in_the_middle_of_a_chunk()
    await line.until(lambda: line.vendor.accepted)
    line.pipeline.abandon()
    read, commits = line.stats.records, len(line.source.commits)
    line.produce(b"word", key=b"later")
    await asyncio.sleep(10)
    assert list(await line.source.revoke(HERE)) == []
    assert line.stats.records == read
    assert not any(line.source.commits[commits:])
    await line.end()


async def test_what_is_abandoned_in_the_middle_of_a_chunk_is_not_read_on() -> None:
    line = line_in_the_middle_of_a_chunk()
    line.pipeline.abandon()
    await asyncio.sleep(10)
    assert line.stats.records == PIECE
    await line.end()
