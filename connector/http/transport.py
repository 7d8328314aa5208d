"""HTTP/1.1 as sinks need it, behind httpx's transport interface: connections are kept, each request is sent once."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import NamedTuple

import aiohappyeyeballs
import httpx
from aiohappyeyeballs import AddrInfoType

from connector import __version__
from connector.http.connection import HttpConnection

# How long an idle connection is kept: well below the 5 s that many servers keep theirs (Node, uvicorn), since a request
# that meets a server's closing is lost, and nobody knows that it never took effect.
KEEP_ALIVE_SECONDS = 4.0

# How long one address is tried alone before the next one is tried beside it (RFC 8305, 5).
_NEXT_ADDRESS_SECONDS = 0.25
_PORTS = {"http": 80, "https": 443}
_BODILESS = frozenset({"GET", "DELETE"})
# Header fields that say how the message is carried, which is ours to know.
_CARRIAGE = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})


class Origin(NamedTuple):
    """Whom a connection leads to."""

    scheme: str
    host: str
    port: int


class Transport(httpx.AsyncBaseTransport):
    """At most `max_connections` requests at a time, the others wait; it belongs to the loop of its first request.

    It keeps to what is asked: no proxy, no cookies, no redirects, no decompression, and a request is never sent twice.
    HEAD and CONNECT, whose answers have another form, it does not know. An answer is read to its end before it is
    returned. Of httpx's timeouts it heeds `connect`: seconds until there is a connection, waiting for one included.

    Raises httpx.ConnectError and httpx.ConnectTimeout where the request certainly never left; after that
    httpx.ReadError and UnreadableAnswerError, which say nothing about whether the server got it.
    """

    def __init__(self, max_connections: int, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._places = asyncio.Semaphore(max_connections)
        self._connections: set[HttpConnection] = set()
        self._idle: defaultdict[Origin, deque[HttpConnection]] = defaultdict(deque)  # the longest idle first
        self._sweep: asyncio.TimerHandle | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it and read the answer; cancelled, it takes its connection with it."""
        message = _message(request, await request.aread())
        origin = _origin(request.url)
        connection = await self._connection(origin, request.extensions.get("timeout", {}).get("connect"))
        try:
            status, headers, body = await connection.exchange(message)
        finally:
            self._give_back(origin, connection)
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    async def aclose(self) -> None:
        """Close all connections; what is under way fails."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in self._connections:
            connection.abort()
        await asyncio.sleep(0)  # the loop closes their sockets in its next turn

    async def _connection(self, origin: Origin, patience: float | None) -> HttpConnection:
        """One that is idle, else a new one. It has its place until it is given back."""
        if not self._places.locked() and (idle := self._at_hand(origin)) is not None:
            await self._places.acquire()  # without waiting, as there is one
            return idle
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
                try:
                    return self._at_hand(origin) or await self._connect(origin)
                except BaseException:
                    self._places.release()
                    raise
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error

    def _at_hand(self, origin: Origin) -> HttpConnection | None:
        idle = self._idle[origin]
        good_since = asyncio.get_running_loop().time() - KEEP_ALIVE_SECONDS
        while idle:
            connection = idle.pop()
            if connection.reusable and connection.idle_since > good_since:
                return connection
            self._drop(connection)
        return None

    async def _connect(self, origin: Origin) -> HttpConnection:
        loop = asyncio.get_running_loop()
        over_tls = origin.scheme == "https"
        try:
            sock = await aiohappyeyeballs.start_connection(
                await _addresses(origin), happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS
            )
            try:
                _, connection = await loop.create_connection(
                    HttpConnection,
                    sock=sock,
                    ssl=self._tls if over_tls else None,
                    server_hostname=origin.host if over_tls else None,
                )
            except BaseException:
                sock.close()
                raise
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that is none
            raise httpx.ConnectError("could not connect") from error
        self._connections.add(connection)
        return connection

    def _give_back(self, origin: Origin, connection: HttpConnection) -> None:
        self._places.release()
        if not connection.reusable:
            self._drop(connection)
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle[origin].append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(KEEP_ALIVE_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        """Close what has been idle for long, and look again later while anything is left."""
        loop = asyncio.get_running_loop()
        good_since = loop.time() - KEEP_ALIVE_SECONDS
        for idle in self._idle.values():
            while idle and idle[0].idle_since <= good_since:
                self._drop(idle.popleft())
        left = any(self._idle.values())
        self._sweep = loop.call_later(KEEP_ALIVE_SECONDS, self._close_idle) if left else None

    def _drop(self, connection: HttpConnection) -> None:
        connection.abort()
        self._connections.discard(connection)


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in _PORTS:
        raise httpx.UnsupportedProtocol("only http and https are spoken here")
    return Origin(url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme])


async def _addresses(origin: Origin) -> Sequence[AddrInfoType]:
    return await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)


def _message(request: httpx.Request, body: bytes) -> bytes:
    """The request as it goes out. Raises ValueError for what must not: a mistake in the code."""
    if request.method in ("HEAD", "CONNECT"):
        raise ValueError(f"{request.method} has an answer of another form, which is not understood here")
    lines = [b"%b: %b\r\n" % field for field in request.headers.raw if field[0].lower() not in _CARRIAGE]
    fields = b"".join(lines)
    if not fields.count(b"\r") == fields.count(b"\n") == len(lines):
        raise ValueError("a header field holds a line break")
    if body or request.method not in _BODILESS:
        fields += b"Content-Length: %d\r\n" % len(body)
    return b"%b %b HTTP/1.1\r\nHost: %b\r\nUser-Agent: connector/%b\r\n%b\r\n%b" % (
        request.method.encode("ascii"),
        request.url.raw_path,
        request.url.netloc,
        __version__.encode("ascii"),
        fields,
        body,
    )
