"""kill -9 at every stage of an event's way: nothing lost or out of order, nothing twice that a commit had told."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.faults.conftest import Check, NewWorld
from tests.faults.launcher import Fault
from tests.faults.world import CLASSIC, CONSUMER, World

STAGES = [
    "after poll",
    "after mapping",
    "before send",
    "in the air",
    "after response",
    "before settling",
    "after settling",
    "before dead letter",
    "dead letter produced",
    "dead letter reported",
    "before commit",
    "commit sent",
    "after commit",
]
# At which passing of the stage; a few, so that the process has come so far each time.
NTH = {"after poll": 2, "after mapping": 2, "before commit": 1, "commit sent": 1, "after commit": 1}
# Of the histories drawn by lot; most of each is waiting for the sessions of the killed to end.
SEEDS, TOGETHER = 40, 4

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


async def _history(world: World, faults: list[Fault]) -> None:
    """A kill at each stage in turn, and an end in peace."""
    for number, fault in enumerate(faults):
        await world.produce(600, bad=0.05, seed=number)
        process = world.start(fault)
        assert (await world.ended(process)).status == -9, f"{fault.stage}: not killed\n{process.tail()}"
    last = world.start()
    await world.caught_up()
    assert (await world.stop(last)).status == 0


@pytest.mark.parametrize(
    "protocol", [CLASSIC, pytest.param(CONSUMER, marks=pytest.mark.soak)], ids=["classic", "consumer"]
)
async def test_killed_at_every_stage_in_turn(new_world: NewWorld, check: Check, protocol: dict[str, object]) -> None:
    """Six histories at a time, since most of it is waiting for the sessions of the killed to end."""

    async def history(stages: list[str]) -> None:
        async with new_world(kafka=protocol) as world:
            await _history(world, [Fault(stage, NTH.get(stage, 3)) for stage in stages])
            check(await world.evidence(), duplicates_may_be=True, name=", ".join(stages))

    async with asyncio.TaskGroup() as histories:
        for first in range(6):
            histories.create_task(history(STAGES[first::6]))


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, SEEDS, TOGETHER))
async def test_killed_at_stages_drawn_by_lot(new_world: NewWorld, check: Check, first: int) -> None:
    """Twelve kills a history, at any passing of any stage that six hundred events reach; four histories at a time."""

    async def history(seed: int) -> None:
        dice = random.Random(seed)
        faults = [Fault(stage, dice.randint(1, NTH.get(stage, 6))) for stage in dice.choices(STAGES, k=12)]
        async with new_world(kafka=dice.choice([CLASSIC, CONSUMER])) as world:
            await _history(world, faults)
            check(await world.evidence(), duplicates_may_be=True, name=f"seed {seed}")

    async with asyncio.TaskGroup() as histories:
        for seed in range(first, first + TOGETHER):
            histories.create_task(history(seed))
