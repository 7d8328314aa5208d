"""A simulated Beacon, strict to the letter of its document: `python -m beacon.simulator PORT` runs one.

It shares no code with the vendor's own modules, so that it shares no misreading of the document either.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from typing import Any, ClassVar

import orjson
from aiohttp import web

from connector.simulators.server import Call, Simulator

_NAME = re.compile(r"[a-z_.]{1,64}")
_KNOWN = {"user", "name", "at", "amount", "tags"}


class BeaconSimulator(Simulator):
    """Beacon on 127.0.0.1."""

    vendor: ClassVar[str] = "Beacon"

    def method_of(self, path: str) -> str:
        """Return `track` for `/v1/track`, `account` for `/v1/account`."""
        return path.removeprefix("/v1/") if path in ("/v1/track", "/v1/account") else ""

    def apply_rules(self, call: Call) -> web.Response:
        """Check path, token and lines; enter the events in the ledger."""
        if not call.method:
            return self._refuse(call, 404, "no such path")
        if call.request.headers.get("Authorization") not in {f"Bearer {token}" for token in self.tokens}:
            return self._refuse(call, 401, "no such token")
        if call.method == "account":
            return _json(200, {"account": "demo"})
        lines = call.body.split(b"\n")
        if len(lines) > 50 or len(call.body) > 64_000:
            return self._refuse(call, 400, "over 50 lines or 64,000 bytes")
        for number, line in enumerate(lines, 1):
            if reason := _broken_rule(line):
                return self._refuse(call, 400, f"line {number}: {reason}")
        self.ledger.record_accepted(
            call.method,
            lines,
            b"[" + b",".join(lines) + b"]",
            request=call.number,
            time=self._clock.now(),
            size=len(call.body),
        )
        return _json(202, {"accepted": len(lines)})

    def _refuse(self, call: Call, status: int, reason: str) -> web.Response:
        self.ledger.record_refused(call.method, reason, request=call.number, time=self._clock.now())
        return _json(status, {"error": reason})


def _broken_rule(line: bytes) -> str | None:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "is not JSON"
    if not isinstance(event, dict) or not event.keys() <= _KNOWN:
        return "is no object of user, name, at, amount and tags"
    user, name, at, amount, tags = (event.get(key) for key in ("user", "name", "at", "amount", "tags"))
    rules = {
        "user": isinstance(user, str) and 1 <= len(user) <= 128,
        "name": isinstance(name, str) and _NAME.fullmatch(name) is not None,
        "at": type(at) is int and 0 <= at <= 4294967295,
        "amount": "amount" not in event
        or (isinstance(amount, int | float) and not isinstance(amount, bool) and amount >= 0),
        "tags": "tags" not in event or _are_texts(tags),
    }
    return next((f"{field} breaks its rule" for field, holds in rules.items() if not holds), None)


def _are_texts(tags: Any) -> bool:
    return isinstance(tags, dict) and all(isinstance(text, str) and len(text) <= 100 for text in tags.values())


def _json(status: int, content: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")


async def _serve(port: int) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with BeaconSimulator(port, ["demo-token"]) as simulator:
        print(f"{simulator.vendor} {simulator.url}   token: demo-token", flush=True)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
