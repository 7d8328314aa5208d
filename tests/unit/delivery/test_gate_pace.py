"""The gate's pace: Retry-After, the rate, and what 429 makes of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.gate import FAULTS_TO_GO_DOWN, MAX_RETRY_AFTER_SECONDS, MIN_PACE
from tests.unit.delivery.support import IN_FLIGHT, fault, gate, success


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.0), (5.0, 5.0), (600.0, 600.0), (601.0, 600.0), (1e9, 600.0)])
def test_retry_after_shuts_it_for_the_whole_sink_for_ten_minutes_at_most(asked: float, waited: float) -> None:
    of = gate()
    fault(of, 10.0, retry_after=asked)
    assert of.next_send_at() == 10.0 + waited
    assert of.retry_after_left(10.0) == waited <= MAX_RETRY_AFTER_SECONDS
    assert of.retry_after_left(10.0 + waited + 1.0) == 0.0
    assert of.is_sending


def test_a_shorter_retry_after_does_not_shorten_a_longer_one_and_a_success_does_not_end_it() -> None:
    of = gate()
    fault(of, 0.0, retry_after=60.0)
    fault(of, 0.0, retry_after=1.0)
    success(of)
    assert of.next_send_at() == 60.0


@settings(max_examples=100)
@given(st.sampled_from([0.5, 1, 3, 7, 40, 100]), st.lists(st.floats(0, 0.4), min_size=50, max_size=200))
def test_the_rate_holds_for_every_window_of_a_second(rate: float, pauses: list[float]) -> None:
    """Requests are asked for at random times, in bursts too; each goes as soon as the gate allows."""
    of, now, went = gate(rate=rate, max_in_flight=10**6), 0.0, []
    for pause in pauses:
        now += pause if pause > 0.2 else 0.0  # most want to go at once
        now = max(now, of.next_send_at())
        of.request_started(now)
        went.append(now)
    limit = max(1, int(rate))
    for first, beyond in zip(went, went[limit:], strict=False):
        assert beyond - first >= limit / rate - 1e-6
    assert all(later - earlier >= 1 / rate - 1e-9 for earlier, later in pairwise(went))


def test_a_call_that_carries_no_event_counts_against_the_rate() -> None:
    of = gate(rate=10)
    assert of.reserve_request(0.0) == 0.0
    assert of.next_send_at() == pytest.approx(0.1)
    assert of.reserve_request(0.0) == pytest.approx(0.1)
    assert of.in_flight == 0


def test_how_long_the_rate_holds_the_next_request_is_known() -> None:
    of = gate(rate=10)
    of.request_started(5.0)
    assert of.rate_limited
    assert of.rate_allows_in(5.04) == pytest.approx(0.06)
    assert of.rate_allows_in(6.0) == 0.0
    assert not gate().rate_limited
    assert gate(rate=0.5).rate_limited


def test_a_429_halves_pace_and_window_and_successes_give_the_pace_back() -> None:
    of = gate(rate=10)
    fault(of, 0.0, throttled=True)
    assert of.window == IN_FLIGHT // 2
    of.request_started(1.0)
    assert of.next_send_at() == pytest.approx(1.2)
    of.request_finished()
    for _ in range(100):
        of.record_acceptance()
    of.request_started(5.0)
    assert of.next_send_at() == pytest.approx(5.1)


def test_only_a_429_halves_pace_and_window_which_never_fall_to_nothing() -> None:
    of = gate(rate=10)
    fault(of, 0.0)
    assert of.window == IN_FLIGHT
    assert of.next_send_at() == pytest.approx(0.1)
    for _ in range(FAULTS_TO_GO_DOWN - 2):
        fault(of, 1.0, throttled=True)
    success(of, 1.0)
    for _ in range(FAULTS_TO_GO_DOWN - 1):
        fault(of, 1.0, throttled=True)
    assert of.window == 1
    of.reserve_request(100.0)
    assert of.rate_allows_in(100.0) == pytest.approx(0.1 / MIN_PACE)


def test_the_pace_comes_back_by_hundredths_and_never_beyond_its_rate() -> None:
    of = gate(rate=10)
    fault(of, 0.0, throttled=True)
    success(of, 1.0)
    of.request_started(2.0)
    assert of.next_send_at() == pytest.approx(2.0 + 0.1 / 0.51)
    fault(of, 3.0, throttled=True)
    for _ in range(100):
        of.record_acceptance()
    of.request_started(5.0)
    assert of.next_send_at() - 5.0 == pytest.approx(0.1)
