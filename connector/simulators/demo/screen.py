"""The demo's output: a table that follows the run on a terminal, plain lines elsewhere, and the reconciliation."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from connector.clock import Clock
from connector.operations.formatting import counted
from connector.operations.snapshot import snapshot
from connector.operations.wait_reasons import state, wait_reasons
from connector.service.assembly import SinkRuntime
from connector.simulators.demo.run import DemoResult, SinkResult

_STYLES = {"good": "green", "warn": "yellow", "bad": "red"}
_PLAIN_EVERY = 2.0  # seconds

INTRODUCTION = (
    "Sample events go through the real connector. Kafka and both vendors are\n"
    "simulated in this process; nothing leaves this machine."
)
NEXT = (
    ("example > connector.yaml", "a configuration to start from"),
    ("check -c connector.yaml", "every mistake in it"),
    ("preview -c connector.yaml --event event.json", "what would be sent for an event"),
)


class DemoScreen:
    """Shows a run on a console; use it in a `with` block, so that the terminal is restored."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._seconds = 0.0
        self._plain_at = 0.0

    def __enter__(self) -> Self:
        self._console.print(INTRODUCTION + "\n", highlight=False)
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def announce(self, incident: str) -> None:
        """Print an incident as a line that stays."""
        self._console.print(f"{self._seconds:4.0f} s  {incident}", style="cyan", highlight=False)

    def show_progress(self, seconds: float, produced: int, wanted: int, runtimes: Sequence[SinkRuntime]) -> None:
        """Show the progress of production and of every sink."""
        self._seconds = seconds
        if self._live is not None:
            self._live.update(Group(_progress(produced, wanted), self._table(runtimes)), refresh=True)
        elif seconds >= self._plain_at:
            self._plain_at = seconds + _PLAIN_EVERY
            for runtime in runtimes:
                self._console.print(self._plain(runtime), highlight=False, soft_wrap=True)

    def _table(self, runtimes: Sequence[SinkRuntime]) -> Table:
        table = _numbers("read", "delivered", "dead letters", "skipped", "in flight")
        table.add_column("state")
        for runtime in runtimes:
            seen = snapshot(runtime, self._clock, {})
            word, grave = state(wait_reasons(seen)[0].cause)
            stats = seen.stats
            numbers = (stats.read, stats.delivered, stats.dead_lettered.total(), stats.skipped, seen.in_flight)
            table.add_row(seen.name, *(f"{number:,}" for number in numbers), Text(word, _STYLES[grave]))
        return table

    def _plain(self, runtime: SinkRuntime) -> str:
        seen = snapshot(runtime, self._clock, {})
        stats = seen.stats
        return (
            f"{self._seconds:4.0f} s  {seen.name}: read {stats.read:,}, delivered {stats.delivered:,}, "
            f"dead letters {stats.dead_lettered.total():,}, skipped {stats.skipped:,}, in flight {seen.in_flight:,}"
            f" · {state(wait_reasons(seen)[0].cause)[0]}"
        )


def report(console: Console, result: DemoResult, program: str) -> None:
    """Print the reconciliation of every sink, and whether everything holds. `program`: the connector's command here."""
    console.print("\nReconciliation, in (event, route) pairs", style="bold")
    console.print(_counts(result.sinks))
    for sink in result.sinks:
        _verifications(console, sink)
    if result.problem:
        console.print(f"✗ {result.problem}", style="red", highlight=False)
    if result.holds:
        console.print(f"\nEverything holds, after {result.seconds:.0f} s. What next:", style="bold", highlight=False)
        width = max(len(command) for command, _ in NEXT)
        for command, does in NEXT:
            console.print(f"  {program} {command:<{width}}  [dim]{does}[/dim]", highlight=False, soft_wrap=True)
    else:
        console.print("\nThis does not hold: see ✗ above.", style="bold red", highlight=False)


def summary(result: DemoResult) -> dict[str, Any]:
    """Return the content of `report` as JSON values."""
    return {
        "holds": result.holds,
        "trouble": result.problem,
        "seconds": round(result.seconds, 1),
        "sinks": {
            sink.sink: {
                "read": sink.counts.read,
                "delivered": sink.counts.delivered,
                "dead_lettered": dict(sink.counts.dead_lettered),
                "skipped": sink.counts.skipped,
                "requests": sink.requests,
                "max_items": sink.max_items,
                "max_bytes": sink.max_bytes,
                "findings": [
                    {"statement": verification.statement, "mistakes": list(verification.mistakes)}
                    for verification in sink.verifications
                ],
            }
            for sink in result.sinks
        },
    }


def _verifications(console: Console, sink: SinkResult) -> None:
    traffic = (
        f"{counted(sink.requests, 'request')}; the largest: {counted(sink.max_items, 'event')}, "
        f"{counted(sink.max_bytes, 'byte')}"
    )
    console.print(f"\n[bold]{sink.sink}[/bold]  [dim]{traffic}[/dim]", highlight=False)
    for verification in sink.verifications:
        mark, style = ("✗", "red") if verification.mistakes else ("✓", "green")
        console.print(f"  [{style}]{mark}[/{style}] {verification.statement}", highlight=False, soft_wrap=True)
        for mistake in verification.mistakes:
            console.print(f"      {mistake}", style="red", highlight=False, markup=False, soft_wrap=True)


def _counts(sinks: Sequence[SinkResult]) -> Table:
    table = _numbers(*(sink.sink for sink in sinks))
    counts = [sink.counts for sink in sinks]
    reasons = sorted({reason for each in counts for reason in each.dead_lettered})
    skips = sorted({why for each in sinks for why in each.skips})
    rows = [
        ("read", [each.read for each in counts], ""),
        ("= delivered", [each.delivered for each in counts], ""),
        ("+ dead letters", [each.letters for each in counts], ""),
        *((f"    {reason}", [each.dead_lettered.get(reason, 0) for each in counts], "dim") for reason in reasons),
        ("+ skipped", [each.skipped for each in counts], ""),
        *((f"    {why}", [each.skips.get(why, 0) for each in sinks], "dim") for why in skips),
    ]
    for name, numbers, style in rows:
        table.add_row(name, *(f"{number:,}" for number in numbers), style=style)
    return table


def _numbers(*columns: str) -> Table:
    """Return an empty table with a name column and columns of numbers, without borders."""
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _progress(produced: int, wanted: int) -> Table:
    bar = Table.grid(padding=(0, 2))
    bar.add_row(ProgressBar(total=wanted, completed=produced, width=40), f"{produced:,} of {wanted:,} events produced")
    return bar
