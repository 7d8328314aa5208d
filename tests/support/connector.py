"""The connector as an operator runs it: a configuration file and a process."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

SECONDS_TO_START = 20.0


def configuration(
    bootstrap: str,
    *,
    group: str,
    dead_letters: str,
    topics: Mapping[str, Any],
    sinks: Mapping[str, Any],
    routes: list[Mapping[str, Any]],
    **more: Any,
) -> dict[str, Any]:
    """A whole configuration, its HTTP side on any free port."""
    return {
        "kafka": {"bootstrap.servers": bootstrap, **more.pop("kafka", {})},
        "group": group,
        "dead_letters": dead_letters,
        "http": {"host": "127.0.0.1", "port": more.pop("port", 0)},
        "topics": dict(topics),
        "sinks": dict(sinks),
        "routes": routes,
        **more,
    }


class RunningConnector:
    """`connector run` in a process of its own; `async with` starts it, and ends it by SIGTERM if it still runs."""

    def __init__(self, directory: Path, settings: Mapping[str, Any], *arguments: str) -> None:
        self.log = directory / "connector.log"
        self._config = directory / "connector.yaml"
        self._config.write_text(yaml.safe_dump(dict(settings)))
        self._arguments = arguments
        self._port = int(settings["http"]["port"])
        self.process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "connector", "run", "--config", str(self._config), *self._arguments, stderr=log
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill() if error else self.process.terminate()
            await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    @property
    def port(self) -> int:
        """The HTTP port, which the log tells where the system chose it."""
        if not self._port:
            for line in self.log.read_text().splitlines():
                entry = json.loads(line) if line.startswith("{") else {}
                if entry.get("event") == "started":
                    self._port = int(entry["http"])
        return self._port

    async def status(self) -> dict[str, Any]:
        """What /status says."""
        url = f"http://127.0.0.1:{self.port}/status"
        text = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read())
        answer: dict[str, Any] = json.loads(text)
        return answer

    async def sink(self, name: str) -> dict[str, Any]:
        """What /status says of one sink; nothing as long as the process is starting."""
        if not self.port:
            return {}
        return next(each for each in (await self.status())["sinks"] if each["sink"] == name)


async def check_live(directory: Path, settings: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """`connector check --live --json`: its exit status and what it reports; it may say nothing else."""
    config = directory / "checked.yaml"
    config.write_text(yaml.safe_dump(dict(settings)))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connector", "check", "--config", str(config), "--live", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await process.communicate()
    assert errors == b""
    report: dict[str, Any] = json.loads(said)
    assert process.returncode is not None
    return process.returncode, report


def finding(report: Mapping[str, Any], section: str, subject: str) -> dict[str, Any]:
    """The one such finding of a live check."""
    found = [each for each in report["live"] if (each["section"], each["subject"]) == (section, subject)]
    assert len(found) == 1, report["live"]
    one: dict[str, Any] = found[0]
    return one


async def until(condition: Any, *, seconds: float, what: str) -> None:
    """Wait until an (async) condition holds; fail saying `what` did not come."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.1)
