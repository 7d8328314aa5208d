"""One HTTP attempt over an httpx transport, bounded in time and size; its faults are returned as outcomes."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from connector.http.connection import RESPONSE_BYTES, UnreadableAnswerError
from connector.http.encodings import decoded
from connector.http.progress import Head, Progress
from connector.http.transport import Transport
from connector.model import Outcome, OutcomeKind

# The errors that a transport raises for what a vendor or the network does. Two of httpx's are no TransportError.
_FAULTS = (httpx.HTTPError, httpx.StreamError, OSError)

# After these the request was certainly not sent, whatever the transport says.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

_NO_CONNECTION = "no connection in time"
# The first that fits describes the fault, without address or URL: those may hold a token.
_DESCRIPTIONS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (socket.gaierror, "the host's name could not be resolved"),
    (ssl.SSLError, "TLS failed"),
    ((httpx.ConnectTimeout, httpx.PoolTimeout), _NO_CONNECTION),
    (httpx.ConnectError, "could not connect"),
    (httpx.RemoteProtocolError, "the answer is not HTTP"),
    (httpx.DecodingError, "the answer's compression is broken"),
)
_CONNECTION_BROKE = "the connection broke"
# Errors whose errno is not one of the operating system's.
_OWN_ERRNO = (socket.gaierror, ssl.SSLError)


class Answer(NamedTuple):
    """The response to one request; its body is complete and decompressed, or `unreadable`.

    `unreadable` says why there is no body although the head of the answer came (broken or unknown compression, broken
    off, over 1 MiB, too slow), for people; the body is empty then. Status and headers are what the server said.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    unreadable: str = ""


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

    Every attempt has all of it: what has to be done before (a login, say) takes none of it away. The connection may
    take half of it.
    """

    __slots__ = ("_connect", "_timeout", "_transport")

    def __init__(self, transport: httpx.AsyncBaseTransport, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._connect = {"connect": timeout / 2, "pool": timeout / 2}

    async def attempt(self, method: str, url: httpx.URL, headers: httpx.Headers, body: bytes) -> Answer | Outcome:
        """Send one request; return the answer, or the outcome of having none.

        Raises nothing for what the other side or the network does. Where the head of an answer came, it is an Answer,
        if only an unreadable one. An outcome has an unknown effect only where bytes of the request may have left.
        """
        progress = Progress()
        request = _Request(method, url, headers, body, {"timeout": self._connect, "progress": progress})
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._transport.handle_async_request(request)
                progress.head = Head(response.status_code, response.headers)
                try:
                    return Answer(*progress.head, await _read(response))
                finally:
                    await response.aclose()
        except TimeoutError:
            why = f"no complete answer within {self._timeout:g} s" if progress.sent else _NO_CONNECTION
            return _ended(progress, why, sent=progress.sent)
        except _FAULTS as error:
            return _ended(progress, _description(error), sent=progress.sent and not isinstance(error, _NOT_SENT))

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
    return decoded(b"".join(chunks), response.headers.get("content-encoding", ""))


def _ended(progress: Progress, why: str, *, sent: bool) -> Answer | Outcome:
    """Return what is known of a request that ended without a whole answer."""
    if progress.head is not None:
        return Answer(*progress.head, b"", why)
    return Outcome(OutcomeKind.UNAVAILABLE, message=why, effect_unknown=sent)


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
