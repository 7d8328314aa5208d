"""One measurement: a contender's process is watched from its start until the sink has everything."""

from __future__ import annotations

import http.client
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.contenders import Vendor
from benchmarks.events import Load

SAMPLE_SECONDS = 0.05
# What comes after this share of the events (a last batch that lingers, an emptying queue) is no steady state.
STEADY_SHARE = 0.95
STALL_SECONDS = 30.0
# One that gives events up has given up whatever the sink has not accepted when nothing has moved for so long; and what
# is no dead letter so long after all good events will be none.
QUIET_SECONDS = 5.0
IDLE_SECONDS = 3.0
STOP_SECONDS = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """The processes and the sink at one moment. `cpu` in seconds (user + system, all threads), `rss` in MB.

    `peak` is the highest `rss` so far; `shared` says whether every process had its share of the work by then.
    """

    at: float
    accepted: int
    cpu: float
    rss: float
    peak: float
    shared: bool


@dataclass(frozen=True, slots=True)
class Measurement:
    """The result of a measurement; rates and costs from when all processes deliver until 95 % of the events were
    accepted.

    `cpu_all` counts the start too and everything to the end. Microseconds per event; `idle_cpu` is a share of one core
    once nothing is left to do. `rss` is the mean while it delivers, `peak_rss` the highest ever, in MB. `good_letters`
    counts good events that were not delivered but became dead letters.
    """

    per_second: float
    cpu: float
    cpu_all: float
    rss: float
    peak_rss: float
    idle_cpu: float
    start_seconds: float
    requests: int
    fill: float
    lost: int
    duplicates: int
    inversions: int
    over_limits: int
    clean_exit: bool
    good_letters: int = 0

    @property
    def violations(self) -> int:
        """Return how often a rule was broken."""
        counts = (self.lost, self.good_letters, self.duplicates, self.inversions, self.over_limits)
        return sum(counts) + (not self.clean_exit)


class Sink:
    """The checking sink's process and a connection to ask it over."""

    def __init__(self, port: int, context: ssl.SSLContext | None) -> None:
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{port}"
        self._connection = (
            http.client.HTTPSConnection("127.0.0.1", port, context=context)
            if context
            else http.client.HTTPConnection("127.0.0.1", port)
        )

    def stats(self) -> dict[str, float]:
        """Return what the sink has counted so far."""
        self._connection.request("GET", "/_stats")
        answer: dict[str, float] = orjson.loads(self._connection.getresponse().read())
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def running_sink(load: Load, vendor: Vendor, latency: float, certificate: Path | None) -> Iterator[Sink]:
    """A sink for one measurement."""
    command = [sys.executable, "-m", "benchmarks.sink", "--vendor", vendor, "--latency", str(latency)]
    command += ["--events", str(load.events), "--keys", str(load.keys)]
    context = None
    if certificate is not None:
        command += ["--certificate", str(certificate)]
        context = ssl.create_default_context(cafile=str(certificate))
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        sink = Sink(int(process.stdout.readline()), context)
        yield sink
        sink.close()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def measure(
    start: Callable[[], subprocess.Popen[bytes]],
    sink: Sink,
    load: Load,
    *,
    processes: int = 1,
    shared: Callable[[], bool] = lambda: True,
    finished: Callable[[], bool] = lambda: True,
    idle: bool = False,
    ends: bool = False,
    gives_up: bool = False,
) -> Measurement:
    """Start a contender, watch it until the sink has accepted all good events and it has `finished`, and end it by
    SIGTERM.

    With more `processes` than one their costs are added, and `shared` says whether each has its share of the work. With
    `idle` they are watched for a while longer, doing nothing. One that `ends` by itself is waited for. One that
    `gives_up` good events with bad ones is watched until nothing moves: what is missing then counts as lost. Raises
    RuntimeError if one ends or stalls before.
    """
    began = time.monotonic()
    started = [start() for _ in range(processes)]
    pids = [process.pid for process in started]
    try:
        samples = list(_samples(pids, sink, load.events - load.bad, shared, gives_up=gives_up))
        if not ends and any(process.poll() is not None for process in started):
            raise RuntimeError(f"a process ended with status {max(process.returncode or 0 for process in started)}")
        _wait_for(finished)
        idle_cpu = _idle_cpu(pids) if idle else float("nan")
        stats = sink.stats()
        if not ends:
            for process in started:
                process.send_signal(signal.SIGTERM)
        clean = [process.wait(STOP_SECONDS) for process in started] == [0] * processes
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
                process.wait()
    return _summary(samples, stats, load, began=began, idle_cpu=idle_cpu, clean_exit=clean)


