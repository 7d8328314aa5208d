"""Shared by the tests of both vendors: the file that their token is read from, and the event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.unit.vendors.mocked import TOKEN, keep


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    keep(file, TOKEN)
    return file


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests with sockets on asyncio's loop and on uvloop, the service's: their transports close differently."""
    plain = {"asyncio": asyncio.new_event_loop}
    return plain | {"uvloop": uvloop.new_event_loop} if item.path.stem.startswith("test_transport") else plain
