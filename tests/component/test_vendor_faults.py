"""The vendor fails, throttles, refuses us or loses answers: who is held, what goes, and that nothing is lost for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest

from connector.delivery.gate import SinkState
from connector.model import ACCEPTED, Limits, Outcome, OutcomeKind
from tests.component.doubles import DOWN, ERROR_500, LOST, UNAUTHORIZED, Request, accept, refuse_those_marked
from tests.component.harness import Harness

TIMEOUT = Outcome(OutcomeKind.UNAVAILABLE, None, "timed out", effect_unknown=True)


@pytest.fixture
async def line() -> AsyncIterator[Harness]:
    harness = Harness()
    yield harness
    await harness.end()


def state(line: Harness) -> SinkState:
    return line.dispatcher.state(line.pipeline._clock.monotonic())


@pytest.mark.parametrize("fault", [DOWN, ERROR_500, TIMEOUT], ids=["503", "500", "timeout"])
async def test_an_outage_is_waited_out_with_a_probe_at_a_time_and_nothing_is_a_dead_letter(
    line: Harness, fault: Outcome
) -> None:
    line.vendor.answer = lambda _: fault
    for number in range(400):
        line.produce(b"event%d" % number, key=b"key%d" % (number % 40))
    await line.until(lambda: state(line) is SinkState.DOWN and not line.vendor.in_flight)
    already = len(line.vendor.requests)
    line.vendor.most_in_flight = 0
    await line.until(lambda: len(line.vendor.requests) > already + 30, 7200)
    assert line.vendor.most_in_flight == 1
    probes = line.vendor.requests[already:]
    assert all(later.at - earlier.at <= 30.0 + 2 * line.vendor.latency for earlier, later in pairwise(probes))
    assert line.stats.vendor_outages == 1
    assert line.stats.dead_lettered.total() == 0
    line.vendor.answer = accept
    await line.settled()
    line.check_accounts()
    assert line.stats.delivered == 400
    for number in range(40):
        order = line.vendor.order_of(b"key%d" % number)
        assert order == sorted(order)


async def test_the_first_probe_goes_after_the_initial_backoff_however_many_failed_together() -> None:
    line = Harness(max_in_flight=32)
    line.vendor.answer = lambda _: DOWN
    for number in range(400):
        line.produce(b"event", key=b"%d" % number)
    await line.until(lambda: len(line.vendor.requests) > 32)
    assert line.vendor.requests[32].at - line.vendor.requests[31].at <= 0.2 + line.vendor.latency + 0.01
    await line.end()


async def test_after_an_outage_the_requests_in_flight_grow_from_one(line: Harness) -> None:
    line.vendor.answer = lambda _: DOWN
    for number in range(200):
        line.produce(b"event", key=b"%d" % number)
    await line.until(lambda: state(line) is SinkState.DOWN and not line.vendor.in_flight)
    already = len(line.vendor.requests)
    line.vendor.answer = accept
    await line.settled()
    begun = [request.at for request in line.vendor.requests[already:]]
    assert begun[1] - begun[0] >= line.vendor.latency * 0.99  # the probe alone
    assert begun[2] - begun[1] >= line.vendor.latency * 0.99  # then one
    assert begun[3] - begun[2] < line.vendor.latency * 0.5  # then two together
    line.check_accounts()


async def test_a_batch_that_alone_draws_faults_does_not_keep_the_gate_shut_for_the_others(line: Harness) -> None:
    """Three batches in a row fail for ever: the probes go round until one finds that the vendor is up."""
    line.vendor.answer = lambda request: DOWN if any(b"stuck" in item.body for item in request.items) else ACCEPTED
    for number in range(12):
        line.produce(b"stuck", key=b"stuck%d" % number)
    await line.until(lambda: state(line) is SinkState.DOWN)
    line.produce(b"event", key=b"other")
    await line.until(lambda: line.stats.delivered == 1, 3600)
    line.vendor.answer = accept
    await line.settled()
    line.check_accounts()


async def test_retry_after_stops_the_whole_sink(line: Harness) -> None:
    line.vendor.answer = lambda _: Outcome(OutcomeKind.UNAVAILABLE, 429, "slow down", retry_after=120.0)
    line.produce(b"event", key=b"one")
    await line.until(lambda: len(line.vendor.requests) == 1 and not line.vendor.in_flight)
    line.vendor.answer = accept
    line.produce(b"event", key=b"another")
    await line.settled()
    assert line.vendor.requests[1].at - line.vendor.requests[0].at >= 120.0
    line.check_accounts()


async def test_what_is_our_fault_stops_the_sending_and_makes_no_dead_letter(line: Harness) -> None:
    line.vendor.answer = lambda _: UNAUTHORIZED
    for number in range(100):
        line.produce(b"event", key=b"%d" % number)
    await line.until(lambda: state(line) is SinkState.MISCONFIGURED and not line.vendor.in_flight)
    line.vendor.most_in_flight = 0
    already = len(line.vendor.requests)
    await line.until(lambda: len(line.vendor.requests) > already + 10, 3600)
    assert line.vendor.most_in_flight == 1
    assert line.stats.dead_lettered.total() == 0
    assert line.gate.reason == "token refused"
    line.vendor.answer = accept
    await line.settled()
    line.check_accounts()


async def test_other_credentials_are_tried_at_once(line: Harness) -> None:
    line.vendor.answer = lambda _: UNAUTHORIZED
    line.produce(b"event")
    await line.until(lambda: len(line.vendor.requests) > 20, 3600)  # by now probes are up to a minute apart
    line.vendor.answer = accept
    line.vendor.renewed = True
    await line.until(lambda: line.vendor.accepted, 1.5)


async def test_a_missing_secret_holds_the_sink_until_it_is_there(line: Harness) -> None:
    line.vendor.missing_secret = "the token's file is missing"  # noqa: S105  # it says that one is missing
    line.pipeline.tick()
    line.produce(b"event")
    with pytest.raises(TimeoutError):
        await line.until(lambda: line.vendor.requests, 60)
    assert state(line) is SinkState.SECRET_MISSING
    line.vendor.missing_secret = None
    await line.settled()
    line.check_accounts()


def healing(after: int, heal_for: float = 600.0) -> Callable[[Request], Outcome]:
    """A code that may heal, drawn so often by the event `later`."""
    drawn = 0

    def answer(request: Request) -> Outcome:
        nonlocal drawn
        if all(b"later" not in item.body for item in request.items):
            return ACCEPTED
        drawn += 1
        return (
            ACCEPTED
            if drawn > after
            else Outcome(OutcomeKind.UNAVAILABLE, 200, "no user", code="-4000", retry_for=heal_for)
        )

    return answer


async def test_a_code_that_may_heal_holds_its_event_and_its_key_and_lets_others_pass() -> None:
    line = Harness(limits=Limits(max_events=1, max_bytes=1000))
    line.vendor.answer = healing(after=8)
    line.produce(b"later", b"event", key=b"k")
    line.produce(b"event", b"event", key=b"other")
    await line.settled()
    line.check_accounts()
    assert [item.record.offset for item in line.vendor.accepted] == [2, 3, 0, 1]
    assert line.stats.codes == {"-4000": 8}
    assert line.stats.vendor_outages == 0
    await line.end()


async def test_a_code_that_does_not_heal_in_its_time_is_the_events_fault() -> None:
    line = Harness(limits=Limits(max_events=1, max_bytes=1000))
    line.vendor.answer = healing(after=10**6, heal_for=60.0)
    line.produce(b"later", b"event")
    await line.settled()
    line.check_accounts()
    assert line.topic.reasons() == {"refused": 1}
    tries = [request.at for request in line.vendor.requests if b"later" in request.items[0].body]
    assert 60.0 <= tries[-1] - tries[0] <= 60.0 + 30.0 + 1.0
    await line.end()


@pytest.mark.parametrize("policy", ["retry", "dead_letter"])
async def test_a_lost_answer_is_retried_or_a_dead_letter_as_the_configuration_says(policy: str) -> None:
    line = Harness(limits=Limits(max_events=1, max_bytes=1000), on_answer_lost=policy)
    answers = iter([LOST])
    line.vendor.answer = lambda _: next(answers, ACCEPTED)
    line.produce(b"one", b"two")
    await line.settled()
    line.check_accounts()
    assert line.stats.delivered == (2 if policy == "retry" else 1)
    assert line.topic.reasons() == ({} if policy == "retry" else {"ambiguous": 1})
    order = line.vendor.order_of(b"k")
    assert order == sorted(order)
    await line.end()


async def test_a_fault_with_an_answer_is_retried_whatever_the_policy_for_lost_ones() -> None:
    line = Harness(limits=Limits(max_events=1, max_bytes=1000), on_answer_lost="dead_letter")
    answers = iter([DOWN, DOWN])
    line.vendor.answer = lambda _: next(answers, ACCEPTED)
    line.produce(b"one")
    await line.settled()
    line.check_accounts()
    assert line.stats.delivered == 1
    await line.end()


async def test_keys_keep_their_order_through_faults_and_halves_at_random(line: Harness) -> None:
    """Every third request fails in some way; the script is fixed, so that a failure can be repeated."""
    script = [
        DOWN,
        None,
        None,
        Outcome(OutcomeKind.UNAVAILABLE, 502, "x"),
        None,
        None,
        TIMEOUT,
        None,
        None,
        None,
        ERROR_500,
    ]
    sent = 0

    def answer(request: Request) -> Outcome:
        nonlocal sent
        sent += 1
        return script[sent % len(script)] or refuse_those_marked(request)

    line.vendor.answer = answer
    for number in range(600):
        line.produce(b"bad" if number % 17 == 0 else b"event", key=b"key%d" % (number % 5))
    await line.settled()
    line.check_accounts()
    for number in range(5):
        order = line.vendor.order_of(b"key%d" % number)
        assert order == sorted(order)
    assert line.topic.reasons().keys() <= {"refused", "poison"}
