"""What the demo shows: a table that follows the run on a terminal, plain lines elsewhere, and the reconciliation."""

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
    """Follows a run on a console; `with` it, so that the terminal is left in order."""

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
        """Something happens on the stage: a line that stays."""
        self._console.print(f"{self._seconds:4.0f} s  {incident}", style="cyan", highlight=False)

    def show_progress(self, seconds: float, produced: int, wanted: int, lines: Sequence[SinkRuntime]) -> None:
        """How far everything is."""
        self._seconds = seconds
        if self._live is not None:
            self._live.update(Group(_progress(produced, wanted), self._table(lines)), refresh=True)
        elif seconds >= self._plain_at:
            self._plain_at = seconds + _PLAIN_EVERY
            for line in lines:
                self._console.print(self._plain(line), highlight=False, soft_wrap=True)

    def _table(self, lines: Sequence[SinkRuntime]) -> Table:
        table = _numbers("read", "delivered", "dead letters", "skipped", "in flight")
        table.add_column("state")
        for line in lines:
            view = snapshot(line, self._clock, {})
            word, grave = state(wait_reasons(view)[0].cause)
            stats = view.stats
            numbers = (stats.read, stats.delivered, stats.dead_lettered.total(), stats.skipped, view.in_flight)
            table.add_row(view.name, *(f"{number:,}" for number in numbers), Text(word, _STYLES[grave]))
        return table

    def _plain(self, line: SinkRuntime) -> str:
        view = snapshot(line, self._clock, {})
        stats = view.stats
        return (
            f"{self._seconds:4.0f} s  {view.name}: read {stats.read:,}, delivered {stats.delivered:,}, "
            f"dead letters {stats.dead_lettered.total():,}, skipped {stats.skipped:,}, in flight {view.in_flight:,}"
            f" · {state(wait_reasons(view)[0].cause)[0]}"
        )


def report(console: Console, result: DemoResult, program: str) -> None:
    """The reconciliation of every sink, and whether everything holds. `program` is how the connector is called here."""
    console.print("\nReconciliation, in (event, route) pairs", style="bold")
    console.print(_counts(result.sinks))
    for reckoning in result.sinks:
        _findings(console, reckoning)
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
    """What `report` says, as JSON's values."""
    return {
        "holds": result.holds,
        "trouble": result.problem,
        "seconds": round(result.seconds, 1),
        "sinks": {
            reckoning.sink: {
                "read": reckoning.counts.read,
                "delivered": reckoning.counts.delivered,
                "dead_lettered": dict(reckoning.counts.dead_lettered),
                "skipped": reckoning.counts.skipped,
                "requests": reckoning.requests,
                "max_items": reckoning.max_items,
                "max_bytes": reckoning.max_bytes,
                "findings": [
                    {"statement": finding.statement, "mistakes": list(finding.mistakes)}
                    for finding in reckoning.verifications
                ],
            }
            for reckoning in result.sinks
        },
    }


def _findings(console: Console, reckoning: SinkResult) -> None:
    traffic = (
        f"{counted(reckoning.requests, 'request')}; the largest: {counted(reckoning.max_items, 'event')}, "
        f"{counted(reckoning.max_bytes, 'byte')}"
    )
    console.print(f"\n[bold]{reckoning.sink}[/bold]  [dim]{traffic}[/dim]", highlight=False)
    for finding in reckoning.verifications:
        mark, style = ("✗", "red") if finding.mistakes else ("✓", "green")
        console.print(f"  [{style}]{mark}[/{style}] {finding.statement}", highlight=False, soft_wrap=True)
        for mistake in finding.mistakes:
            console.print(f"      {mistake}", style="red", highlight=False, markup=False, soft_wrap=True)


def _counts(reckonings: Sequence[SinkResult]) -> Table:
    table = _numbers(*(reckoning.sink for reckoning in reckonings))
    counts = [reckoning.counts for reckoning in reckonings]
    reasons = sorted({reason for each in counts for reason in each.dead_lettered})
    skips = sorted({why for each in reckonings for why in each.skips})
    rows = [
        ("read", [each.read for each in counts], ""),
        ("= delivered", [each.delivered for each in counts], ""),
        ("+ dead letters", [each.letters for each in counts], ""),
        *((f"    {reason}", [each.dead_lettered.get(reason, 0) for each in counts], "dim") for reason in reasons),
        ("+ skipped", [each.skipped for each in counts], ""),
        *((f"    {why}", [each.skips.get(why, 0) for each in reckonings], "dim") for why in skips),
    ]
    for name, numbers, style in rows:
        table.add_row(name, *(f"{number:,}" for number in numbers), style=style)
    return table


def _numbers(*columns: str) -> Table:
    """A table of numbers by name, with nothing drawn around them."""
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _progress(produced: int, wanted: int) -> Table:
    bar = Table.grid(padding=(0, 2))
    bar.add_row(ProgressBar(total=wanted, completed=produced, width=40), f"{produced:,} of {wanted:,} events produced")
    return bar
