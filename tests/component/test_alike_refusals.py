"""A vendor that refuses our key with a status of the events' (400): a handful of letters, not a thousand."""

from __future__ import annotations

import pytest

from connector.delivery.gate import SinkState
from connector.model import ACCEPTED, Limits, Outcome, OutcomeKind
from tests.component.doubles import Request, accept
from tests.component.harness import Harness

BAD_KEY = Outcome(OutcomeKind.REJECTED, 400, "invalid api key", by_status=True)
LIMITS = {"alone": Limits(max_events=1, max_bytes=1000), "batches": Limits(max_events=20, max_bytes=10_000)}


def refused(message: str) -> Outcome:
    return Outcome(OutcomeKind.REJECTED, 400, message, by_status=True)


def started(limits: Limits = LIMITS["alone"], events: int = 1500, max_in_flight: int = 32) -> Harness:
    """A line with this many events of keys of their own, just started."""
    line = Harness(limits=limits, max_in_flight=max_in_flight)
    for number in range(events):
        line.produce(b"event", key=b"key%d" % number)
    return line


def state(line: Harness) -> SinkState:
    return line.dispatcher.state(line.pipeline._clock.monotonic())


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
async def test_a_wrong_key_costs_a_handful_of_letters_and_none_after_it_is_mended(limits: Limits) -> None:
    line = started(limits)
    line.vendor.answer = lambda _: BAD_KEY
    await line.until(lambda: state(line) is SinkState.MISCONFIGURED)
    sent = len(line.vendor.requests)
    await line.until(lambda: len(line.vendor.requests) >= sent + 30, 3600)
    assert len(line.topic.letters) == 4  # 1,001 before
    assert "none was accepted since the start" in line.gate.reason
    assert "invalid api key" in line.gate.reason
    probes = line.vendor.requests[sent + 16 :]  # later than what was in flight
    assert all(len(probe.items) == 1 for probe in probes)
    assert len({probe.offsets[0] for probe in probes}) == len(probes), "each probe is another event"
    line.vendor.answer = accept
    await line.settled()
    line.check_accounts()
    assert line.stats.dead_lettered == {"refused": 4}
    assert line.stats.delivered == 1496
    await line.end()


async def test_other_credentials_are_tried_at_once() -> None:
    line = started()
    line.vendor.answer = lambda _: BAD_KEY
    await line.until(lambda: state(line) is SinkState.MISCONFIGURED)
    await line.until(lambda: line.gate.next_send_at() > line.pipeline._clock.monotonic() + 20, 3600)
    line.vendor.answer, line.vendor.renewed = accept, True
    await line.until(lambda: line.stats.delivered, 5)
    await line.end()


async def test_first_events_that_are_bad_for_different_reasons_become_letters_at_once() -> None:
    line = Harness(limits=LIMITS["batches"])
    for number in range(60):
        line.produce(b"bad%d" % number if number < 40 else b"event", key=b"key%d" % number)

    def answer(request: Request) -> Outcome:
        bad = [item for item in request.items if b"bad" in item.body]
        return refused(f"field {'abcdefgh'[bad[0].record.offset % 8]} is missing") if bad else ACCEPTED

    line.vendor.answer = answer
    await line.settled(30.0)
    line.check_accounts()
    assert line.stats.dead_lettered == {"refused": 40}
    await line.end()


async def test_first_events_that_are_bad_alike_give_way_to_the_first_good_one() -> None:
    """It looks like a bad key until then; nothing is lost, and it does not stand still."""
    line = Harness(limits=LIMITS["batches"], max_in_flight=1)
    for number in range(300):
        line.produce(b"bad" if number < 50 else b"event", key=b"key%d" % number)
    line.vendor.answer = lambda request: (
        refused("no such user") if any(b"bad" in item.body for item in request.items) else ACCEPTED
    )
    await line.until(lambda: state(line) is SinkState.MISCONFIGURED)
    await line.settled(120.0)
    line.check_accounts()
    assert line.stats.dead_lettered == {"refused": 50}
    assert line.stats.delivered == 250
    await line.end()


async def test_after_a_restart_bad_events_among_good_ones_stop_nothing() -> None:
    line = started(events=200)
    line.vendor.answer = lambda request: BAD_KEY if request.offsets[0] % 3 == 0 else ACCEPTED
    await line.settled(60.0)
    assert line.stats.dead_lettered == {"refused": 67}
    assert line.stats.outcomes[OutcomeKind.MISCONFIGURED] == 0
    await line.end()


async def test_what_is_in_flight_while_it_is_noticed_becomes_no_letter_either() -> None:
    line = started(events=100, max_in_flight=64)
    line.vendor.answer = lambda _: BAD_KEY
    await line.until(lambda: state(line) is SinkState.MISCONFIGURED and not line.letters.pending)
    await line.until(lambda: not line.vendor.in_flight)
    assert len(line.topic.letters) == 4
    await line.end()


async def test_an_outage_in_between_changes_nothing() -> None:
    line = started()
    line.vendor.answer = lambda _: BAD_KEY
    await line.until(lambda: state(line) is SinkState.MISCONFIGURED)
    line.vendor.answer = lambda _: Outcome(OutcomeKind.UNAVAILABLE, 503, "down")
    await line.until(lambda: state(line) is SinkState.DOWN, 3600)
    line.vendor.answer = lambda _: BAD_KEY
    await line.until(lambda: state(line) is SinkState.MISCONFIGURED, 3600)
    assert len(line.topic.letters) == 4
    await line.end()
