"""The transport over a real socket: what it sends, which connections it keeps, and what it makes of unusual answers."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest
from aiohappyeyeballs import AddrInfoType

from connector import __version__
from connector.http import transport as transport_module
from connector.http.connection import UnreadableAnswerError
from connector.http.transport import Transport
from tests.unit.http.raw_server import HEAD, OK, hang, request_of, saying, server

CERTIFICATE = Path(__file__).parent / "certificates" / "self-signed.pem"


class Server:
    """Answers each request with the next of `answers` (the last of them for ever); counts connections and requests."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.connections = 0
        self.ended = asyncio.Event()  # the client has closed a connection

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                request = await request_of(reader)
                writer.write(self.answers[min(len(self.requests), len(self.answers) - 1)])
                self.requests.append(request)
        finally:
            self.ended.set()


def plain(max_connections: int = 4) -> Transport:
    return Transport(max_connections, ssl.create_default_context())


def post(url: str, body: bytes = b"{}", patience: float = 30.0) -> httpx.Request:
    extensions = {"timeout": {"connect": patience}}
    return httpx.Request("POST", f"{url}/path?a=b%20c", content=body, extensions=extensions)


async def body_of(transport: Transport, request: httpx.Request) -> tuple[int, bytes]:
    response = await transport.handle_async_request(request)
    return response.status_code, await response.aread()


# --- what is sent ------------------------------------------------------------------------------------------------


async def test_a_request_goes_out_as_it_is_with_one_host_and_its_length() -> None:
    vendor = Server(OK)
    async with server(vendor) as url, plain() as transport:
        headers = [("Authorization", "t"), ("Content-Length", "99"), ("Transfer-Encoding", "chunked")]
        request = httpx.Request("POST", f"{url}/p/?q=%D0%81&x#f", headers=headers, content=b"\x00\r\n\r\n{}")
        await transport.handle_async_request(request)
        await transport.handle_async_request(httpx.Request("POST", url))
        await transport.handle_async_request(httpx.Request("GET", url))
    host = url.removeprefix("http://").encode()
    agent = b"User-Agent: connector/" + __version__.encode()
    assert vendor.requests[0] == (
        b"POST /p/?q=%D0%81&x HTTP/1.1\r\nHost: " + host + b"\r\n" + agent + b"\r\nAuthorization: t\r\n"
        b"Content-Length: 7\r\n\r\n\x00\r\n\r\n{}"
    )
    lines = b" / HTTP/1.1\r\nHost: " + host + b"\r\n" + agent + b"\r\n"
    assert vendor.requests[1:] == [b"POST" + lines + b"Content-Length: 0\r\n\r\n", b"GET" + lines + b"\r\n"]


@pytest.mark.parametrize(
    ("method", "headers", "url", "error"),
    [
        ("POST", {"X-Bad": "a\r\nX-Injected: b"}, "http://127.0.0.1:1", ValueError),
        ("POST", {"X-Bad\n": "a"}, "http://127.0.0.1:1", ValueError),
        ("HEAD", {}, "http://127.0.0.1:1", ValueError),
        ("CONNECT", {}, "http://127.0.0.1:1", ValueError),
        ("POST", {}, "ftp://127.0.0.1:1", httpx.UnsupportedProtocol),
    ],
)
async def test_what_cannot_be_sent_right_is_not_sent(
    method: str, headers: dict[str, str], url: str, error: type[Exception]
) -> None:
    async with plain() as transport:
        with pytest.raises(error):
            await transport.handle_async_request(httpx.Request(method, url, headers=headers))


# --- unusual answers ---------------------------------------------------------------------------------------------

