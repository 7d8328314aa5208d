"""kill -9 at every stage of an event's way: nothing lost or out of order, nothing twice that a commit had told."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.conftest import Check, NewWorld
from tests.faults.launcher import Fault
from tests.faults.world import CLASSIC, CONSUMER

STAGES = [
    "after poll",
    "after mapping",
    "before send",
    "in the air",
    "after response",
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

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


@pytest.mark.parametrize("protocol", [CLASSIC, CONSUMER], ids=["classic", "consumer"])
async def test_killed_at_every_stage_in_turn(new_world: NewWorld, check: Check, protocol: dict[str, object]) -> None:
    """One history with a kill at each stage; four histories at a time, since most of it is waiting for sessions."""

    async def history(stages: list[str]) -> None:
        async with new_world(kafka=protocol) as world:
            for number, stage in enumerate(stages):
                await world.produce(600, bad=0.05, seed=number)
                process = world.start(Fault(stage, NTH.get(stage, 3)))
                assert (await world.ended(process)).status == -9, f"{stage}: not killed\n{process.tail()}"
            last = world.start()
            await world.caught_up()
            assert (await world.stop(last)).status == 0
            check(await world.evidence(), duplicates_may_be=True, name=", ".join(stages))

    async with asyncio.TaskGroup() as histories:
        for first in range(4):
            histories.create_task(history(STAGES[first::4]))
