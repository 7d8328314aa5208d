"""Component tests run in virtual time: an outage of an hour takes milliseconds, and nothing depends on the machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from tests.support.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The plugin's hook: which loops the tests of this directory run in."""
    return {"virtual time": VirtualTimeLoop}


@pytest.fixture(autouse=True)
async def loop_errors() -> AsyncIterator[list[Mapping[str, Any]]]:
    """What callbacks and tasks of the loop raised; the service would end by it, so the test fails."""
    errors: list[Mapping[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    yield errors
    assert not errors, "a callback or a task of the loop raised"
