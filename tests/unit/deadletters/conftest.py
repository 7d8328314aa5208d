"""The replay's tests run in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from tests.support.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The plugin's hook: which loops the tests of this directory run in."""
    return {"virtual time": VirtualTimeLoop}
