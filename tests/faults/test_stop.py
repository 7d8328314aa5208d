"""SIGTERM at every stage, while the vendor hangs and while the brokers are away: it ends in time, and loses nothing."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.faults.conftest import Check, NewWorld
from tests.faults.launcher import Fault
from tests.faults.relay import Relay
from tests.faults.world import DRAIN_SECONDS

STAGES = [
    Fault("after poll", 2),
    Fault("after mapping", 2),
    Fault("before send", 3),
    Fault("in the air", 3),
    Fault("after response", 3),
    Fault("before settling", 3),
    Fault("dead letter produced", 2),
    Fault("dead letter reported", 2),
    Fault("before commit"),
    Fault("commit sent"),
    Fault("after commit"),
    Fault("assigning"),
]

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


async def test_told_to_stop_at_every_stage_it_commits_what_is_settled_and_sends_nothing_twice(
    new_world: NewWorld, check: Check
) -> None:
    async def history(faults: list[Fault]) -> None:
        async with new_world() as world:
            for number, fault in enumerate(faults):
                await world.produce(400, bad=0.05, seed=number)
                process = world.start(Fault(fault.stage, fault.nth, "SIGTERM"))
                assert (await world.ended(process)).status == 0, f"{fault.stage}:\n{process.tail()}"
            last = world.start()
            await world.caught_up()
            assert (await world.stop(last)).status == 0
            check(await world.evidence(), name=", ".join(fault.stage for fault in faults))

    async with asyncio.TaskGroup() as histories:
        for first in range(4):
            histories.create_task(history(STAGES[first::4]))


async def test_a_vendor_that_hangs_does_not_keep_it_from_stopping(new_world: NewWorld, check: Check) -> None:
    """The timeout of a request is shorter than the drain: each request in flight ends, and its events stay open."""
    async with new_world() as world:
        world.mytracker.order({"kind": "hang", "times": "until_reset"})
        await world.produce(300)
        process = world.start()
        await world.requested()
        ended = await world.stop(process)
        assert ended.status == 0, process.tail()
        assert ended.seconds is not None
        assert ended.seconds < DRAIN_SECONDS + 5
        world.mytracker.reset({"latency_ms": 5})
        world.refuse_the_marked()
        process = world.start()
        await world.caught_up()
        await world.stop(process)
        check(await world.evidence())


async def test_brokers_that_are_away_do_not_keep_it_from_stopping(new_world: NewWorld, check: Check) -> None:
    """What is settled cannot be committed: exit status 1, within the grace period; what comes again is only that."""
    async with new_world() as world, Relay(world.bootstrap) as relay:
        await world.produce(600)
        process = world.start(bootstrap=relay.address)
        await world.accepted(200)
        relay.cut()
        ended = await world.stop(process)
        assert ended.status == 1, process.tail()
        relay.heal()
        process = world.start()
        await world.caught_up()
        assert (await world.stop(process)).status == 0
        check(await world.evidence(), duplicates_may_be=True)


@pytest.mark.soak
async def test_a_second_signal_ends_it_at_once(new_world: NewWorld, check: Check) -> None:
    async with new_world() as world:
        world.mytracker.order({"kind": "hang", "times": "until_reset"})
        await world.produce(100)
        process = world.start()
        await world.requested()
        process.send(signal.SIGTERM)
        await asyncio.sleep(0.2)
        assert process.running
        process.send(signal.SIGTERM)
        ended = await world.ended(process, 1.0)
        assert ended.status == 1
        world.mytracker.reset()
        world.refuse_the_marked()
        process = world.start()
        await world.caught_up()
        await world.stop(process)
        check(await world.evidence(), duplicates_may_be=True)
