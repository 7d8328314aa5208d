"""Discarding writes a receipt for each letter, no faster than the brokers take them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from connector.clock import SystemClock
from connector.deadletters.index import LetterIndex
from connector.deadletters.ordered_letters import OrderedLetter
from connector.deadletters.receipts import Receipts
from connector.errors import ConnectorError
from connector.kafka.dead_letter import ProducedLetter, read_letter
from connector.service import discard
from tests.unit.deadletters.support import message, record

LETTERS, CHUNK, MAX_PENDING = 60, 5, 10


class SlowProducer:
    """Reports each receipt a little later; `silent` reports none."""

    silent = False
    pending = most_pending = 0

    def __init__(self, *_: object) -> None:
        SlowProducer.pending = SlowProducer.most_pending = 0

    def write(self, _: ProducedLetter, report: Callable[[str | None], None]) -> None:
        cls = SlowProducer
        cls.pending += 1
        cls.most_pending = max(cls.most_pending, cls.pending)
        if not self.silent:
            asyncio.get_running_loop().call_later(0.02, self._end, report)

    def _end(self, report: Callable[[str | None], None]) -> None:
        SlowProducer.pending -= 1
        report(None)

    def close(self, _: float) -> int:
        return SlowProducer.pending


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discard, "DeadLetterProducer", SlowProducer)
    monkeypatch.setattr(discard, "_MAX_PENDING_RECEIPTS", MAX_PENDING)


def selected() -> Any:
    receipts = Receipts()
    index = LetterIndex(receipts)
    letters = []
    for number in range(LETTERS):
        failed = record(number, key=b"%d" % number)
        letter = read_letter(message(failed, (0, number)))
        assert letter is not None
        index.add_letter(letter, failed.key, selected=True)
        letters.append(OrderedLetter(number, letter, failed))

    def read_letters() -> Iterator[Sequence[OrderedLetter]]:
        for start in range(0, LETTERS, CHUNK):
            yield letters[start : start + CHUNK]

    topic = SimpleNamespace(topic="dead")
    return SimpleNamespace(receipts=receipts, index=index, letters=topic, read_letters=read_letters)


async def run() -> int:
    config: Any = SimpleNamespace(conf={}, settings=SimpleNamespace(receipts="receipts"))
    return await discard._discard(config, selected(), "a test", SystemClock())


async def test_no_more_receipts_are_in_flight_than_the_producer_has_room_for() -> None:
    SlowProducer.silent = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SlowProducer, "close", lambda *_: 0)
        assert await run() == LETTERS
    assert SlowProducer.most_pending <= MAX_PENDING + CHUNK


async def test_brokers_that_take_nothing_end_it_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discard, "_FLUSH_SECONDS", 0.1)
    monkeypatch.setattr(SlowProducer, "silent", True)
    with pytest.raises(ConnectorError, match="the brokers do not answer"):
        await run()
    assert SlowProducer.most_pending <= MAX_PENDING + CHUNK
