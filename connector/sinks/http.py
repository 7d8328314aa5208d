"""The HTTP seam: one attempt over an httpx transport, bounded in time and size, its faults told as outcomes."""

from __future__ import annotations

import asyncio
import os
import ssl
import zlib
from collections.abc import Mapping
from typing import Any

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError
from httpx_aiohttp import AiohttpTransport

from connector.model import Blame, Outcome
from connector.sinks.outcome import Answer

RESPONSE_BYTES = 1024 * 1024

# How long an idle connection is kept: shorter than servers usually keep theirs, so that they seldom close it first.
_KEEP_ALIVE_SECONDS = 5.0

# What a transport may raise for what a vendor or network does. Two of httpx's are no TransportError, some of
# aiohttp's pass httpx-aiohttp unmapped, and a reason phrase that is not UTF-8 makes it raise UnicodeError.
_FAULTS = (
    httpx.HTTPError,
    httpx.StreamError,
    aiohttp.ClientError,
    HttpProcessingError,
    OSError,
    UnicodeError,
    zlib.error,
)

# The request certainly never left. httpx-aiohttp maps broken connections to ConnectTimeout too, so aiohttp's own
# error is asked where there is one.
_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
)

# The first that fits says what happened, in words without address or URL: those may hold a token.
_WORDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    ((aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, httpx.PoolTimeout), "no connection in time"),
    (aiohttp.ClientConnectorDNSError, "the host's name could not be resolved"),
    (aiohttp.ClientSSLError, "TLS failed"),
    ((aiohttp.ClientConnectorError, httpx.ConnectError), "could not connect"),
    (aiohttp.ServerDisconnectedError, "the connection was closed before an answer"),
    ((aiohttp.ClientPayloadError, httpx.RemoteProtocolError), "the answer broke off or is not HTTP"),
    ((aiohttp.ClientResponseError, HttpProcessingError, UnicodeError), "the answer is not HTTP"),
    ((httpx.DecodingError, zlib.error), "the answer's compression is broken"),
)


class UnreadableAnswerError(httpx.TransportError):
    """The answer is too large or compressed in a way that was not asked for or is broken."""


class _Request(httpx.Request):
    """A request made of ready parts: httpx's own constructor costs a third of the whole attempt.

    Host and Content-Length are left to the transport, which knows both.
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

    Half of it is for the connection: one that cannot be made is then known never to have carried the request.
    """

    __slots__ = ("_extensions", "_timeout", "_transport")

    def __init__(self, transport: httpx.AsyncBaseTransport, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._extensions = {"timeout": {"connect": timeout / 2, "pool": timeout / 2}}

    async def attempt(
        self, method: str, url: httpx.URL, headers: httpx.Headers, body: bytes, deadline: float | None = None
    ) -> Answer | Outcome:
        """The answer, or the outcome of having none. Raises nothing for what the other side or the network does.

        `deadline` (the loop's time) ends the attempt earlier, where it is only the last of what has to be done in time.
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
            return Outcome(Blame.VENDOR, message=f"no complete answer within {self._timeout:g} s", answer_lost=True)
        except _FAULTS as error:
            return _outcome_of(error)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


def default_transport(max_connections: int) -> httpx.AsyncBaseTransport:
    """Connections for production: TLS verified (SSL_CERT_FILE and SSL_CERT_DIR name other authorities), no proxy from
    the environment, no cookies, no redirects, and every request sent once.
    """
    tls = httpx.create_ssl_context()

    def session() -> aiohttp.ClientSession:
        # Made at the first request: it belongs to the loop that runs then.
        made = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=max_connections, ssl=tls, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        # A GET on a reused connection that breaks is sent again by aiohttp; a fire must not be.
        made._retry_connection = False  # noqa: SLF001 - there is no public switch; a test holds it
        return made

    return AiohttpTransport(verify=tls, trust_env=False, client=session)


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
    cause = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    return Outcome(Blame.VENDOR, message=_words(cause), answer_lost=not isinstance(cause, _NEVER_LEFT))


def _words(error: BaseException) -> str:
    if isinstance(error, UnreadableAnswerError):
        return str(error)
    certificate = getattr(error, "certificate_error", None)
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return f"the server's certificate was not accepted: {certificate.verify_message}"
    words = next((words for kind, words in _WORDS if isinstance(error, kind)), "the connection broke")
    number = getattr(error, "errno", None)
    return f"{words}: {os.strerror(number)}" if isinstance(number, int) and number > 0 else words
