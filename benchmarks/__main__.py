"""`python -m benchmarks`: measures the connector beside a plain consumer or Bento, how it scales, where time goes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import building, profiling, scaling
from benchmarks.laboratory import Laboratory, Scenario, laboratory
from benchmarks.scenarios import main_table, peers_table
from benchmarks.tables import HEADINGS, row

CHARTS = Path(__file__).resolve().parents[1] / "docs" / "performance"


def main() -> int:
    """Run what was asked for; 1 if the connector broke a rule anywhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("table", "peers", "scaling", "profile"), default="table")
    parser.add_argument("--events", type=int, default=200_000, help="how many a plain scenario sends (%(default)s)")
    parser.add_argument("--only", default="", help="only what has this in its name")
    arguments = parser.parse_args()
    if arguments.what == "peers":
        try:
            building.bento()  # before anything else runs that a compiler would disturb
        except building.PeerError as error:
            parser.exit(1, f"{error}\n")
    with laboratory() as lab:
        if arguments.what == "profile":
            scenario = _profiled(arguments.events, arguments.only)
            if scenario is None:
                parser.error(f"--only {arguments.only}: no scenario of the connector without TLS has this in its name")
            print(profiling.run(lab, scenario))
            return 0
        if arguments.what == "scaling":
            return min(1, scaling.run(lab, arguments.events, arguments.only, CHARTS))
        table = peers_table if arguments.what == "peers" else main_table
        return min(1, compare(lab, table(arguments.events), arguments.only))


def _profiled(events: int, only: str) -> Scenario | None:
    """The first scenario of the connector that has this in its name, with events for as long as the profile takes."""
    fit = (each for each in main_table(events) if each.contender == "connector" and not each.tls and only in each.name)
    scenario = next(fit, None)
    return scenario and replace(scenario, load=replace(scenario.load, events=max(events, 400_000)))


def compare(lab: Laboratory, scenarios: Sequence[Scenario], only: str) -> int:
    """Print a table; returns how often the connector broke a rule."""
    print(HEADINGS, flush=True)
    faults = 0
    for scenario in scenarios:
        if only in scenario.name:
            measured = lab.run(scenario)
            faults += scenario.faults(measured)
            print(row(scenario, measured), flush=True)
    return faults


if __name__ == "__main__":
    sys.exit(main())
