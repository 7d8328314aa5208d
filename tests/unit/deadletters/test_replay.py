"""The replay closes what was accepted, in the right order, and stops by itself where going on would do harm."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import LetterState, Receipt
from connector.errors import ConnectorError
from connector.kafka.dead_letter import IDENTITY, REPLAYS
from connector.model import ACCEPTED, Outcome, OutcomeKind
from tests.component.doubles import DOWN, ERROR_500, REFUSED, UNAUTHORIZED, Request, refuse_those_marked
from tests.unit.deadletters.replay_bench import Bench


async def test_each_accepted_letter_has_a_receipt_that_closes_it() -> None:
    bench = Bench([b"a"] * 12)
    await bench.run()
    assert bench.replay.counts["mytracker"].accepted == 12
    assert {receipt.state for receipt in bench.receipts.written.values()} == {LetterState.REPLAYED}
    assert [bench.receipts.written[bench.key(n)].closes for n in range(12)] == [{0: n} for n in range(12)]
    assert bench.replay.stopped == ""


async def test_what_is_refused_again_has_its_new_letter_before_the_old_ones_receipt() -> None:
    bench = Bench([b"a", b"bad", b"a"], route=None)
    bench.vendor.answer = refuse_those_marked
    await bench.run()
    counts = bench.replay.counts["mytracker"]
    assert (counts.accepted, counts.refused) == (2, 1)
    assert [bench.letters.header(letter, REPLAYS) for letter in bench.letters.letters] == ["1"]
    assert bench.receipts.written[bench.key(1, None)].state is LetterState.REFUSED
    assert bench.receipts.letters_before[bench.key(1, None)] == 1


async def test_a_replay_of_letters_that_are_all_refused_alike_ends() -> None:
    """They were refused before: that says nothing of our key."""
    bench = Bench([b"a"] * 12)
    bench.vendor.answer = lambda _: Outcome(OutcomeKind.REJECTED, 400, "no such user", by_status=True)
    await bench.run()
    assert bench.replay.counts["mytracker"].refused == 12
    assert len(bench.letters.letters) == 12


async def test_a_letter_of_an_older_version_is_closed_as_such_and_written_again_as_one_of_this() -> None:
    bench = Bench([b"a", b"bad"], route=None, identity=1)
    bench.vendor.answer = refuse_those_marked
    await bench.run()
    assert set(bench.receipts.written) == {b"events/3/0/mytracker", b"events/3/1/mytracker"}
    assert bench.receipts.written[b"events/3/1/mytracker"].closes == {0: 1}
    (new,) = bench.letters.letters
    assert bench.letters.header(new, IDENTITY) == "2"


async def test_a_letter_that_was_sent_again_as_often_as_can_be_counted_stays_a_letter() -> None:
    bench = Bench([b"a"])
    bench.vendor.answer = lambda _: REFUSED
    (selected,) = bench.chunk
    bench.chunk[0] = selected._replace(letter=selected.letter._replace(replays=2**31 - 1))
    await bench.run()
    assert [bench.letters.header(letter, REPLAYS) for letter in bench.letters.letters] == [str(2**31 - 1)]


async def test_no_receipt_is_written_while_the_new_letter_is_not() -> None:
    bench = Bench([b"a"])
    bench.vendor.answer = lambda _: REFUSED
    bench.letters.silent = True
    task = asyncio.create_task(bench.run())
    await asyncio.sleep(5.0)
    bench.replay.stop("interrupted")
    await task
    assert bench.receipts.written == {}


async def test_a_letter_of_several_routes_is_closed_when_all_are_and_each_is_remembered() -> None:
    bench = Bench([b"a b"], route=None)
    await bench.run()
    assert set(bench.receipts.written) == {bench.key(0, "a"), bench.key(0, None)}
    assert bench.replay.counts["mytracker"].accepted == 1


async def test_a_letter_that_cannot_be_mapped_is_left_without_a_receipt() -> None:
    bench = Bench([b"other"])
    await bench.run()
    assert bench.replay.counts["mytracker"].left_open == {"no route a takes it": 1}
    assert bench.receipts.written == {}
    assert bench.vendor.requests == []


async def test_it_stops_where_receipts_cannot_be_written() -> None:
    bench = Bench([b"a"] * 500)
    bench.receipts.refusal = "no permission"
    await bench.run()
    assert "no permission" in bench.replay.stopped
    assert len(bench.vendor.accepted) < 500


async def test_it_stops_where_too_large_a_share_is_refused_but_not_for_the_first_few() -> None:
    few = Bench([b"a"] * 19, max_failures=0.1)
    few.vendor.answer = lambda _: REFUSED
    await few.run()
    assert (few.replay.stopped, few.replay.counts["mytracker"].refused) == ("", 19)
    many = Bench([b"a"] * 500, max_failures=0.1)
    many.vendor.answer = lambda _: REFUSED
    await many.run()
    assert "more than --max-failures allows" in many.replay.stopped
    assert many.replay.counts["mytracker"].refused < 40


async def test_where_the_brokers_fall_silent_what_was_read_is_settled() -> None:
    bench = Bench([b"a"] * 12)

    def chunks() -> Iterator[Sequence[OrderedLetter]]:
        yield bench.chunk
        raise ConnectorError("the brokers have not answered")

    await bench.replay.run(chunks(), drain=20.0)
    assert bench.replay.stopped == "the brokers have not answered"
    assert len(bench.receipts.written) == len(bench.vendor.accepted)


async def test_it_stops_where_the_lock_is_lost() -> None:
    bench = Bench([b"a"] * 500)
    asyncio.get_running_loop().call_later(0.2, setattr, bench.lock, "lost", True)
    await bench.run()
    assert "the lock is lost" in bench.replay.stopped
    assert len(bench.vendor.accepted) < 500
    assert len(bench.receipts.written) == len(bench.vendor.accepted)


async def test_it_stops_where_the_vendor_keeps_refusing_our_credentials() -> None:
    bench = Bench([b"a"] * 3)
    bench.vendor.answer = lambda _: UNAUTHORIZED
    await bench.run()
    assert "token refused" in bench.replay.stopped
    assert bench.receipts.written == {}


async def test_an_outage_is_waited_out() -> None:
    bench = Bench([b"a"] * 3)
    began = asyncio.get_running_loop().time()

    def for_an_hour(request: Request) -> Outcome:
        return DOWN if request.at < began + 3_600 else ACCEPTED

    bench.vendor.answer = for_an_hour
    await bench.run()
    assert (bench.replay.stopped, bench.replay.counts["mytracker"].accepted) == ("", 3)


def poisoned(request: Request) -> Outcome:
    return ERROR_500 if any(b"bad" in item.body for item in request.items) else ACCEPTED


@pytest.mark.parametrize("poison", [0, 150, 298, 299])
async def test_it_ends_where_one_of_its_letters_is_poison(poison: int) -> None:
    """Poison has its new letter if enough others were left to show that the vendor is well; else it is left open."""
    bench = Bench([b"bad" if number == poison else b"a" for number in range(300)], route=None)
    bench.vendor.answer = poisoned
    await asyncio.wait_for(bench.run(), 600)
    counts = bench.replay.counts["mytracker"]
    assert counts.accepted == 299
    assert counts.refused == len(bench.letters.letters)
    assert (bench.key(poison, None) in bench.receipts.written) is (counts.refused == 1)
    assert bool(bench.replay.stopped) is (counts.refused == 0)


async def test_it_ends_where_nothing_shows_if_the_vendor_is_well_and_gives_nothing_up() -> None:
    bench = Bench([b"a"] * 12)
    bench.vendor.answer = lambda _: ERROR_500
    await asyncio.wait_for(bench.run(), 600)
    assert "answered 500 to each event that is left" in bench.replay.stopped
    assert bench.replay.counts["mytracker"].finished == 0
    assert (bench.letters.letters, bench.receipts.written) == ([], {})


@pytest.mark.parametrize("seconds", [10, 25])
async def test_a_short_outage_answered_with_500_is_waited_out(seconds: int) -> None:
    bench = Bench([b"a"])
    begun = asyncio.get_running_loop().time()
    bench.vendor.answer = lambda request: ERROR_500 if request.at < begun + seconds else ACCEPTED
    await bench.run()
    assert (bench.replay.stopped, bench.replay.counts["mytracker"].accepted) == ("", 1)


@pytest.mark.parametrize(
    ("earlier", "state"), [(LetterState.REFUSED, LetterState.REFUSED), (LetterState.REPLAYED, LetterState.REPLAYED)]
)
async def test_a_letter_of_which_an_earlier_replay_left_nothing_to_send_is_closed_as_that_one_ended(
    earlier: LetterState, state: LetterState
) -> None:
    bench = Bench([b"a b"], route=None)
    for route, ended in (("a", LetterState.REPLAYED), ("b", earlier)):
        bench.replay._receipts.add_receipt(bench.key(0, route), Receipt(ended, 0.0, "dead/0/0", {0: 0}))
    await bench.run()
    assert bench.vendor.requests == []
    assert bench.receipts.written[bench.key(0, None)].state is state
    assert bench.replay.counts["mytracker"].refused == (state is LetterState.REFUSED)


async def test_progress_that_comes_while_it_pumps_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench([b"a"])
    monkeypatch.setattr(bench.replay, "_pump", lambda: bench.replay.stop("a bug"))
    await asyncio.wait_for(bench.replay._wait(), 1.0)