CHUNKED = HEAD + b'Transfer-Encoding: chunked\r\n\r\n3;ext="x"\r\n{"a\r\n4\r\n":1}\r\n0\r\nX-Trailer: x\r\n\r\n'
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "status", "body", "connections"),
    [
        pytest.param(OK, 200, b'{"status": "ok"}', 1, id="plain"),
        pytest.param(CHUNKED, 200, b'{"a":1}', 1, id="chunked, with an extension and a trailer"),
        pytest.param(INTERIM + OK, 200, b'{"status": "ok"}', 1, id="interim answers before"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", 1, id="no body"),
        pytest.param(
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b"", 1, id="no body, but a length"
        ),
        pytest.param(b"HTTP/1.1 099 None\r\nContent-Length: 2\r\n\r\n{}", 99, b"{}", 1, id="a status below all"),
        pytest.param(HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}", 2, id="the last one"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}", 2, id="1.0"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx", 101, b"", 2, id="upgrade"
        ),
        pytest.param(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", 200, b'{"status": "ok"}', 2, id="two"),
        pytest.param(OK + b"\x00garbage", 200, b'{"status": "ok"}', 2, id="garbage after it"),
    ],
)
async def test_an_answer_is_read_to_its_end_and_no_further(
    answer: bytes, status: int, body: bytes, connections: int
) -> None:
    vendor = Server(answer)
    async with server(vendor) as url, plain() as transport:
        for _ in range(2):
            assert await body_of(transport, post(url)) == (status, body)
    assert (vendor.connections, len(vendor.requests)) == (connections, 2)


@pytest.mark.parametrize("head", [HEAD, HEAD + b"Transfer-Encoding: gzip\r\n"])
async def test_an_answer_without_a_length_ends_with_its_connection(head: bytes) -> None:
    async with server(saying(head + b"\r\n{}")) as url, plain() as transport:
        assert await body_of(transport, post(url)) == (200, b"{}")


async def test_an_answer_that_comes_before_the_request_is_read_counts_and_ends_the_connection() -> None:
    """More than the sockets' buffers hold, to a server that reads none of it."""
    connections: list[asyncio.StreamWriter] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # a StreamReader reads ahead by itself
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        await asyncio.Event().wait()

    async with server(refuse) as url, plain() as transport:
        for _ in range(2):
            assert await body_of(transport, post(url, b"x" * 50_000_000)) == (413, b"")
    assert len(connections) == 2


# --- which connections are kept ------------------------------------------------------------------------------------


async def test_what_comes_while_nobody_asks_ends_the_connection() -> None:
    """Else it would be taken for the answer to the next request."""
    unasked, closed = asyncio.Event(), asyncio.Event()
    asked: list[bytes] = []

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_of(reader))
        writer.write(OK)
        if len(asked) == 1:
            await unasked.wait()
            writer.write(b"HTTP/1.1 500 Late\r\nContent-Length: 0\r\n\r\n")
        await reader.read()
        closed.set()

    async with server(babble) as url, plain() as transport:
        assert await body_of(transport, post(url)) == (200, b'{"status": "ok"}')
        unasked.set()
        await closed.wait()
        assert await body_of(transport, post(url)) == (200, b'{"status": "ok"}')
    assert len(asked) == 2


async def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    async with server(saying(OK)) as url, plain() as transport:
        await body_of(transport, post(url))
        (connection,) = transport._connections
        while connection.reusable:  # noqa: ASYNC110 - nobody is told when the loop has read the end
            await asyncio.sleep(0)
        assert await body_of(transport, post(url)) == (200, b'{"status": "ok"}')


async def test_nothing_is_sent_over_a_connection_that_closed_before_the_request() -> None:
    async with server(hang) as url, plain() as transport:
        origin = transport_module._origin(httpx.URL(url))
        connection = await transport._connect(origin)
        connection.abort()
        with pytest.raises(httpx.ConnectError):
            await connection.exchange(b"GET / HTTP/1.1\r\n\r\n")


async def test_a_connection_is_closed_when_it_has_been_idle_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "KEEP_ALIVE_SECONDS", 0.01)
    vendor = Server(OK)
    async with server(vendor) as url, plain() as transport:
        await body_of(transport, post(url))
        await vendor.ended.wait()
        assert not transport._connections
        assert transport._sweep is None


