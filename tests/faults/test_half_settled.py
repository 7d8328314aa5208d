"""Two routes of one sink over one topic, few users, a vendor that fails now and then: clean ends double nothing."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.conftest import Check, NewWorld
from tests.faults.events import pairs
from tests.faults.launcher import Fault
from tests.faults.world import CONSUMER, World

EVENTS = 800
# Few items a request and few places, so that records are half-settled at any moment.
SMALL = {"max_in_flight": 4, "batch": {"max_events": 3, "linger": "20ms"}}
LONG = {"session.timeout.ms": 30_000}

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


async def _produce(world: World, count: int, seed: int) -> None:
    await world.produce_these(pairs(world.take_numbers(count), count, keys=12, seed=seed))


def _now_and_then(world: World, seed: int) -> None:
    """Every tenth request draws 503, so that batches are held when a process is told to stop."""
    world.mytracker.order({"kind": "status", "status": 503, "probability": 0.1, "seed": seed, "times": "until_reset"})


async def _stopped_again_and_again(world: World, check: Check, name: str) -> None:
    _now_and_then(world, world.partitions)
    for seed in range(4):
        await _produce(world, EVENTS // 4, seed)
        process = world.start(Fault("after response", 10 + 17 * seed, "SIGTERM"))
        assert (await world.ended(process)).status == 0, process.tail()
    world.mytracker.faults.clear()
    world.refuse_the_marked()
    last = world.start()
    await world.caught_up()
    assert (await world.stop(last)).status == 0
    evidence = await world.evidence()
    if name == "order by key":
        assert any(commit.settled_in_part() for commit in evidence.commits), "no record was ever half-settled"
    assert evidence.duplicates() == 0
    check(evidence, name=name)


async def test_told_to_stop_again_and_again_it_sends_no_item_twice(new_world: NewWorld, check: Check) -> None:
    async def history(partitions: int) -> None:
        async with new_world(pairs=True, partitions=partitions, kafka=LONG, mytracker=SMALL) as world:
            await _stopped_again_and_again(world, check, f"{partitions} partitions")

    async with asyncio.TaskGroup() as histories:
        for partitions in (1, 3):
            histories.create_task(history(partitions))


@pytest.mark.parametrize(
    "protocol", [LONG, pytest.param(CONSUMER, marks=pytest.mark.soak)], ids=["classic", "consumer"]
)
async def test_rebalances_among_half_settled_records_send_no_item_twice(
    new_world: NewWorld, check: Check, protocol: dict[str, object]
) -> None:
    async with new_world(pairs=True, partitions=4, kafka=protocol, mytracker=SMALL) as world:
        _now_and_then(world, 1)
        await _produce(world, EVENTS, 1)
        first = world.start()
        await world.accepted(100)
        second = world.start()
        await second.up()
        await _produce(world, EVENTS // 2, 2)
        await asyncio.sleep(1.0)
        assert (await world.stop(first)).status == 0, first.tail()
        third = world.start()
        await third.up()
        await asyncio.sleep(0.5)
        assert (await world.stop(second)).status == 0, second.tail()
        world.mytracker.faults.clear()
        world.refuse_the_marked()
        await world.caught_up()
        assert (await world.stop(third)).status == 0
        evidence = await world.evidence()
        assert evidence.duplicates() == 0
        check(evidence)


async def test_a_kill_among_half_settled_records_repeats_no_part_that_a_commit_told(
    new_world: NewWorld, check: Check
) -> None:
    async with new_world(pairs=True, partitions=2, mytracker=SMALL) as world:
        for seed, stage in enumerate(["after response", "after settling", "commit sent"]):
            await _produce(world, EVENTS // 4, seed)
            process = world.start(Fault(stage, 1 if stage == "commit sent" else 25))
            assert (await world.ended(process)).status == -9, process.tail()
        last = world.start()
        await world.caught_up()
        assert (await world.stop(last)).status == 0
        check(await world.evidence(), duplicates_may_be=True)


@pytest.mark.soak
async def test_forty_thousand_pairs_and_two_stops_at_full_speed_send_no_item_twice(
    new_world: NewWorld, check: Check
) -> None:
    """With the settings a sink has by itself: batches of twenty, 32 in flight."""
    async with new_world(pairs=True, partitions=4, kafka=LONG, latency_ms=20) as world:
        count = 24_000  # two of three are pairs
        await world.produce_these(pairs(world.take_numbers(count), count, keys=200, bad=0.001))
        for nth in (150, 400):
            process = world.start(Fault("after response", nth, "SIGTERM"))
            assert (await world.ended(process)).status == 0, process.tail()
        last = world.start()
        await world.caught_up(120)
        assert (await world.stop(last)).status == 0
        evidence = await world.evidence()
        assert evidence.duplicates() == 0
        check(evidence)
