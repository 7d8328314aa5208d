"""Members come and go, and stall: nothing is lost, nothing is committed for the next owner, nothing comes twice."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping

import pytest

from tests.faults.conftest import Check, NewWorld
from tests.faults.launcher import Fault
from tests.faults.process import Process
from tests.faults.world import CLASSIC, CONSUMER, World

PROTOCOLS = pytest.mark.parametrize("protocol", [CLASSIC, CONSUMER], ids=["classic", "consumer"])
STALLED = pytest.mark.parametrize(
    "protocol", [CLASSIC, pytest.param(CONSUMER, marks=pytest.mark.soak)], ids=["classic", "consumer"]
)
# Shorter than `check` allows with a drain of less than a second is not possible: drain + 10 s.
POLL_INTERVAL_MS = 11_000
STALL_SECONDS = 12.5
# Two heartbeats of the broker's 500 ms, and room for a busy machine.
HEARD_AFTER_SECONDS = 3.0

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


async def _stream(world: World, seconds: float) -> None:
    """Produce all the time, and little at a time, so that every rebalance meets events at every stage."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        await world.produce(25, bad=0.05)
        await asyncio.sleep(0.02)


@PROTOCOLS
async def test_a_storm_of_rebalances_sends_nothing_twice(
    new_world: NewWorld, check: Check, protocol: dict[str, object]
) -> None:
    """From one member to three and back, each time before the last rebalance has come to rest.

    Sessions are long here: a member that ended without leaving would be missed.
    """
    slow = {**protocol, "session.timeout.ms": 30_000} if "session.timeout.ms" in protocol else protocol
    async with new_world(kafka=slow, partitions=6) as world, asyncio.TaskGroup() as streams:
        first = world.start()
        stream = streams.create_task(_stream(world, 5.0))
        await world.accepted(50)
        second, third = world.start(), world.start()
        await asyncio.sleep(1.0)
        assert (await world.stop(first)).status == 0
        first = world.start()
        for process in (second, third, first):
            await process.up()  # what is told to stop before it listens is ended by the signal
        await _stop_together(world, second, third)
        await stream
        await world.caught_up()
        assert (await world.stop(first)).status == 0
        check(await world.evidence())


async def _stop_together(world: World, *processes: Process) -> None:
    ends = await asyncio.gather(*(world.stop(process) for process in processes))
    for process, ended in zip(processes, ends, strict=True):
        assert ended.status == 0, process.tail()


async def _freeze(world: World, *, others: int, seconds: float = 0.0) -> float:
    """Freeze a process with requests in flight until its session has ended, and for so long at least.

    The vendor has all of them and does not answer, so that what comes after the thaw was sent then. Returns when that
    was, in seconds since the epoch.
    """
    world.mytracker.order({"kind": "hang", "apply": "after", "times": "until_reset"})
    await world.produce(1500, bad=0.05)
    frozen = world.start()
    await world.requested_all_that_goes()
    frozen.send(signal.SIGSTOP)
    await frozen.frozen()
    world.mytracker.faults.clear()
    world.refuse_the_marked()
    until = time.monotonic() + seconds
    other = [world.start() for _ in range(others)]
    if others:
        await world.caught_up()  # the other has taken over: what was in flight is accepted and committed by it
    else:
        await world.deserted()
    await asyncio.sleep(max(0.0, until - time.monotonic()))
    await world.produce(300)
    thawed = time.time()
    frozen.send(signal.SIGCONT)
    await world.caught_up()
    await _stop_together(world, frozen, *other)
    return thawed


@PROTOCOLS
async def test_a_process_that_was_frozen_past_its_session_harms_nobody(
    new_world: NewWorld, check: Check, protocol: dict[str, object]
) -> None:
    """What it does when it thaws must not touch the next owner's offsets.

    Under `group.protocol=consumer` the session's length is the broker's (here 3 s), and the client cannot ask: until it
    hears that it lost its partitions, it may send again what the next owner has sent; the broker refuses its commits.
    """

    async def freeze(others: int) -> None:
        async with new_world(kafka=protocol) as world:
            thawed = await _freeze(world, others=others)
            unheard = (thawed, thawed + HEARD_AFTER_SECONDS) if protocol is CONSUMER else None
            check(await world.evidence(), duplicates_may_be=True, unheard=unheard, name=f"{others} others")

    async with asyncio.TaskGroup() as freezes:
        for others in (0, 1):
            freezes.create_task(freeze(others))


@pytest.mark.soak
async def test_a_process_that_was_frozen_past_the_poll_interval_sends_nothing_before_it_has_heard(
    new_world: NewWorld, check: Check
) -> None:
    """Longer than that the client must not trust its assignment, whatever the broker's session."""

    async def freeze(others: int) -> None:
        async with new_world(**_tight(CONSUMER)) as world:
            await _freeze(world, others=others, seconds=STALL_SECONDS)
            check(await world.evidence(), duplicates_may_be=True, name=f"{others} others")

    async with asyncio.TaskGroup() as freezes:
        for others in (0, 1):
            freezes.create_task(freeze(others))


def _tight(protocol: Mapping[str, object]) -> dict[str, object]:
    """The shortest poll interval that `check` allows, as options of a world."""
    kafka = {**protocol, "max.poll.interval.ms": POLL_INTERVAL_MS}
    return {"kafka": kafka, "delivery": {"drain": "900ms"}, "mytracker": {"timeout": "500ms"}}


@STALLED
async def test_a_polling_thread_that_stalled_past_the_poll_interval_commits_nothing(
    new_world: NewWorld, check: Check, protocol: dict[str, object]
) -> None:
    """Heartbeats go on, so the group waits for the poll interval; alone and with another member."""

    async def stall(others: int) -> None:
        async with new_world(**_tight(protocol)) as world:
            await world.produce(1500, bad=0.05)
            stalled = world.start(Fault("polling", 12, "stall", STALL_SECONDS))
            await world.accepted(60)
            other = [world.start() for _ in range(others)]
            await asyncio.sleep(STALL_SECONDS - 1.0)
            await world.produce(300)
            await asyncio.sleep(1.5)
            await world.caught_up()
            await _stop_together(world, stalled, *other)
            check(await world.evidence(), duplicates_may_be=True, name=f"{others} others")

    async with asyncio.TaskGroup() as stalls:
        for others in (0, 1):
            stalls.create_task(stall(others))
