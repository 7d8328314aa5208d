"""A replay of letters that name elements of an event's list: those alone are sent, and none twice."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from connector.deadletters.receipts import LetterState
from connector.kafka.dead_letter import ITEM, MESSAGE, REASON, REPLAYS, ROUTE
from connector.kafka.letter_elements import ALL, name_elements
from connector.model import ACCEPTED, Outcome
from tests.component.doubles import DOWN, REFUSED, Request, refuse_those_marked
from tests.unit.deadletters.replay_bench import Bench


def named(value: bytes, *indexes: int) -> str:
    return name_elements(value.decode().partition(":")[2].split("+"), indexes)


def sent(bench: Bench) -> list[tuple[int, int]]:
    """Offset and element of what was accepted."""
    return sorted((item.record.offset, item.element) for item in bench.vendor.accepted)


async def test_only_the_elements_named_are_sent_and_the_letter_is_closed_once() -> None:
    value = b"a:w+x+y+z"
    bench = Bench([value, value], items=[named(value, 1, 3), named(value, 0)])
    await bench.run()
    assert sent(bench) == [(0, 2), (0, 4), (1, 1)]
    assert bench.replay.counts["mytracker"].accepted == 2
    assert set(bench.receipts.written) == {bench.key(0), bench.key(1)}
    assert not bench.letters.letters


@pytest.mark.parametrize("item", [ALL, ""])
async def test_a_letter_that_names_all_or_was_written_without_each_sends_all(item: str) -> None:
    bench = Bench([b"a:w+x+y"], items=[item])
    await bench.run()
    assert sent(bench) == [(0, 1), (0, 2), (0, 3)]
    assert bench.replay.counts["mytracker"].accepted == 1


async def test_elements_that_moved_are_found() -> None:
    bench = Bench([b"a:new+z+y+x+w"], items=[named(b"a:w+x+y+z", 1, 3)])
    await bench.run()
    assert sorted(item.body for item in bench.vendor.accepted) == [b'{"x"}', b'{"z"}']


async def test_of_equal_elements_as_many_are_sent_as_failed() -> None:
    value = b"a:x+x+y+x"
    bench = Bench([value], items=[named(value, 0, 3)])
    await bench.run()
    assert sent(bench) == [(0, 1), (0, 4)]


async def test_a_letter_whose_element_is_gone_is_left_as_it_is() -> None:
    bench = Bench([b"a:w+y"], items=[named(b"a:w+x+y", 0, 1)])
    await bench.run()
    assert (bench.vendor.requests, bench.receipts.written) == ([], {})
    assert bench.replay.counts["mytracker"].left_open == {
        "<n> of the <n> items that failed are no longer in the list of `each`": 1
    }


async def test_a_letter_whose_route_has_no_list_any_more_is_left_as_it_is() -> None:
    bench = Bench([b"a"], items=[named(b"a:w+x", 0)])
    await bench.run()
    assert (bench.vendor.requests, bench.receipts.written) == ([], {})
    (obstacle,) = bench.replay.counts["mytracker"].left_open
    assert obstacle.startswith("route a has no `each` any more")


async def test_what_is_refused_again_is_one_new_letter_before_the_receipt() -> None:
    value = b"a:bad1+x+bad2+y+bad3"
    bench = Bench([value], items=[named(value, 0, 1, 2, 3)])
    bench.vendor.answer = refuse_those_marked
    await bench.run()
    assert sent(bench) == [(0, 2), (0, 4)]
    (letter,) = bench.letters.letters
    header = bench.letters.header
    assert header(letter, ITEM) == named(value, 0, 2)
    assert header(letter, MESSAGE) == "2 of 5 items failed; the first, 0: bad event"
    assert (header(letter, REPLAYS), header(letter, ROUTE), header(letter, REASON)) == ("1", "a", "refused")
    assert bench.receipts.written[bench.key(0)].state is LetterState.REFUSED
    assert bench.receipts.letters_before[bench.key(0)] == 1
    counts = bench.replay.counts["mytracker"]
    assert (counts.accepted, counts.refused) == (0, 1)


async def test_what_maps_is_sent_and_what_does_not_is_named_by_a_new_letter() -> None:
    value = b"a:x+unmappable+y"
    bench = Bench([value], items=[named(value, 0, 1)])
    await bench.run()
    assert sent(bench) == [(0, 1)]
    (letter,) = bench.letters.letters
    assert bench.letters.header(letter, ITEM) == named(value, 1)
    assert bench.letters.header(letter, REASON) == "unmappable"
    assert bench.replay.counts["mytracker"].refused == 1


async def test_a_letter_of_which_nothing_maps_is_left_as_it_is() -> None:
    value = b"a:x+unmappable+y"
    bench = Bench([value], items=[named(value, 1)])
    await bench.run()
    assert (bench.vendor.requests, bench.receipts.written, bench.letters.letters) == ([], {}, [])
    assert bench.replay.counts["mytracker"].left_open == {"unmappable: no id": 1}


async def test_an_event_that_failed_before_any_route_is_closed_when_all_items_of_all_are_settled() -> None:
    bench = Bench([b"a:x+bad+y b c:z+"], route=None)
    bench.vendor.answer = refuse_those_marked
    await bench.run()
    assert len(sent(bench)) == 4
    (letter,) = bench.letters.letters
    assert bench.letters.header(letter, ROUTE) == "a"
    assert bench.letters.header(letter, ITEM) == named(b"a:x+bad+y", 1)
    assert {key: receipt.state for key, receipt in bench.receipts.written.items()} == {
        bench.key(0, "b"): LetterState.REPLAYED,
        bench.key(0, "c"): LetterState.REPLAYED,
        bench.key(0, None): LetterState.REFUSED,
    }
    assert bench.replay.counts["mytracker"].refused == 1


async def test_a_stop_amid_a_letter_keeps_the_rest_of_it_as_a_new_letter() -> None:
    value = b"a:" + b"+".join(b"e%d" % number for number in range(200))
    bench = Bench([value], items=[ALL], text="9 of 200 items failed; the first, 4: no id")
    asyncio.get_running_loop().call_later(0.5, lambda: bench.replay.stop("interrupted"))
    await bench.run()
    accepted = sent(bench)
    assert 5 <= len(accepted) < 200
    (letter,) = bench.letters.letters
    header = bench.letters.header
    assert header(letter, ITEM) == named(value, *range(len(accepted), 200))
    assert header(letter, MESSAGE) == f"{200 - len(accepted)} of 200 items failed; the first, {len(accepted)}: no id"
    assert (header(letter, REPLAYS), header(letter, REASON)) == ("1", "unmappable")
    assert bench.receipts.written[bench.key(0)].state is LetterState.REFUSED
    counts = bench.replay.counts["mytracker"]
    assert (counts.accepted, counts.refused, counts.finished) == (0, 0, 0)
    again = Bench([value], items=[header(letter, ITEM) or ""])
    await again.run()
    assert Counter(accepted + sent(again)) == Counter((0, number) for number in range(1, 201))


async def test_a_stop_keeps_what_was_refused_with_what_was_not_sent() -> None:
    value = b"a:" + b"+".join(b"e%d" % number for number in range(40))
    bench = Bench([value + b"+bad"], items=[ALL])

    def answer(request: Request) -> Outcome:
        if any(item.element in (3, 4) for item in request.items):
            return REFUSED
        return ACCEPTED if request.items[0].element < 11 else DOWN

    bench.vendor.answer = answer
    asyncio.get_running_loop().call_later(30, lambda: bench.replay.stop("interrupted"))
    await bench.run()
    accepted = {element - 1 for _, element in sent(bench)}
    assert accepted == set(range(10)) - {2, 3}
    (letter,) = bench.letters.letters
    assert bench.letters.header(letter, ITEM) == named(value + b"+bad", *sorted(set(range(41)) - accepted))


async def test_a_stop_before_anything_was_accepted_leaves_the_letter_as_it_is() -> None:
    bench = Bench([b"a:x+y", b"a:x+bad"], items=[ALL, ALL])
    bench.vendor.answer = lambda _: DOWN
    asyncio.get_running_loop().call_later(3, lambda: bench.replay.stop("interrupted"))
    await bench.run()
    assert (bench.letters.letters, bench.receipts.written) == ([], {})


async def test_a_stop_amid_an_event_that_failed_before_any_route_keeps_the_route_that_was_begun() -> None:
    value = b"a:" + b"+".join(b"e%d" % number for number in range(40)) + b" b c:x+y"
    bench = Bench([value], route=None)
    asyncio.get_running_loop().call_later(0.18, lambda: bench.replay.stop("interrupted"))
    await bench.run()
    accepted = [item.element for item in bench.vendor.accepted if item.route == "a"]
    assert 0 < len(accepted) < 40
    assert {item.route for item in bench.vendor.accepted} == {"a"}
    (letter,) = bench.letters.letters
    assert bench.letters.header(letter, ROUTE) == "a"
    assert set(bench.receipts.written) == {bench.key(0, "a")}  # the letter itself stays open for b and c


async def test_without_the_lock_nothing_is_kept() -> None:
    value = b"a:" + b"+".join(b"e%d" % number for number in range(200))
    bench = Bench([value], items=[ALL])
    asyncio.get_running_loop().call_later(0.5, setattr, bench.lock, "lost", True)
    await bench.run()
    assert bench.replay.stopped.startswith("the lock is lost")
    assert (bench.letters.letters, bench.receipts.written) == ([], {})


async def test_the_items_of_one_letter_keep_their_order() -> None:
    value = b"a:" + b"+".join(b"e%d" % number for number in range(50))
    bench = Bench([value, value], items=[ALL, named(value, 7, 9)])
    await bench.run()
    first = [item.element for item in bench.vendor.accepted if item.record.offset == 0]
    assert first == list(range(1, 51))
