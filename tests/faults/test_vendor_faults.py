"""Everything a vendor or the network can answer (rule 4), before and after it took effect: held, never lost."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from tests.faults.conftest import Check, NewWorld
from tests.faults.events import MYTRACKER, SAILPLAY, draft
from tests.faults.process import Process
from tests.faults.world import World
from tests.support.connector import until

BROKEN = ["reset", "close", "half_header", "half_body", "hang", "drip"]
NO_ANSWER = ["html_200", "truncated_json", "gzip_bomb", "bad_gzip"]
THE_VENDORS = [500, 502, 503, 504, 408, 425, 429, 201, 204]
OURS = [301, 302, 401, 403, 404, 405]
SENSELESS = ["soon", "-5", "1e3", ""]

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


def _status(status: int, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": status, "body": {"error": "Some Error"}, **more}


async def _suffer(world: World, process: Process, faults: list[dict[str, Any]]) -> None:
    """Let each fault meet a request or more, with events waiting; all is accepted none the less."""
    for fault in faults:
        await world.produce(30, bad=0.0)
        world.mytracker.order(fault)
        try:
            await world.accepted_all()
        except AssertionError as error:
            raise AssertionError(f"{fault}: {error}") from None
    await world.caught_up()
    assert (await world.stop(process)).status == 0


async def _suffer_in_fives(
    new_world: NewWorld, check: Check, faults: list[dict[str, Any]], *, lost_answers: bool
) -> None:
    """Five connectors, a fifth of the faults each: most of the time is waiting for timeouts and probes."""

    async def suffer(some: list[dict[str, Any]], name: str) -> None:
        async with new_world(mytracker={"timeout": "300ms"}) as world:
            await _suffer(world, world.start(), some)
            evidence = await world.evidence()
            assert evidence.duplicates() <= sum(20 * fault["times"] for fault in some)
            check(evidence, duplicates_may_be=lost_answers, name=name)

    async with asyncio.TaskGroup() as suffering:
        for first in range(5):
            suffering.create_task(suffer(faults[first::5], f"{len(faults[first::5])} faults"))


async def test_faults_before_the_effect_lose_nothing_and_double_nothing(new_world: NewWorld, check: Check) -> None:
    faults: list[dict[str, Any]] = [{"kind": kind, "times": 2} for kind in (*BROKEN, *NO_ANSWER, "outage")]
    faults += [_status(status, times=2) for status in THE_VENDORS]
    faults += [_status(status, times=1) for status in OURS]
    faults += [_status(400, headers={"Content-Type": "text/html"}, body="<html>no</html>", times=2)]
    faults += [_status(400, body={"error": "Bad api version"}, times=1)]
    await _suffer_in_fives(new_world, check, faults, lost_answers=False)


async def test_faults_after_the_effect_lose_nothing(new_world: NewWorld, check: Check) -> None:
    """The vendor has the events and we cannot know: they are sent again, and only they."""
    faults: list[dict[str, Any]] = [{"kind": kind, "apply": "after", "times": 2} for kind in (*BROKEN, *NO_ANSWER)]
    faults += [_status(status, apply="after", times=2) for status in (500, 502, 503, 504, 408, 429)]
    await _suffer_in_fives(new_world, check, faults, lost_answers=True)


async def _failures(process: Process) -> int:
    """How many answers of 4xx and 5xx the connector has read."""
    by_status: dict[str, int] = (await process.status())[MYTRACKER]["requests"]["by_status"]
    return by_status.get("4xx", 0) + by_status.get("5xx", 0)


async def test_retry_after_shuts_the_sink_for_as_long_as_it_says_and_nonsense_counts_as_absent(
    new_world: NewWorld, check: Check
) -> None:
    async with new_world() as world:
        process = world.start()
        await process.up()
        for status, seconds, as_date in [(429, 1, False), (503, 1, False), (503, 2, True)]:
            await world.accepted_all()
            failures, accepted = await _failures(process), len(world.mytracker.ledger)
            # The answer comes after this, however busy the machine; a date is in whole seconds.
            opens = int(time.time() + seconds) if as_date else time.time() + seconds
            value = format_datetime(datetime.fromtimestamp(opens, UTC), usegmt=True) if as_date else str(seconds)
            world.mytracker.order(_status(status, headers={"Retry-After": value}))
            await world.produce_these([draft(world.take_numbers(1))])

            async def refused(before: int = failures) -> bool:
                return await _failures(process) > before

            await until(refused, seconds=20, what=f"the answer {status}")
            await world.produce(20, bad=0.0)
            await world.accepted_all()
            early = [entry for entry in world.mytracker.ledger.entries_after(accepted) if entry.time < opens]
            assert not early, (status, value)
        faults = [_status(503, headers={"Retry-After": value}) for value in SENSELESS]
        await _suffer(world, process, faults)
        check(await world.evidence())


async def test_a_rejected_token_stops_the_sink_until_it_is_right_again(new_world: NewWorld, check: Check) -> None:
    """Nothing becomes a dead letter for our own fault, and the other sink does not notice."""
    async with new_world(sinks=(MYTRACKER, SAILPLAY)) as world:
        process = world.start()
        await world.produce(50, points=0.1)
        await world.accepted_all()
        world.mytracker.order({"revoke_token": True})
        await world.produce(200, bad=0.0, points=0.1)
        await world.accepted_all(SAILPLAY)
        states = {name: sink["state"] for name, sink in (await process.status()).items()}
        assert states == {MYTRACKER: "misconfigured", SAILPLAY: "open"}
        tried = world.mytracker.ledger.requests
        await asyncio.sleep(1.0)
        assert world.mytracker.ledger.requests - tried <= 3
        world.grant_again()
        await world.caught_up()
        assert (await world.stop(process)).status == 0
        check(await world.evidence())
