"""What a replay shows: a bar with rate and time left while it runs, and at its end what became of every letter."""

from __future__ import annotations

import asyncio
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from connector.cli.dlq_options import counted

if TYPE_CHECKING:
    from connector.deadletters.replay import Replay

_LOOK_EVERY = 0.2
# Without a terminal a line now and then, for logs.
_LINE_EVERY = 5.0


class Screen:
    """Shows the replay's progress on standard error."""

    def __init__(self, replay: Replay, total: int) -> None:
        self._replay = replay
        self._total = total
        self._terminal = sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("replaying"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[news]}"),
            console=Console(stderr=True),
            disable=not self._terminal,
        )
        self._task = self._bar.add_task("replay", total=total, rate="", news="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._look()
        self._bar.stop()

    async def keep_up(self) -> None:
        """Show where it stands until cancelled."""
        since_line = 0.0
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            self._look()
            since_line += _LOOK_EVERY
            if not self._terminal and since_line >= _LINE_EVERY:
                since_line = 0.0
                news = self._replay.waits_for
                typer.echo(f"{_done(self._replay):,} of {self._total:,}{f'; {news}' if news else ''}", err=True)

    def _look(self) -> None:
        speed = self._bar.tasks[0].speed
        refused = sum(tally.refused for tally in self._replay.tallies.values())
        news = self._replay.waits_for or (f"[red]{refused:,} refused again" if refused else "")
        rate = f"{speed:,.0f}/s" if speed else ""
        self._bar.update(self._task, completed=_done(self._replay), rate=rate, news=news)


def report(replay: Replay, total: int, seconds: float, *, as_json: bool) -> int:
    """Say what became of the letters; return the exit status."""
    tallies = replay.tallies
    accepted = sum(tally.accepted for tally in tallies.values())
    remaining = total - _done(replay)
    if as_json:
        typer.echo(orjson.dumps(_as_json(replay, total, seconds), option=orjson.OPT_INDENT_2))
    elif total:
        _table(replay, total)
        if replay.stopped:
            typer.echo(f"stopped: {replay.stopped}", err=True)
        if remaining:
            typer.echo(f"{counted(remaining, 'letter')} not answered for, and so still open: run it again", err=True)
    return 0 if accepted == total and not replay.stopped else 1


def _table(replay: Replay, total: int) -> None:
    table = Table("sink", box=None, pad_edge=False)
    for column in ("taken", "accepted", "refused again", "cannot be mapped", "remaining"):
        table.add_column(column, justify="right")
    for sink, tally in sorted(replay.tallies.items()):
        left = tally.left.total()
        table.add_row(sink, f"{tally.done:,}", f"{tally.accepted:,}", f"{tally.refused:,}", f"{left:,}", "")
    sums = [sum(getattr(tally, name) for tally in replay.tallies.values()) for name in ("done", "accepted", "refused")]
    left = sum(tally.left.total() for tally in replay.tallies.values())
    remaining = total - _done(replay)
    table.add_row("all", f"{total:,}", *(f"{each:,}" for each in sums[1:]), f"{left:,}", f"{remaining:,}", style="bold")
    Console(soft_wrap=True).print(table)
    for sink, tally in sorted(replay.tallies.items()):
        for obstacle, count in tally.left.most_common():
            typer.echo(f"left as they are, {sink}: {count:,}: {obstacle}")


def _as_json(replay: Replay, total: int, seconds: float) -> dict[str, Any]:
    return {
        "selected": total,
        "accepted": sum(tally.accepted for tally in replay.tallies.values()),
        "refused": sum(tally.refused for tally in replay.tallies.values()),
        "unmappable": sum(tally.left.total() for tally in replay.tallies.values()),
        "remaining": total - _done(replay),
        "stopped": replay.stopped or None,
        "seconds": round(seconds, 3),
        "sinks": {
            sink: {"accepted": tally.accepted, "refused": tally.refused, "left": dict(tally.left)}
            for sink, tally in sorted(replay.tallies.items())
        },
    }


def _done(replay: Replay) -> int:
    return sum(tally.done for tally in replay.tallies.values())
