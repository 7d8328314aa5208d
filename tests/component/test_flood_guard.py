"""The flood guard (rule 7): so many events fall that the fault must be elsewhere: hold, try, resume."""

from __future__ import annotations

from itertools import pairwise

import pytest

from connector.delivery.gate import FLOOD_PROBE_SECONDS, SinkState
from connector.model import ACCEPTED, Limits, Outcome
from tests.component.doubles import REFUSED, UNAUTHORIZED, accept, refuse_those_marked
from tests.component.harness import HERE, Harness

GUARD = (10, 0.5, 300.0)


def state(line: Harness) -> SinkState:
    return line.dispatcher.state(line.pipeline._clock.monotonic())


async def flooded(**options: object) -> Harness:
    """A line whose vendor refuses everything, held by the guard."""
    line = Harness(guard=GUARD, **options)  # type: ignore[arg-type]  # the harness's own options
    line.vendor.answer = lambda _: REFUSED
    for number in range(400):
        line.produce(b"event", key=b"key%d" % (number % 20))
    await line.until(lambda: line.gate.flooded and not line.vendor.in_flight and not line.letters.pending)
    return line


async def test_it_holds_after_the_mark_and_the_reason_says_how_many_fell() -> None:
    line = await flooded()
    assert len(line.topic.letters) == GUARD[0] + 1
    assert "11 of 11 events fell" in line.gate.reason
    assert "bad event" in line.gate.reason
    position = line.log.committed[HERE].position if HERE in line.log.committed else 0
    assert position <= GUARD[0] + 1
    await line.end()


async def test_while_it_holds_one_event_a_minute_goes_and_no_letter_is_written() -> None:
    line = await flooded()
    already = len(line.vendor.requests)
    await line.until(lambda: len(line.vendor.requests) >= already + 10, 3600)
    probes = line.vendor.requests[already:]
    assert all(len(probe.items) == 1 for probe in probes)
    assert all(later.at - earlier.at >= FLOOD_PROBE_SECONDS - 0.01 for earlier, later in pairwise(probes))
    assert all(later.at - earlier.at <= FLOOD_PROBE_SECONDS + 1.0 for earlier, later in pairwise(probes))
    assert len(line.topic.letters) == GUARD[0] + 1
    await line.end()


async def test_it_resumes_when_one_passes_and_everything_held_back_reaches_its_end() -> None:
    line = await flooded()
    for number in range(100):
        line.produce(b"event", b"undecodable" if number % 20 == 0 else b"event", key=b"late%d" % number)
    await line.until(lambda: line.pipeline.flood_guard.deferred_count, 60)
    line.vendor.answer = accept
    await line.until(lambda: line.stats.delivered, 120)
    assert line.gate.flooded is False
    await line.settled()
    line.check_accounts()
    assert line.stats.dead_lettered == {"refused": 11, "undecodable": 5}
    for number in range(20):
        order = line.vendor.order_of(b"key%d" % number)
        assert order == sorted(order)


async def test_a_held_event_that_stays_bad_does_not_keep_the_good_ones_from_being_tried() -> None:
    """Nothing but bad events is held; the good ones come later and are only deferred records."""
    line = Harness(guard=GUARD)
    line.vendor.answer = refuse_those_marked
    for _ in range(40):
        line.produce(b"bad", key=b"k")
    await line.until(lambda: line.gate.flooded and not line.vendor.in_flight)
    line.produce(b"skip", b"skip", key=None)
    line.produce(b"good", key=b"another")
    await line.until(lambda: line.stats.delivered == 1, 600)
    assert not line.gate.flooded
    await line.end()


async def test_the_probes_go_round_the_items_of_a_batch_that_is_held() -> None:
    """Nothing else is there to probe with: one batch of twenty, and its first nineteen events stay bad."""
    line = Harness(guard=GUARD, limits=Limits(max_events=20, max_bytes=10_000))
    line.vendor.answer = lambda _: REFUSED
    for number in range(11):
        line.produce(b"undecodable", key=b"early%d" % number)
    for number in range(20):
        line.produce(b"good" if number == 19 else b"bad", key=b"key%d" % number)
    await line.until(lambda: line.gate.flooded)
    line.vendor.answer = refuse_those_marked
    already = len(line.vendor.requests)
    await line.until(lambda: line.stats.delivered == 1, 20 * FLOOD_PROBE_SECONDS + 5)
    probes = [request.offsets for request in line.vendor.requests[already:]]
    assert len({offset for (offset,) in probes[:19]}) == 19
    assert not line.gate.flooded
    await line.end()


async def test_the_probes_begin_another_round_once_all_that_is_held_was_tried() -> None:
    line = Harness(guard=GUARD, limits=Limits(max_events=20, max_bytes=10_000))
    line.vendor.answer = lambda _: REFUSED
    for number in range(11):
        line.produce(b"undecodable", key=b"early%d" % number)
    for number in range(6):
        line.produce(b"bad", key=b"key%d" % (number % 4))  # of a key, the first alone may go
    await line.until(lambda: line.gate.flooded)
    already = len(line.vendor.requests)
    await line.until(lambda: len(line.vendor.requests) == already + 12, 13 * FLOOD_PROBE_SECONDS)
    probes = [request.offsets for request in line.vendor.requests[already:]]
    assert probes == [[11], [12], [13], [14]] * 3
    await line.end()


