"""A sink as the service wires it, gate and dispatcher included, before a simulated vendor; no Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from connector.clock import SystemClock
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.gate import NEVER
from connector.delivery.stats import Stats
from connector.model import Failure, Item, Record
from connector.secrets import Secret
from connector.service.assembly import build_dispatcher, build_sink
from connector.settings.values import BatchSettings, Login, MyTracker, Retry, SailPlay
from connector.simulators.sailplay import SailPlaySimulator
from connector.simulators.server import Call, Simulator
from connector.vendors.base import Sink
from connector.vendors.catalogue import METHODS

FLAG = "8bd3ede30c49139a9410daf3c42329d40722b0c5"
# So short that a test waits for nothing; backoff is the gate's own tests' business.
SHORT = Retry(initial=0.01, max=0.05)


def secret(directory: Path, name: str, text: str) -> Secret:
    """A secret in a file of its own."""
    file = directory / name
    file.write_text(text)
    return Secret.from_file(file)


def sailplay(vendor: Simulator, token: Secret | Login, **change: Any) -> SailPlay:
    """The settings of a department."""
    settings: dict[str, Any] = {
        "name": "sailplay",
        "base_url": vendor.url,
        "max_in_flight": 8,
        "timeout": 5.0,
        "retry": SHORT,
        "order": "key",
        "start": "earliest",
        "rate": None,
        "store_department_id": 11,
        "token": token,
        "http_method": "post",
        "on_unknown_outcome": "retry",
        "retry_codes": {},
    }
    return SailPlay(**settings | change)


def mytracker(vendor: Simulator, token: Secret, **change: Any) -> MyTracker:
    """The settings of an app."""
    settings: dict[str, Any] = {
        "name": "mytracker",
        "base_url": vendor.url,
        "max_in_flight": 4,
        "timeout": 5.0,
        "retry": SHORT,
        "order": "key",
        "start": "earliest",
        "rate": None,
        "app_id": 666,
        "token": token,
        "batch": BatchSettings(max_events=20, max_bytes=10_000, linger=0.0),
    }
    return MyTracker(**settings | change)


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
    """What became of items: accepted, or failed. `async with` it; `deliver` waits until each has ended."""

    def __init__(self, of: MyTracker | SailPlay) -> None:
        clock = SystemClock()
        self.of = of
        self.stats = Stats()
        self.accepted: list[Item] = []
        self.failures: list[Failure] = []
        self.paces: list[float] = []  # the gate's, at each acceptance
        self.sink: Sink = build_sink(of, clock)
        self.dispatcher: Dispatcher = build_dispatcher(of, self.sink, self.stats, self, clock, stall=NEVER)
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
        body = METHODS[self.of.kind][method].encode(dict(values))
        return Item(Record("t", 0, self._made, -1, key, b"{}", ()), "route", method, body)

    def fire(self, user: str, key: bytes | None = None) -> Item:
        """An event for a client of its own."""
        return self.item("fire", key, {"origin_user_id": user, "event_key": FLAG})

    async def deliver(self, items: Iterable[Item]) -> None:
        """Send them and wait until each has ended."""
        given = list(items)
        wanted = len(self.accepted) + len(self.failures) + len(given)
        self.dispatcher.enqueue(given)
        self.dispatcher.pump()
        async with asyncio.timeout(60):
            while len(self.accepted) + len(self.failures) < wanted:
                self._progress.clear()
                await self._progress.wait()
