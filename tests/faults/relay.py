"""A TCP relay before the broker that can be cut and healed, so that one client loses the brokers and the others do not.

Kafka's clients go on to the address that the broker advertises. So the relay rewrites that address where it stands in
the broker's answers: both have the same number of octets, hence nothing else of an answer changes.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from types import TracebackType
from typing import Self

CHUNK = 1 << 16


class Relay:
    """Listens on 127.0.0.1 for one broker's clients; `async with`."""

    def __init__(self, bootstrap: str) -> None:
        self._host, port = bootstrap.rsplit(":", 1)
        self._port = int(port)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._own_port = 0
        self._cut = False

    @property
    def address(self) -> str:
        """What a client is given as bootstrap.servers."""
        return f"{self._host}:{self._own_port}"

    async def __aenter__(self) -> Self:
        self._own_port = _free_port(self._host)
        self._server = await asyncio.start_server(self._serve, self._host, self._own_port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """End every connection, and each new one at once."""
        self._cut = True
        for writer in list(self._connections):
            writer.transport.abort()

    def heal(self) -> None:
        """Let clients through again."""
        self._cut = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(self._host, self._port)
        self._connections |= {writer, back}
        try:
            await asyncio.gather(_requests(reader, back), self._answers(there, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass  # one side has ended; so does the other
        finally:
            self._connections -= {writer, back}
            writer.transport.abort()
            back.transport.abort()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Whole answers, each led by its length, with our port where the broker's stands behind its host."""
        host = self._host.encode()
        theirs, ours = (host + struct.pack(">i", port) for port in (self._port, self._own_port))
        while True:
            head = await there.readexactly(4)
            answer = await there.readexactly(struct.unpack(">i", head)[0])
            writer.write(head + answer.replace(theirs, ours))
            await writer.drain()


async def _requests(reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK):
        back.write(chunk)
        await back.drain()
    back.transport.abort()


def _free_port(host: str) -> int:
    """A port below those that the system hands out, so that nothing takes it meanwhile."""
    for _ in range(100):
        port = random.randrange(15_000, 20_000)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 15000 and 20000 on 127.0.0.1")
