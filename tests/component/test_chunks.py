"""A chunk is taken in piece by piece: what happens in the middle of one loses nothing and sends nothing too much."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from connector.delivery.intake import PIECE
from connector.model import Item, Limits, Outcome
from tests.component.doubles import accept
from tests.component.harness import HERE, Harness

CHUNK = 5 * PIECE


def line_in_the_middle_of_a_chunk() -> Harness:
    line = Harness()
    line.produce(*[b"word"] * CHUNK)
    line.source.turn()
    assert line.assignment.open_events == PIECE
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


async def test_a_topic_made_anew_in_the_middle_of_a_chunk_costs_no_event_of_the_old_one() -> None:
    line = line_in_the_middle_of_a_chunk()
    line.log.records[HERE].clear()
    line.source.assign(HERE)
    assert line.assignment.open_events == CHUNK
    await line.until(lambda: not line.assignment.open_events)
    assert line.vendor.order_of(b"k") == list(range(CHUNK))
    await line.end()


async def test_what_is_read_but_not_looked_at_yet_is_not_counted_as_lost_to_retention() -> None:
    line = line_in_the_middle_of_a_chunk()
    (claim,) = line.assignment.offsets
    line.pipeline.on_expired(claim, CHUNK + 3)
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
    line.source.turn()
    assert line.gate.flooded
    await asyncio.sleep(1)
    assert line.pipeline.deferred_events >= CHUNK
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
