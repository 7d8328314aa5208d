"""The intake gives records in their order, a piece a turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.intake import PIECE, Intake
from connector.model import Record
from tests.support.records import record


def records(count: int) -> list[Record]:
    return [record(offset) for offset in range(count)]


async def _turns_until_empty(intake: Intake) -> int:
    turns = 0
    while intake:
        await asyncio.sleep(0)
        turns += 1
        assert turns < 1_000
    return turns


async def test_others_have_their_turn_between_two_pieces() -> None:
    seen: list[str] = []
    intake = Intake(lambda piece: seen.append(f"{len(piece)} records"))
    intake.enqueue(records(2 * PIECE + 1))
    asyncio.get_running_loop().call_soon(seen.append, "an answer")
    await _turns_until_empty(intake)
    assert seen == [f"{PIECE} records", f"{PIECE} records", "an answer", "1 records"]


async def test_who_comes_while_a_piece_waits_comes_after_it() -> None:
    taken: list[int] = []
    intake = Intake(lambda piece: taken.extend(each.offset for each in piece))
    intake.enqueue(records(PIECE + 5))
    intake.enqueue([record(PIECE + 5)])
    assert taken == list(range(PIECE)), "what came later went ahead, or a piece was taken out of turn"
    await _turns_until_empty(intake)
    assert taken == list(range(PIECE + 6))


async def test_an_empty_chunk_is_taken_too() -> None:
    taken: list[Sequence[Record]] = []
    Intake(taken.append).enqueue([])
    assert taken == [[]]


async def test_flush_takes_everything_at_once_and_nothing_a_second_time() -> None:
    taken: list[int] = []
    intake = Intake(lambda piece: taken.extend(each.offset for each in piece))
    intake.enqueue(records(3 * PIECE))
    intake.flush()
    assert taken == list(range(3 * PIECE))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert taken == list(range(3 * PIECE))


async def test_forgotten_epochs_are_not_taken() -> None:
    taken: list[int] = []
    intake = Intake(lambda piece: taken.extend(each.offset for each in piece))
    intake.enqueue([record(offset, epoch=offset % 2) for offset in range(2 * PIECE)])
    intake.drop_records({1})
    await _turns_until_empty(intake)
    assert taken == [*range(PIECE), *range(PIECE, 2 * PIECE, 2)]


@pytest.mark.parametrize("count", [1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE])
async def test_no_piece_is_larger_than_a_piece(count: int) -> None:
    sizes: list[int] = []
    intake = Intake(lambda piece: sizes.append(len(piece)))
    intake.enqueue(records(count))
    await _turns_until_empty(intake)
    assert sum(sizes) == count
    assert max(sizes) <= PIECE


@given(st.lists(st.integers(0, 3 * PIECE), max_size=8))
def test_whatever_comes_is_taken_once_in_order(chunks: list[int]) -> None:
    async def scenario() -> None:
        taken: list[int] = []
        intake = Intake(lambda piece: taken.extend(each.offset for each in piece))
        offset = 0
        for size in chunks:
            intake.enqueue([record(offset + number) for number in range(size)])
            offset += size
            await asyncio.sleep(0)
        await _turns_until_empty(intake)
        assert taken == list(range(offset))

    asyncio.run(scenario())


async def test_what_has_no_room_waits_until_it_is_resumed_or_more_comes() -> None:
    taken: list[int] = []
    room = 3
    intake = Intake(lambda piece: taken.extend(each.offset for each in piece), lambda: room)
    intake.enqueue(records(20))
    assert taken == [0, 1, 2]
    room = 0
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (taken, len(intake)) == ([0, 1, 2], 17)
    intake.resume()
    intake.enqueue([record(20)])
    await asyncio.sleep(0)
    assert len(taken) == 3
    room = 2
    intake.resume()
    assert len(taken) == 3, "taken in the middle of what its owner does"
    await asyncio.sleep(0)
    assert taken == [0, 1, 2, 3, 4]
    room = 0
    await asyncio.sleep(0)
    room = 50
    intake.enqueue([])
    assert taken == list(range(21))
    intake.resume()
