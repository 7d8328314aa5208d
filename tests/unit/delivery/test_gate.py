"""The gate, with a clock that is only an argument: when and how many may go after what has happened."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.backoff import Backoff
from connector.delivery.gate import (
    FAULTS_TO_CLOSE,
    FLOOD_PROBE_EVERY,
    MAX_RETRY_AFTER,
    NEVER,
    Gate,
    GateState,
)

INITIAL, MAXIMUM, IN_FLIGHT = 0.2, 30.0, 32


class Certain(Backoff):
    """The backoff without its jitter: the longest it may be."""

    def after(self, faults: int) -> float:
        return min(MAXIMUM, INITIAL * 2.0 ** (faults - 1))


def gate(*, rate: float | None = None, stall: float = NEVER, max_in_flight: int = IN_FLIGHT) -> Gate:
    return Gate(max_in_flight=max_in_flight, backoff=Certain(INITIAL, MAXIMUM), rate=rate, stall=stall)


def fault(of: Gate, now: float = 0.0, *, retry_after: float | None = None, throttled: bool = False) -> float:
    """One request that the vendor fails."""
    of.sent(now)
    of.answered()
    return of.vendor_fault(now, "503", retry_after=retry_after, throttled=throttled)


def success(of: Gate, now: float = 0.0) -> bool:
    of.sent(now)
    of.answered()
    return of.succeeded()


def closed() -> Gate:
    of = gate()
    for _ in range(FAULTS_TO_CLOSE):
        fault(of)
    return of


def may_go(of: Gate, now: float) -> int:
    """How many requests the gate lets out at `now`."""
    went = 0
    while of.opens_at(now) <= now and went < 1000:
        of.sent(now)
        went += 1
    return went


def test_an_open_gate_lets_as_many_out_as_may_be_in_flight() -> None:
    assert may_go(gate(), 0.0) == IN_FLIGHT


def test_the_fifth_fault_in_a_row_closes_it() -> None:
    of = gate()
    for _ in range(FAULTS_TO_CLOSE - 1):
        fault(of)
        assert of.state(0.0) is GateState.OPEN
    fault(of)
    assert of.state(0.0) is GateState.CLOSED
    assert of.reason == "503"


@pytest.mark.parametrize("answer", ["success", "event fault"])
def test_an_answer_in_between_starts_the_count_afresh(answer: str) -> None:
    of = gate()
    for _ in range(3):
        for _ in range(FAULTS_TO_CLOSE - 1):
            fault(of)
        if answer == "success":
            success(of)
        else:
            assert not of.event_fault(0.0)
    assert of.is_open


def test_a_closed_gate_lets_one_probe_out_after_a_backoff_that_doubles() -> None:
    of, now = closed(), 0.0
    for wait in (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0):
        assert of.opens_at(now) == pytest.approx(now + wait)
        assert may_go(of, now + wait * 0.99) == 0
        now += wait + 1e-9
        assert may_go(of, now) == 1
        of.answered()
        of.vendor_fault(now, "503", retry_after=None, throttled=False)


def test_faults_of_requests_sent_before_it_closed_do_not_double_the_backoff() -> None:
    of = gate()
    for _ in range(IN_FLIGHT):
        of.sent(0.0)
    for _ in range(IN_FLIGHT):
        of.answered()
        of.vendor_fault(1.0, "503", retry_after=None, throttled=False)
    assert of.opens_at(1.0) == pytest.approx(1.0 + INITIAL)


def test_no_probe_goes_while_a_request_from_before_is_in_flight() -> None:
    of = gate()
    of.sent(0.0)
    for _ in range(FAULTS_TO_CLOSE):
        fault(of)
    assert of.opens_at(100.0) == NEVER
    of.answered()
    assert of.opens_at(100.0) <= 100.0


def test_a_success_opens_it_with_one_in_flight_and_each_further_one_adds_one() -> None:
    of = closed()
    assert success(of, 1.0)
    assert may_go(of, 1.0) == 1
    of.answered()
    for window in range(2, IN_FLIGHT + 5):
        assert not success(of, 1.0)
        assert of.window == min(window, IN_FLIGHT)
        assert may_go(of, 1.0) == of.window
        of.in_flight = 0


def test_an_event_that_the_vendor_refuses_opens_a_closed_gate_too() -> None:
    of = closed()
    of.sent(1.0)
    of.answered()
    assert of.event_fault(1.0)
    assert (of.is_open, of.window) == (True, 1)


@settings(max_examples=200, deadline=None)
@given(st.floats(0.01, 5), st.floats(1, 60), st.integers(1, 200))
def test_backoff_is_fully_jittered(initial: float, maximum: float, faults: int) -> None:
    backoff = Backoff(initial, maximum)
    bound = min(maximum, initial * 2.0 ** (min(faults, 64) - 1))
    assert all(0.0 <= backoff.after(faults) <= bound for _ in range(20))


def test_the_jitter_uses_the_whole_of_its_span() -> None:
    backoff = Backoff(1.0, 30.0)
    waits = [backoff.after(4) for _ in range(500)]
    assert min(waits) < 1.0
    assert max(waits) > 7.0


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.0), (5.0, 5.0), (600.0, 600.0), (601.0, 600.0), (1e9, 600.0)])
def test_retry_after_shuts_it_for_the_whole_sink_for_ten_minutes_at_most(asked: float, waited: float) -> None:
    of = gate()
    fault(of, 10.0, retry_after=asked)
    assert of.opens_at(10.0) == 10.0 + waited
    assert of.shut_for(10.0) == waited <= MAX_RETRY_AFTER
    assert of.is_open


def test_a_shorter_retry_after_does_not_shorten_a_longer_one_and_a_success_does_not_end_it() -> None:
    of = gate()
    fault(of, 0.0, retry_after=60.0)
    fault(of, 0.0, retry_after=1.0)
    success(of)
    assert of.opens_at(0.0) == 60.0


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([0.5, 1, 3, 7, 40, 100]), st.lists(st.floats(0, 0.4), min_size=50, max_size=200))
def test_the_rate_holds_for_every_window_of_a_second(rate: float, pauses: list[float]) -> None:
    """Requests are asked for at random times, in bursts too; each goes as soon as the gate allows."""
    of, now, went = gate(rate=rate, max_in_flight=10**6), 0.0, []
    for pause in pauses:
        now += pause if pause > 0.2 else 0.0  # most want to go at once
        now = max(now, of.opens_at(now))
        of.sent(now)
        went.append(now)
    limit = max(1, int(rate))
    for first, beyond in zip(went, went[limit:], strict=False):
        assert beyond - first >= limit / rate - 1e-6
    assert all(later - earlier >= 1 / rate - 1e-9 for earlier, later in pairwise(went))


def test_a_call_that_carries_no_event_counts_against_the_rate() -> None:
    of = gate(rate=10)
    of.called(0.0)
    assert of.opens_at(0.0) == pytest.approx(0.1)
    assert of.in_flight == 0


def test_a_429_halves_pace_and_window_and_successes_give_the_pace_back() -> None:
    of = gate(rate=10)
    fault(of, 0.0, throttled=True)
    assert of.window == IN_FLIGHT // 2
    of.sent(1.0)
    assert of.opens_at(1.0) == pytest.approx(1.2)
    of.answered()
    for _ in range(100):
        of.succeeded()
    of.sent(5.0)
    assert of.opens_at(5.0) == pytest.approx(5.1)


def test_a_misconfigured_sink_is_probed_now_and_then_and_says_so_once() -> None:
    of, now, waits = gate(), 0.0, []
    of.sent(now)
    of.answered()
    assert of.our_fault(now, "401: token")
    for _ in range(12):
        waits.append(of.opens_at(now) - now)
        now = of.opens_at(now)
        assert may_go(of, now) == 1
        of.answered()
        assert not of.our_fault(now, "401: token")
    assert of.state(now) is GateState.MISCONFIGURED
    assert all(0 <= wait <= min(60.0, 2.0**n) for n, wait in enumerate(waits))
    of.sent(now)
    of.answered()
    assert of.succeeded()
    assert (of.state(now), of.reason) == (GateState.OPEN, "")


def test_what_was_sent_before_a_misconfiguration_does_not_end_it() -> None:
    of = gate()
    of.sent(0.0)
    of.sent(0.0)
    of.answered()
    of.our_fault(0.0, "401")
    of.answered()
    assert not of.succeeded()
    assert of.state(0.0) is GateState.MISCONFIGURED


def test_a_new_secret_is_tried_at_once() -> None:
    of = gate()
    of.sent(0.0)
    of.answered()
    of.our_fault(0.0, "401")
    of.probe_now()
    assert of.opens_at(0.0) <= 0.0


def test_a_flooded_gate_lets_one_out_a_minute_until_one_passes() -> None:
    of = gate()
    of.flood(0.0, "1001 of 1500 fell")
    for minute in range(1, 4):
        at = minute * FLOOD_PROBE_EVERY
        assert may_go(of, at - 0.01) == 0
        assert may_go(of, at) == 1
        of.answered()
        assert not of.event_fault(at)
        assert of.state(at) is GateState.FLOODED
    assert success(of, 241.0)
    assert (of.flooded, of.state(241.0), of.reason) == (False, GateState.OPEN, "")


def test_what_was_sent_before_a_flood_does_not_end_it() -> None:
    of = gate()
    of.sent(0.0)
    of.flood(0.0, "too many")
    of.answered()
    assert not of.succeeded()
    assert not of.event_fault(0.0)
    assert of.flooded


@pytest.mark.parametrize("between", ["vendor", "ours"])
def test_a_flood_outlasts_an_outage_and_a_misconfiguration(between: str) -> None:
    of, now = gate(), 0.0
    of.flood(now, "too many")
    for _ in range(FAULTS_TO_CLOSE):
        now += FLOOD_PROBE_EVERY
        assert may_go(of, now) == 1
        of.answered()
        if between == "vendor":
            of.vendor_fault(now, "503", retry_after=None, throttled=False)
        else:
            of.our_fault(now, "401")
        assert of.opens_at(now) == now + FLOOD_PROBE_EVERY
    assert of.state(now) is (GateState.CLOSED if between == "vendor" else GateState.MISCONFIGURED)
    of.sent(now)
    of.answered()
    of.event_fault(now)
    assert of.state(now) is GateState.FLOODED


def test_a_held_gate_lets_nothing_out_until_the_secret_is_there() -> None:
    of = gate()
    assert of.hold("the token's file is missing")
    assert not of.hold("the token's file is missing")
    assert (of.state(0.0), of.opens_at(0.0), of.held_for) == (GateState.HELD, NEVER, "the token's file is missing")
    assert of.hold("")
    assert may_go(of, 0.0) == IN_FLIGHT


def test_a_doubtful_assignment_lets_nothing_out_until_it_is_confirmed() -> None:
    of = gate(stall=45.0)
    of.confirm(100.0)
    assert of.opens_at(145.0) <= 145.0
    assert of.opens_at(145.1) == NEVER
    assert of.state(145.1) is GateState.UNCONFIRMED
    of.confirm(145.1)
    assert of.state(145.1) is GateState.OPEN
    of.doubt()
    assert of.opens_at(145.1) == NEVER
    of.confirm(150.0)
    assert of.opens_at(150.0) <= 150.0


def answered(of: Gate, answer: str, now: float) -> None:
    of.answered()
    match answer:
        case "ok":
            of.succeeded()
        case "event":
            of.event_fault(now)
        case "ours":
            of.our_fault(now, "401")
        case _:
            retry_at = of.vendor_fault(now, "503", retry_after=None, throttled=answer == "throttled")
            assert now <= retry_at <= now + MAXIMUM


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["ok", "event", "vendor", "throttled", "ours", "flood"]), max_size=80), st.data())
def test_whatever_is_answered_in_whatever_order_the_gate_keeps_its_promises(
    answers: list[str], data: st.DataObject
) -> None:
    of, now = gate(rate=50), 0.0
    for answer in answers:
        was_open = of.is_open
        if of.in_flight == 0 or data.draw(st.booleans(), label="send first"):
            at = of.opens_at(now)
            if at != NEVER:
                now = max(now, at)
                of.sent(now)
        if answer == "flood":
            of.flood(now, "too many")
            continue
        if not of.in_flight:
            continue
        answered(of, answer, now)
        assert 1 <= of.window <= IN_FLIGHT
        assert of.is_open == (of.state(now) is GateState.OPEN)
        assert of.is_open == (of.reason == "")
        if of.is_open and not was_open:
            assert of.window == 1
        if not of.is_open:
            assert of.in_flight == 0 or of.opens_at(now) == NEVER
            assert of.in_flight or of.opens_at(now) <= now + FLOOD_PROBE_EVERY
