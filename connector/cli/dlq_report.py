"""The output of `dlq replay`: its plan, its progress while it runs, and in the end what became of every letter."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from connector.deadletters.remap import SKIPPED
from connector.operations.formatting import counted
from connector.service.replay import total_counts

if TYPE_CHECKING:
    from connector.deadletters.replay import Replay
    from connector.deadletters.replay_state import ReplayCounts
    from connector.service.replay import ReplayResult, SinkForecast

_UPDATE_SECONDS = 0.2
# Without a terminal a line is printed so often, for logs.
_LINE_SECONDS = 5.0


# --- the plan ---------------------------------------------------------------------------------------------------------


def print_forecast(forecasts: Mapping[str, SinkForecast], *, as_json: bool) -> None:
    """Print what a replay would do for each sink."""
    if as_json:
        typer.echo(orjson.dumps(_forecast_json(forecasts), option=orjson.OPT_INDENT_2))
        return
    total = sum(each.plan.passing + each.plan.failing.total() for each in forecasts.values())
    typer.echo(f"{counted(total, 'open dead letter')} selected; nothing is sent")
    for sink, forecast in forecasts.items():
        passing = typer.style(f"{forecast.plan.passing:,} would be sent", fg="green")
        typer.echo(f"\n{sink}: {passing}{_sending(forecast)}")
        for obstacle, count in forecast.plan.failing.most_common():
            failing = f"{count:,} still fails" if count == 1 else f"{count:,} still fail"
            outcome = f"{count:,} left as it is" if obstacle == SKIPPED else typer.style(failing, fg="red")
            typer.echo(f"  {outcome}: {obstacle}")


def _sending(forecast: SinkForecast) -> str:
    """Return how many requests it takes and how long."""
    if not forecast.plan.items:
        return ""
    sending = f", {counted(forecast.plan.items, 'item')} in at least {counted(forecast.requests, 'request')}"
    if forecast.rate is None or forecast.seconds is None:
        return f"{sending}, {forecast.max_in_flight} at a time, as fast as the vendor answers"
    return f"{sending}, {_time_span(forecast.seconds)} at {forecast.rate:g} a second"


def _time_span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _forecast_json(forecasts: Mapping[str, SinkForecast]) -> dict[str, Any]:
    plans = [forecast.plan for forecast in forecasts.values()]
    return {
        "selected": sum(plan.passing + plan.failing.total() for plan in plans),
        "passing": sum(plan.passing for plan in plans),
        "failing": sum(plan.failing.total() for plan in plans),
        "sinks": {
            sink: {
                "passing": forecast.plan.passing,
                "items": forecast.plan.items,
                "requests": forecast.requests,
                "rate": forecast.rate,
                "seconds": None if forecast.seconds is None else round(forecast.seconds, 1),
                "failing": dict(forecast.plan.failing),
            }
            for sink, forecast in forecasts.items()
        },
    }


# --- while it runs ----------------------------------------------------------------------------------------------------


def watching(total: int) -> Callable[[Replay], Coroutine[Any, Any, None]]:
    """Return a coroutine function that shows a replay of `total` letters until it is cancelled."""

    async def watch(replay: Replay) -> None:
        with _Screen(replay, total) as screen:
            await screen.keep_updated()

    return watch


class _Screen:
    """Shows a replay's progress on standard error: a bar on a terminal, else a line now and then."""

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
        self._update_bar()
        self._bar.stop()

    async def keep_updated(self) -> None:
        """Update until cancelled."""
        since_line = 0.0
        while True:
            await asyncio.sleep(_UPDATE_SECONDS)
            self._update_bar()
            since_line += _UPDATE_SECONDS
            if not self._terminal and since_line >= _LINE_SECONDS:
                since_line = 0.0
                news = self._replay.waits_for
                finished = total_counts(self._replay.counts).finished
                typer.echo(f"{finished:,} of {self._total:,}{f'; {news}' if news else ''}", err=True)

    def _update_bar(self) -> None:
        speed, counts = self._bar.tasks[0].speed, total_counts(self._replay.counts)
        news = self._replay.waits_for or (f"[red]{counts.refused:,} refused again" if counts.refused else "")
        rate = f"{speed:,.0f}/s" if speed else ""
        self._bar.update(self._task, completed=counts.finished, rate=rate, news=news)


# --- at its end -------------------------------------------------------------------------------------------------------


def print_result(result: ReplayResult, *, as_json: bool) -> None:
    """Print what became of the letters."""
    if as_json:
        typer.echo(orjson.dumps(_result_json(result), option=orjson.OPT_INDENT_2))
    elif result.total:
        _print_table(result)
        if result.stopped:
            typer.echo(f"stopped: {result.stopped}", err=True)
        if result.remaining:
            remaining = counted(result.remaining, "letter")
            typer.echo(f"{remaining} not answered for, and so still open: run it again", err=True)


def _print_table(result: ReplayResult) -> None:
    table = Table("sink", box=None, pad_edge=False)
    for column in ("taken", "accepted", "refused again", "cannot be mapped", "skipped", "remaining"):
        table.add_column(column, justify="right")
    for sink, counts in sorted(result.counts.items()):
        table.add_row(sink, *_cells(counts, counts.finished), "")
    table.add_row("all", *_cells(result.all_sinks, result.total), f"{result.remaining:,}", style="bold")
    Console(soft_wrap=True).print(table)
    for sink, counts in sorted(result.counts.items()):
        for obstacle, count in counts.left_open.most_common():
            outcome = "left as it is" if obstacle == SKIPPED else "cannot be mapped"
            typer.echo(f"{sink}: {count:,} {outcome}: {obstacle}")


def _cells(counts: ReplayCounts, taken: int) -> Iterator[str]:
    for count in (taken, counts.accepted, counts.refused, counts.unmappable, counts.skipped):
        yield f"{count:,}"


def _result_json(result: ReplayResult) -> dict[str, Any]:
    all_sinks = result.all_sinks
    return {
        "selected": result.total,
        "accepted": all_sinks.accepted,
        "refused": all_sinks.refused,
        "unmappable": all_sinks.unmappable,
        "skipped": all_sinks.skipped,
        "remaining": result.remaining,
        "stopped": result.stopped or None,
        "seconds": round(result.seconds, 3),
        "sinks": {
            sink: {"accepted": counts.accepted, "refused": counts.refused, "left": dict(counts.left_open)}
            for sink, counts in sorted(result.counts.items())
        },
    }
