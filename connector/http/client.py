"""One HTTP attempt over an httpx transport, bounded in time and size; its faults are returned as outcomes."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from connector.http.connection import RESPONSE_BYTES, UnreadableAnswerError
from connector.http.transport import Transport
from connector.model import Outcome, OutcomeKind

# The errors that a transport raises for what a vendor or the network does. Two of httpx's are no TransportError.
_FAULTS = (httpx.HTTPError, httpx.StreamError, OSError, zlib.error)

# After these the request was certainly not sent.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

# The first that fits describes the fault, without address or URL: those may hold a token.
_DESCRIPTIONS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (socket.gaierror, "the host's name could not be resolved"),
    (ssl.SSLError, "TLS failed"),
    ((httpx.ConnectTimeout, httpx.PoolTimeout), "no connection in time"),
    (httpx.ConnectError, "could not connect"),
    (httpx.RemoteProtocolError, "the answer is not HTTP"),
    ((httpx.DecodingError, zlib.error), "the answer's compression is broken"),
)
_CONNECTION_BROKE = "the connection broke"
# Errors whose errno is not one of the operating system's.
_OWN_ERRNO = (socket.gaierror, ssl.SSLError)


class Answer(NamedTuple):
    """The response to one request; its body is complete and decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Request(httpx.Request):
    """A request made of finished parts: httpx's own constructor costs a third of the whole attempt.

    The transport adds Host and Content-Length.
    """

    def __init__(
        self, method: str, url: httpx.URL, headers: httpx.Headers, body: bytes, extensions: dict[str, Any]
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.extensions = extensions
        self.stream = httpx.ByteStream(body)
        self._content = body


class Client:
    """Makes single attempts over a transport, which it owns. `timeout` (seconds) bounds each, to the last byte.

    The connection may take half of it: where none can be made, the request is then known not to have been sent.
    """

    __slots__ = ("_extensions", "_timeout", "_transport")

    def __init__(self, transport: httpx.AsyncBaseTransport, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._extensions = {"timeout": {"connect": timeout / 2, "pool": timeout / 2}}

    async def attempt(
        self, method: str, url: httpx.URL, headers: httpx.Headers, body: bytes, deadline: float | None = None
    ) -> Answer | Outcome:
        """Send one request; return the answer, or the outcome of having none.

        Raises nothing for what the other side or the network does. `deadline` (the loop's time) replaces the timeout
        where the attempt is only the last part of what has to be done in time.
        """
        request = _Request(method, url, headers, body, self._extensions)
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._transport.handle_async_request(request)
                try:
                    return Answer(response.status_code, response.headers, await _read(response))
                finally:
                    await response.aclose()
        except TimeoutError:
            return Outcome(
                OutcomeKind.UNAVAILABLE, message=f"no complete answer within {self._timeout:g} s", effect_unknown=True
            )
        except _FAULTS as error:
            return _outcome_of(error)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


def default_transport(max_connections: int) -> httpx.AsyncBaseTransport:
    """Return a transport for production, of at most `max_connections` requests at a time.

    TLS is verified (SSL_CERT_FILE and SSL_CERT_DIR name other authorities). There is no proxy from the environment, no
    cookies and no redirects, and every request is sent once.
    """
    return Transport(max_connections, httpx.create_ssl_context())


async def _read(response: httpx.Response) -> bytes:
    stream = response.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        raise TypeError("an asynchronous transport answers with an asynchronous stream")
    chunks: list[bytes] = []
    size = 0
    async for chunk in stream:
        size += len(chunk)
        if size > RESPONSE_BYTES:
            raise UnreadableAnswerError("the answer is over 1 MiB")
        chunks.append(chunk)
    return _decoded(b"".join(chunks), response.headers)


def _decoded(raw: bytes, headers: Mapping[str, str]) -> bytes:
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "x-gzip"):
        raise UnreadableAnswerError("the answer is compressed in a way that was not asked for")
    unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
    body = unzip.decompress(raw, RESPONSE_BYTES + 1)
    if len(body) > RESPONSE_BYTES:
        raise UnreadableAnswerError("the answer is over 1 MiB when decompressed")
    if not unzip.eof or unzip.unused_data:
        raise UnreadableAnswerError("the answer's compression is broken")
    return body


def _outcome_of(error: Exception) -> Outcome:
    return Outcome(
        OutcomeKind.UNAVAILABLE, message=_description(error), effect_unknown=not isinstance(error, _NOT_SENT)
    )


def _description(error: Exception) -> str:
    if isinstance(error, UnreadableAnswerError):
        return str(error)
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the server's certificate was not accepted: {cause.verify_message}"
    text = next(
        (text for kind, text in _DESCRIPTIONS if isinstance(cause, kind) or isinstance(error, kind)), _CONNECTION_BROKE
    )
    if not isinstance(cause, OSError) or isinstance(cause, _OWN_ERRNO) or not cause.errno:
        return text
    return f"{text}: {os.strerror(cause.errno)}"
