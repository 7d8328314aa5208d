"""One event, many items: a record is settled when its last item is, and what fails of it shares one letter."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from connector.delivery.intake import PIECE
from connector.kafka import commit_metadata
from connector.kafka.dead_letter import ATTEMPTS, ITEM, MESSAGE, REASON, STATUS
from connector.kafka.letter_elements import ALL, MAX_BYTES, digest_of, named_elements
from connector.model import ACCEPTED, Limits, Outcome
from tests.component.doubles import DOWN, REFUSED, Answer, Log, Request, refuse_those_marked
from tests.component.harness import GROUP, HERE, TAGS, Harness

ONE = Limits(max_events=1, max_bytes=1000)


def elements(line: Harness) -> list[tuple[int, int]]:
    """Offset and element of what was accepted, in that order."""
    return [(item.record.offset, item.element) for item in line.vendor.accepted]


def named(line: Harness, letter: int = -1) -> str | None:
    return line.topic.header(line.topic.letters[letter], ITEM)


def down_for(*bodies: bytes) -> Answer:
    """The vendor accepts everything but what carries one of these."""

    def answer(request: Request) -> Outcome:
        return DOWN if any(body in item.body for item in request.items for body in bodies) else ACCEPTED

    return answer


def letter_of(*elements: tuple[int, str]) -> str:
    return ",".join(f"{index}/{digest_of(element)}" for index, element in elements)


async def settled(line: Harness) -> None:
    await line.settled()
    line.check_accounts()


async def test_the_items_of_one_event_spread_over_batches_and_keep_their_order() -> None:
    line = Harness(limits=Limits(max_events=4, max_bytes=1000))
    line.produce(b"+".join(b"e%d" % number for number in range(1000)), b"a+b", key=b"k")
    await settled(line)
    assert elements(line) == [(0, number) for number in range(1, 1001)] + [(1, 1), (1, 2)]
    assert max(len(request.items) for request in line.vendor.requests) == 4
    stats = line.stats
    assert (stats.read, stats.delivered, stats.items_read, stats.items_delivered) == (2, 2, 1002, 1002)
    await line.end()


async def test_the_last_item_settles_the_record_and_not_one_before() -> None:
    line = Harness(limits=ONE, max_in_flight=8)
    line.vendor.answer = down_for(b"held")
    line.produce(b"a+b+held+c", key=None)
    line.produce(b"d", key=None)
    await line.until(lambda: len(line.vendor.accepted) == 4)
    await asyncio.sleep(3.0)
    assert line.log.committed[HERE].position == 0
    assert line.stats.delivered == 1  # the other event
    line.check_balance()
    line.vendor.answer = lambda _: ACCEPTED
    await settled(line)
    assert line.stats.delivered == 2
    await line.end()


async def test_what_failed_of_one_event_is_one_letter_that_names_it() -> None:
    line = Harness()
    line.vendor.answer = refuse_those_marked
    line.produce(b"a+bad1+b+unmappable+bad1+c+bad2", key=b"k")
    await settled(line)
    (letter,) = line.topic.letters
    assert named(line) == letter_of((1, "bad1"), (3, "unmappable"), (4, "bad1"), (6, "bad2"))
    assert line.topic.header(letter, MESSAGE) == "4 of 7 items failed; the first, 1: bad event"
    assert [line.topic.header(letter, name) for name in (REASON, STATUS)] == ["refused", "422"]
    assert letter.value == b"a+bad1+b+unmappable+bad1+c+bad2"
    stats = line.stats
    assert (stats.read, stats.delivered, stats.dead_lettered) == (1, 0, {"refused": 1})
    assert (stats.items_read, stats.items_delivered, stats.items_dead_lettered) == (7, 3, 4)
    await line.end()


async def test_the_letter_tells_of_the_first_element_that_failed_not_of_the_first_failure() -> None:
    line = Harness()
    line.vendor.answer = refuse_those_marked
    line.produce(b"bad+unmappable")
    await settled(line)
    (letter,) = line.topic.letters
    assert line.topic.header(letter, REASON) == "refused"
    assert line.topic.header(letter, ATTEMPTS) == "1"
    assert line.topic.header(letter, MESSAGE) == "2 of 2 items failed; the first, 0: bad event"
    await line.end()


async def test_a_list_of_one_and_lists_of_none() -> None:
    line = Harness()
    line.vendor.answer = refuse_those_marked
    line.produce(b"a+", b"bad+", b"unmappable+", b"+", b"+ b", b"+ +")
    await settled(line)
    assert elements(line) == [(0, 1), (4, 0)]
    assert {named(line, 0), named(line, 1)} == {letter_of((0, "bad")), letter_of((0, "unmappable"))}
    stats = line.stats
    assert (stats.read, stats.delivered, stats.dead_lettered.total(), stats.skipped) == (6, 2, 2, 2)
    await line.end()


async def test_routes_with_and_without_a_list_have_their_letters_for_themselves() -> None:
    line = Harness()
    line.vendor.answer = refuse_those_marked
    line.produce(b"a+bad bad x+y bad+b+bad")
    await settled(line)
    assert line.topic.identities() == {
        (("users", 0, 0), "route0", 2): 1,
        (("users", 0, 0), "route1", 0): 1,
        (("users", 0, 0), "route3", 1): 1,
        (("users", 0, 0), "route3", 3): 1,
    }
    assert len(line.topic.letters) == 3
    await line.end()


async def test_too_many_to_name_are_all_of_them() -> None:
    line = Harness(guard=(10_000, 0.5, 300.0))
    line.vendor.answer = refuse_those_marked
    line.produce(b"+".join(b"bad%d" % number for number in range(700)), b"+".join([b"unmappable"] * 300))
    await settled(line)
    whole = next(letter for letter in line.topic.letters if (letter.value or b"").startswith(b"bad0"))
    assert line.topic.header(whole, ITEM) == ALL
    assert line.topic.header(whole, MESSAGE) == "700 of 700 items failed; the first, 0: bad event"
    other = next(letter for letter in line.topic.letters if letter is not whole)
    text = line.topic.header(other, ITEM) or ""
    assert 1024 < len(text) <= MAX_BYTES  # other headers are cut at 1 KB
    assert len(named_elements(text) or ()) == 300
    await line.end()


async def test_the_letter_waits_for_the_last_item_and_nothing_failed_is_settled_before() -> None:
    line = Harness(limits=ONE, max_in_flight=8)
    line.vendor.answer = down_for(b"held")
    line.produce(b"unmappable+a+held", key=None)
    await line.until(lambda: len(line.vendor.accepted) == 1 and line.gate.is_down)
    await asyncio.sleep(3.0)
    assert not line.topic.letters
    metadata = commit_metadata.decode(GROUP, *HERE, 0, line.log.committed[HERE].metadata)
    assert metadata is not None
    assert metadata.settled is not None
    assert metadata.settled.halves == {0: {TAGS["route0"]: 1 << 2}}  # element 2 alone
    line.vendor.answer = lambda _: ACCEPTED
    await settled(line)
    assert named(line) == letter_of((0, "unmappable"))
    await line.end()


async def test_the_next_owner_meets_what_failed_again_and_writes_the_letter() -> None:
    log = Log()
    first = Harness(log, limits=ONE, max_in_flight=8)

    def answer(request: Request) -> Outcome:
        bodies = {item.body for item in request.items}
        return REFUSED if b'{"bad"}' in bodies else DOWN if b'{"held"}' in bodies else ACCEPTED

    first.vendor.answer = answer
    first.produce(b"unmappable+a+held+bad+b+bad", key=None)
    await first.until(lambda: len(first.vendor.accepted) == 2 and first.gate.is_down and not first.vendor.in_flight)
    await first.source.revoke(HERE)
    first.check_balance()
    assert not first.topic.letters
    assert (first.stats.read, first.stats.given_back, first.stats.items_given_back) == (1, 1, 4)
    await first.end()
    second = Harness(log)
    second.vendor.answer = refuse_those_marked
    await settled(second)
    assert Counter(elements(first) + elements(second)) == {(0, 2): 1, (0, 3): 1, (0, 5): 1}
    assert named(second) == letter_of((0, "unmappable"), (3, "bad"), (5, "bad"))
    assert second.topic.header(second.topic.letters[0], MESSAGE) == "3 of 6 items failed; the first, 0: no id"
    assert (second.stats.read, second.stats.dead_lettered.total(), second.stats.parts_settled_before) == (1, 1, 2)
    await second.end()


async def test_a_pair_that_is_finished_while_its_partition_leaves_has_its_letter_before() -> None:
    line = Harness(limits=ONE, max_in_flight=1)
    line.vendor.latency = 1.0
    line.vendor.answer = refuse_those_marked
    line.produce(b"a+bad+b+unmappable", key=b"k")
    await line.until(lambda: len(line.vendor.accepted) == 1)
    (commit,) = await line.source.revoke(HERE)
    assert elements(line) == [(0, 1), (0, 3)]
    assert named(line) == letter_of((1, "bad"), (3, "unmappable"))
    assert (commit.position, commit.metadata) == (1, "")
    line.check_accounts()
    await line.end()


async def test_what_only_failed_is_not_finished_but_left_to_the_next_owner() -> None:
    log = Log()
    line = Harness(log, limits=ONE, max_in_flight=1)
    line.vendor.answer = lambda _: DOWN
    line.produce(b"unmappable+a+b", key=b"k")
    await line.until(lambda: line.gate.is_down)
    assert await line.pipeline.stop(asyncio.get_running_loop().time() + 20.0)
    line.check_balance()
    assert (line.vendor.accepted, line.topic.letters) == ([], [])
    await line.end()
    second = Harness(log)
    await settled(second)
    assert elements(second) == [(0, 2), (0, 3)]
    assert named(second) == letter_of((0, "unmappable"))
    await second.end()


async def test_a_stop_finishes_the_items_of_a_half_settled_record() -> None:
    line = Harness(limits=ONE, max_in_flight=1)
    line.vendor.latency = 1.0
    line.produce(b"a+b+c+d", b"a+b", key=b"k")
    await line.until(lambda: len(line.vendor.accepted) == 1)
    assert await line.pipeline.stop(asyncio.get_running_loop().time() + 20.0)
    assert elements(line) == [(0, 1), (0, 2), (0, 3), (0, 4)]
    assert line.log.committed[HERE][3:5] == (1, "")
    line.check_balance()
    await line.end()


async def test_a_kill_repeats_no_item_that_a_commit_recorded_and_loses_no_failed_one() -> None:
    log = Log()
    first = Harness(log, limits=ONE, max_in_flight=16)
    first.vendor.answer = down_for(b"held")
    for number in range(10):
        first.produce(b"a+unmappable+held+c", key=b"%d" % number)
    await first.until(lambda: len(first.vendor.accepted) >= 5)
    await asyncio.sleep(5.0)
    recorded = Counter(elements(first))
    await first.end()  # and nothing more of it: it was killed
    second = Harness(log)
    await settled(second)
    assert not recorded & Counter(elements(second))
    assert Counter(elements(first) + elements(second)) == {(at, each): 1 for at in range(10) for each in (1, 3, 4)}
    assert second.topic.identities() == {(("users", 0, at), "route0", 2): 1 for at in range(10)}
    await second.end()


async def test_a_kill_between_letter_and_commit_writes_the_letter_again_with_the_same_elements() -> None:
    log = Log()
    first = Harness(log, limits=ONE)
    first.source.commits_end = False
    first.vendor.answer = refuse_those_marked
    first.produce(b"a+bad+b")
    await first.until(lambda: first.topic.letters and not first.letters.pending)
    await first.end()
    second = Harness(log)
    second.vendor.answer = refuse_those_marked
    await settled(second)
    assert named(first) == named(second) == letter_of((1, "bad"))
    await second.end()


async def test_a_lost_partition_writes_no_letter_and_what_ends_later_is_late_as_items() -> None:
    line = Harness(limits=ONE, max_in_flight=2)
    line.vendor.latency = 1.0
    line.produce(b"unmappable+a+b+c", key=None)
    await line.until(lambda: line.vendor.in_flight == 2)
    line.source.lose(HERE)
    await asyncio.sleep(30)
    assert not line.topic.letters
    line.check_balance()
    stats = line.stats
    assert (stats.read, stats.given_back, stats.delivered, stats.late) == (1, 1, 0, 0)
    assert (stats.items_read, stats.items_given_back, stats.items_delivered, stats.items_late) == (4, 4, 2, 2)
    await line.end()


async def test_a_letter_that_is_written_after_its_partition_is_lost_counts_as_late() -> None:
    line = Harness()
    line.vendor.answer = refuse_those_marked
    line.topic.delay = 1.0
    line.produce(b"bad+bad+a")
    await line.until(lambda: line.letters.pending)
    line.source.lose(HERE)
    await asyncio.sleep(2)
    assert len(line.topic.letters) == 1
    line.check_balance()
    assert (line.stats.late, line.stats.items_late, line.stats.given_back) == (1, 2, 1)
    await line.end()


async def test_a_letter_that_the_brokers_refuse_keeps_the_record_open() -> None:
    line = Harness()
    line.topic.refusal = "no"
    line.produce(b"a+unmappable+unmappable", b"b")
    await line.until(lambda: len(line.vendor.accepted) == 2)
    await asyncio.sleep(5)
    assert (line.log.committed[HERE].position, line.assignment.open_parts) == (0, 2)
    line.topic.refusal = None
    await settled(line)
    assert len(line.topic.letters) == 1
    await line.end()


async def test_the_flood_guard_counts_events_and_not_their_items() -> None:
    line = Harness(guard=(3, 0.5, 300.0))
    for number in range(3):
        line.produce(b"+".join([b"unmappable"] * 50), key=b"%d" % number)
    await line.settled()
    assert not line.pipeline.flood_guard.is_deferring
    line.produce(b"+".join([b"unmappable"] * 2), key=b"last")
    await line.until(lambda: line.gate.flooded)
    assert len(line.topic.letters) == 4
    await line.end()


async def test_many_items_of_one_event_do_not_hide_a_flood() -> None:
    """Each event that is accepted counts once, however many items it has."""
    line = Harness(guard=(3, 0.5, 300.0))
    line.produce(b"+".join([b"a"] * 500))
    await line.settled()
    line.produce(*[b"unmappable+"] * 4)
    await line.until(lambda: line.gate.flooded)
    await line.end()


async def test_a_letter_that_the_guard_defers_is_written_once_when_the_flood_ends() -> None:
    line = Harness(guard=(1, 0.5, 300.0))
    line.vendor.answer = lambda _: DOWN
    line.produce(b"held+unmappable", key=b"h")
    await line.until(lambda: line.gate.is_down)
    line.produce(b"unmappable", b"x", key=b"n")
    line.produce(b"unmappable+", b"unmappable+", b"unmappable+unmappable", key=b"k")
    await line.until(lambda: line.gate.flooded)
    line.vendor.answer = lambda _: ACCEPTED
    await settled(line)
    assert line.topic.pairs() == {(("users", 0, offset), "route0"): 1 for offset in (0, 3, 4, 5)}
    await line.end()


@pytest.mark.parametrize("chunk", [1, 500])
async def test_open_events_are_counted_by_items(chunk: int) -> None:
    """Whatever lies in one chunk: a few records may be begun before it is known how many items they make."""
    line = Harness(max_open_events=1_000)
    line.source.CHUNK = chunk
    line.vendor.answer = lambda _: DOWN
    for number in range(500):
        line.produce(b"+".join([b"a"] * 60), key=b"%d" % number)
    most = 0
    for _ in range(400):
        await asyncio.sleep(0.05)
        most = max(most, line.assignment.open_parts)
    assert line.assignment.open_parts == 60 * line.assignment.open_records
    assert 1_000 <= most < 1_000 + PIECE * 60
    line.vendor.answer = lambda _: ACCEPTED
    await line.until(lambda: len(line.vendor.accepted) > 5_000)
    assert line.assignment.open_parts < 1_000 + 60  # by now it is known
    await settled(line)
    assert line.vendor.ledger().total() == 500 * 60
    await line.end()


async def test_what_waits_for_room_is_another_members_once_its_partition_leaves() -> None:
    log = Log()
    line = Harness(log, max_open_events=100)
    line.vendor.answer = lambda _: DOWN
    for number in range(200):
        line.produce(b"+".join([b"a"] * 20), key=b"%d" % number)
    await asyncio.sleep(5)
    await line.source.revoke(HERE)
    line.check_balance()
    assert line.assignment.open_parts == 0
    await line.end()
    second = Harness(log, max_open_events=100)
    await settled(second)
    assert second.stats.read == 200
    await second.end()


async def test_other_keys_pass_an_event_of_many_items() -> None:
    line = Harness(limits=Limits(max_events=20, max_bytes=10_000), max_in_flight=4)
    line.vendor.latency = 0.5
    line.produce(b"+".join([b"a"] * 1000), key=b"big")
    line.produce(b"b", key=b"small")
    await line.until(lambda: any(offset == 1 for offset, _ in elements(line)))
    assert len(line.vendor.accepted) < 200
    await settled(line)
    await line.end()
