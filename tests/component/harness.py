"""One pipeline between a log of records and a scripted vendor, and what must hold after any scenario."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from connector.delivery.assignment import Assignment
from connector.delivery.failure_rate import FailureRate
from connector.delivery.pipeline import PipelineLimits
from connector.model import Item, Limits
from tests.component.doubles import FakeSource, LetterTopic, Log, Vendor, Words
from tests.support.pipelines import build_pipeline
from tests.support.virtual_time import LoopClock

GROUP = "crm.mytracker"
HERE = ("users", 0)
POLL_SECONDS = 0.05
TAGS = {f"route{number}": 0xC0FFEE00 + number for number in range(50)}  # what a changed configuration changes


class Harness:
    """A pipeline as the service wires it, all its edges doubled. Make it inside a running loop."""

    def __init__(
        self,
        log: Log | None = None,
        *,
        limits: Limits | None = None,
        max_in_flight: int = 4,
        guard: tuple[int, float, float] = (1000, 0.5, 300.0),
        max_open_events: int = 20_000,
        max_open_bytes: int = 1 << 25,
        drain: float = 20.0,
        timeout: float = 10.0,
        stall: float = 45.0,
        on_answer_lost: str = "retry",
        ordered: bool = True,
        rate: float | None = None,
        tags: Mapping[str, int] | None = None,
        only: str | None = None,
        places: Sequence[tuple[str, int]] = (HERE,),
    ) -> None:
        self.log = log or Log()
        self.vendor = Vendor(limits or Limits(max_events=4, max_bytes=1000))
        self.topic = LetterTopic()
        self.source = FakeSource(self.log)
        self.assignment = Assignment(GROUP, tags or TAGS, stall=stall)
        self.pipeline = build_pipeline(
            self.vendor,
            Words(only),
            self.topic,
            self.source.open,
            assignment=self.assignment,
            limits=PipelineLimits(
                max_open_events, max_open_bytes, commit_interval=1.0, drain=drain, request_timeout=timeout
            ),
            failure_rate=FailureRate(*guard),
            clock=LoopClock(),
            group=GROUP,
            max_in_flight=max_in_flight,
            ordered=ordered,
            rate=rate,
            on_unknown_outcome=on_answer_lost,
        )
        self.letters, self.dispatcher = self.pipeline.dead_letters, self.pipeline.dispatcher
        self.gate, self.stats = self.dispatcher.gate, self.pipeline.stats
        self.source.assign(*places)
        self._polling = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        polls = 0
        while True:
            await asyncio.sleep(POLL_SECONDS)
            self.source.poll()
            polls += 1
            if polls % round(1 / POLL_SECONDS) == 0 and self.source.stopped_with is None:
                self.pipeline.tick()

    def produce(self, *values: bytes, key: bytes | None = b"k", place: tuple[str, int] = HERE) -> None:
        """Put records of one key into the log."""
        for value in values:
            self.log.append(key, value, topic=place[0], partition=place[1])

    async def until(self, condition: Callable[[], object], seconds: float = 600.0) -> None:
        """Let (virtual) time pass until the condition holds."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  # conditions are anything a test can see; time is virtual
                await asyncio.sleep(POLL_SECONDS)

    async def settled(self, seconds: float = 3600.0) -> None:
        """Until all that is in the log is read and settled, and committed."""

        def all_settled() -> bool:
            ends = {place: records[-1].offset + 1 for place, records in self.log.records.items() if records}
            at = {(each.topic, each.partition): each.position for each in self.assignment.offsets.values()}
            committed = {place: commit.position for place, commit in self.log.committed.items() if place in at}
            ends = {place: end for place, end in ends.items() if place in at}
            return not self.assignment.open_records and at == committed and ends.items() <= at.items()

        await self.until(all_settled, seconds)

    def check_accounts(self) -> None:
        """Nothing is open, and what was read is what became of it; each item exactly once somewhere."""
        self.check_balance()
        assert (self.assignment.open_records, self.assignment.open_bytes) == (0, 0)
        assert self.dispatcher.items_in_flight() == 0
        assert not self.dispatcher.can_probe()
        assert self.letters.pending == 0
        assert len(self.pipeline._settlement._pairs) == 0
        assert self.gate.in_flight == 0
        assert self.pipeline.flood_guard.deferred_count == 0
        once = self.vendor.ledger() + cast(Counter[Any], self.topic.identities())
        assert set(once.values()) <= {1}, "an event reached its end more than once"

    def check_balance(self) -> None:
        """The sum of what is counted, at any time."""
        stats, pairs = self.stats, self.pipeline._settlement._pairs
        assert self.assignment.open_parts == sum(each.open_parts for each in self.assignment.offsets.values())
        waiting = [pair.waiting + len(pair.failures) for pair in pairs._pairs.values()]
        still_open = self.assignment.open_parts - sum(waiting) + len(waiting)
        ended = stats.delivered + stats.dead_lettered.total() + stats.skipped + stats.given_back
        assert stats.read + stats.late == ended + still_open
        ended = stats.items_delivered + stats.items_dead_lettered + stats.items_given_back
        assert stats.items_read + stats.items_late == ended + self.assignment.open_parts
        assert stats.items_delivered == len(self.vendor.accepted)
        assert stats.dead_lettered.total() == len(self.topic.letters)

    async def end(self) -> None:
        """Stop polling. Raises what a poll or a tick raised."""
        self._polling.cancel()
        with suppress(asyncio.CancelledError):
            await self._polling


def words(items: list[Item]) -> list[bytes]:
    """The word that each item carries."""
    return [item.body[2:-2] for item in items]