async def test_a_connection_that_has_been_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late the loop comes to closing it: a machine may have slept meanwhile."""
    vendor = Server(OK)
    async with server(vendor) as url, plain() as transport:
        await body_of(transport, post(url))
        (connection,) = transport._connections
        connection.idle_since -= transport_module.KEEP_ALIVE_SECONDS
        await body_of(transport, post(url))
    assert vendor.connections == 2


async def test_a_connection_leads_to_one_server_only() -> None:
    one, other = Server(OK), Server(OK)
    async with server(one) as url, server(other) as elsewhere, plain() as transport:
        for _ in range(2):
            await body_of(transport, post(url))
            await body_of(transport, post(elsewhere))
    assert (len(one.requests), one.connections) == (2, 1)
    assert (len(other.requests), other.connections) == (2, 1)


async def test_there_are_at_most_so_many_connections_and_who_comes_later_waits() -> None:
    full, go = asyncio.Event(), asyncio.Event()
    open_now = most = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        if open_now == 2:
            full.set()
        try:
            while True:
                await request_of(reader)
                await go.wait()
                writer.write(OK)
        finally:
            open_now -= 1

    async with server(slow) as url, plain(2) as transport:
        tasks = [asyncio.create_task(body_of(transport, post(url))) for _ in range(6)]
        await full.wait()
        with pytest.raises(httpx.ConnectTimeout):
            await body_of(transport, post(url, patience=0.1))
        go.set()
        assert await asyncio.gather(*tasks) == [(200, b'{"status": "ok"}')] * 6
    assert most == 2


async def test_who_gives_up_takes_the_connection_along_and_leaves_the_place() -> None:
    async with server(hang) as url, plain(1) as transport:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await body_of(transport, post(url))
        assert not transport._connections
    vendor = Server(OK)
    async with server(vendor) as url, plain(1) as transport:
        await body_of(transport, post(url))
        assert await body_of(transport, post(url)) == (200, b'{"status": "ok"}')
    assert vendor.connections == 1


async def test_closing_ends_what_is_under_way() -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await request_of(reader)
        asked.set()
        await reader.read()

    async with server(silent) as url, plain() as transport:
        task = asyncio.create_task(body_of(transport, post(url)))
        await asked.wait()
        await transport.aclose()
        with pytest.raises(UnreadableAnswerError, match="closed before an answer"):
            await task


# --- how a connection is made ------------------------------------------------------------------------------------


async def test_an_address_where_nobody_listens_gives_way_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(saying(OK)) as gone:
        pass
    async with server(saying(OK)) as url, plain() as transport:
        origins = [transport_module._origin(httpx.URL(each)) for each in (gone, url)]
        addresses = [address for each in origins for address in await transport_module._addresses(each)]

        async def both(_: object) -> list[AddrInfoType]:
            return addresses

        monkeypatch.setattr(transport_module, "_addresses", both)
        assert await body_of(transport, post(url)) == (200, b'{"status": "ok"}')


async def test_a_name_that_is_none_never_carried_the_request() -> None:
    async with plain() as transport:
        with pytest.raises(httpx.ConnectError):
            await transport.handle_async_request(post(f"http://{'a' * 64}.test"))


async def test_over_tls_a_server_with_the_right_certificate_is_spoken_to_and_a_connection_kept() -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(CERTIFICATE)
    vendor = Server(OK)
    async with (
        server(vendor, serving) as url,
        Transport(2, ssl.create_default_context(cafile=str(CERTIFICATE))) as transport,
    ):
        for _ in range(3):
            assert await body_of(transport, post(url)) == (200, b'{"status": "ok"}')
        with pytest.raises(httpx.ConnectError) as raised:
            await body_of(transport, post(url.replace("127.0.0.1", "localhost")))
        assert isinstance(raised.value.__cause__, ssl.SSLCertVerificationError)
    assert len(vendor.requests) == 3
    assert vendor.connections == 1
