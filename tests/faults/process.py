"""One running connector of a scenario: started with a fault built in, signalled, waited for, asked for its status."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.launcher import Fault, launch

WAIT_SECONDS = 40.0


class Exit(NamedTuple):
    """How a process ended. `status` is negative for a signal; `seconds` since SIGTERM, None where none was sent."""

    status: int
    seconds: float | None


class Process:
    """`connector run` in a process of its own. `started` and `ended` are in seconds since the epoch."""

    def __init__(self, config: Path, log: Path, fault: Fault | None) -> None:
        self.log = log
        self.started = time.time()
        self.ended: float | None = None
        self._told: float | None = None
        self._process = launch(config, log, fault)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    async def wait(self, seconds: float = WAIT_SECONDS) -> Exit:
        """Its end."""
        deadline = time.monotonic() + seconds
        while self._process.is_alive():
            assert time.monotonic() < deadline, f"the process has not ended within {seconds} s:\n{self.tail()}"
            await asyncio.sleep(0.02)
        self.ended = self.ended or time.time()
        assert self._process.exitcode is not None
        return Exit(self._process.exitcode, None if self._told is None else self.ended - self._told)

    async def up(self, seconds: float = WAIT_SECONDS) -> None:
        """It has started, and heeds signals."""
        deadline = time.monotonic() + seconds
        while not self.said("started"):
            assert time.monotonic() < deadline, f"not started within {seconds} s:\n{self.tail()}"
            await asyncio.sleep(0.02)

    async def frozen(self, seconds: float = WAIT_SECONDS) -> None:
        """It stands still, by a SIGSTOP."""
        deadline = time.monotonic() + seconds
        while self._state() != "T":
            assert time.monotonic() < deadline, f"not frozen within {seconds} s:\n{self.tail()}"
            await asyncio.sleep(0.02)

    def _state(self) -> str:
        """What the kernel says of it; that stands behind the command's name, which is in brackets."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    async def stop(self, seconds: float = WAIT_SECONDS) -> Exit:
        """SIGTERM, and its end."""
        self.send(signal.SIGTERM)
        return await self.wait(seconds)

    async def kill(self) -> Exit:
        """SIGKILL, and its end."""
        self.send(signal.SIGKILL)
        return await self.wait()

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        if number == signal.SIGTERM and self._told is None:
            self._told = time.time()
        os.kill(self.pid, number)

    def entries(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        if not self.log.exists():
            return []
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def said(self, event: str) -> int:
        """How often it logged this."""
        return sum(entry.get("event") == event for entry in self.entries())

    async def explained(self, why: str, seconds: float = WAIT_SECONDS) -> None:
        """It has logged something with a reason that holds this text."""
        deadline = time.monotonic() + seconds
        while not any(why in str(entry.get("why")) for entry in self.entries()):
            assert time.monotonic() < deadline, f"{why!r} not said within {seconds} s:\n{self.tail()}"
            await asyncio.sleep(0.05)

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text()[-4000:] if self.log.exists() else ""

    async def status(self) -> dict[str, dict[str, Any]]:
        """What /status says, by sink."""
        port = next(entry["http"] for entry in self.entries() if entry.get("event") == "started")
        url = f"http://127.0.0.1:{port}/status"
        text = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read())
        return {sink["sink"]: sink for sink in json.loads(text)["sinks"]}

    def resident(self) -> float:
        """Its resident memory in MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
