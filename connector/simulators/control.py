"""The control API of a simulated vendor, beside the vendor's own paths.

  GET /_ledger             {"summary": {...}, "events": [...], "next": N or null}; everything that was accepted
  GET /_ledger?summary=1   {"summary": {...}} alone
  GET /_ledger?after=N&limit=M   at most M events after arrival number N; `next` is the `after` of the next page
  POST /_faults            one order or a list of them:
    {"kind": K, "times": 1 or "until_reset", "match": {"method": "loginBatch", "contains": "user-7"},
     "apply": "before" or "after" (the request took effect), "probability": 0.5, "seed": 1, "latency_ms": 200,
     "status": 503, "headers": {"Retry-After": "5"}, "body": text or JSON}
    {"revoke_token": true}   no token is valid any more
    {"tokens": ["..."]}      these are valid from now on, and no others
  GET /_faults             the faults that are due; the kinds and what each does
  DELETE /_faults          removes all faults; tokens stay as they are
  POST /_reset             empties the ledger, removes faults, restores tokens; may say {"tokens": [...],
                           "latency_ms": N (of every answer)} and what the vendor knows besides (SailPlay: "events")

All of a fault's keys but `kind` may be left out (kind status needs `status`, kind latency needs `latency_ms`). The
first fault in order that matches spoils the answer. With `latency_ms` any kind waits first. A request whose client
hangs up while it waits before taking effect takes none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import orjson
from aiohttp import web

from connector.simulators.faults import KINDS, FaultError, Faults
from connector.simulators.ledger import Ledger

_PAGE = 1000  # events written before other requests are served


class Controlled(Protocol):
    """The vendor that is controlled: a Simulator."""

    ledger: Ledger
    faults: Faults

    def order(self, orders: Any, sparing: asyncio.BaseTransport | None = None) -> None:
        """Apply the body of `POST /_faults`. Raises FaultError; then no order was applied."""
        ...

    def reset(self, options: dict[str, Any]) -> None:
        """Apply the body of `POST /_reset`. Raises FaultError; then nothing was changed."""
        ...


class Control:
    """Answers the control API's requests for one vendor."""

    def __init__(self, vendor: Controlled) -> None:
        self._vendor = vendor
        self._handlers: dict[tuple[str, str], Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]] = {
            ("GET", "/_ledger"): self._show_ledger,
            ("GET", "/_faults"): self._show_faults,
            ("POST", "/_faults"): self._add_faults,
            ("DELETE", "/_faults"): self._clear_faults,
            ("POST", "/_reset"): self._reset,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Carry out a request, or answer with what is wrong with it."""
        handler = self._handlers.get((request.method, request.path))
        if handler is None:
            known = ", ".join(f"{method} {path}" for method, path in self._handlers)
            return _json({"error": f"{request.method} {request.path} is unknown; known are {known}"}, status=404)
        try:
            return await handler(request)
        except FaultError as error:
            return _json({"error": str(error)}, status=400)

    async def _show_faults(self, _request: web.BaseRequest) -> web.Response:
        return _json({"faults": self._vendor.faults.as_json(), "kinds": dict(KINDS)})

    async def _add_faults(self, request: web.BaseRequest) -> web.Response:
        self._vendor.order(_parsed(await request.read()), sparing=request.transport)
        return _json({"faults": self._vendor.faults.as_json()})

    async def _clear_faults(self, _request: web.BaseRequest) -> web.Response:
        self._vendor.faults.clear()
        return _json({"faults": []})

    async def _reset(self, request: web.BaseRequest) -> web.Response:
        options = _parsed(await request.read() or b"{}")
        if not isinstance(options, dict):
            raise FaultError("the body must be an object, or empty")
        self._vendor.reset(options)
        return _json({"reset": True})

    async def _show_ledger(self, request: web.BaseRequest) -> web.StreamResponse:
        ledger = self._vendor.ledger
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
            page = [entry.as_json() for entry in ledger.entries_after(start, min(_PAGE, last - start))]
            await response.write((b"," if start > after else b"") + orjson.dumps(page)[1:-1])
            await asyncio.sleep(0)
        await response.write(b'],"next":%b}\n' % (b"%d" % last if last < summary["events"] else b"null"))
        await response.write_eof()
        return response


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
