"""The sink contract, held by both vendors over a mock transport."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from connector.model import ACCEPTED, OutcomeKind
from connector.secrets import Secret
from connector.vendors.http_sink import HttpSink
from tests.unit.vendors.mocked import OK, TOKEN, Handler, item, keep, mytracker, sailplay

MakeSink = Callable[[Handler], HttpSink]

SINKS: dict[str, Callable[[Handler, Path], HttpSink]] = {
    "mytracker": mytracker,
    "sailplay by post": sailplay,
    "sailplay by get": lambda handler, file: sailplay(handler, file, "get"),
}


@pytest.fixture(params=SINKS)
def make(request: pytest.FixtureRequest, token_file: Path) -> MakeSink:
    return lambda handler: SINKS[request.param](handler, token_file)


def method_of(sink: HttpSink) -> str:
    return "fire" if sink.name == "sailplay" else "customEvent"


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
async def test_a_body_that_cannot_be_read_leaves_the_status(make: MakeSink, content: bytes, encoding: str) -> None:
    stream = httpx.ByteStream(content)
    for status, kind, effect_unknown in [
        (200, OutcomeKind.UNAVAILABLE, True),
        (403, OutcomeKind.MISCONFIGURED, False),
        (429, OutcomeKind.UNAVAILABLE, False),
    ]:
        response = httpx.Response(status, stream=stream, headers={"content-encoding": encoding})
        sink = make(lambda _, response=response: response)  # type: ignore[misc]
        outcome = await sink.send(method_of(sink), [item(b"{}")])
        assert (outcome.kind, outcome.status, outcome.effect_unknown) == (kind, status, effect_unknown)


@pytest.mark.parametrize("fault", [httpx.ReadError("x"), httpx.DecodingError("x"), ConnectionResetError(104, "x")])
async def test_a_body_that_breaks_while_it_is_read_leaves_the_status(make: MakeSink, fault: Exception) -> None:
    """As any transport behind httpx's interface may stream it."""

    class Breaking(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            raise fault

    sink = make(lambda _: httpx.Response(503, stream=Breaking(), headers={"retry-after": "7"}))
    outcome = await sink.send(method_of(sink), [item(b"{}")])
    assert (outcome.status, outcome.effect_unknown, outcome.retry_after) == (503, False, 7.0)


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
        (httpx.StreamClosed(), True),
        (ConnectionResetError(104, "x"), True),
        (TimeoutError(), True),
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
    assert (outcome.kind, outcome.status, outcome.effect_unknown) == (OutcomeKind.UNAVAILABLE, None, lost)
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
    assert (await sink.send(method_of(sink), [item(b"{}")])).kind is OutcomeKind.MISCONFIGURED
    assert len(asked) == 1


async def test_without_a_token_nothing_is_sent_and_it_is_said(make: MakeSink, token_file: Path) -> None:
    keep(token_file, None)
    sink = make(answering(200, json=OK))
    assert "cannot be read" in (sink.credentials_ready() or "")
    outcome = await sink.send(method_of(sink), [item(b"{}")])
    assert (outcome.kind, outcome.status, outcome.effect_unknown) == (OutcomeKind.MISCONFIGURED, None, False)
    keep(token_file, TOKEN)
    assert sink.credentials_ready() is None
    assert await sink.send(method_of(sink), [item(b"{}")]) is ACCEPTED


async def test_a_token_with_a_line_break_inside_is_said_and_not_sent(make: MakeSink, token_file: Path) -> None:
    keep(token_file, "s3cret\nX-Injected: 1")
    sink = make(answering(200, json=OK))
    outcome = await sink.send(method_of(sink), [item(b"{}")])
    assert outcome.kind is OutcomeKind.MISCONFIGURED
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
        assert (await sink.send(method_of(sink), [item(b"{}")])).kind is OutcomeKind.MISCONFIGURED
    assert len(reads) == 2


async def test_an_answer_that_echoes_the_token_is_masked(make: MakeSink) -> None:
    sink = make(
        lambda request: httpx.Response(403, text=f"{request.url} {request.content!r} {request.headers} {TOKEN}")
    )
    message = (await sink.send(method_of(sink), [item(b"{}")])).message
    assert "***" in message
    assert "s3cret" not in message
