"""Closes selected dead letters without sending them."""

from __future__ import annotations

import asyncio
import time

from connector.clock import Clock, SystemClock
from connector.deadletters.receipts import LetterState, Receipt
from connector.errors import ConnectorError
from connector.kafka.dead_letter import ProducedLetter, digest
from connector.kafka.dead_letter_producer import DeadLetterProducer
from connector.service.command_input import OpenConfig
from connector.service.replay import SelectedLetters

_FLUSH_SECONDS = 30.0
# Receipts in flight at most; the producer's queue holds 100,000 records.
_MAX_PENDING_RECEIPTS = 10_000
_REPORT_SECONDS = 0.01


class _ReceiptWriter:
    """Writes receipts no faster than the brokers take them. `problem` says why one was not taken ("" if all were)."""

    def __init__(self, producer: DeadLetterProducer) -> None:
        self.written = 0
        self.problem = ""
        self._producer = producer
        self._reported = 0

    def write(self, identity: bytes, receipt: Receipt) -> None:
        """Send a receipt to the brokers."""
        self.written += 1
        self._producer.write(ProducedLetter(identity, receipt.encode(), []), self._on_report)

    def _on_report(self, error: str | None) -> None:
        self._reported += 1
        self.problem = error or self.problem

    async def wait_for_room(self) -> None:
        """Return once few enough receipts are in flight, or the brokers have taken none for _FLUSH_SECONDS."""
        await asyncio.sleep(0)  # let reports arrive
        while self.written - self._reported > _MAX_PENDING_RECEIPTS and not self.problem:
            before, deadline = self._reported, time.monotonic() + _FLUSH_SECONDS
            while self._reported == before and not self.problem:
                if time.monotonic() > deadline:
                    self.problem = "the brokers do not answer"
                await asyncio.sleep(_REPORT_SECONDS)

    async def close(self) -> None:
        """Wait for the last reports, at most _FLUSH_SECONDS."""
        unsent = await asyncio.to_thread(self._producer.close, _FLUSH_SECONDS)
        await asyncio.sleep(0)
        if unsent:
            self.problem = self.problem or "the brokers do not answer"


def discard_letters(config: OpenConfig, selected: SelectedLetters, because: str) -> int:
    """Close the selected letters without sending them; return how many.

    Raises ConnectorError where the brokers do not take every receipt.
    """
    return asyncio.run(_discard(config, selected, because, SystemClock())) if selected.total else 0


async def _discard(config: OpenConfig, selected: SelectedLetters, because: str, clock: Clock) -> int:
    writer = _ReceiptWriter(DeadLetterProducer(config.conf, config.settings.receipts, asyncio.get_running_loop()))
    for chunk in selected.read_letters():
        for row, letter, _ in chunk:
            closes = selected.receipts.offsets_to_close(digest(letter.identity), selected.index.highest_offsets(row))
            address = letter.place.address(selected.letters.topic)
            writer.write(letter.identity, Receipt(LetterState.DISCARDED, clock.now(), address, closes, because))
        await writer.wait_for_room()
        if writer.problem:
            break
    await writer.close()
    if writer.problem:
        raise ConnectorError(f"not all receipts were written: {writer.problem}; run it again")
    return writer.written
