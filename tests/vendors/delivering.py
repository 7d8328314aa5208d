"""A sink as the service wires it, gate and dispatcher included, before a simulated vendor; no Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from connector.clock import SystemClock
from connector.delivery.dispatcher import AlwaysOwned, Dispatcher
from connector.delivery.gate import wait_for_rate
from connector.delivery.stats import Stats
from connector.model import Failure, Item, Record
from connector.service.assembly import build_dispatcher, build_gate, build_sink
from connector.simulators.sailplay import SailPlaySimulator
from connector.simulators.server import Call, Simulator
from connector.vendors.http_sink import HttpSink
from connector.vendors.mytracker.vendor import MyTrackerSettings
from connector.vendors.registry import VENDORS
from connector.vendors.sailplay.settings import SailPlaySettings
from tests.support.sinks import Token, mytracker_settings, sailplay_settings

FLAG = "8bd3ede30c49139a9410daf3c42329d40722b0c5"
# So short that a test waits for nothing; backoff is the gate's own tests' business.
COMMON: dict[str, Any] = {"timeout": "5s", "retry": {"initial": "10ms", "max": "50ms"}}


def secret(directory: Path, name: str, text: str) -> Path:
    """Return the file of a secret of its own."""
    file = directory / name
    file.write_text(text)
    return file


def sailplay(vendor: Simulator, token: Token, **section: Any) -> SailPlaySettings:
    """Return the settings of a department; `section` as in the file."""
    return sailplay_settings(vendor.url, token, **COMMON | {"max_in_flight": 8} | section)


def mytracker(vendor: Simulator, token: Token, **section: Any) -> MyTrackerSettings:
    """Return the settings of an app; `section` as in the file."""
    return mytracker_settings(vendor.url, token, **COMMON | {"max_in_flight": 4, "batch": {"linger": "0ms"}} | section)


class WatchedSailPlay(SailPlaySimulator):
    """SailPlay that remembers which methods were called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls: list[str] = []
        self.verbs: set[tuple[str, str]] = set()

    def apply_rules(self, call: Call) -> Any:
        self.calls.append(call.method)
        self.verbs.add((call.request.method, call.method))
        return super().apply_rules(call)

    def called(self, method: str) -> int:
        """How often this method was called."""
        return self.calls.count(method)


class Delivery:
    """Delivers items; collects the accepted and failed ones. `async with` it; `deliver` waits until each has ended."""

    def __init__(self, settings: MyTrackerSettings | SailPlaySettings) -> None:
        clock = SystemClock()
        self.settings = settings
        self.stats = Stats()
        self.accepted: list[Item] = []
        self.failures: list[Failure] = []
        self.paces: list[float] = []  # the gate's, at each acceptance
        gate = build_gate(settings)
        self.sink: HttpSink = build_sink(settings, clock, partial(wait_for_rate, gate, clock))
        self.dispatcher: Dispatcher = build_dispatcher(
            settings, self.sink, gate, AlwaysOwned(), self.stats, self, clock
        )
        self._made = 0
        self._progress = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.dispatcher.stop()
        await self.sink.close()

    def on_accepted(self, items: Sequence[Item]) -> None:
        self.accepted += items
        self.paces.append(self.dispatcher.gate._pace)
        self._progress.set()

    def on_failed(self, failure: Failure) -> None:
        self.failures.append(failure)
        self._progress.set()

    def item(self, method: str, key: bytes | None, values: Mapping[str, Any]) -> Item:
        """An event of this key, mapped and encoded as a route would."""
        self._made += 1
        body = VENDORS[self.settings.kind].methods[method].encode(dict(values))
        return Item(Record("t", 0, self._made, -1, key, b"{}", ()), "route", method, body)

    def fire(self, user: str, key: bytes | None = None) -> Item:
        """An event for a client of its own."""
        return self.item("fire", key, {"origin_user_id": user, "event_key": FLAG})

    async def deliver(self, items: Iterable[Item]) -> None:
        """Send them and wait until each has ended."""
        given = list(items)
        wanted = len(self.accepted) + len(self.failures) + len(given)
        for item in given:
            self.dispatcher.enqueue(item)
        self.dispatcher.pump()
        async with asyncio.timeout(60):
            while len(self.accepted) + len(self.failures) < wanted:
                self._progress.clear()
                await self._progress.wait()
