"""A vendor that is down for long, with a backlog before it: memory stays flat, the other sink does not notice."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from tests.faults.conftest import Check, NewWorld
from tests.faults.events import MYTRACKER, SAILPLAY
from tests.faults.process import Process
from tests.faults.world import World

CALM_MIB = 32.0  # how much memory may move while nothing is delivered
CHUNK = 50_000

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


async def _resident(process: Process, seconds: float) -> list[float]:
    """MiB, sampled ten times."""
    samples = []
    for _ in range(10):
        await asyncio.sleep(seconds / 10)
        samples.append(process.resident())
    return samples


async def _outage(world: World, backlog: int, seconds: float) -> dict[str, list[float]]:
    """Produce the backlog, be down for so long, recover; return the memory over the three stretches."""
    world.mytracker.order({"kind": "outage", "times": "until_reset"})
    for first in itertools.takewhile(lambda at: at < backlog, itertools.count(step=CHUNK)):
        await world.produce(min(CHUNK, backlog - first), bad=0.0, points=60 / backlog, seed=first)
    process = world.start()
    await world.accepted_all(SAILPLAY, seconds + 60)
    before = world.mytracker.ledger.requests
    curves = {"outage": await _resident(process, seconds)}
    probes = world.mytracker.ledger.requests - before
    assert probes <= seconds / 0.05, "more than a probe at a time reached the vendor"
    assert (await process.status())[MYTRACKER]["state"] == "closed"
    world.mytracker.faults.clear()
    curves["recovery"] = await _resident(process, 1.0)
    await world.caught_up(backlog / 1000 + 60)
    curves["after"] = await _resident(process, 1.0)
    assert (await world.stop(process)).status == 0
    return curves


def _report(curves: dict[str, list[float]], backlog: int, tmp_path: Path) -> str:
    lines = [f"{backlog} events behind the outage; resident MiB"]
    lines += [f"  {name:<9} {' '.join(f'{each:.0f}' for each in curve)}" for name, curve in curves.items()]
    text = "\n".join(lines)
    (tmp_path / "memory.txt").write_text(text)
    return text


async def _flat(new_world: NewWorld, check: Check, tmp_path: Path, backlog: int, seconds: float) -> None:
    # A vendor of this process may be late with an answer when a million events go by; late is not lost.
    patient = {"timeout": "2900ms"}
    async with new_world(sinks=(MYTRACKER, SAILPLAY), partitions=8, latency_ms=2, mytracker=patient) as world:
        curves = await _outage(world, backlog, seconds)
        print(_report(curves, backlog, tmp_path))
        outage = curves["outage"]
        assert max(outage) - min(outage) < CALM_MIB, outage
        assert max(curves["after"]) - min(outage) < 2 * CALM_MIB, curves
        evidence = await world.evidence()
        assert not evidence.letters
        check(evidence)


async def test_memory_stays_flat_with_a_backlog_and_the_other_sink_does_not_notice(
    new_world: NewWorld, check: Check, tmp_path: Path
) -> None:
    await _flat(new_world, check, tmp_path, backlog=30_000, seconds=2.0)


@pytest.mark.soak
async def test_memory_stays_flat_with_a_million_events(new_world: NewWorld, check: Check, tmp_path: Path) -> None:
    await _flat(new_world, check, tmp_path, backlog=1_000_000, seconds=60.0)
