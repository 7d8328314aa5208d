"""Faults of a real server on a real socket, through the transport of production."""

from __future__ import annotations

import asyncio
import gzip
import logging
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from connector.http.transport import Transport
from connector.model import ACCEPTED, Item, Outcome, OutcomeKind, Record
from connector.vendors.http_sink import HttpSink
from tests.support.sinks import mytracker_settings, opened, sailplay_settings
from tests.unit.http.raw_server import (
    HEAD,
    OK,
    Behaviour,
    drip,
    drip_head,
    encoded,
    hang,
    request_of,
    reset,
    reset_after_request,
    reset_before_request,
    saying,
    server,
)

# A deadline that only the tests which are about it reach.
PATIENT = 30.0
CERTIFICATE = Path(__file__).parent / "certificates" / "self-signed.pem"
SECRET = "s3cret-token"  # noqa: S105 - no vendor knows it


def mytracker(url: str, token_file: Path, timeout: float = PATIENT) -> HttpSink:
    return opened(mytracker_settings(url, token_file, app_id=1, timeout=f"{timeout}s", max_in_flight=4))


def sailplay_by_get(url: str, token_file: Path, timeout: float = PATIENT) -> HttpSink:
    section: dict[str, Any] = {"http_method": "get", "timeout": f"{timeout}s", "max_in_flight": 4}
    return opened(sailplay_settings(url, token_file, **section))


@pytest.fixture(params=[mytracker, sailplay_by_get])
def make(request: pytest.FixtureRequest) -> Callable[..., HttpSink]:
    maker: Callable[..., HttpSink] = request.param
    return maker


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(SECRET)
    return file


async def sent(sink: HttpSink, times: int = 1) -> list[Outcome]:
    """Send so often, one after the other, and close."""
    method, body = ("fire", b"event_key=k") if sink.name == "sailplay" else ("login", b'{"customUserId":"1"}')
    items = [Item(Record("t", 0, 0, -1, None, b"{}", ()), "r", method, body)]
    try:
        return [await sink.send(method, items) for _ in range(times)]
    finally:
        await sink.close()


