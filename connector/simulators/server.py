"""The base of all simulated vendors: the HTTP server, faults on request, rate limit, ledger of accepted events."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self

from aiohttp import web

from connector.clock import Clock, SystemClock
from connector.simulators.control import Control
from connector.simulators.faults import Fault, FaultError, Faults, number_from, parse_fault
from connector.simulators.faulty_responses import ConnectionEndedError, faulty_response, reset_connection
from connector.simulators.ledger import Ledger

_STOP_WITHIN = 0.2  # seconds that requests in flight get when the simulator ends


class Call(NamedTuple):
    """One request as a vendor's rules see it. `number` counts requests, from 1."""

    number: int
    method: str  # the vendor's method that the path names, "" if it names none
    request: web.BaseRequest
    body: bytes


class Simulator(ABC):
    """A vendor on 127.0.0.1; `async with` starts and ends it.

    Port 0 takes any free one; `url` has it. `close()` makes the port refuse connections and `start()` opens the same
    one again, with ledger and faults as they were.
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
        self._control = Control(self)

    @property
    def url(self) -> str:
        """Return the base URL that a sink is configured with."""
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
        """Apply the body of `POST /_faults`: an order or a list of them. Raises FaultError; then no order was applied.

        `sparing` is the connection that brought the order: an outage leaves it open so that it can be answered.
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
        self.faults.schedule(faults)
        if tokens is not None:
            self.tokens = tokens
        if any(fault.kind == "outage" and fault.method is None for fault in faults):
            self._cut_connections(sparing)

    def reset(self, options: Mapping[str, Any] | None = None) -> None:
        """Apply the body of `POST /_reset`. Raises FaultError; then nothing was changed."""
        options = options or {}
        known = {"tokens", "latency_ms", *self.reset_options()}
        for key in options:
            if key not in known:
                raise FaultError(f"{key} is unknown; known are {', '.join(sorted(known))}")
        tokens = _texts(options["tokens"], "tokens") if "tokens" in options else self._first_tokens
        latency = number_from(options.get("latency_ms", 0), "latency_ms") / 1000
        self.reset_state(options)
        self.tokens = set(tokens)
        self._latency = latency
        self.ledger = Ledger()
        self.faults.clear()

    # What a vendor adds.

    def configuration_hints(self) -> Iterable[str]:
        """Yield lines for people: what a configuration must name, beside the token, to be accepted."""
        return ()

    def reset_options(self) -> Iterable[str]:
        """Return the keys of `POST /_reset` that only this vendor has."""
        return ()

    def reset_state(self, options: Mapping[str, Any]) -> None:  # noqa: B027 - only some vendors have more to reset
        """Start over with the values of those keys. Raises FaultError."""

    @abstractmethod
    def method_of(self, path: str) -> str:
        """Return the vendor's method that a path names, "" if it names none."""

    def content_of(self, call: Call) -> str:
        """Return the text in which a fault's `contains` is searched."""
        return call.body.decode(errors="replace")

    @abstractmethod
    def apply_rules(self, call: Call) -> web.Response:
        """Return the vendor's answer; accepted events are in the ledger when this returns."""

    # Requests.

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/_"):
            return await self._control.handle(request)
        ledger = self.ledger
        number = ledger.request_started()
        try:
            return await self._respond(number, request)
        except ConnectionEndedError:
            return _Unsent()
        except web.HTTPException as refusal:
            ledger.count_answer(refusal.status)
            raise
        finally:
            ledger.request_finished()

    async def _respond(self, number: int, request: web.BaseRequest) -> web.Response:
        method = self.method_of(request.path)
        if self.faults and self.faults.next_outage(method):
            self.ledger.count_fault("outage")
            reset_connection(request.transport)
            raise ConnectionEndedError
        call = Call(number, method, request, await request.read())
        if self._latency:
            await asyncio.sleep(self._latency)
        fault = self.faults.next_fault(method, self.content_of(call)) if self.faults else None
        if fault is None:
            response = self.apply_rules(call)
        else:
            self.ledger.count_fault(fault.kind)
            response = await self._faulty_response(fault, call)
        self.ledger.count_answer(response.status)
        return response

    async def _faulty_response(self, fault: Fault, call: Call) -> web.Response:
        proper = self.apply_rules(call) if fault.after else None
        if fault.kind != "drip":
            await asyncio.sleep(fault.latency)
        if fault.kind == "latency":
            return proper or self.apply_rules(call)
        return await faulty_response(fault, call.request)

    def _cut_connections(self, sparing: asyncio.BaseTransport | None) -> None:
        if self._server is not None:
            for connection in self._server.connections:
                if connection.transport is not sparing:
                    reset_connection(connection.transport)


class _Unsent(web.Response):
    """No answer, so that the server treats the client as gone. uvloop would still write one after an abort."""

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


class RateLimit:
    """At most `most` requests in any second (0: any number); refused ones count, too."""

    def __init__(self, most: int) -> None:
        self._recent: deque[float] = deque(maxlen=most)

    def exceeded(self, now: float) -> bool:
        """Count a request; return True if it is one too many. `now` in monotonic seconds."""
        recent = self._recent
        too_many = bool(recent) and len(recent) == recent.maxlen and now - recent[0] < 1.0
        recent.append(now)
        return too_many

    def clear(self) -> None:
        """Forget all requests."""
        self._recent.clear()
