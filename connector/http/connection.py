"""One HTTP/1.1 connection of a client: a request, its answer to the last byte, and the next request after that."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, cast

import httptools
import httpx

RESPONSE_BYTES = 1024 * 1024
HEAD_BYTES = 64 * 1024

_SWITCHING_PROTOCOLS = 101


class UnreadableAnswerError(httpx.TransportError):
    """Raised for an answer that cannot be read. Its text is for people, and holds no address and no URL."""


RawHead = tuple[int, list[tuple[bytes, bytes]]]


class RawAnswer(NamedTuple):
    """An answer as it came over the wire, compressed if the server compressed it.

    `broken` says why the body has no proper end, or is too large; None if it is complete. Status and headers hold all
    the same.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    broken: httpx.TransportError | None = None


class HttpConnection(asyncio.Protocol):
    """A protocol for `loop.create_connection`. It sends nothing twice, and accepts an answer of at most 1 MiB.

    Its owner sets `idle_since` (the loop's time).
    """

    def __init__(self) -> None:
        self.idle_since = 0.0
        self._parser = httptools.HttpResponseParser(self)
        # As tolerant as aiohttp's client: vendors' proxies are what they are.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._waiter: asyncio.Future[None] | None = None
        self._keeps_alive = True
        self._broken: httpx.TransportError | None = None
        self._reset()

    async def exchange(self, request: bytes) -> RawAnswer:
        """Send one request and return its answer. Only one may be under way.

        Raises httpx.ConnectError where nothing was sent because the connection is closed already. Raises
        UnreadableAnswerError or httpx.ReadError where the head of the answer is not whole; then, or if it is cancelled,
        it is not known whether the server got the request (but see `head`), and the connection is closed. It is closed,
        too, after an answer whose body is broken.
        """
        if self._transport.is_closing():
            raise httpx.ConnectError("the connection is closed")
        self._received = 0
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            await waiter
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiter = None
        answer = RawAnswer(self._status, self._headers, b"".join(self._body), self._broken)
        self._reset()
        return answer

    @property
    def reusable(self) -> bool:
        """True if another request may be sent: the connection is open, and request and answer were complete."""
        return self._keeps_alive and not self._transport.is_closing() and not self._transport.get_write_buffer_size()

    @property
    def head(self) -> RawHead | None:
        """The status and the headers of the answer that an exchange was cancelled in, if they were whole."""
        return (self._status, self._headers) if self._head_is_whole else None

    def abort(self) -> None:
        """Close the connection at once; an exchange under way fails."""
        self._transport.abort()

    # --- called by asyncio ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio once connected."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's derive from no class of asyncio's

    def data_received(self, data: bytes) -> None:
        """Parse what arrived. Unsolicited data could pass for the next response: abort."""
        if self._waiter is None or self._waiter.done():
            self.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end(UnreadableAnswerError("the answer is not HTTP"))
            return
        if not self._head_is_read and self._received > HEAD_BYTES:
            self._end(UnreadableAnswerError("the answer is not HTTP: its head has no end"))
        elif self._received > HEAD_BYTES + RESPONSE_BYTES:
            self._end(UnreadableAnswerError("the answer is over 1 MiB"))

    def connection_lost(self, error: Exception | None) -> None:
        """End the exchange under way: the server, the network or this side closed the connection."""
        if error is not None:
            broken = httpx.ReadError("the connection broke")
            broken.__cause__ = error
            self._end(broken)
        elif not self._head_is_read:
            self._end(UnreadableAnswerError("the connection was closed before an answer"))
        else:
            self._end(UnreadableAnswerError("the answer broke off") if self._has_length else None)

    # --- called by the parser; feed_data turns an error raised here into HttpParserError ------------------------------

    def on_message_begin(self) -> None:
        """Called where an answer begins. Raises where none is expected."""
        if self._waiter is None or self._waiter.done():
            raise UnreadableAnswerError("an answer came that was not asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header field; those that follow a chunked body are left out."""
        if not self._head_is_read:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Read the status, and how the end of the body will be known."""
        self._head_is_read = True
        self._status = self._parser.get_status_code()
        self._keeps_alive = self._parser.should_keep_alive()
        size = 0
        for name, value in self._headers:
            size += len(name) + len(value)
            field = name.lower()
            self._has_length |= field == b"content-length" or (
                field == b"transfer-encoding" and value.strip().lower().endswith(b"chunked")
            )
        if size > HEAD_BYTES:
            raise UnreadableAnswerError("the answer's head is too large")
        self._head_is_whole = True

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Return the answer to whoever waits for it; an interim one (100, 103) is dropped and the next one awaited."""
        if 100 <= self._status < 200 and self._status != _SWITCHING_PROTOCOLS:
            self._reset()
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -----------------------------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        """Forget the last answer."""
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._head_is_read = False
        self._head_is_whole = False  # and not too large
        self._has_length: bool = False
        self._broken = None

    def _end(self, error: httpx.TransportError | None) -> None:
        """Abort and report `error`, unless the answer was already complete; None if the end of data completes it.

        Where the head is whole, the error is the body's alone.
        """
        self._transport.abort()
        if self._waiter is None or self._waiter.done():
            return
        if error is None or self._head_is_whole:
            self._broken = error
            self._waiter.set_result(None)
        else:
            self._waiter.set_exception(error)
