"""The ring of the last hour, the present rate and the drain estimate."""

from __future__ import annotations

import pytest

from connector.operations.sink_history import SAMPLES, HistorySample, SinkHistory, drain_seconds


def filled(settled: list[int], lag: list[int | None] | None = None) -> SinkHistory:
    history = SinkHistory()
    for second, count in enumerate(settled):
        history.record_sample(HistorySample(float(second), count, lag[second] if lag else 0))
    return history


def test_nothing_is_known_before_two_samples() -> None:
    assert SinkHistory().rate() == 0.0
    assert filled([5]).rate() == 0.0
    assert filled([5]).points() == []


def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    assert filled([0] * 50 + [n * 7 for n in range(11)]).rate() == pytest.approx(7.0)


def test_points_are_thirty_seconds_with_the_highest_lag() -> None:
    lag: list[int | None] = [1] * 61
    lag[45] = 90
    history = filled([second * 2 for second in range(61)], lag)
    assert history.points() == [(2.0, 1), (2.0, 90)]


def test_an_unknown_lag_stays_unknown() -> None:
    assert filled([0, 1], [None, None]).points() == [(1.0, None)]


def test_an_hour_is_kept_and_no_more() -> None:
    history = filled(list(range(2 * SAMPLES)))
    points = history.points()
    assert len(points) == 120
    assert {point.rate for point in points} == {1.0}


@pytest.mark.parametrize(
    ("lag", "rate", "seconds"), [(0, 0.0, 0.0), (100, 20.0, 10.0), (100, 0.0, None), (None, 5.0, None)]
)
def test_the_drain_is_the_lag_at_the_present_rate(lag: int | None, rate: float, seconds: float | None) -> None:
    assert drain_seconds(lag, 2.0, rate) == seconds
