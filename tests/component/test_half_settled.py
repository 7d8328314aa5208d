"""Records of several items that are settled in part when their partition leaves: finished, or carried by part."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from connector.kafka import commit_metadata
from connector.model import ACCEPTED, Limits, Outcome
from tests.component.doubles import DOWN, Answer, Log, Request, accept, refuse_those_marked
from tests.component.harness import GROUP, HERE, TAGS, Harness

ONE = Limits(max_events=1, max_bytes=1000)


def now() -> float:
    return asyncio.get_running_loop().time()


def down_for(word: bytes) -> Answer:
    """The vendor accepts everything but what carries the word."""

    def answer(request: Request) -> Outcome:
        return DOWN if any(word in item.body for item in request.items) else ACCEPTED

    return answer


def sent(line: Harness) -> list[tuple[int, str]]:
    return [(item.record.offset, item.route) for item in line.vendor.accepted]


def once(*lines: Harness) -> None:
    """No part of a record was accepted, or written as a letter, twice by these together."""
    for line in lines:
        line.check_balance()
    ends = Counter[Any]()
    for line in lines:
        ends.update(line.vendor.ledger())
        ends.update(line.topic.identities())
    assert set(ends.values()) <= {1}


async def test_on_a_revoke_the_unsent_items_of_a_half_settled_record_are_sent_and_nothing_else() -> None:
    line = Harness(limits=ONE, max_in_flight=2)
    line.vendor.latency = 1.0
    line.produce(b"a b c", key=b"k")
    for number in range(10):
        line.produce(b"a b", key=b"other%d" % number)
    await line.until(lambda: len(line.vendor.accepted) == 2)
    begun = {offset for offset, _ in sent(line)} | {item.record.offset for item in line.vendor.requests[-1].items}
    begun |= {item.record.offset for item in line.vendor.requests[-2].items}
    await line.source.revoke(HERE)
    assert {offset for offset, _ in sent(line)} == begun
    assert all(len([each for each, _ in sent(line) if each == offset]) == (3 if offset == 0 else 2) for offset in begun)
    once(line)
    await line.end()


async def test_on_a_stop_half_settled_records_are_finished_within_the_signals_budget() -> None:
    line = Harness(limits=ONE, max_in_flight=1)
    line.vendor.latency = 1.0
    line.produce(b"a b c d", b"a b", key=b"k")
    await line.until(lambda: len(line.vendor.accepted) == 1)
    begun = now()
    assert await line.pipeline.stop(begun + 20.0)
    assert sent(line) == [(0, "route0"), (0, "route1"), (0, "route2"), (0, "route3")]
    assert line.source.stopped_with is not None
    assert [(each.position, each.metadata) for each in line.source.stopped_with] == [(1, "")]
    once(line)
    await line.end()


async def test_what_cannot_be_finished_is_carried_by_part_and_the_next_owner_sends_the_rest_alone() -> None:
    log = Log()
    first = Harness(log, limits=ONE, max_in_flight=1, drain=3.0, timeout=1.0)
    first.vendor.latency = 0.9
    first.produce(b"a b c d e f", b"a b")
    await first.until(lambda: len(first.vendor.accepted) == 1)
    begun = now()
    (commit,) = await first.source.revoke(HERE)
    assert now() - begun <= 3.0
    assert (commit.position, commit.metadata[:2]) == (0, "4.")
    decoded = commit_metadata.decode(GROUP, *HERE, 0, commit.metadata)
    assert decoded is not None
    assert decoded.settled is not None
    assert decoded.settled.halves == {0: {TAGS[route]: 1 for _, route in sent(first)}}
    await first.end()
    second = Harness(log)
    await second.settled()
    assert sorted(sent(first) + sent(second)) == [(0, f"route{n}") for n in range(6)] + [(1, "route0"), (1, "route1")]
    assert second.stats.parts_settled_before == len(first.vendor.accepted) >= 2
    once(first, second)
    second.check_accounts()
    await second.end()


async def test_no_request_begins_that_could_end_after_the_drain() -> None:
    line = Harness(limits=ONE, max_in_flight=1, drain=5.0, timeout=2.0)
    line.vendor.latency = 1.9
    line.produce(b"a b c d e f g h")
    await line.until(lambda: len(line.vendor.accepted) == 1)
    begun = now()
    await line.source.revoke(HERE)
    assert all(request.at <= begun + 3.0 for request in line.vendor.requests)
    assert (line.stats.late, line.dispatcher.items_in_flight()) == (0, 0)
    once(line)
    await line.end()


async def test_what_was_dropped_of_a_key_is_not_overtaken() -> None:
    """Offset 0 is held, so that another will send it; a letter of 1 is written, and its item waits behind 0."""
    log = Log()
    line = Harness(log, limits=ONE)
    line.vendor.answer = down_for(b"held")
    line.produce(b"held", b"undecodable b", key=b"k")
    await line.until(
        lambda: line.dispatcher.batches_awaiting_retry == 1 and line.topic.letters and not line.letters.pending
    )
    await line.source.revoke(HERE)
    assert sent(line) == []
    await line.end()
    second = Harness(log)
    await second.settled()
    assert second.vendor.order_of(b"k") == [0, 1]
    await second.end()


async def test_what_waits_behind_a_request_that_fails_while_the_partition_leaves_does_not_overtake_it() -> None:
    log = Log()
    line = Harness(log, limits=ONE, tags=TAGS)
    line.vendor.latency = 2.0
    line.produce(b"first second", b"undecodable b", key=b"k")
    await line.until(lambda: line.vendor.in_flight == 1 and line.topic.letters and not line.letters.pending)
    line.vendor.answer = lambda _: DOWN
    await line.source.revoke(HERE)
    line.vendor.answer = accept
    await asyncio.sleep(30)
    assert (sent(line), len(line.vendor.requests)) == ([], 1)
    await line.end()
    second = Harness(log)
    await second.settled()
    assert second.vendor.order_of(b"k") == [0, 0, 1]
    await second.end()


async def test_an_item_is_sent_once_while_its_partition_leaves_and_not_tried_again() -> None:
    line = Harness(limits=ONE, max_in_flight=1)
    line.vendor.latency = 1.0
    line.produce(b"a b c", key=b"k")
    await line.until(lambda: len(line.vendor.accepted) == 1)
    line.vendor.answer = down_for(b"b")
    begun = now()
    await line.source.revoke(HERE)
    assert [item.body for request in line.vendor.requests for item in request.items] == [b'{"a"}', b'{"b"}']
    assert now() - begun <= 2.0
    assert line.log.committed[HERE].metadata.startswith("4.")
    once(line)
    await line.end()


async def test_in_an_outage_a_stop_does_not_wait_for_what_cannot_be_sent() -> None:
    log = Log()
    line = Harness(log, limits=ONE, max_in_flight=4)
    line.produce(b"a b", key=b"k")
    line.vendor.answer = down_for(b"b")
    for number in range(10):
        line.produce(b"b", key=b"%d" % number)
    await line.until(lambda: line.gate.is_down and not line.vendor.in_flight)
    begun = now()
    assert await line.pipeline.stop(begun + 20.0)
    assert now() - begun < 1.0
    await line.end()
    second = Harness(log)
    await second.settled()
    once(line, second)
    await second.end()


async def test_what_is_half_settled_survives_owners_that_end_before_they_have_read_so_far() -> None:
    log = Log()
    first = Harness(log, limits=ONE, max_in_flight=4)
    first.vendor.answer = down_for(b"held")
    first.produce(b"held", b"event", key=b"k")
    first.produce(b"a held", key=b"m")
    first.produce(b"event", key=b"n")
    await first.until(lambda: len(first.vendor.accepted) == 2 and first.gate.is_down and not first.vendor.in_flight)
    await first.source.revoke(HERE)
    await first.end()
    owners = [first]
    for _ in range(3):
        owner = Harness(log, limits=ONE)
        owner.vendor.answer = lambda _: DOWN
        owner.source.CHUNK = 1
        await owner.until(lambda owner=owner: owner.assignment.open_records)  # type: ignore[misc]  # bound now
        await owner.source.revoke(HERE)
        await owner.end()
        owners.append(owner)
    last = Harness(log)
    await last.settled()
    once(*owners, last)
    assert last.stats.settled_before == 1
    last.check_accounts()
    await last.end()


@pytest.mark.parametrize(
    ("tags", "again"),
    [
        (TAGS, set()),
        ({**TAGS, "route0": 0xBAD}, {(0, "route0")}),
        ({"another": 7}, {(0, "route0")}),
    ],
    ids=["same", "changed", "removed"],
)
async def test_a_route_that_is_another_one_now_has_sent_nothing(
    tags: dict[str, int], again: set[tuple[int, str]]
) -> None:
    log = Log()
    first = Harness(log, limits=ONE, max_in_flight=1)
    first.vendor.answer = down_for(b"b")
    first.produce(b"a b")
    await first.until(lambda: first.dispatcher.batches_awaiting_retry == 1 and not first.vendor.in_flight)
    await first.source.revoke(HERE)
    assert sent(first) == [(0, "route0")]
    await first.end()
    second = Harness(log, tags=tags)
    await second.settled()
    assert set(sent(second)) == {(0, "route1")} | again
    second.check_accounts()
    await second.end()


async def test_a_record_that_makes_only_what_was_sent_already_is_settled_by_being_read() -> None:
    """The other route was removed since."""
    log = Log()
    first = Harness(log, limits=ONE, max_in_flight=1)
    first.vendor.answer = down_for(b"b")
    first.produce(b"a b")
    await first.until(lambda: first.dispatcher.batches_awaiting_retry == 1 and not first.vendor.in_flight)
    await first.source.revoke(HERE)
    await first.end()
    second = Harness(log, only="route0")
    await second.settled()
    assert (sent(second), second.stats.settled_before, second.stats.read) == ([], 1, 0)
    assert second.log.committed[HERE][3:5] == (1, "")
    second.check_accounts()
    await second.end()


async def test_a_kill_repeats_no_part_that_a_commit_covered() -> None:
    log = Log()
    first = Harness(log, limits=ONE)
    first.vendor.answer = down_for(b"held")
    for number in range(20):
        first.produce(b"a held c", key=b"%d" % number)
    await first.until(lambda: len(first.vendor.accepted) >= 10)
    await asyncio.sleep(5.0)
    await first.end()  # and nothing more of it: it was killed
    second = Harness(log)
    await second.settled()
    once(first, second)
    await second.end()


async def test_refused_items_of_a_half_settled_record_become_letters_while_it_is_finished() -> None:
    line = Harness(limits=ONE, max_in_flight=1)
    line.vendor.latency = 1.0
    line.vendor.answer = refuse_those_marked
    line.produce(b"a bad c", key=b"k")
    await line.until(lambda: len(line.vendor.accepted) == 1)
    (commit,) = await line.source.revoke(HERE)
    assert sent(line) == [(0, "route0"), (0, "route2")]
    assert line.topic.reasons() == {"refused": 1}
    assert (commit.position, commit.metadata) == (1, "")
    once(line)
    await line.end()


async def test_a_lost_partition_finishes_nothing() -> None:
    line = Harness(limits=ONE, max_in_flight=1)
    line.vendor.latency = 1.0
    line.produce(b"a b c")
    await line.until(lambda: len(line.vendor.accepted) == 1)
    line.source.lose(HERE)
    await asyncio.sleep(30)
    assert len(line.vendor.requests) == 2
    await line.end()
