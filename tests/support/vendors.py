"""Simulated vendors and the sinks of a configuration that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.mytracker_rules import EventRules
from connector.simulators.sailplay import SailPlaySimulator
from connector.simulators.server import Simulator

TOKEN = "demo-token"  # noqa: S105 - it guards nothing


REFUSED_ADDRESS = "192.0.2.7"


class PickyMyTracker(MyTrackerSimulator):
    """A vendor with a rule that its document does not give, for what the connector sends and the vendor refuses."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._rules = {method: _Picky(rules) for method, rules in self._rules.items()}


class _Picky(EventRules):
    def __init__(self, rules: EventRules) -> None:
        super().__init__({}, (), (), strange=True)
        self._documented = rules

    def first_broken(self, event: Any) -> str | None:
        refused = isinstance(event, dict) and event.get("ipv4") == REFUSED_ADDRESS
        return "ipv4 must be another address" if refused else self._documented.first_broken(event)


class Vendors:
    """The simulators of one test and the sinks that lead to them, their secrets in files of one directory.

    A sink's `token` is its text, or what the configuration shall hold instead.
    """

    def __init__(self, stack: AsyncExitStack, directory: Path) -> None:
        self.sinks: dict[str, dict[str, Any]] = {}
        self.simulators: dict[str, Any] = {}
        self._stack = stack
        self._directory = directory

    def secret(self, name: str, text: str) -> dict[str, str]:
        """A secret as the configuration names it."""
        file = self._directory / name
        file.write_text(text)
        return {"file": str(file)}

    async def mytracker(
        self, name: str, simulator: MyTrackerSimulator, token: str | Mapping[str, Any] = TOKEN, **settings: Any
    ) -> None:
        """An app of its own."""
        await self._add(name, simulator, token, {"kind": "mytracker", "app_id": 666} | settings)

    async def sailplay(
        self, name: str, simulator: SailPlaySimulator, token: str | Mapping[str, Any] = TOKEN, **settings: Any
    ) -> None:
        """A department of its own."""
        await self._add(
            name, simulator, token, {"kind": "sailplay", "store_department_id": 11, "rate": "45/s"} | settings
        )

    def login(self) -> dict[str, Any]:
        """Login credentials instead of a token."""
        key, pin = self.secret("key", "demo-department-key"), self.secret("pin", "demo-pin")
        return {"login": {"store_department_key": key, "pin_code": pin}}

    async def _add(
        self, name: str, simulator: Simulator, token: str | Mapping[str, Any], settings: dict[str, Any]
    ) -> None:
        self.simulators[name] = await self._stack.enter_async_context(simulator)
        secret = self.secret(name, token) if isinstance(token, str) else dict(token)
        retry = {"initial": "20ms", "max": "100ms"}
        self.sinks[name] = {"base_url": simulator.url, "token": secret, "retry": retry, **settings}
