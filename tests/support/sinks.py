"""Sinks of our vendors as tests and benchmarks open them: settings written as in the file, and any transport."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from connector.clock import SystemClock
from connector.http.client import default_transport
from connector.vendors.http_sink import HttpSink, open_sink
from connector.vendors.mytracker.vendor import MyTrackerSettings
from connector.vendors.sailplay.settings import SailPlaySettings

# A file with a token, or the section's own `token`.
Token = Path | Mapping[str, Any]


def mytracker_settings(url: str, token: Token, *, name: str = "mytracker", **section: Any) -> MyTrackerSettings:
    """Return the settings of an application; `section` adds keys as in the file."""
    kind = {"kind": "mytracker", "app_id": 666}
    return MyTrackerSettings.from_section(kind | _common(url, token) | section, name=name)


def sailplay_settings(url: str, token: Token, *, name: str = "sailplay", **section: Any) -> SailPlaySettings:
    """Return the settings of a department without a rate; `section` adds keys as in the file."""
    kind = {"kind": "sailplay", "store_department_id": 11, "rate": None}
    return SailPlaySettings.from_section(kind | _common(url, token) | section, name=name)


def opened(
    settings: MyTrackerSettings | SailPlaySettings, transport: httpx.AsyncBaseTransport | None = None
) -> HttpSink:
    """Return the sink; it connects to the settings' address unless there is another transport."""
    transport = transport or default_transport(settings.max_in_flight)
    return open_sink(settings, transport, SystemClock())


def _common(url: str, token: Token) -> dict[str, Any]:
    return {"base_url": url, "token": {"file": str(token)} if isinstance(token, Path) else dict(token)}
