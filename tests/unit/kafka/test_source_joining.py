"""A client without an on_assign call has an empty assignment if its statistics say so."""

from __future__ import annotations

import pytest

from connector.kafka.group_member import JOINED_AFTER_SECONDS
from tests.unit.kafka.clients import Clients

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
