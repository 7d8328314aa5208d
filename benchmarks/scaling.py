"""The scaling tables: what an event costs as one thing grows and all others stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.charts import bars
from benchmarks.events import Load
from benchmarks.laboratory import Laboratory, Scenario
from benchmarks.tables import HEADINGS, row

COST, MEMORY, RATE = "µs of CPU an event", "MB resident", "events a second"


@dataclass(frozen=True, slots=True)
class Table:
    """One scaling table and the value that its chart shows."""

    title: str
    shows: str
    scenarios: Sequence[Scenario]

    @property
    def file(self) -> str:
        """Return the chart's file name."""
        return f"{self.title.lower().replace(' ', '-')}.svg"


def scaling_tables(events: int) -> Sequence[Table]:
    """Return all tables; each scenario delivers so many events, unless the table varies their number or size."""
    plain = Load(events)
    return (
        Table("Routes", COST, [Scenario(f"{n} route{'s' * (n > 1)}", plain, routes=n) for n in (1, 10, 50, 200)]),
        Table("Partitions", COST, [Scenario(f"{n} partitions", Load(events, partitions=n)) for n in (8, 64, 256)]),
        Table(
            "Event size",
            COST,
            [Scenario(f"{n} bytes", Load(events // (1 + n // 2_000), size=n)) for n in (263, 1_024, 4_096, 8_192)],
        ),
        Table(
            "Keys",
            COST,
            [Scenario(f"{n:,} key{'s' * (n > 1)}", Load(events, keys=n)) for n in (1, 10, 1_000)]
            + [Scenario(f"{events * 10:,} keys", Load(events * 10, keys=events * 10))],
        ),
        Table("Backlog", MEMORY, [Scenario(f"{n:,} events", Load(n)) for n in (events // 2, events * 2, events * 8)]),
        Table(
            "Processes",
            RATE,
            [
                Scenario(
                    f"{n} process{'es' * (n > 1)}, {label}", load, processes=n, latency=latency, in_flight=in_flight
                )
                for latency, label, in_flight, load in (
                    (0.05, "50 ms, 16 in flight", 16, Load(events * 2)),
                    (0.0, "0 ms", 32, Load(events * 8)),  # long enough that they share the work from early on
                )
                for n in (1, 2)
            ],
        ),
    )


def run(lab: Laboratory, events: int, only: str, charts: Path) -> int:
    """Measure, print the tables, draw their charts; returns how often a rule was broken."""
    charts.mkdir(parents=True, exist_ok=True)
    faults = 0
    for table in scaling_tables(events):
        if only not in table.title:
            continue
        print(f"\n{table.title}\n{HEADINGS}", flush=True)
        shown = []
        for scenario in table.scenarios:
            measured = lab.run(scenario)
            faults += scenario.faults(measured)
            value = {COST: measured.cpu, MEMORY: measured.rss, RATE: measured.per_second}[table.shows]
            shown.append((scenario.name, value))
            print(row(scenario, measured), flush=True)
        (charts / table.file).write_text(bars(f"{table.title}: {table.shows}", shown))
    return faults
