"""The gate shut by something else than the vendor's faults: our settings, a flood, a missing secret, a stall."""

from __future__ import annotations

import pytest

from connector.delivery.gate import FAULTS_TO_STOP, FLOOD_PROBE_EVERY, NEVER, GateState
from tests.unit.delivery.support import IN_FLIGHT, INITIAL, MAXIMUM, Certain, closed, gate, may_go, success


def test_a_misconfigured_sink_is_probed_now_and_then_and_says_so_once() -> None:
    of, now, waits = gate(), 0.0, []
    of.request_started(now)
    of.request_finished()
    assert of.misconfigured(now, "401: token")
    for _ in range(12):
        waits.append(of.next_send_at(now) - now)
        now = of.next_send_at(now)
        assert may_go(of, now) == 1
        of.request_finished()
        assert not of.misconfigured(now, "401: token")
    assert of.state(now) is GateState.MISCONFIGURED
    assert all(0 <= wait <= min(60.0, 2.0**n) for n, wait in enumerate(waits))
    of.request_started(now)
    of.request_finished()
    assert of.accepted()
    assert (of.state(now), of.reason) == (GateState.SENDING, "")


@pytest.mark.parametrize("answer", ["success", "event fault"])
def test_what_was_sent_before_a_misconfiguration_does_not_end_it(answer: str) -> None:
    of = gate()
    of.request_started(0.0)
    of.request_started(0.0)
    of.request_finished()
    of.misconfigured(0.0, "401")
    of.request_finished()
    assert (of.accepted() if answer == "success" else of.rejected(0.0)) is False
    assert of.state(0.0) is GateState.MISCONFIGURED


def test_refusals_of_what_was_sent_before_a_misconfiguration_do_not_double_its_backoff() -> None:
    of = gate()
    of._ours_backoff = Certain(INITIAL, MAXIMUM)
    for _ in range(IN_FLIGHT):
        of.request_started(0.0)
    for _ in range(IN_FLIGHT):
        of.request_finished()
        of.misconfigured(1.0, "401")
    assert of.next_send_at(1.0) == pytest.approx(1.0 + INITIAL)


def test_a_new_secret_is_tried_at_once() -> None:
    of = gate()
    of.request_started(0.0)
    of.request_finished()
    of.misconfigured(0.0, "401")
    of.probe_now()
    assert of.next_send_at(0.0) <= 0.0


def test_a_new_secret_hastens_nothing_that_has_another_cause() -> None:
    of = closed()
    of.probe_now()
    assert of.next_send_at(0.0) == pytest.approx(INITIAL)


def test_a_flooded_gate_lets_one_out_a_minute_until_one_passes() -> None:
    of = gate()
    of.flood(0.0, "1001 of 1500 fell")
    for minute in range(1, 4):
        at = minute * FLOOD_PROBE_EVERY
        assert may_go(of, at - 0.01) == 0
        assert may_go(of, at) == 1
        of.request_finished()
        assert not of.rejected(at)
        assert of.state(at) is GateState.FLOODED
    assert success(of, 241.0)
    assert (of.flooded, of.state(241.0), of.reason) == (False, GateState.SENDING, "")


def test_what_was_sent_before_a_flood_does_not_end_it() -> None:
    of = gate()
    of.request_started(0.0)
    of.flood(0.0, "too many")
    of.request_finished()
    assert not of.accepted()
    assert not of.rejected(0.0)
    assert of.flooded


def test_a_probe_that_went_before_a_flood_does_not_end_it() -> None:
    of = closed()
    of.request_started(1.0)
    of.flood(1.0, "too many")
    of.request_finished()
    assert not of.accepted()
    assert of.flooded


def test_a_flood_that_goes_on_neither_puts_its_probe_off_nor_changes_its_reason() -> None:
    of = gate()
    of.flood(0.0, "too many")
    of.flood(30.0, "more still")
    assert (of.next_send_at(30.0), of.reason) == (FLOOD_PROBE_EVERY, "too many")


@pytest.mark.parametrize("between", ["vendor", "ours"])
def test_a_flood_outlasts_an_outage_and_a_misconfiguration(between: str) -> None:
    of, now = gate(), 0.0
    of.flood(now, "too many")
    for _ in range(FAULTS_TO_STOP):
        now += FLOOD_PROBE_EVERY
        assert may_go(of, now) == 1
        of.request_finished()
        if between == "vendor":
            of.unavailable(now, "503", retry_after=None, throttled=False)
        else:
            of.misconfigured(now, "401")
        assert of.next_send_at(now) == now + FLOOD_PROBE_EVERY
    assert of.state(now) is (GateState.DOWN if between == "vendor" else GateState.MISCONFIGURED)
    of.request_started(now)
    of.request_finished()
    of.rejected(now)
    assert of.state(now) is GateState.FLOODED


def test_a_held_gate_lets_nothing_out_until_the_secret_is_there() -> None:
    of = gate()
    assert of.hold("the token's file is missing")
    assert not of.hold("the token's file is missing")
    assert (of.state(0.0), of.next_send_at(0.0), of.hold_reason) == (
        GateState.HELD,
        NEVER,
        "the token's file is missing",
    )
    assert of.hold("")
    assert may_go(of, 0.0) == IN_FLIGHT


def test_a_doubtful_assignment_lets_nothing_out_until_it_is_confirmed() -> None:
    of = gate(stall=45.0)
    of.confirm(100.0)
    assert of.next_send_at(145.0) <= 145.0
    assert of.next_send_at(145.1) == NEVER
    assert of.state(145.1) is GateState.UNCONFIRMED
    of.confirm(145.1)
    assert of.state(145.1) is GateState.SENDING
    of.doubt()
    assert of.next_send_at(145.1) == NEVER
    of.confirm(150.0)
    assert of.next_send_at(150.0) <= 150.0


def test_a_confirmation_that_is_heard_late_holds_for_the_time_at_which_it_was_given() -> None:
    of = gate(stall=45.0)
    of.confirm(100.0)  # heard at 200, by a process that was frozen in between
    assert of.next_send_at(200.0) == NEVER
    assert not of.confirmed(200.0)
