"""HTTP/1.1 as sinks need it, behind httpx's transport interface: connections are kept, each request is sent once."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import aiohappyeyeballs
import httpx
from aiohappyeyeballs import AddrInfoType

from connector import __version__
from connector.http.connection import HttpConnection
from connector.http.progress import Head, Progress

# How long an idle connection is kept: well below the 5 s after which many servers close one (Node, uvicorn). A request
# sent while the server closes is lost, and it is not known that it never took effect.
KEEP_ALIVE_SECONDS = 4.0

# How long one address is tried before the next one is tried as well (RFC 8305, section 5).
_NEXT_ADDRESS_SECONDS = 0.25
_PORTS = {"http": 80, "https": 443}
_WITHOUT_BODY = frozenset({"GET", "DELETE"})
# Header fields about the transfer of the message, which this transport sets itself.
_TRANSFER_FIELDS = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})


class Origin(NamedTuple):
    """The server that a connection leads to."""

    scheme: str
    host: str
    port: int


class Transport(httpx.AsyncBaseTransport):
    """Sends at most `max_connections` requests at a time, the others wait. It belongs to the loop of its first request.

    There is no proxy, no cookies, no redirects and no decompression, and a request is never sent twice. HEAD and
    CONNECT, whose answers have another form, are not supported. An answer is read to its end before it is returned. Of
    httpx's timeouts only `connect` counts: seconds until there is a connection, waiting for a free one included.

    Raises httpx.ConnectError or httpx.ConnectTimeout where the request was certainly not sent; after that
    httpx.ReadError or UnreadableAnswerError, and then it is not known whether the server got it. These two are raised
    by the answer's stream where its status is known and only its body is broken.
    """

    def __init__(self, max_connections: int, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._slots = asyncio.Semaphore(max_connections)
        self._connections: set[HttpConnection] = set()
        self._idle: defaultdict[Origin, deque[HttpConnection]] = defaultdict(deque)  # the longest idle first
        self._sweep: asyncio.TimerHandle | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and read the answer. If it is cancelled, its connection is closed.

        How far it came is noted in the extension "progress" of the request, if it has one (see Progress).
        """
        progress: Progress = request.extensions.get("progress") or Progress()
        progress.sent = False
        message = _message(request, await request.aread())
        origin = _origin(request.url)
        connection = await self._acquire(origin, request.extensions.get("timeout", {}).get("connect"))
        progress.sent = True
        try:
            status, headers, body, broken = await connection.exchange(message)
        except asyncio.CancelledError:
            if connection.head is not None:
                progress.head = Head(connection.head[0], httpx.Headers(connection.head[1]))
            raise
        finally:
            self._release(origin, connection)
        stream = httpx.ByteStream(body) if broken is None else _BrokenBody(broken)
        return httpx.Response(status, headers=headers, stream=stream)

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in self._connections:
            connection.abort()
        await asyncio.sleep(0)  # the loop closes their sockets in its next iteration

    async def _acquire(self, origin: Origin, seconds: float | None) -> HttpConnection:
        """Return an idle connection, else a new one; it counts as one of max_connections until it is released."""
        if not self._slots.locked() and (idle := self._take_idle(origin)) is not None:
            await self._slots.acquire()  # without waiting, as there is one
            return idle
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
                try:
                    return self._take_idle(origin) or await self._connect(origin)
                except BaseException:
                    self._slots.release()
                    raise
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error

    def _take_idle(self, origin: Origin) -> HttpConnection | None:
        idle = self._idle[origin]
        keep_since = asyncio.get_running_loop().time() - KEEP_ALIVE_SECONDS
        while idle:
            connection = idle.pop()
            if connection.reusable and connection.idle_since > keep_since:
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
        except (OSError, UnicodeError) as error:  # UnicodeError: no valid host name
            raise httpx.ConnectError("could not connect") from error
        self._connections.add(connection)
        return connection

    def _release(self, origin: Origin, connection: HttpConnection) -> None:
        self._slots.release()
        if not connection.reusable:
            self._drop(connection)
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle[origin].append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(KEEP_ALIVE_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        """Close connections that have been idle for long; repeat later while any is left."""
        loop = asyncio.get_running_loop()
        keep_since = loop.time() - KEEP_ALIVE_SECONDS
        for idle in self._idle.values():
            while idle and idle[0].idle_since <= keep_since:
                self._drop(idle.popleft())
        any_left = any(self._idle.values())
        self._sweep = loop.call_later(KEEP_ALIVE_SECONDS, self._close_idle) if any_left else None

    def _drop(self, connection: HttpConnection) -> None:
        connection.abort()
        self._connections.discard(connection)


class _BrokenBody(httpx.AsyncByteStream):
    """The body of an answer that was read no further than its head: to read it raises why."""

    def __init__(self, why: httpx.TransportError) -> None:
        self._why = why

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise self._why


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in _PORTS:
        raise httpx.UnsupportedProtocol("only http and https are supported")
    return Origin(url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme])


async def _addresses(origin: Origin) -> Sequence[AddrInfoType]:
    return await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)


def _message(request: httpx.Request, body: bytes) -> bytes:
    """Return the bytes of a request. Raises ValueError for one that must not be sent: a mistake in the code."""
    if request.method in ("HEAD", "CONNECT"):
        raise ValueError(f"{request.method} has an answer of another form, which is not supported")
    lines = [b"%b: %b\r\n" % field for field in request.headers.raw if field[0].lower() not in _TRANSFER_FIELDS]
    fields = b"".join(lines)
    if not fields.count(b"\r") == fields.count(b"\n") == len(lines):
        raise ValueError("a header field holds a line break")
    if body or request.method not in _WITHOUT_BODY:
        fields += b"Content-Length: %d\r\n" % len(body)
    return b"%b %b HTTP/1.1\r\nHost: %b\r\nUser-Agent: connector/%b\r\n%b\r\n%b" % (
        request.method.encode("ascii"),
        request.url.raw_path,
        request.url.netloc,
        __version__.encode("ascii"),
        fields,
        body,
    )
