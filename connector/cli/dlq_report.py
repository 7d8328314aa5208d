"""What a replay shows: a bar with rate and time left while it runs, and at its end what became of every letter."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from connector.deadletters.remap import SKIPPED
from connector.deadletters.replay_state import ReplayCounts
from connector.operations.formatting import counted

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
                done = _all(self._replay).done
                typer.echo(f"{done:,} of {self._total:,}{f'; {news}' if news else ''}", err=True)

    def _look(self) -> None:
        speed, tally = self._bar.tasks[0].speed, _all(self._replay)
        news = self._replay.waits_for or (f"[red]{tally.refused:,} refused again" if tally.refused else "")
        rate = f"{speed:,.0f}/s" if speed else ""
        self._bar.update(self._task, completed=tally.done, rate=rate, news=news)


def report(replay: Replay, total: int, seconds: float, *, as_json: bool) -> int:
    """Say what became of the letters; return the exit status."""
    tally = _all(replay)
    remaining = total - tally.done
    if as_json:
        typer.echo(orjson.dumps(_as_json(replay, total, seconds), option=orjson.OPT_INDENT_2))
    elif total:
        _table(replay, total)
        if replay.stopped:
            typer.echo(f"stopped: {replay.stopped}", err=True)
        if remaining:
            typer.echo(f"{counted(remaining, 'letter')} not answered for, and so still open: run it again", err=True)
    return 0 if tally.accepted + tally.skipped == total and not replay.stopped else 1


def _table(replay: Replay, total: int) -> None:
    table = Table("sink", box=None, pad_edge=False)
    for column in ("taken", "accepted", "refused again", "cannot be mapped", "skipped", "remaining"):
        table.add_column(column, justify="right")
    for sink, tally in sorted(replay.counts.items()):
        table.add_row(sink, *_cells(tally, tally.done), "")
    tally = _all(replay)
    table.add_row("all", *_cells(tally, total), f"{total - tally.done:,}", style="bold")
    Console(soft_wrap=True).print(table)
    for sink, tally in sorted(replay.counts.items()):
        for obstacle, count in tally.left_open.most_common():
            what = "left as it is" if obstacle == SKIPPED else "cannot be mapped"
            typer.echo(f"{sink}: {count:,} {what}: {obstacle}")


def _cells(tally: ReplayCounts, taken: int) -> Iterator[str]:
    for count in (taken, tally.accepted, tally.refused, tally.unmappable, tally.skipped):
        yield f"{count:,}"


def _as_json(replay: Replay, total: int, seconds: float) -> dict[str, Any]:
    tally = _all(replay)
    return {
        "selected": total,
        "accepted": tally.accepted,
        "refused": tally.refused,
        "unmappable": tally.unmappable,
        "skipped": tally.skipped,
        "remaining": total - tally.done,
        "stopped": replay.stopped or None,
        "seconds": round(seconds, 3),
        "sinks": {
            sink: {"accepted": of.accepted, "refused": of.refused, "left": dict(of.left_open)}
            for sink, of in sorted(replay.counts.items())
        },
    }


def _all(replay: Replay) -> ReplayCounts:
    """What became of the letters of all sinks together."""
    tallies = replay.counts.values()
    return ReplayCounts(
        sum(tally.accepted for tally in tallies),
        sum(tally.refused for tally in tallies),
        sum((tally.left_open for tally in tallies), Counter()),
    )
