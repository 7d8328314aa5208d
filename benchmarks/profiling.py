"""A profile by room: py-spy samples whoever holds the interpreter's lock in the running process.

Needs `py-spy` on the PATH (pip install py-spy), and on Linux the right to trace a process.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks.contenders import start_connector
from benchmarks.laboratory import Laboratory, Scenario
from benchmarks.measuring import Sink, running_sink

SECONDS, HERTZ = 5, 500
_ROOM = re.compile(r"connector/(\w+)")
_LOCATION = re.compile(r"\((?:.*site-packages/|.*python[0-9.]+/)?([\w.-]+)[/:]")


def run(lab: Laboratory, scenario: Scenario) -> str:
    """Profile one scenario in its steady state; returns two tables. Raises RuntimeError where py-spy is missing."""
    spy = shutil.which("py-spy")
    if spy is None:
        raise RuntimeError("no py-spy on the PATH: pip install py-spy")
    with running_sink(scenario.load, scenario.vendor, scenario.latency, None) as sink:
        setting = lab.setting(scenario, sink.url)
        process = start_connector(setting)
        try:
            _wait_for_deliveries(sink)
            stacks = setting.directory / "stacks"
            command = [spy, "record", "--pid", str(process.pid), "--duration", str(SECONDS), "--rate", str(HERTZ)]
            command += ["--gil", "--format", "raw", "--output", str(stacks)]
            subprocess.run(command, check=True, capture_output=True)
        finally:
            process.kill()
            process.wait()
    return report(stacks)


def report(stacks: Path) -> str:
    """Return two tables from folded stacks: on whose behalf time was spent, and in whose code."""
    behalf: Counter[str] = Counter()
    code: Counter[str] = Counter()
    for line in stacks.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        behalf[_room(frames)] += int(count)
        code[_package(frames[-1])] += int(count)
    return f"{_table('on behalf of', behalf)}\n\n{_table('in the code of', code)}"


def _room(frames: Iterable[str]) -> str:
    """Return the innermost room on the stack."""
    rooms = (found[1] for frame in reversed(list(frames)) if (found := _ROOM.search(frame)))
    room = next(rooms, "cli")
    return "the event loop" if room in ("cli", "service") else room  # who runs the loop, and nobody above it


def _package(frame: str) -> str:
    room = _ROOM.search(frame)
    if room:
        return f"connector/{room[1]}"
    location = _LOCATION.search(frame)
    return location[1] if location else frame


def _table(title: str, counts: Counter[str]) -> str:
    total = counts.total()
    rows = [f"{name:28}{count / total:7.1%}" for name, count in counts.most_common() if count / total >= 0.005]
    return "\n".join([title, *rows])


def _wait_for_deliveries(sink: Sink) -> None:
    while not sink.stats()["accepted"]:
        time.sleep(0.05)
