"""What both simulated vendors share: the HTTP server, the control API, faults and the ledger.

The control API, beside the vendor's own paths:

  GET /_ledger             {"summary": {...}, "events": [...], "next": N or null}; everything that was accepted
  GET /_ledger?summary=1   {"summary": {...}} alone
  GET /_ledger?after=N&limit=M   at most M events after arrival number N; `next` is the `after` of the next page
  POST /_faults            one order or a list of them:
    {"kind": K, "times": 1 or "until_reset", "match": {"method": "loginBatch", "contains": "user-7"},
     "apply": "before" or "after" (the request took effect), "probability": 0.5, "seed": 1, "latency_ms": 200,
     "status": 503, "headers": {"Retry-After": "5"}, "body": text or JSON}
    {"revoke_token": true}   no token is valid any more
    {"tokens": ["..."]}      these are valid from now on, and no others
  GET /_faults             what is due; the kinds and what each does
  DELETE /_faults          forgets what is due; tokens stay as they are
  POST /_reset             empties the ledger, forgets faults, restores tokens; may say {"tokens": [...],
                           "latency_ms": N (of every answer)} and what the vendor knows besides (SailPlay: "events")

All of a fault's keys but `kind` may be left out (kind status needs `status`, kind latency needs `latency_ms`). The
first fault in order that matches spoils the answer. With `latency_ms` any kind waits first. A request whose client
hangs up while it waits before taking effect takes none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self

import orjson
from aiohttp import web

from connector.clock import Clock, SystemClock
from connector.simulators.faults import KINDS, Fault, FaultError, Faults, number_from, parse_fault
from connector.simulators.ledger import Ledger
from connector.simulators.spoiling import GoneError, reset, spoil

_PAGE = 1000  # events written before other requests get a turn
_STOP_WITHIN = 0.2  # seconds that requests in flight get when the simulator ends


class Call(NamedTuple):
    """One request as a vendor's rules see it. `number` counts requests, from 1."""

    number: int
    method: str  # the vendor's method that the path names, "" if it names none
    request: web.BaseRequest
    body: bytes


