"""Runs all tests in two halves at the same time, because most of either is waiting for brokers and processes.

The first half talks to the terminal as it goes; what the second says follows it. Exit status 0 if both passed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# About half of the time of everything; each half has a broker of its own, which its tests stop and kill.
SECOND = ("tests/kafka", "tests/vendors")


def main() -> int:
    """Run both halves; an interrupt reaches them, too, and is waited for."""
    pytest = [sys.executable, "-m", "pytest"]
    with tempfile.TemporaryFile("w+") as said:
        second = subprocess.Popen([*pytest, *SECOND], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        first = subprocess.Popen([*pytest, *(f"--ignore={path}" for path in SECOND)], cwd=ROOT)
        statuses = []
        for half in (first, second):
            try:
                statuses.append(half.wait())
            except KeyboardInterrupt:
                statuses.append(half.wait())
        said.seek(0)
        print(f"\n── and at the same time: {' '.join(SECOND)}", flush=True)
        for line in said:
            print(line, end="")
    return max(map(abs, statuses))


if __name__ == "__main__":
    sys.exit(main())