async def test_a_request_from_before_that_comes_back_well_does_not_end_it() -> None:
    line = Harness(guard=GUARD, max_in_flight=32)
    line.vendor.answer = lambda request: REFUSED if request.items[0].record.key == b"bad" else ACCEPTED
    send, slow = line.vendor.send, line.vendor

    async def slower_when_good(method: str, items: object) -> Outcome:
        slow.latency = 5.0 if items[0].record.key == b"good" else 0.05  # type: ignore[index]
        return await send(method, items)  # type: ignore[arg-type]

    line.vendor.send = slower_when_good  # type: ignore[method-assign]
    for _ in range(4):
        line.produce(b"event", key=b"good")
    for _ in range(40):
        line.produce(b"event", key=b"bad")
    await line.until(lambda: line.stats.delivered == 4)
    assert line.gate.flooded
    await line.end()


async def test_the_count_starts_afresh_after_it_has_ended_even_if_nothing_was_held_back() -> None:
    line = Harness(guard=GUARD)
    line.vendor.answer = refuse_those_marked
    for number in range(11):
        line.produce(b"bad", key=b"%d" % number)
    await line.until(lambda: line.gate.flooded and not line.vendor.in_flight)
    line.produce(b"good", key=b"g")
    await line.until(lambda: not line.gate.flooded, 300)
    line.produce(b"bad", key=b"again")
    await line.settled()
    assert not line.gate.flooded
    assert line.topic.reasons() == {"refused": 12}
    line.check_accounts()
    await line.end()


async def test_a_refusal_of_our_credentials_meanwhile_ends_nothing() -> None:
    line = await flooded()
    line.vendor.answer = lambda _: UNAUTHORIZED
    await line.until(lambda: state(line) is SinkState.MISCONFIGURED, 120)
    letters = len(line.topic.letters)
    line.vendor.answer = lambda _: REFUSED
    await line.until(lambda: state(line) is SinkState.FLOODED, 120)
    assert len(line.topic.letters) == letters
    line.vendor.answer = accept
    await line.settled()
    line.check_accounts()
    await line.end()


async def test_many_bad_events_among_more_good_ones_are_no_flood() -> None:
    line = Harness(guard=GUARD)
    line.vendor.answer = refuse_those_marked
    for number in range(300):
        line.produce(b"bad" if number % 3 == 0 else b"good", key=b"%d" % (number % 30))
    await line.settled()
    assert not line.gate.flooded
    assert line.topic.reasons() == {"refused": 100}
    line.check_accounts()
    await line.end()


async def test_unreadable_events_are_a_flood_too_and_each_that_passes_lets_as_many_go_as_the_mark() -> None:
    line = Harness(guard=GUARD)
    for _ in range(100):
        line.produce(b"undecodable")
    await line.until(lambda: line.gate.flooded)
    assert line.stats.dead_lettered["undecodable"] <= GUARD[0] + 1
    for number in range(1, 11):
        line.produce(b"event", key=b"%d" % number)
        await line.until(lambda number=number: line.stats.delivered == number, 120)  # type: ignore[misc]
        await line.until(lambda: not line.letters.pending)
        assert line.stats.dead_lettered["undecodable"] <= (number + 1) * (GUARD[0] + 1)
    await line.settled()
    assert line.stats.dead_lettered["undecodable"] == 100
    line.check_accounts()
    await line.end()


async def test_what_is_held_back_is_bounded() -> None:
    line = await flooded(max_open_events=200)
    for number in range(5_000):
        line.produce(b"event", key=b"%d" % number)
    await line.until(lambda: not line.source.credits, 60)
    held = line.assignment.open_records + line.pipeline.flood_guard.deferred_count
    assert held <= 200 + 2 * line.source.CHUNK
    await line.end()


async def test_good_events_behind_bad_ones_that_fill_a_commits_room_become_the_probe_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Records of many items wait for room in a commit until the flood ends, which takes one of them as a probe."""
    monkeypatch.setattr("connector.delivery.offsets.SURE_BITS", 300)
    line = Harness(limits=Limits(max_events=40, max_bytes=10_000), guard=GUARD)
    line.vendor.answer = refuse_those_marked
    for number in range(5):
        line.produce(b" ".join([b"bad"] * 20), key=b"bad%d" % number)
    line.produce(b" ".join([b"good"] * 20), key=b"good")
    await line.until(lambda: line.gate.flooded and not line.vendor.in_flight)
    await line.until(lambda: line.stats.delivered, 36_000)
    await line.until(lambda: not line.assignment.open_parts and not line.pipeline.flood_guard.deferred_count, 360_000)
    line.check_balance()
    assert line.stats.delivered == 20
    assert line.topic.reasons() == {"refused": 100}
    await line.end()
