"""The sink contract, held by both vendors over a mock transport; and what each sends to the byte."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs

import aiohttp
import httpx
import pytest

from connector.clock import SystemClock
from connector.model import ACCEPTED, Blame, Item, Record
from connector.secrets import Secret
from connector.sinks.base import Sink
from connector.sinks.catalogue import VENDOR_LIMITS
from connector.sinks.mytracker import MyTrackerSink
from connector.sinks.sailplay import SailPlaySink

Handler = Callable[[httpx.Request], httpx.Response]
MakeSink = Callable[[Handler], Sink]

RECORD = Record("t", 0, 0, -1, None, b"{}", ())
TOKEN = "s3cret+token/1"  # noqa: S105 - no vendor knows it
OK = {"message": "\u041eK", "status": "ok"}


def item(body: bytes, method: str = "customEvent") -> Item:
    return Item(RECORD, "route", method, body)


def keep(file: Path, text: str | None) -> None:
    """Put a token into its file; None takes the file away."""
    if text is None:
        file.unlink()
    else:
        file.write_text(text)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    keep(file, TOKEN)
    return file


def mytracker(handler: Handler, token_file: Path) -> MyTrackerSink:
    return MyTrackerSink(
        name="m",
        base_url="https://tracker.test/",
        app_id=666,
        token=Secret.from_file(token_file),
        limits=VENDOR_LIMITS["mytracker"],
        timeout=5,
        transport=httpx.MockTransport(handler),
        clock=SystemClock(),
    )


def sailplay(handler: Handler, token_file: Path, http_method: Literal["post", "get"] = "post") -> SailPlaySink:
    return SailPlaySink(
        name="s",
        base_url="https://sailplay.test",
        store_department_id=11,
        token=Secret.from_file(token_file),
        http_method=http_method,
        timeout=5,
        retry_codes={"-4000": 600.0},
        transport=httpx.MockTransport(handler),
        clock=SystemClock(),
    )


SINKS: dict[str, Callable[[Handler, Path], Sink]] = {
    "mytracker": mytracker,
    "sailplay by post": sailplay,
    "sailplay by get": lambda handler, file: sailplay(handler, file, "get"),
}


@pytest.fixture(params=SINKS)
def make(request: pytest.FixtureRequest, token_file: Path) -> MakeSink:
    return lambda handler: SINKS[request.param](handler, token_file)


def method_of(sink: Sink) -> str:
    return "fire" if isinstance(sink, SailPlaySink) else "customEvent"


def answering(status: int, **content: object) -> Handler:
    return lambda _: httpx.Response(status, **content)  # type: ignore[arg-type]  # whatever a Response takes


async def test_an_accepted_request_is_nobodys_fault(make: MakeSink) -> None:
    sink = make(answering(200, json=OK))
    assert await sink.send(method_of(sink), [item(b"{}")]) is ACCEPTED


async def test_an_answer_may_be_gzipped(make: MakeSink) -> None:
    body = gzip.compress(b'{"status": "ok"}')
    sink = make(answering(200, stream=httpx.ByteStream(body), headers={"content-encoding": "gzip"}))
    assert await sink.send(method_of(sink), [item(b"{}")]) is ACCEPTED


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"not gzip", "gzip"),
        (gzip.compress(b"{}")[:-4], "gzip"),
        (gzip.compress(b"{}") + b"more", "gzip"),
        (gzip.compress(bytes(1024 * 1024 + 1)), "gzip"),
        (b"{}", "br"),
        (bytes(1024 * 1024 + 1), "identity"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_the_vendors(make: MakeSink, content: bytes, encoding: str) -> None:
    stream = httpx.ByteStream(content)
    sink = make(lambda _: httpx.Response(200, stream=stream, headers={"content-encoding": encoding}))
    outcome = await sink.send(method_of(sink), [item(b"{}")])
    assert (outcome.blame, outcome.status, outcome.answer_lost) == (Blame.VENDOR, None, True)


@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        (httpx.ConnectError("x"), False),
        (httpx.ConnectTimeout("x"), False),
        (httpx.PoolTimeout("x"), False),
        (httpx.ReadTimeout("x"), True),
        (httpx.WriteTimeout("x"), True),
        (httpx.ReadError("x"), True),
        (httpx.WriteError("x"), True),
        (httpx.RemoteProtocolError("x"), True),
        (httpx.DecodingError("x"), True),
        (aiohttp.ClientResponseError(None, ()), True),  # type: ignore[arg-type]  # no request to tell of
        (aiohttp.ServerDisconnectedError(), True),
        (aiohttp.ClientPayloadError("x"), True),
        (ConnectionResetError(104, "x"), True),
        (TimeoutError(), True),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "x"), True),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_fault_of_the_transport_is_an_outcome_without_its_text(
    make: MakeSink, fault: Exception, lost: bool
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        fault.args = (*fault.args, str(request.url))
        raise fault

    sink = make(fail)
    outcome = await sink.send(method_of(sink), [item(b"{}")])
    assert (outcome.blame, outcome.status, outcome.answer_lost) == (Blame.VENDOR, None, lost)
    assert outcome.message
    assert "test" not in outcome.message
    assert "s3cret" not in outcome.message


async def test_a_mistake_in_the_code_is_not_taken_for_the_vendors(make: MakeSink) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise KeyError("mistake")

    sink = make(fail)
    with pytest.raises(KeyError):
        await sink.send(method_of(sink), [item(b"{}")])


async def test_cancellation_passes_through(token_file: Path) -> None:
    entered = asyncio.Event()

    class Hanging(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            entered.set()
            await asyncio.Event().wait()
            raise AssertionError

    sink = mytracker(answering(200), token_file)
    sink._client._transport = Hanging()
    task = asyncio.create_task(sink.send("login", [item(b"{}")]))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_redirect_is_not_followed(make: MakeSink) -> None:
    asked: list[str] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(307, headers={"location": "https://elsewhere.test/"})

    sink = make(redirect)
    assert (await sink.send(method_of(sink), [item(b"{}")])).blame is Blame.OURS
    assert len(asked) == 1


async def test_without_a_token_nothing_is_sent_and_it_is_said(make: MakeSink, token_file: Path) -> None:
    keep(token_file, None)
    sink = make(answering(200, json=OK))
    assert "cannot be read" in (sink.credentials_ready() or "")
    outcome = await sink.send(method_of(sink), [item(b"{}")])
    assert (outcome.blame, outcome.status, outcome.answer_lost) == (Blame.OURS, None, False)
    keep(token_file, TOKEN)
    assert sink.credentials_ready() is None
    assert await sink.send(method_of(sink), [item(b"{}")]) is ACCEPTED


async def test_a_token_with_a_line_break_inside_is_said_and_not_sent(make: MakeSink, token_file: Path) -> None:
    keep(token_file, "s3cret\nX-Injected: 1")
    sink = make(answering(200, json=OK))
    outcome = await sink.send(method_of(sink), [item(b"{}")])
    assert outcome.blame is Blame.OURS
    assert "one line of visible ASCII" in outcome.message
    assert "s3cret" not in outcome.message


@pytest.mark.parametrize(
    ("kind", "status", "content"),
    [
        *((kind, status, {}) for kind in SINKS for status in (401, 403)),
        ("sailplay by post", 200, {"status": "error", "status_code": -7}),
        ("sailplay by get", 200, {"status": "error", "status_code": "-7"}),
    ],
)
async def test_a_rejected_token_is_read_again(
    kind: str, status: int, content: object, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Secret] = []
    read = Secret.read

    def counted(secret: Secret) -> str:
        reads.append(secret)
        return read(secret)

    monkeypatch.setattr(Secret, "read", counted)
    sink = SINKS[kind](answering(status, json=content), token_file)
    for _ in range(2):
        assert (await sink.send(method_of(sink), [item(b"{}")])).blame is Blame.OURS
    assert len(reads) == 2


async def test_an_answer_that_echoes_the_token_is_masked(make: MakeSink) -> None:
    sink = make(
        lambda request: httpx.Response(403, text=f"{request.url} {request.content!r} {request.headers} {TOKEN}")
    )
    message = (await sink.send(method_of(sink), [item(b"{}")])).message
    assert "***" in message
    assert "s3cret" not in message


class Recorded:
    """A handler that keeps the last request and accepts."""

    request: httpx.Request

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.request = request
        return httpx.Response(200, json=OK)


@pytest.mark.parametrize("method", ["registration", "login", "customEvent", "customRevenue"])
async def test_mytracker_gets_the_items_as_one_array_by_the_batch_form(token_file: Path, method: str) -> None:
    seen = Recorded()
    await mytracker(seen, token_file).send(method, [item(b'{"a":1}', method), item(b'{"b":2}', method)])
    assert seen.request.method == "POST"
    assert str(seen.request.url) == f"https://tracker.test/v1/{method}Batch/?idApp=666"
    assert seen.request.content == b'[{"a":1},{"b":2}]'
    assert seen.request.headers["authorization"] == TOKEN
    assert seen.request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("size", "form", "sent"),
    [(9_998, "customEventBatch", 10_000), (9_999, "customEvent", 9_999), (10_000, "customEvent", 10_000)],
)
async def test_mytrackers_single_form_takes_what_only_the_arrays_brackets_make_too_large(
    token_file: Path, size: int, form: str, sent: int
) -> None:
    seen = Recorded()
    await mytracker(seen, token_file).send("customEvent", [item(b"x" * size)])
    assert seen.request.url.path == f"/v1/{form}/"
    assert len(seen.request.content) == sent


async def test_mytracker_takes_a_new_token_for_the_next_request(token_file: Path) -> None:
    seen = Recorded()
    sink = mytracker(seen, token_file)
    await sink.send("login", [item(b"{}")])
    keep(token_file, "renewed")
    await sink.send("login", [item(b"{}")])
    assert seen.request.headers["authorization"] == "renewed"


ACCOUNT = {"token": [TOKEN], "store_department_id": ["11"]}


async def test_sailplay_by_post_sends_a_form_and_no_token_in_the_url(token_file: Path) -> None:
    seen = Recorded()
    await sailplay(seen, token_file).send("fire", [item(b"event_key=k&email=a%2Bb%40c.d")])
    assert seen.request.method == "POST"
    assert str(seen.request.url) == "https://sailplay.test/api/v2/events/fire/"
    assert seen.request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(seen.request.content.decode()) == {"event_key": ["k"], "email": ["a+b@c.d"], **ACCOUNT}


async def test_sailplay_by_get_sends_everything_in_the_url(token_file: Path) -> None:
    seen = Recorded()
    await sailplay(seen, token_file, "get").send("fire", [item(b"event_key=k&email=a%2Bb%40c.d")])
    assert seen.request.method == "GET"
    assert seen.request.content == b""
    assert seen.request.url.path == "/api/v2/events/fire/"
    assert parse_qs(seen.request.url.query.decode()) == {"event_key": ["k"], "email": ["a+b@c.d"], **ACCOUNT}
