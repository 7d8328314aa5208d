"""The replay closes what was accepted, in the right order, and stops by itself where going on would do harm."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connector.batching.batcher import Batcher
from connector.deadletters.index import Index
from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import Receipt, Receipts, State
from connector.deadletters.replay import Replay
from connector.deadletters.replay_state import ReplaySink
from connector.delivery.backoff import Backoff
from connector.delivery.dead_letter_writer import DeadLetterWriter
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.gate import Gate
from connector.delivery.stats import Stats
from connector.errors import ConnectorError
from connector.kafka.dead_letter import IDENTITY, REPLAYS, DeadLetter, read_letter
from connector.model import ACCEPTED, Failure, Item, Limits, Outcome, Record
from tests.component.doubles import DOWN, REFUSED, UNAUTHORIZED, LetterTopic, Request, Vendor, refuse_those_marked
from tests.component.virtual_time import LoopClock
from tests.unit.deadletters.support import message, record

LIMITS = Limits(max_events=5, max_bytes=10_000)


class Words:
    """A router: each word of the value is the item of the route of that name."""

    def route(self, record: Record, only: str | None = None) -> Sequence[Item | Failure]:
        words = (record.value or b"").decode().split()
        return [Item(record, word, "login", b'{"%b"}' % word.encode()) for word in words if only in (None, word)]


@dataclass
class Lock:
    lost: bool = False


@dataclass
class ReceiptTopic:
    """Reports on the loop, later; `happened` is shared with whoever else wants to know the order of things."""

    replay: Replay
    letters: LetterTopic
    refusal: str | None = None
    written: dict[bytes, Receipt] = field(default_factory=dict)
    letters_before: dict[bytes, int] = field(default_factory=dict)

    def write(self, identity: bytes, receipt: Receipt, letter: int | None) -> None:
        if self.refusal is None:
            self.written[identity] = receipt
            self.letters_before[identity] = len(self.letters.letters)
        asyncio.get_running_loop().call_later(0.005, self.replay.on_receipt, letter, self.refusal)


class Table:
    """A replay of letters whose values these are, against one scripted vendor."""

    def __init__(
        self, values: Sequence[bytes], *, route: str | None = "a", max_failures: float = 1.0, identity: int = 2
    ) -> None:
        receipts = Receipts()
        self.index = Index(receipts)
        self.lock = Lock()
        self.vendor = Vendor(LIMITS)
        self.letters = LetterTopic()
        self.chunk: list[OrderedLetter] = []
        for number, value in enumerate(values):
            of = record(number, value=value, key=b"%d" % number)
            letter = read_letter(message(of, (0, number), route=route, identity=identity))
            assert letter is not None
            self.index.add(letter, of.key, taken=True)
            self.chunk.append(OrderedLetter(number, letter, of))
        clock = LoopClock()
        self.replay = Replay(self.index, receipts, topic="dead", lock=self.lock, clock=clock, max_failures=max_failures)
        dispatcher = Dispatcher(
            self.vendor,
            Batcher(LIMITS, ordered=True, linger=0.02),
            Gate(max_in_flight=2, backoff=Backoff(0.1, 1.0)),
            clock=clock,
            stats=Stats(),
            listener=self.replay,
            retry_code_backoff=Backoff(0.1, 1.0),
        )
        box = DeadLetterWriter(
            self.letters, group="crm.mytracker", sink="mytracker", clock=clock, on_written=self.replay.on_written
        )
        self.replay.sinks = {"mytracker": ReplaySink(self.vendor, Words(), dispatcher, box)}
        self.receipts = ReceiptTopic(self.replay, self.letters)
        self.replay.writer = self.receipts

    async def run(self) -> None:
        await self.replay.run(iter([self.chunk]), drain=20.0)

    def key(self, number: int, route: str | None = "a") -> bytes:
        return self.letter(number).identity_by(route)

    def letter(self, number: int) -> DeadLetter:
        return self.chunk[number].letter


async def test_each_accepted_letter_has_a_receipt_that_closes_it() -> None:
    table = Table([b"a"] * 12)
    await table.run()
    assert table.replay.counts["mytracker"].accepted == 12
    assert {receipt.what for receipt in table.receipts.written.values()} == {State.REPLAYED}
    assert [table.receipts.written[table.key(n)].closes for n in range(12)] == [{0: n} for n in range(12)]
    assert table.replay.stopped == ""


async def test_what_is_refused_again_has_its_new_letter_before_the_old_ones_receipt() -> None:
    table = Table([b"a", b"bad", b"a"], route=None)
    table.vendor.answer = refuse_those_marked
    await table.run()
    tally = table.replay.counts["mytracker"]
    assert (tally.accepted, tally.refused) == (2, 1)
    assert [table.letters.header(letter, REPLAYS) for letter in table.letters.letters] == ["1"]
    assert table.receipts.written[table.key(1, None)].what is State.REFUSED
    assert table.receipts.letters_before[table.key(1, None)] == 1


async def test_a_letter_of_an_older_version_is_closed_as_such_and_written_again_as_one_of_this() -> None:
    table = Table([b"a", b"bad"], route=None, identity=1)
    table.vendor.answer = refuse_those_marked
    await table.run()
    assert set(table.receipts.written) == {b"events/3/0/mytracker", b"events/3/1/mytracker"}
    assert table.receipts.written[b"events/3/1/mytracker"].closes == {0: 1}
    (new,) = table.letters.letters
    assert table.letters.header(new, IDENTITY) == "2"


async def test_a_letter_that_was_sent_again_as_often_as_can_be_counted_stays_a_letter() -> None:
    table = Table([b"a"])
    table.vendor.answer = lambda _: REFUSED
    (selected,) = table.chunk
    table.chunk[0] = selected._replace(letter=selected.letter._replace(replays=2**31 - 1))
    await table.run()
    assert [table.letters.header(letter, REPLAYS) for letter in table.letters.letters] == [str(2**31 - 1)]


async def test_no_receipt_is_written_while_the_new_letter_is_not() -> None:
    table = Table([b"a"])
    table.vendor.answer = lambda _: REFUSED
    table.letters.silent = True
    task = asyncio.create_task(table.run())
    await asyncio.sleep(5.0)
    table.replay.stop("interrupted")
    await task
    assert table.receipts.written == {}


async def test_a_letter_of_several_routes_is_closed_when_all_are_and_each_is_remembered() -> None:
    table = Table([b"a b"], route=None)
    await table.run()
    assert set(table.receipts.written) == {table.key(0, "a"), table.key(0, None)}
    assert table.replay.counts["mytracker"].accepted == 1


async def test_a_letter_that_cannot_be_mapped_is_left_without_a_receipt() -> None:
    table = Table([b"other"])
    await table.run()
    assert table.replay.counts["mytracker"].left == {"no route a takes it": 1}
    assert table.receipts.written == {}
    assert table.vendor.requests == []


async def test_it_stops_where_receipts_cannot_be_written() -> None:
    table = Table([b"a"] * 500)
    table.receipts.refusal = "no permission"
    await table.run()
    assert "no permission" in table.replay.stopped
    assert len(table.vendor.accepted) < 500


async def test_it_stops_where_too_large_a_share_is_refused_but_not_for_the_first_few() -> None:
    few = Table([b"a"] * 19, max_failures=0.1)
    few.vendor.answer = lambda _: REFUSED
    await few.run()
    assert (few.replay.stopped, few.replay.counts["mytracker"].refused) == ("", 19)
    many = Table([b"a"] * 500, max_failures=0.1)
    many.vendor.answer = lambda _: REFUSED
    await many.run()
    assert "more than --max-failures allows" in many.replay.stopped
    assert many.replay.counts["mytracker"].refused < 40


async def test_where_the_brokers_fall_silent_what_was_read_is_settled() -> None:
    table = Table([b"a"] * 12)

    def chunks() -> Iterator[Sequence[OrderedLetter]]:
        yield table.chunk
        raise ConnectorError("the brokers have not answered")

    await table.replay.run(chunks(), drain=20.0)
    assert table.replay.stopped == "the brokers have not answered"
    assert len(table.receipts.written) == len(table.vendor.accepted)


async def test_it_stops_where_the_lock_is_lost() -> None:
    table = Table([b"a"] * 500)
    asyncio.get_running_loop().call_later(0.2, setattr, table.lock, "lost", True)
    await table.run()
    assert "the lock is lost" in table.replay.stopped
    assert len(table.vendor.accepted) < 500
    assert len(table.receipts.written) == len(table.vendor.accepted)


async def test_it_stops_where_the_vendor_keeps_refusing_our_credentials() -> None:
    table = Table([b"a"] * 3)
    table.vendor.answer = lambda _: UNAUTHORIZED
    await table.run()
    assert "token refused" in table.replay.stopped
    assert table.receipts.written == {}


async def test_an_outage_is_waited_out() -> None:
    table = Table([b"a"] * 3)
    began = asyncio.get_running_loop().time()

    def for_an_hour(request: Request) -> Outcome:
        return DOWN if request.at < began + 3_600 else ACCEPTED

    table.vendor.answer = for_an_hour
    await table.run()
    assert (table.replay.stopped, table.replay.counts["mytracker"].accepted) == ("", 3)
