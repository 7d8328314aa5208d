"""A client without an on_assign call has an empty assignment if its statistics say so; else it asks where to begin."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from connector.kafka import log_recovery
from connector.kafka.group_member import JOINED_AFTER_SECONDS
from connector.kafka.positions import StartingPoint
from tests.unit.kafka.bench import POLL_INTERVAL
from tests.unit.kafka.clients import Clients, starting_points

UP = '{"cgrp": {"state": "up", "rebalance_reason": ""}}'


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Clients:
    bench = Clients(monkeypatch)
    bench.poll_once()
    return bench


@pytest.mark.parametrize(
    ("seconds", "statistics", "joined"),
    [
        (JOINED_AFTER_SECONDS - 0.1, UP, False),
        (JOINED_AFTER_SECONDS + 0.1, UP, True),
        (60.0, '{"cgrp": {"state": "up", "rebalance_reason": "group is rebalancing"}}', False),
        (60.0, '{"cgrp": {"state": "query-coord"}}', False),
        (60.0, "{}", False),
    ],
)
def test_statistics_report_an_empty_assignment_only_when_the_group_could_have_refused_us(
    bench: Clients, seconds: float, statistics: str, joined: bool
) -> None:
    bench.clock.seconds += seconds
    bench.source._member.on_statistics(statistics)
    assert (bench.source._member.joined, len(bench.listener.assigned)) == (joined, int(joined))
    bench.source._member.on_statistics(statistics)
    assert len(bench.listener.assigned) == int(joined)


def test_statistics_of_a_client_that_has_not_asked_to_join_report_nothing(bench: Clients) -> None:
    bench.clock.seconds += 10 * JOINED_AFTER_SECONDS
    bench.fail()
    bench.clock.seconds += 0.9
    bench.source._member.on_statistics(UP)
    assert bench.listener.assigned == []
    bench.clock.seconds += 0.2
    bench.poll_once()
    bench.source._member.on_statistics(UP)
    assert bench.listener.assigned == []
    bench.clock.seconds += JOINED_AFTER_SECONDS + 0.1
    bench.source._member.on_statistics(UP)
    assert bench.listener.assigned == [[]]


# --- where an assignment begins, while the brokers do not tell --------------------------------------------------------


def answers_after(bench: Clients, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[float]:
    """The brokers give committed offsets only so long from now, each try takes ten seconds; returns the tries."""
    begun, tries = bench.clock.seconds, list[float]()

    def committed(*told: Any, **_: Any) -> list[StartingPoint]:
        tries.append(bench.clock.seconds - begun)
        bench.clock.seconds += 10.0
        if bench.clock.seconds - begun < seconds:
            raise KafkaException(KafkaError(KafkaError.COORDINATOR_NOT_AVAILABLE))
        return starting_points(*told)

    monkeypatch.setattr(log_recovery, "starting_points", committed)
    monkeypatch.setattr(bench.source._stop_requested, "wait", lambda _: None)
    return tries


def test_where_to_begin_is_asked_for_as_long_as_the_group_waits_for_us(
    bench: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only for a session: heartbeats go on meanwhile."""
    answers_after(bench, monkeypatch, POLL_INTERVAL - 20.0)
    bench.assign(0)
    assert (bench.source.failed, len(bench.listener.assigned)) == (False, 1)
    assert bench.listener.problems[-1] == ""


def test_after_the_poll_interval_the_process_ends_rather_than_guess(
    bench: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = answers_after(bench, monkeypatch, 10 * POLL_INTERVAL)
    bench.assign(0)
    assert (bench.source.failed, bench.source._stopping.is_set()) == (True, True)
    assert POLL_INTERVAL <= tries[-1] + 10.0 <= POLL_INTERVAL + 10.0
    assert bench.listener.problems[-1].startswith("committed offsets cannot be read: ")


def test_a_thread_that_asks_again_is_alive_and_what_it_had_before_is_in_doubt(
    bench: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that does not answer is no reason to restart the process. But a loss is not heard of meanwhile."""
    tries = answers_after(bench, monkeypatch, POLL_INTERVAL - 20.0)
    seen: list[bool] = []
    monkeypatch.setattr(
        bench.source._stop_requested,
        "wait",
        lambda _: seen.append(bench.clock.seconds - bench.source.last_poll < 1.0),
    )
    bench.assign(0)
    assert (len(seen), set(seen)) == (len(tries) - 1, {True})
    assert bench.source._poll_tracker.stalled
