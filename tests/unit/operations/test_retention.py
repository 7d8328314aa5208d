"""When the brokers are asked about retention, and what happens when they refuse."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping

import pytest
from structlog.testing import capture_logs

from connector.errors import ConnectorError
from connector.operations.retention import EVERY_SECONDS, Retention
from tests.support.clock import TurnedClock
from tests.unit.operations.bench import Bench


class Brokers:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Collection[str]] = []
        self.refusal: str | None = None

    def __call__(self, topics: Collection[str]) -> Mapping[str, float]:
        self.asked.append(topics)
        if self.refusal:
            raise ConnectorError(self.refusal)
        return dict.fromkeys(topics, 60.0)


async def answered(retention: Retention, bench: Bench) -> None:
    while retention._asking:
        await bench.settle()


@pytest.fixture
def brokers() -> Brokers:
    return Brokers()


async def test_it_asks_when_topics_come_and_every_five_minutes(
    brokers: Brokers, clock: TurnedClock, bench: Bench
) -> None:
    retention = Retention(brokers, clock)
    for topics, pause in (
        (frozenset(), 1.0), (frozenset({"a"}), 1.0), (frozenset({"a"}), 1.0), (frozenset({"a", "b"}), 1.0),
        (frozenset({"a"}), EVERY_SECONDS), (frozenset({"a"}), 1.0),
    ):  # fmt: skip
        retention.refresh(topics)
        await answered(retention, bench)
        clock.seconds += pause
    assert brokers.asked == [{"a"}, {"a", "b"}, {"a"}]
    assert retention.seconds == {"a": 60.0}


async def test_a_refusal_is_logged_once_and_the_last_answer_kept(
    brokers: Brokers, clock: TurnedClock, bench: Bench
) -> None:
    retention = Retention(brokers, clock)
    retention.refresh(frozenset({"a"}))
    await answered(retention, bench)
    brokers.refusal = "topic a: not allowed"
    with capture_logs() as logs:
        for _ in range(3):
            clock.seconds += EVERY_SECONDS
            retention.refresh(frozenset({"a"}))
            await answered(retention, bench)
    assert [line["why"] for line in logs] == ["topic a: not allowed"]
    assert retention.seconds == {"a": 60.0}


async def test_brokers_that_do_not_answer_hold_nothing_up(clock: TurnedClock) -> None:
    never = threading.Event()

    def hang(topics: Collection[str]) -> Mapping[str, float]:
        never.wait()
        return {}

    retention = Retention(hang, clock)
    retention.refresh(frozenset({"a"}))
    clock.seconds += 10 * EVERY_SECONDS
    retention.refresh(frozenset({"a", "b"}))
    assert sum(thread.name == "retention" for thread in threading.enumerate()) == 1
    never.set()