def _summary(
    samples: list[Sample],
    stats: dict[str, float],
    load: Load,
    *,
    began: float,
    idle_cpu: float,
    clean_exit: bool,
) -> Measurement:
    good = load.events - load.bad
    steady = [sample for sample in samples if sample.shared and 0 < sample.accepted <= good * STEADY_SHARE]
    if len(steady) < 2:
        raise RuntimeError("too few events to measure: the steady state was over within two samples")
    first, last = steady[0], steady[-1]
    events = last.accepted - first.accepted
    unique = stats["accepted"] - stats["duplicates"]
    end = next(sample for sample in samples if sample.accepted == samples[-1].accepted)
    return Measurement(
        per_second=events / (last.at - first.at),
        cpu=(last.cpu - first.cpu) / events * 1e6,
        cpu_all=end.cpu / good * 1e6,
        rss=sum(sample.rss for sample in steady) / len(steady),
        peak_rss=samples[-1].peak,
        idle_cpu=idle_cpu,
        start_seconds=stats["first_at"] - began,
        requests=int(stats["requests"]),
        fill=stats["items"] / stats["requests"],
        lost=int(good - unique),
        duplicates=int(stats["duplicates"]),
        inversions=int(stats["inversions"]),
        over_limits=int(stats["oversize"] + stats["crowded"] + stats["malformed"]),
        clean_exit=clean_exit,
    )


def _samples(
    pids: Sequence[int], sink: Sink, good: int, shared: Callable[[], bool], *, gives_up: bool
) -> Iterator[Sample]:
    """Sample until everything is there, the process is gone, or nothing has moved for long."""
    accepted, moved, all_at_work = 0, time.monotonic(), False
    while True:
        all_at_work = all_at_work or shared()
        stats = sink.stats()
        try:
            yield Sample(
                stats["now"],
                int(stats["accepted"]),
                _cpu_seconds(pids),
                _memory(pids, "VmRSS"),
                _memory(pids, "VmHWM"),
                all_at_work,
            )
        except (FileNotFoundError, ProcessLookupError, AssertionError):  # it is gone, or going
            return
        if stats["accepted"] - stats["duplicates"] >= good:
            return
        if stats["accepted"] > accepted:
            accepted, moved = int(stats["accepted"]), time.monotonic()
        elif gives_up and accepted and time.monotonic() - moved > QUIET_SECONDS:
            return
        elif time.monotonic() - moved > STALL_SECONDS:
            raise RuntimeError(f"stalled: {accepted} of {good} events accepted, none more for {STALL_SECONDS:.0f} s")
        time.sleep(SAMPLE_SECONDS)


def _wait_for(finished: Callable[[], bool]) -> None:
    """Wait until `finished`, for a limited time: what is missing then shows in the counts."""
    deadline = time.monotonic() + QUIET_SECONDS
    while not finished() and time.monotonic() < deadline:
        time.sleep(SAMPLE_SECONDS)


def _cpu_seconds(pids: Sequence[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # utime and stime, proc_pid_stat(5)
    return ticks / _TICKS


def _memory(pids: Sequence[int], name: str) -> float:
    """Return the memory in MB of the process that takes most."""
    sizes = []
    for pid in pids:
        found = re.search(rf"{name}:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        assert found is not None, f"process {pid} has no {name}"
        sizes.append(int(found[1]) / 1024)
    return max(sizes)


def _idle_cpu(pids: Sequence[int]) -> float:
    time.sleep(2.0)  # let the last commit end
    before = _cpu_seconds(pids)
    time.sleep(IDLE_SECONDS)
    return (_cpu_seconds(pids) - before) / IDLE_SECONDS