class Simulator:
    """A vendor on 127.0.0.1; `async with` starts and ends it.

    Port 0 takes any free one; `url` tells which. `close()` makes the port refuse connections and `start()` opens the
    same one again, with ledger and faults as they were.
    """

    vendor: ClassVar[str]

    def __init__(self, port: int, tokens: Iterable[str], clock: Clock | None = None) -> None:
        self.port = port
        self.ledger = Ledger()
        self.faults = Faults()
        self.tokens = set(tokens)
        self._first_tokens = frozenset(self.tokens)
        self._clock = clock or SystemClock()
        self._latency = 0.0
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None
        self._controls: dict[tuple[str, str], Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]] = {
            ("GET", "/_ledger"): self._show_ledger,
            ("GET", "/_faults"): self._show_faults,
            ("POST", "/_faults"): self._add_faults,
            ("DELETE", "/_faults"): self._clear_faults,
            ("POST", "/_reset"): self._start_anew,
        }

    @property
    def url(self) -> str:
        """The base URL that a sink is configured with."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        # Bodies stay as they were sent: neither vendor's document knows compressed requests. What waits for a client
        # that has gone is cancelled.
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None, auto_decompress=False)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=_STOP_WITHIN)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening and end all connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def order(self, orders: Any, sparing: asyncio.BaseTransport | None = None) -> None:
        """Take what `POST /_faults` takes: an order or a list of them. Raises FaultError; then none was taken.

        `sparing` is the connection that brought the order: an outage leaves it so that it can be answered.
        """
        listed = orders if isinstance(orders, list) else [orders]
        faults: list[Fault] = []
        tokens: set[str] | None = None
        for index, order in enumerate(listed):
            where = f"faults[{index}]" if isinstance(orders, list) else "fault"
            if not isinstance(order, dict):
                raise FaultError(f"{where} must be an object")
            if "revoke_token" in order or "tokens" in order:
                tokens = _tokens_ordered(order, where)
            else:
                faults.append(parse_fault(order, where))
        self.faults.add(faults)
        if tokens is not None:
            self.tokens = tokens
        if any(fault.kind == "outage" and fault.method is None for fault in faults):
            self._cut_connections(sparing)

    def reset(self, options: Mapping[str, Any] | None = None) -> None:
        """Do what `POST /_reset` does. Raises FaultError; then nothing was changed."""
        options = options or {}
        known = {"tokens", "latency_ms", *self.seeds()}
        for key in options:
            if key not in known:
                raise FaultError(f"{key} is unknown; known are {', '.join(sorted(known))}")
        tokens = _texts(options["tokens"], "tokens") if "tokens" in options else self._first_tokens
        latency = number_from(options.get("latency_ms", 0), "latency_ms") / 1000
        self.seed(options)
        self.tokens = set(tokens)
        self._latency = latency
        self.ledger = Ledger()
        self.faults.clear()

    # What a vendor adds.

    def hints(self) -> Iterable[str]:
        """Lines for people: what a configuration must name besides the token to be accepted."""
        return ()

    def seeds(self) -> Iterable[str]:
        """The keys of `POST /_reset` that this vendor knows besides."""
        return ()

    def seed(self, options: Mapping[str, Any]) -> None:
        """Start anew with what those keys say. Raises FaultError."""

    def method_of(self, path: str) -> str:
        """The vendor's method that a path names, "" if it names none."""
        raise NotImplementedError

    def content_of(self, call: Call) -> str:
        """What a fault's `contains` is looked for in."""
        return call.body.decode(errors="replace")

    def answer(self, call: Call) -> web.Response:
        """Apply the vendor's rules; accepted events are in the ledger when this returns."""
        raise NotImplementedError

    # Requests.

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/_"):
            return await self._control(request)
        ledger = self.ledger
        number = ledger.arrived()
        try:
            return await self._respond(number, request)
        except GoneError:
            return _Unsent()
        except web.HTTPException as refusal:
            ledger.answered(refusal.status)
            raise
        finally:
            ledger.left()

    async def _respond(self, number: int, request: web.BaseRequest) -> web.Response:
        method = self.method_of(request.path)
        if self.faults and self.faults.take_outage(method):
            self.ledger.faulted("outage")
            reset(request.transport)
            raise GoneError
        call = Call(number, method, request, await request.read())
        if self._latency:
            await asyncio.sleep(self._latency)
        fault = self.faults.take(method, self.content_of(call)) if self.faults else None
        if fault is None:
            response = self.answer(call)
        else:
            self.ledger.faulted(fault.kind)
            response = await self._faulty_response(fault, call)
        self.ledger.answered(response.status)
        return response

    async def _faulty_response(self, fault: Fault, call: Call) -> web.Response:
        proper = self.answer(call) if fault.after else None
        if fault.kind != "drip":
            await asyncio.sleep(fault.latency)
        if fault.kind == "latency":
            return proper or self.answer(call)
        return await spoil(fault, call.request)

    def _cut_connections(self, sparing: asyncio.BaseTransport | None) -> None:
        if self._server is not None:
            for connection in self._server.connections:
                if connection.transport is not sparing:
                    reset(connection.transport)

    # The control API.

    async def _control(self, request: web.BaseRequest) -> web.StreamResponse:
        handler = self._controls.get((request.method, request.path))
        if handler is None:
            known = ", ".join(f"{method} {path}" for method, path in self._controls)
            return _json({"error": f"{request.method} {request.path} is unknown; known are {known}"}, status=404)
        try:
            return await handler(request)
        except FaultError as error:
            return _json({"error": str(error)}, status=400)

    async def _show_faults(self, _request: web.BaseRequest) -> web.Response:
        return _json({"faults": self.faults.as_json(), "kinds": dict(KINDS)})

    async def _add_faults(self, request: web.BaseRequest) -> web.Response:
        self.order(_parsed(await request.read()), sparing=request.transport)
        return _json({"faults": self.faults.as_json()})

    async def _clear_faults(self, _request: web.BaseRequest) -> web.Response:
        self.faults.clear()
        return _json({"faults": []})

    async def _start_anew(self, request: web.BaseRequest) -> web.Response:
        options = _parsed(await request.read() or b"{}")
        if not isinstance(options, dict):
            raise FaultError("the body must be an object, or empty")
        self.reset(options)
        return _json({"reset": True})

    async def _show_ledger(self, request: web.BaseRequest) -> web.StreamResponse:
        ledger = self.ledger
        summary = ledger.summary()
        if request.query.get("summary") == "1":
            return _json({"summary": summary})
        after = _whole(request.query.get("after", "0"), "after")
        limit = _whole(request.query["limit"], "limit") if "limit" in request.query else summary["events"]
        last = min(after + limit, summary["events"])
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"summary":%b,"events":[' % orjson.dumps(summary))
        for start in range(after, last, _PAGE):
            page = [entry.as_json() for entry in ledger.after(start, min(_PAGE, last - start))]
            await response.write((b"," if start > after else b"") + orjson.dumps(page)[1:-1])
            await asyncio.sleep(0)
        await response.write(b'],"next":%b}\n' % (b"%d" % last if last < summary["events"] else b"null"))
        await response.write_eof()
        return response


class _Unsent(web.Response):
    """No answer: to the server a client that has gone. uvloop would still write one after an abort."""

    async def prepare(self, request: web.BaseRequest) -> None:  # noqa: ARG002 - called by the server
        raise ConnectionResetError


def _tokens_ordered(order: dict[str, Any], where: str) -> set[str]:
    if len(order) != 1:
        raise FaultError(f"{where} must hold revoke_token or tokens alone")
    if "tokens" in order:
        return _texts(order["tokens"], f"{where}.tokens")
    if order["revoke_token"] is not True:
        raise FaultError(f"{where}.revoke_token must be true")
    return set()


def _texts(value: Any, where: str) -> set[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise FaultError(f"{where} must be a list of texts")
    return set(value)


def _whole(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise FaultError(f"{where} must be a whole number from 0")
    return int(text)


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FaultError(f"the body is not JSON: {error}") from None


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value) + b"\n", content_type="application/json")
