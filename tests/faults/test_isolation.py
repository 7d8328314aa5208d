"""Bad items among good ones: each is found and dead-lettered alone, at every position; poison too; and floods stop."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.conftest import Check, NewWorld
from tests.faults.events import MYTRACKER, Draft, draft
from tests.faults.world import World, read_letters

BATCH = 20
FLOOD = "too many dead letters: this sink holds and tries one event a minute"

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


def _batches(world: World, *bad: set[int]) -> list[Draft]:
    """Whole batches of events of as many users, so that each batch holds twenty in a row; of each some are refused."""
    first = world.take_numbers(BATCH * len(bad))
    return [
        draft(first + BATCH * batch + at, "refused" if at in some else "plain", keys=10**6)
        for batch, some in enumerate(bad)
        for at in range(BATCH)
    ]


async def _deliver(world: World, drafts: list[Draft]) -> None:
    await world.produce_these(drafts)
    process = world.start()
    await world.caught_up()
    assert (await world.stop(process)).status == 0


async def test_a_bad_item_at_every_position_several_and_all(new_world: NewWorld, check: Check) -> None:
    async with new_world(partitions=1) as world:
        alone = [{position} for position in range(BATCH)]
        await _deliver(world, _batches(world, *alone, {0, 19}, {3, 4, 5}, set(range(0, 20, 2)), set(range(20))))
        check(await world.evidence())


@pytest.mark.soak
async def test_other_refusals_of_an_event(new_world: NewWorld, check: Check) -> None:
    for status in (413, 422):
        async with new_world(partitions=1) as world:
            world.mytracker.faults.clear()
            world.refuse_the_marked(status)
            await _deliver(world, _batches(world, {7}))
            check(await world.evidence(), name=f"{status}")


async def test_an_event_that_draws_500_alone_is_poison_and_its_neighbours_are_delivered(
    new_world: NewWorld, check: Check
) -> None:
    async with new_world() as world:
        world.mytracker.faults.clear()
        world.refuse_the_marked(500)
        process = world.start()
        first = world.take_numbers(400)
        await world.produce_these(draft(first + at, "refused" if at == 17 else "plain") for at in range(400))
        while not await asyncio.to_thread(read_letters, world.bootstrap, world.dead_letters):
            await world.produce(40, bad=0.0)  # successes between its failures tell poison from an outage
            await asyncio.sleep(0.1)
        await world.caught_up()
        assert (await world.stop(process)).status == 0
        evidence = await world.evidence()
        assert [letter.reason for letter in evidence.letters] == ["poison"]
        check(evidence)


async def test_an_event_that_draws_500_while_nothing_else_comes_is_held(new_world: NewWorld) -> None:
    async with new_world(partitions=1) as world:
        world.mytracker.faults.clear()
        world.refuse_the_marked(500)
        process = world.start()
        await world.produce_these([draft(world.take_numbers(1), "refused")])
        await world.requested(12)
        assert not (await world.evidence()).letters
        assert (await process.status())[MYTRACKER]["state"] == "closed"
        await world.stop(process)


async def test_a_flood_of_bad_events_does_not_drain_the_topic_and_a_restart_loop_neither(
    new_world: NewWorld, check: Check
) -> None:
    """The guard's count survives restarts: after the mark no start adds to the letters what it allows anew."""
    mark = 40
    guard = {"flood_guard": {"dead_letters": mark, "share": "50%", "within": "5m"}}
    async with new_world(delivery=guard, letters={}) as world:
        world.mytracker.order(
            {"kind": "status", "status": 400, "body": {"error": "Bad Request"}, "times": "until_reset"}
        )
        await world.produce_these(_all_refused(world, 1500))
        for _ in range(4):
            process = world.start()
            await _flooded(world)
            await world.stop(process)
        letters = len((await world.evidence()).letters)
        # What was in flight when the mark was passed may still be halved down to its culprits.
        assert mark < letters <= mark + 10, letters
        for process in world.processes:
            assert process.said(FLOOD) == 1


def _all_refused(world: World, count: int) -> list[Draft]:
    first = world.take_numbers(count)
    return [draft(first + at, "refused") for at in range(count)]


async def _flooded(world: World) -> None:
    process = world.processes[-1]
    while not process.said(FLOOD):
        await asyncio.sleep(0.1)
        assert process.running, process.tail()
