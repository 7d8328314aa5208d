"""A replay between letters in memory and a scripted vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connector.batching.batcher import Batcher
from connector.deadletters.index import LetterIndex
from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import Receipt, Receipts, decode_receipt
from connector.deadletters.replay import Replay, ReplaySink
from connector.delivery.backoff import Backoff
from connector.delivery.dead_letter_writer import DeadLetterWriter
from connector.delivery.dispatcher import AlwaysOwned, Dispatcher
from connector.delivery.gate import Gate
from connector.delivery.stats import Stats
from connector.kafka.dead_letter import DeadLetter, ProducedLetter, read_letter
from connector.model import Failure, Item, Limits, Reason, Record, Stage
from tests.component.doubles import LetterTopic, Vendor
from tests.support.virtual_time import LoopClock
from tests.unit.deadletters.support import message, record

LIMITS = Limits(max_events=5, max_bytes=10_000)


class Words:
    """A router: each word of the value is the item of the route of that name.

    A word with a + is of a route with `each`, called by what stands before a colon: every element between + is an item,
    but `unmappable` fails.
    """

    def route(self, record: Record, only: str | None = None) -> Sequence[Item | Failure]:
        words = (record.value or b"").decode().split()
        return [
            result
            for word in words
            if only in (None, word.partition(":")[0])
            for result in (
                _of_elements(record, word) if "+" in word else [Item(record, word, "login", b'{"%b"}' % word.encode())]
            )
        ]

    def list_elements(self, record: Record, route: str) -> Sequence[str] | None:
        words = (record.value or b"").decode().split()
        return next((_elements(word) for word in words if "+" in word and word.partition(":")[0] == route), None)


def _elements(word: str) -> list[str]:
    return [element for element in word.partition(":")[2].split("+") if element]


def _of_elements(record: Record, word: str) -> list[Item | Failure]:
    route = word.partition(":")[0]
    return [
        Failure(record, Reason.UNMAPPABLE, Stage.MAP, "no id", route, "login", element=number)
        if element == "unmappable"
        else Item(record, route, "login", b'{"%b"}' % element.encode(), number)
        for number, element in enumerate(_elements(word), 1)
    ]


@dataclass
class Lock:
    lost: bool = False


@dataclass
class ReceiptTopic:
    """Reports on the loop, later. `letters_before`: new letters there were when a receipt was written."""

    letters: LetterTopic
    refusal: str | None = None
    written: dict[bytes, Receipt] = field(default_factory=dict)
    letters_before: dict[bytes, int] = field(default_factory=dict)

    def write(self, letter: ProducedLetter, report: Callable[[str | None], None]) -> None:
        if self.refusal is None:
            receipt = decode_receipt(letter.value)
            assert receipt is not None
            assert letter.key is not None
            self.written[letter.key] = receipt
            self.letters_before[letter.key] = len(self.letters.letters)
        asyncio.get_running_loop().call_later(0.005, report, self.refusal)


class Bench:
    """A replay of letters whose values these are, against one scripted vendor.

    `items` are their headers that name elements ("": the event failed as a whole).
    """

    def __init__(
        self,
        values: Sequence[bytes],
        *,
        route: str | None = "a",
        max_failures: float = 1.0,
        identity: int = 2,
        items: Sequence[str] = (),
        text: str = "customUserId is missing",
    ) -> None:
        receipts = Receipts()
        self.index = LetterIndex(receipts)
        self.lock = Lock()
        self.vendor = Vendor(LIMITS)
        self.letters = LetterTopic()
        self.chunk: list[OrderedLetter] = []
        for number, value in enumerate(values):
            failed = record(number, value=value, key=b"%d" % number)
            named = items[number] if items else ""
            letter = read_letter(message(failed, (0, number), route=route, identity=identity, item=named, text=text))
            assert letter is not None
            self.index.add_letter(letter, failed.key, selected=True)
            self.chunk.append(OrderedLetter(number, letter, failed))
        self.receipts = ReceiptTopic(self.letters)
        self.replay = Replay(
            self.index,
            receipts,
            topic="dead",
            receipt_producer=self.receipts,
            open_sinks=self.open_sinks,
            lock_lost=lambda: self.lock.lost,
            clock=LoopClock(),
            max_failures=max_failures,
        )

    def open_sinks(self, replay: Replay) -> dict[str, ReplaySink]:
        clock = LoopClock()
        dispatcher = Dispatcher(
            self.vendor,
            Batcher(LIMITS, ordered=True, linger=0.02),
            Gate(max_in_flight=2, backoff=Backoff(0.1, 1.0)),
            ownership=AlwaysOwned(),
            clock=clock,
            stats=Stats(),
            listener=replay,
            retry_code_backoff=Backoff(0.1, 1.0),
        )
        writer = DeadLetterWriter(
            self.letters, group="crm.mytracker", sink="mytracker", clock=clock, on_written=replay.on_written
        )
        return {"mytracker": ReplaySink(self.vendor, Words(), dispatcher, writer)}

    async def run(self) -> None:
        await self.replay.run(iter([self.chunk]), drain=20.0)

    def key(self, number: int, route: str | None = "a") -> bytes:
        return self.letter(number).identity_by(route)

    def letter(self, number: int) -> DeadLetter:
        return self.chunk[number].letter
