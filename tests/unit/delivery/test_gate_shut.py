"""The gate shut by something else than the vendor's faults: our settings, a flood, a missing secret."""

from __future__ import annotations

import pytest

from connector.delivery.gate import FAULTS_TO_GO_DOWN, FLOOD_PROBE_SECONDS, NEVER, SinkState
from tests.unit.delivery.support import IN_FLIGHT, INITIAL, MAXIMUM, Certain, closed, gate, may_go, success


def test_a_misconfigured_sink_is_probed_now_and_then_and_says_so_once() -> None:
    of, now, waits = gate(), 0.0, []
    of.request_started(now)
    of.request_finished()
    assert of.record_misconfiguration(now, "401: token")
    for _ in range(12):
        waits.append(of.next_send_at() - now)
        now = of.next_send_at()
        assert may_go(of, now) == 1
        of.request_finished()
        assert not of.record_misconfiguration(now, "401: token")
    assert of.state is SinkState.MISCONFIGURED
    assert all(0 <= wait <= min(60.0, 2.0**n) for n, wait in enumerate(waits))
    of.request_started(now)
    of.request_finished()
    assert of.record_acceptance()
    assert (of.state, of.reason) == (SinkState.SENDING, "")


@pytest.mark.parametrize("answer", ["success", "event fault"])
def test_what_was_sent_before_a_misconfiguration_does_not_end_it(answer: str) -> None:
    of = gate()
    of.request_started(0.0)
    of.request_started(0.0)
    of.request_finished()
    of.record_misconfiguration(0.0, "401")
    of.request_finished()
    assert (of.record_acceptance() if answer == "success" else of.record_answer(0.0)) is False
    assert of.state is SinkState.MISCONFIGURED


def test_refusals_of_what_was_sent_before_a_misconfiguration_do_not_double_its_backoff() -> None:
    of = gate()
    of._misconfigured_backoff = Certain(INITIAL, MAXIMUM)
    for _ in range(IN_FLIGHT):
        of.request_started(0.0)
    for _ in range(IN_FLIGHT):
        of.request_finished()
        of.record_misconfiguration(1.0, "401")
    assert of.next_send_at() == pytest.approx(1.0 + INITIAL)


def test_a_new_secret_is_tried_at_once() -> None:
    of = gate()
    of.request_started(0.0)
    of.request_finished()
    of.record_misconfiguration(0.0, "401")
    of.probe_now()
    assert of.next_send_at() <= 0.0


def test_a_new_secret_hastens_nothing_that_has_another_cause() -> None:
    of = closed()
    of.probe_now()
    assert of.next_send_at() == pytest.approx(INITIAL)


def test_a_flooded_gate_lets_one_out_a_minute_until_one_passes() -> None:
    of = gate()
    of.start_flood(0.0, "1001 of 1500 fell")
    for minute in range(1, 4):
        at = minute * FLOOD_PROBE_SECONDS
        assert may_go(of, at - 0.01) == 0
        assert may_go(of, at) == 1
        of.request_finished()
        assert not of.record_answer(at)
        assert of.state is SinkState.FLOODED
    assert success(of, 241.0)
    assert (of.flooded, of.state, of.reason) == (False, SinkState.SENDING, "")


def test_what_was_sent_before_a_flood_does_not_end_it() -> None:
    of = gate()
    of.request_started(0.0)
    of.start_flood(0.0, "too many")
    of.request_finished()
    assert not of.record_acceptance()
    assert not of.record_answer(0.0)
    assert of.flooded


def test_a_probe_that_went_before_a_flood_does_not_end_it() -> None:
    of = closed()
    of.request_started(1.0)
    of.start_flood(1.0, "too many")
    of.request_finished()
    assert not of.record_acceptance()
    assert of.flooded


def test_a_flood_that_goes_on_neither_puts_its_probe_off_nor_changes_its_reason() -> None:
    of = gate()
    of.start_flood(0.0, "too many")
    of.start_flood(30.0, "more still")
    assert (of.next_send_at(), of.reason) == (FLOOD_PROBE_SECONDS, "too many")


@pytest.mark.parametrize("between", ["vendor", "ours"])
def test_a_flood_outlasts_an_outage_and_a_misconfiguration(between: str) -> None:
    of, now = gate(), 0.0
    of.start_flood(now, "too many")
    for _ in range(FAULTS_TO_GO_DOWN):
        now += FLOOD_PROBE_SECONDS
        assert may_go(of, now) == 1
        of.request_finished()
        if between == "vendor":
            of.record_fault(now, "503", retry_after=None, throttled=False)
        else:
            of.record_misconfiguration(now, "401")
        assert of.next_send_at() == now + FLOOD_PROBE_SECONDS
    assert of.state is (SinkState.DOWN if between == "vendor" else SinkState.MISCONFIGURED)
    of.request_started(now)
    of.request_finished()
    of.record_answer(now)
    assert (of.flooded, of.is_down, of.reason) == (True, False, "too many")


def test_a_held_gate_lets_nothing_out_until_the_secret_is_there() -> None:
    of = gate()
    assert of.set_missing_secret("the token's file is missing")
    assert not of.set_missing_secret("the token's file is missing")
    assert (of.state, of.next_send_at(), of.missing_secret) == (
        SinkState.SECRET_MISSING,
        NEVER,
        "the token's file is missing",
    )
    assert of.set_missing_secret("")
    assert may_go(of, 0.0) == IN_FLIGHT
