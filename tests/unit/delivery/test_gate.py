"""The gate, with a clock that is only an argument: when and how many may go after what has happened."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.backoff import Backoff
from connector.delivery.gate import FAULTS_TO_GO_DOWN, FLOOD_PROBE_SECONDS, NEVER, Gate, SinkState
from tests.unit.delivery.support import IN_FLIGHT, INITIAL, MAXIMUM, closed, fault, gate, may_go, success


def test_an_open_gate_lets_as_many_out_as_may_be_in_flight() -> None:
    assert may_go(gate(), 0.0) == IN_FLIGHT


def test_the_fifth_fault_in_a_row_closes_it() -> None:
    of = gate()
    for _ in range(FAULTS_TO_GO_DOWN - 1):
        fault(of)
        assert of.state is SinkState.SENDING
    fault(of)
    assert (of.is_down, of.state, of.reason) == (True, SinkState.DOWN, "503")
    success(of)
    assert not of.is_down


@pytest.mark.parametrize("answer", ["success", "event fault"])
def test_an_answer_in_between_starts_the_count_afresh(answer: str) -> None:
    of = gate()
    for _ in range(3):
        for _ in range(FAULTS_TO_GO_DOWN - 1):
            fault(of)
        if answer == "success":
            success(of)
        else:
            assert not of.record_answer(0.0)
        assert (of.is_sending, of.consecutive_faults) == (True, 0)
    assert of.successes == (3 if answer == "success" else 0)


def test_a_closed_gate_lets_one_probe_out_after_a_backoff_that_doubles() -> None:
    of, now = closed(), 0.0
    for wait in (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0):
        assert of.next_send_at() == pytest.approx(now + wait)
        assert may_go(of, now + wait * 0.99) == 0
        now += wait + 1e-9
        assert may_go(of, now) == 1
        of.request_finished()
        of.record_fault(now, "503", retry_after=None, throttled=False)


def test_faults_of_requests_sent_before_it_closed_do_not_double_the_backoff() -> None:
    of = gate()
    for _ in range(IN_FLIGHT):
        of.request_started(0.0)
    for _ in range(IN_FLIGHT):
        of.request_finished()
        of.record_fault(1.0, "503", retry_after=None, throttled=False)
    assert of.next_send_at() == pytest.approx(1.0 + INITIAL)


def test_a_success_of_a_request_sent_before_it_closed_opens_it() -> None:
    of = gate()
    of.request_started(0.0)
    for _ in range(FAULTS_TO_GO_DOWN):
        fault(of)
    of.request_finished()
    assert of.record_acceptance()
    assert of.is_sending


def test_what_closes_it_again_begins_with_the_first_backoff_again() -> None:
    of = closed()
    fault(of, 1.0)  # a failed probe
    success(of, 2.0)
    for _ in range(FAULTS_TO_GO_DOWN):
        fault(of, 3.0)
    assert of.next_send_at() == pytest.approx(3.0 + INITIAL)


def test_no_probe_goes_while_a_request_from_before_is_in_flight() -> None:
    of = gate()
    of.request_started(0.0)
    for _ in range(FAULTS_TO_GO_DOWN):
        fault(of)
    assert of.next_send_at() == NEVER
    of.request_finished()
    assert of.next_send_at() <= 100.0


def test_a_success_opens_it_with_one_in_flight_and_each_further_one_adds_one() -> None:
    of = closed()
    assert success(of, 1.0)
    assert may_go(of, 1.0) == 1
    of.request_finished()
    for window in range(2, IN_FLIGHT + 5):
        assert not success(of, 1.0)
        assert of.window == min(window, IN_FLIGHT)
        assert may_go(of, 1.0) == of.window
        of.in_flight = 0


def test_an_event_that_the_vendor_refuses_opens_a_closed_gate_too() -> None:
    of = closed()
    of.request_started(1.0)
    of.request_finished()
    assert of.record_answer(1.0)
    assert (of.is_sending, of.window) == (True, 1)


@settings(max_examples=200)
@given(st.floats(0.01, 5), st.floats(1, 60), st.integers(1, 200))
def test_backoff_is_fully_jittered(initial: float, maximum: float, faults: int) -> None:
    backoff = Backoff(initial, maximum)
    bound = min(maximum, initial * 2.0 ** (min(faults, 64) - 1))
    assert all(0.0 <= backoff.seconds_before_retry(faults) <= bound for _ in range(20))


def test_the_jitter_uses_the_whole_of_its_span() -> None:
    backoff = Backoff(1.0, 30.0)
    waits = [backoff.seconds_before_retry(4) for _ in range(500)]
    assert min(waits) < 1.0
    assert max(waits) > 7.0


def answered(of: Gate, answer: str, now: float) -> None:
    of.request_finished()
    match answer:
        case "ok":
            of.record_acceptance()
        case "event":
            of.record_answer(now)
        case "ours":
            of.record_misconfiguration(now, "401")
        case _:
            retry_at = of.record_fault(now, "503", retry_after=None, throttled=answer == "throttled")
            assert now <= retry_at <= now + MAXIMUM


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(["ok", "event", "vendor", "throttled", "ours", "flood"]), min_size=10, max_size=80),
    st.data(),
)
def test_whatever_is_answered_in_whatever_order_the_gate_keeps_its_promises(
    answers: list[str], data: st.DataObject
) -> None:
    of, now = gate(rate=50), 0.0
    for answer in answers:
        was_open = of.is_sending
        if of.in_flight == 0 or data.draw(st.booleans(), label="send first"):
            at = of.next_send_at()
            if at != NEVER:
                now = max(now, at)
                of.request_started(now)
        if answer == "flood":
            of.start_flood(now, "too many")
            continue
        if not of.in_flight:
            continue
        answered(of, answer, now)
        assert 1 <= of.window <= IN_FLIGHT
        assert of.is_sending == (of.state is SinkState.SENDING)
        assert of.is_sending == (of.reason == "")
        if of.is_sending and not was_open:
            assert of.window == 1
        if not of.is_sending:
            assert of.in_flight == 0 or of.next_send_at() == NEVER
            assert of.in_flight or of.next_send_at() <= now + FLOOD_PROBE_SECONDS