Make = Callable[..., HttpSink]


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (reset_before_request, "connection"),
        (reset_after_request, "connection"),
        (saying(b""), "closed before an answer"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Ty"), "closed before an answer"),
        (saying(b"HTTP/1.1 100 Continue\r\n\r\n"), "closed before an answer"),
        (saying(b"\x16\x03\x01 garbage \xff\r\n\r\n"), "not HTTP"),
        (saying(b"220 mail.test ESMTP\r\n"), "not HTTP"),
        (saying(b"HTTP/1.1 abc OK\r\n\r\n"), "not HTTP"),
        (saying(HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}"), "not HTTP"),
        (saying(HEAD + b"X-Long: " + b"x" * 100_000), "not HTTP"),
        (saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000), "not HTTP"),
        (saying(HEAD + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n"), "not HTTP"),
    ],
)
async def test_an_answer_without_a_whole_head_is_the_vendors_and_may_have_taken_effect(
    make: Make, token_file: Path, behaviour: Behaviour, said: str
) -> None:
    async with server(behaviour) as url:
        (outcome,) = await sent(make(url, token_file))
    assert (outcome.kind, outcome.status, outcome.effect_unknown) == (OutcomeKind.UNAVAILABLE, None, True)
    assert said in outcome.message
    assert SECRET not in outcome.message
    assert "127.0.0.1" not in outcome.message


# What follows a whole head, and how it is broken.
BROKEN_BODIES = {
    "broken off": (b'Content-Length: 100\r\n\r\n{"status"', "broke off"),
    "chunks broken off": (b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"status"\r\n', "broke off"),
    "chunks that are none": (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "not HTTP"),
    "chunks that are none any more": (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n-1\r\n", "not HTTP"),
    "endless trailers": (
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X-Trailer: x\r\n" * 100_000,
        "over 1 MiB",
    ),
    "no gzip": (encoded(b"this is no gzip"), "compression is broken"),
    "gzip broken off": (encoded(gzip.compress(b'{"status": "ok"}')[:-6]), "compression is broken"),
    "a bomb": (encoded(gzip.compress(bytes(20_000_000))), "over 1 MiB"),
    "a bomb of members": (encoded(gzip.compress(bytes(400_000)) * 3), "over 1 MiB"),
    "an encoding that nobody asked for": (encoded(b"{}", b"br"), "not asked for"),
    "too large": (b"\r\n" + b" " * 1_100_000, "over 1 MiB"),
}
# Rule 4 by the status alone: whose fault it is, and whether the request may have taken effect.
BY_STATUS_ALONE = {
    200: (OutcomeKind.UNAVAILABLE, True),
    202: (OutcomeKind.UNAVAILABLE, True),
    301: (OutcomeKind.MISCONFIGURED, False),
    400: (OutcomeKind.UNAVAILABLE, False),
    401: (OutcomeKind.MISCONFIGURED, False),
    403: (OutcomeKind.MISCONFIGURED, False),
    404: (OutcomeKind.MISCONFIGURED, False),
    408: (OutcomeKind.UNAVAILABLE, False),
    413: (OutcomeKind.REJECTED, False),
    422: (OutcomeKind.REJECTED, False),
    425: (OutcomeKind.UNAVAILABLE, False),
    429: (OutcomeKind.UNAVAILABLE, False),
    500: (OutcomeKind.UNAVAILABLE, True),
    502: (OutcomeKind.UNAVAILABLE, True),
    503: (OutcomeKind.UNAVAILABLE, False),
    504: (OutcomeKind.UNAVAILABLE, True),
}


@pytest.mark.parametrize(
    ("broken", "statuses"),
    [("no gzip", BY_STATUS_ALONE), *((broken, (200, 403, 429)) for broken in BROKEN_BODIES if broken != "no gzip")],
)
async def test_a_broken_body_leaves_the_status_to_judge_by(
    make: Make, token_file: Path, broken: str, statuses: Iterable[int]
) -> None:
    body, said = BROKEN_BODIES[broken]
    for status in statuses:
        kind, effect_unknown = BY_STATUS_ALONE[status]
        head = b"HTTP/1.1 %d Whatever\r\nRetry-After: 7\r\n" % status
        async with server(saying(head + body)) as url:
            (outcome,) = await sent(make(url, token_file))
        assert (outcome.kind, outcome.status, outcome.effect_unknown) == (kind, status, effect_unknown)
        assert outcome.retry_after == 7.0
        assert said in outcome.message
        assert SECRET not in outcome.message


@pytest.mark.parametrize("status", [200, 403, 429, 503])
async def test_a_body_that_breaks_with_its_connection_leaves_the_status(
    make: Make, token_file: Path, status: int
) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 %d X\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\n{" % status)
        await writer.drain()
        await asyncio.sleep(0.05)
        reset(writer)

    async with server(broken) as url:
        (outcome,) = await sent(make(url, token_file))
    assert (outcome.kind, outcome.effect_unknown) == BY_STATUS_ALONE[status]
    assert (outcome.status, outcome.retry_after) == (status, 7.0)


async def test_a_body_that_takes_too_long_leaves_the_status(make: Make, token_file: Path) -> None:
    async def outcome_of(status: int) -> Outcome:
        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request_of(reader)
            writer.write(b"HTTP/1.1 %d X\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\n{" % status)
            await asyncio.Event().wait()

        async with server(slow) as url:
            (outcome,) = await sent(make(url, token_file, 1.5))
            return outcome

    statuses = (200, 403, 429, 503)
    for status, outcome in zip(statuses, await asyncio.gather(*map(outcome_of, statuses)), strict=True):
        assert (outcome.kind, outcome.effect_unknown) == BY_STATUS_ALONE[status]
        assert (outcome.status, outcome.retry_after) == (status, 7.0)
        assert "no complete answer within 1.5 s" in outcome.message


async def test_after_a_broken_body_the_next_request_has_a_connection_of_its_own(make: Make, token_file: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        await request_of(reader)

    async with server(serve) as url:
        first, second = await sent(make(url, token_file), 2)
    assert [first.status, second.status] == [503, 503]


@pytest.mark.parametrize(
    ("behaviour", "status", "said"),
    [
        (hang, None, "no complete answer within 1.5 s"),
        (drip_head, None, "no complete answer within 1.5 s"),
        (drip, 200, "HTTP 200 with a body that cannot be read: no complete answer within 1.5 s"),
    ],
)
async def test_one_deadline_holds_to_the_last_byte(
    make: Make, token_file: Path, behaviour: Behaviour, status: int | None, said: str
) -> None:
    async with server(behaviour) as url:
        (outcome,) = await sent(make(url, token_file, 1.5))
    assert outcome == Outcome(OutcomeKind.UNAVAILABLE, status, said, effect_unknown=True)


async def test_a_refused_connection_never_carried_the_request(make: Make, token_file: Path) -> None:
    async with server(hang) as url:
        pass
    (outcome,) = await sent(make(url, token_file))
    assert outcome == Outcome(OutcomeKind.UNAVAILABLE, message="could not connect: Connection refused")


async def test_a_name_that_does_not_resolve_never_carried_the_request(make: Make, token_file: Path) -> None:
    (outcome,) = await sent(make("https://vendor.invalid", token_file))
    assert (outcome.kind, outcome.effect_unknown) == (OutcomeKind.UNAVAILABLE, False)
    assert "could not be resolved" in outcome.message


async def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_request(
    make: Make, token_file: Path
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    async with server(saying(OK), tls) as url:
        (outcome,) = await sent(make(url, token_file))
    assert (outcome.kind, outcome.effect_unknown) == (OutcomeKind.UNAVAILABLE, False)
    assert "certificate was not accepted: self-signed certificate" in outcome.message


async def test_a_server_without_tls_never_gets_the_request(make: Make, token_file: Path) -> None:
    seen: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(100_000))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with server(plain) as url:
        (outcome,) = await sent(make(url.replace("http:", "https:"), token_file))
    assert (outcome.kind, outcome.effect_unknown) == (OutcomeKind.UNAVAILABLE, False)
    assert SECRET.encode() not in b"".join(seen)


async def test_a_connection_that_is_never_made_never_carried_the_request(make: Make, token_file: Path) -> None:
    """The server accepts and then says nothing to the TLS handshake."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    async with server(silent) as url:
        (outcome,) = await sent(make(url.replace("http:", "https:"), token_file, 0.5))
    assert outcome == Outcome(OutcomeKind.UNAVAILABLE, message="no connection in time")


async def test_a_deadline_that_ends_before_anything_was_written_leaves_no_doubt(token_file: Path) -> None:
    """Whoever set it, and however short it was beside the limit of the connection."""

    class Unlimited(Transport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            request.extensions["timeout"] = {}
            return await super().handle_async_request(request)

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    async with server(silent) as url:
        settings = mytracker_settings(url.replace("http:", "https:"), token_file, timeout="300ms", max_in_flight=1)
        sink = opened(settings, Unlimited(1, ssl.create_default_context()))
        item = Item(Record("t", 0, 0, -1, None, b"{}", ()), "r", "login", b'{"customUserId":"1"}')
        # One waits for the handshake of TLS, the other for a place among the connections.
        outcomes = await asyncio.gather(*(sink.send("login", [item]) for _ in range(2)))
        await sink.close()
    assert outcomes == [Outcome(OutcomeKind.UNAVAILABLE, message="no connection in time")] * 2


async def test_a_redirect_is_not_followed(make: Make, token_file: Path) -> None:
    asked: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_of(reader))
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with server(redirect) as url:
        (outcome,) = await sent(make(url, token_file))
    assert (outcome.kind, outcome.status, len(asked)) == (OutcomeKind.MISCONFIGURED, 302, 1)


async def test_a_page_of_html_is_not_the_vendors_word(make: Make, token_file: Path) -> None:
    page = b"<html>Please log in</html>"
    async with server(saying(HEAD + b"Content-Length: %d\r\n\r\n" % len(page) + page)) as url:
        (outcome,) = await sent(make(url, token_file))
    assert (outcome.kind, outcome.status, outcome.effect_unknown) == (OutcomeKind.UNAVAILABLE, 200, True)


async def test_a_reason_phrase_is_nobodys_business(make: Make, token_file: Path) -> None:
    """RFC 9112, 4: a client should ignore it; it may hold any bytes."""
    async with server(saying(OK.replace(b"200 OK", b"200 \xff\xfe"))) as url:
        assert await sent(make(url, token_file)) == [ACCEPTED]


async def test_a_connection_is_used_again_and_a_gzip_answer_is_read(make: Make, token_file: Path) -> None:
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            await request_of(reader)
            writer.write(HEAD + encoded(gzip.compress(b'{"status": "ok"}')))

    async with server(serve) as url:
        assert await sent(make(url, token_file), 3) == [ACCEPTED] * 3
    assert len(connections) == 1


async def test_a_request_on_a_connection_that_breaks_is_sent_once(make: Make, token_file: Path) -> None:
    """Many clients would send a GET again; a fire sent twice may give the points twice."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_of(reader))
        writer.write(OK)
        asked.append(await request_of(reader))
        reset(writer)

    async with server(serve) as url:
        first, second = await sent(make(url, token_file), 2)
    assert first is ACCEPTED
    assert second.effect_unknown
    assert len(asked) == 2


async def test_a_proxy_of_the_environment_is_ignored(
    make: Make, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(reset_before_request) as proxy, server(saying(OK)) as url:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert await sent(make(url, token_file)) == [ACCEPTED]


async def test_by_get_what_is_escaped_arrives_as_it_was(token_file: Path) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_of(reader))
        writer.write(OK)
        await writer.drain()

    body = b"event_key=a%20b&email=a%2Bb%40c.d&purchase_order_num=%D0%81%26%3D%23%25"
    item = Item(Record("t", 0, 0, -1, None, b"{}", ()), "r", "fire", body)
    async with server(serve) as url:
        sink = sailplay_by_get(url, token_file)
        assert await sink.send("fire", [item]) is ACCEPTED
        await sink.close()
    line = asked[0].split(b"\r\n")[0].decode()
    path, _, query = line.split()[1].partition("?")
    assert path == "/api/v2/events/fire/"
    assert parse_qs(query) == {
        "event_key": ["a b"],
        "email": ["a+b@c.d"],
        "purchase_order_num": ["\u0401&=#%"],
        "token": [SECRET],
        "store_department_id": ["11"],
    }


async def test_no_log_shows_the_url_or_the_token(
    make: Make, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for behaviour in (saying(OK), reset_after_request):
        async with server(behaviour) as url:
            await sent(make(url, token_file))
    assert SECRET not in caplog.text
    assert "/v1/" not in caplog.text
    assert "/api/" not in caplog.text
