"""One line, its server and its clock, for every test of the room."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connector.operations.server import OperationsServer
from tests.support.clock import TurnedClock
from tests.unit.operations.bench import EPOCH, Bench, bench_clock, build_bench


@pytest.fixture
def clock() -> TurnedClock:
    """Time, in the test's hand."""
    return bench_clock()


@pytest.fixture
async def bench(clock: TurnedClock) -> AsyncIterator[Bench]:
    """One line; its dispatcher is stopped at the end, so that no alarm outlives the test."""
    bench = build_bench(clock)
    yield bench
    bench.pipeline.dispatcher.stop()


@pytest.fixture
async def server(bench: Bench, clock: TurnedClock) -> AsyncIterator[OperationsServer]:
    """The server of that line, on a port of the system's choosing."""
    server = OperationsServer(
        "127.0.0.1",
        0,
        [bench],
        started_at=EPOCH,
        version="1.2.3",
        shown_configuration="group: crm\n",
        ask_retention=lambda topics: dict.fromkeys(topics, 3_600.0),
        clock=clock,
    )
    await server.start()
    yield server
    await server.stop()
