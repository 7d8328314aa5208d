"""`connector dlq discard`: dead letters that need not be delivered, closed with a reason."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from connector.cli._options import AsJson, Config
from connector.cli.dlq_options import Context, filtered, open_config, reading_progress
from connector.clock import SystemClock
from connector.errors import ConnectorError
from connector.operations.formatting import counted

if TYPE_CHECKING:
    from connector.deadletters.filters import LetterFilters
    from connector.deadletters.index import Index
    from connector.deadletters.receipts import Receipts
    from connector.kafka.topic_reader import TopicReader

_FLUSH_SECONDS = 30.0


@filtered
def discard(
    config: Config,
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; it is kept in the receipts.")],
    selection: LetterFilters,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Close this many letters at most.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before closing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close open dead letters without sending them. They stay in the topic; summary counts them as discarded.

    Exit status 0: all are closed; 1: they are not, or a replay is running.

    Example: connector dlq discard --config connector.yaml --type test.ping --because 'load test'
    """
    from connector.cli.dlq_wiring import locked
    from connector.deadletters.scan import read_receipts, scan_letters
    from connector.kafka.topic_reader import TopicReader

    context = open_config(config)
    settings = context.settings
    with (
        locked(context, lambda words: typer.echo(words, err=True)),
        TopicReader(context.conf, settings.dead_letters) as letters,
    ):
        with reading_progress() as progress:
            receipts = read_receipts(context.conf, settings.receipts, progress)
            index = scan_letters(letters, receipts, selection, progress).index
        total = sum(1 for _ in index.rows())
        total = total if limit is None else min(total, limit)
        if total and not yes and sys.stdin.isatty():
            typer.confirm(f"Close {counted(total, 'dead letter')} without sending?", err=True, abort=True)
        closed = asyncio.run(_close(context, letters, index, receipts, because, limit)) if total else 0
    typer.echo(orjson.dumps({"discarded": closed}) if as_json else f"{counted(closed, 'letter')} discarded")


async def _close(
    context: Context, letters: TopicReader, index: Index, receipts: Receipts, because: str, limit: int | None
) -> int:
    """Write the receipts. Raises ConnectorError where the brokers do not take them all."""
    from connector.deadletters.ordered_letters import read_in_order
    from connector.deadletters.receipts import Receipt, State
    from connector.kafka.dead_letter import ProducedLetter, digest
    from connector.kafka.dead_letter_producer import DeadLetterProducer

    producer = DeadLetterProducer(context.conf, context.settings.receipts, asyncio.get_running_loop())
    refusals: deque[str] = deque(maxlen=1)
    written = 0

    def report(error: str | None) -> None:
        if error is not None:
            refusals.append(error)

    for chunk in read_in_order(letters, index, limit):
        for row, letter, _ in chunk:
            closes = receipts.closing(digest(letter.identity), index.places(row))
            address = letter.place.address(letters.topic)
            receipt = Receipt(State.DISCARDED, SystemClock.now(), address, closes, because)
            producer.write(ProducedLetter(letter.identity, receipt.encode(), []), report)
            written += 1
        await asyncio.sleep(0)  # let reports arrive
    left = await asyncio.to_thread(producer.close, _FLUSH_SECONDS)
    await asyncio.sleep(0)
    if refusals or left:
        raise ConnectorError(
            f"not all receipts were written: {refusals[0] if refusals else 'the brokers do not answer'}; run it again"
        )
    return written
