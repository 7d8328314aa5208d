"""A client for the simulators: what an HTTP library gives, and the bare bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from connector.simulators.mytracker import MyTrackerSimulator
from connector.simulators.server import Simulator
from tests.support.clock import TurnedClock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Control:
    """The control API of one simulator."""

    def __init__(self, simulator: Simulator, http: aiohttp.ClientSession) -> None:
        self._url = simulator.url
        self._http = http

    async def post(self, path: str, content: Any) -> tuple[int, Any]:
        async with self._http.post(self._url + path, json=content) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> tuple[int, Any]:
        async with self._http.get(self._url + path) as response:
            return response.status, await response.json()

    async def delete(self, path: str) -> tuple[int, Any]:
        async with self._http.delete(self._url + path) as response:
            return response.status, await response.json()


@pytest.fixture
async def vendor() -> AsyncIterator[MyTrackerSimulator]:
    async with MyTrackerSimulator() as simulator:
        yield simulator


@pytest.fixture
def control(vendor: MyTrackerSimulator, http: aiohttp.ClientSession) -> Control:
    return Control(vendor, http)


async def exchange(simulator: Simulator, request: bytes) -> bytes:
    """Everything the simulator sends on a connection of its own until it ends it; raises what the socket does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


def request(method: str = "login", body: bytes = b'{"customUserId":"user-7"}', path: str | None = None) -> bytes:
    """A request to myTracker that lets the server end the connection."""
    return (
        b"POST %b HTTP/1.1\r\nHost: a\r\nAuthorization: demo-token\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
        % ((path or f"/v1/{method}/?idApp=1").encode(), len(body), body)
    )
