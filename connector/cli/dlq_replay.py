"""`connector dlq replay`: dead letters sent again, straight to the sink that failed."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli._options import AsJson, Config
from connector.cli.dlq_options import Context, filtered, open_config, reading_progress
from connector.clock import SystemClock
from connector.operations.formatting import counted

if TYPE_CHECKING:
    from connector.deadletters.filters import LetterFilters
    from connector.deadletters.index import Index
    from connector.deadletters.lock import Lock
    from connector.deadletters.receipts import Receipts
    from connector.deadletters.replay import Replay
    from connector.kafka.topic_reader import TopicReader


@filtered
def replay(
    config: Config,
    selection: LetterFilters,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Take this many letters at most: a canary.")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(metavar="N/s", help="Requests a second, for each sink; a fifth of its rate unless given."),
    ] = None,
    max_failures: Annotated[
        str, typer.Option(metavar="SHARE", help="Stop when more than this share is refused again.")
    ] = "50%",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before sending.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send open dead letters again: the original bytes, by today's routes, to the sink that failed.

    Runs beside the live service. A letter is sent once however often this is run: what was accepted is closed by a
    receipt. What is refused again becomes a new letter; what still cannot be mapped is left as it is. A
    configuration made for this run may be given, with routes (of the same names) that read an old shape of event.

    Exit status 0: every letter taken was accepted (or there was none); 1: some were not, or another replay is running.

    Example: connector dlq replay --config connector.yaml --reason unmappable --limit 20
    """
    pace, share = _rate(rate), _share(max_failures)
    context = open_config(config)
    if dry_run:
        from connector.cli.dlq_plan import show_plan

        show_plan(context, selection, limit, pace, as_json)
        return
    raise typer.Exit(_Run(context, selection, limit, pace, share, ask=not yes, as_json=as_json).run())


def _rate(text: str | None) -> float | None:
    from connector.settings import units

    return None if text is None else _option("--rate", units.rate, text)


def _share(text: str) -> float:
    from connector.settings import units

    return _option("--max-failures", units.share, text)


def _option(name: str, read: Any, text: str) -> float:
    from connector.errors import ConfigError, Mistake

    try:
        value: float = read(text)
    except ValueError as error:
        raise ConfigError([Mistake(name, str(error))]) from None
    return value


class _Run:
    """One run of the command, from the lock to the table at the end."""

    def __init__(
        self,
        context: Context,
        selection: LetterFilters,
        limit: int | None,
        rate: float | None,
        max_failures: float,
        *,
        ask: bool,
        as_json: bool,
    ) -> None:
        self._context = context
        self._selection = selection
        self._limit = limit
        self._rate = rate
        self._max_failures = max_failures
        self._ask = ask and sys.stdin.isatty() and sys.stderr.isatty()
        self._as_json = as_json
        self._total = 0
        self._signals = 0

    def run(self) -> int:
        """Lock, take stock, ask, send, report; returns the exit status."""
        from connector.cli.dlq_wiring import locked
        from connector.deadletters.scan import SinkNames, read_receipts, scan_letters
        from connector.kafka.topic_reader import TopicReader

        settings, conf = self._context.settings, self._context.conf
        names = SinkNames()
        with (
            locked(self._context, lambda words: typer.echo(words, err=True)) as lock,
            TopicReader(conf, settings.dead_letters) as letters,
        ):
            with reading_progress() as progress:
                receipts = read_receipts(conf, settings.receipts, progress)
                index = scan_letters(letters, receipts, self._selection, progress, names.number).index
            self._total = sum(1 for _ in index.rows())
            if self._limit is not None:
                self._total = min(self._total, self._limit)
            sinks = names.of(index)
            return self._send(lock, letters, index, receipts, sinks) if self._agreed(sinks) else 1

    def _agreed(self, sinks: Sequence[str]) -> bool:
        where = f" to {', '.join(sinks)}" if sinks else ""
        if self._total and self._ask:
            return typer.confirm(f"Send {counted(self._total, 'dead letter')} again{where}?", err=True)
        typer.echo(f"{counted(self._total, 'open dead letter')} to send again{where}", err=True)
        return True

    def _send(self, lock: Lock, letters: TopicReader, index: Index, receipts: Receipts, sinks: Sequence[str]) -> int:
        import uvloop

        from connector.cli.dlq_report import report
        from connector.deadletters.replay import Replay

        replay = Replay(
            index,
            receipts,
            topic=letters.topic,
            lock=lock,
            clock=SystemClock(),
            max_failures=self._max_failures,
        )
        began = time.monotonic()
        if self._total:
            uvloop.run(self._deliver(replay, letters, index, sinks))
        return report(replay, self._total, time.monotonic() - began, as_json=self._as_json)

    async def _deliver(self, replay: Replay, letters: TopicReader, index: Index, sinks: Sequence[str]) -> None:
        from connector.cli.dlq_report import Screen
        from connector.cli.dlq_wiring import TopicReceipts, build_outlets, close_all
        from connector.deadletters.ordered_letters import read_in_order
        from connector.kafka.dead_letter_producer import DeadLetterProducer

        settings, conf = self._context.settings, self._context.conf
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(
            lambda _, context: replay.stop(f"a bug in the connector: {type(context.get('exception')).__name__}")
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, replay)
        new_letters = DeadLetterProducer(conf, settings.dead_letters, loop)
        receipt_producer = DeadLetterProducer(conf, settings.receipts, loop)
        replay.sinks = build_outlets(self._context, sinks, replay, new_letters, self._rate)
        replay.writer = TopicReceipts(receipt_producer, replay.on_receipt)
        with Screen(replay, self._total) as screen:
            showing = asyncio.create_task(screen.keep_up())
            await replay.run(read_in_order(letters, index, self._limit), settings.delivery.drain)
            showing.cancel()
        if not await close_all(replay.sinks, (new_letters, receipt_producer), settings.delivery.drain):
            replay.stop("not all receipts reached the brokers")

    def _on_signal(self, replay: Replay) -> None:
        self._signals += 1
        if self._signals > 1:
            import os

            os._exit(1)
        replay.stop("interrupted")
