"""Measurements as lines of a table."""

from __future__ import annotations

import math

from benchmarks.laboratory import Scenario
from benchmarks.measuring import Measurement

HEADINGS = (
    f"{'':34}{'events/s':>9}{'of ideal':>9}{'µs/event':>9}{'w. start':>9}{'RSS MB':>7}{'peak':>6}{'requests':>9}"
    f"{'fill':>6}{'start s':>8}{'idle %':>7}  violations"
)


def row(scenario: Scenario, measured: Measurement) -> str:
    """Return one line of the table."""
    ideal = f"{measured.per_second / scenario.ceiling:.1%}" if scenario.latency else ""
    idle = "" if math.isnan(measured.idle_cpu) else f"{measured.idle_cpu:.1%}"
    return (
        f"{scenario.name:34}{measured.per_second:9,.0f}{ideal:>9}{measured.cpu:9.1f}{measured.cpu_all:9.1f}"
        f"{measured.rss:7.0f}{measured.peak_rss:6.0f}{measured.requests:9,}{measured.fill:6.2f}"
        f"{measured.start_seconds:8.1f}{idle:>7}  {violations(measured)}"
    )


def violations(measured: Measurement) -> str:
    """Return the broken rules in words; "none" if there are none."""
    counts = {
        "lost": measured.lost,
        "good among the dead letters": measured.good_letters,
        "twice": measured.duplicates,
        "out of order": measured.inversions,
        "over a limit": measured.over_limits,
        "unclean exit": not measured.clean_exit,
    }
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"
