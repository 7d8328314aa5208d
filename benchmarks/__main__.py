"""`python -m benchmarks`: measures the connector beside a plain consumer and prints the table."""

from __future__ import annotations

import argparse
import sys

from benchmarks.laboratory import laboratory
from benchmarks.scenarios import main_table
from benchmarks.tables import HEADINGS, row


def main() -> int:
    """Run the scenarios that were asked for; 1 if any of them broke a rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300_000, help="how many the plain scenarios send (%(default)s)")
    parser.add_argument("--only", default="", help="only the scenarios whose name contains this")
    arguments = parser.parse_args()
    faults = 0
    with laboratory() as lab:
        print(HEADINGS, flush=True)
        for scenario in main_table(arguments.events):
            if arguments.only in scenario.name:
                measured = lab.run(scenario)
                if scenario.contender == "connector":
                    faults += measured.violations
                print(row(scenario, measured), flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
