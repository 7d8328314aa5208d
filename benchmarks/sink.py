"""A sink that costs little and checks everything, in a process of its own: `python -m benchmarks.sink --help`.

It speaks as much HTTP/1.1 as both vendors' requests need, prints its port, and tells at GET /_stats what it has seen.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import re
import ssl
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import cast

import orjson
import uvloop

from benchmarks.events import BAD

MAX_ITEMS, MAX_BYTES = 20, 10_000  # myTracker: "Maximum size 20", "maximum size of imported data - 10Kb"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CARRIES_EVENTS = re.compile(rb"[A-Z]+ [^ ?]*(Batch|/fire)/")
_ORDER_NUMBER = re.compile(rb"purchase_order_num=([0-9]+)")


def _answer(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


ACCEPTED = _answer("200 OK", b'{"result":"OK","status":"ok"}')
REFUSED = _answer("400 Bad Request", b'{"error":"Bad request","message":"customEventName is refused"}')
NO_LENGTH = _answer("411 Length Required", b'{"error":"no length"}')


class Ledger:
    """The accepted events: each event's number once, a key's numbers rising, batches within the vendor's limits."""

    def __init__(self, events: int, keys: int) -> None:
        self._keys = keys
        self._last = [-1] * keys
        self._seen = bytearray(events)
        self.first_at = self.last_at = 0.0
        self.accepted = self.requests = self.refused = self.items = self.bytes = 0
        self.duplicates = self.inversions = self.oversize = self.crowded = self.malformed = 0

    def take_batch(self, body: bytes) -> bytes:
        """Check a myTracker batch and answer it: refused as a whole where one event is."""
        items = orjson.loads(body)
        self._begin(len(items), len(body))
        if any(item["customEventName"] == BAD for item in items):
            self.refused += 1
            return REFUSED
        for item in items:
            self._accept(int(item["customEventParams"]["n"]))
        return ACCEPTED

    def take_form(self, body: bytes) -> bytes:
        """Check a SailPlay form and answer it."""
        self._begin(1, len(body))
        found = _ORDER_NUMBER.search(body)
        if found is None:
            self.malformed += 1
            return REFUSED
        self._accept(int(found[1]))
        return ACCEPTED

    def _begin(self, items: int, size: int) -> None:
        self.requests += 1
        self.items += items
        self.bytes += size
        self.crowded += items > MAX_ITEMS
        self.oversize += size > MAX_BYTES
        self.last_at = time.monotonic()
        self.first_at = self.first_at or self.last_at

    def _accept(self, number: int) -> None:
        self.accepted += 1
        if self._seen[number]:
            self.duplicates += 1
            return
        self._seen[number] = 1
        key = number % self._keys
        if number < self._last[key]:
            self.inversions += 1
        else:
            self._last[key] = number

    def stats(self) -> bytes:
        """All counts as JSON; times are monotonic seconds of this machine."""
        shown = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return orjson.dumps(shown | {"now": time.monotonic()})


class Alarm:
    """Calls back at a time, to the microsecond, by timerfd_create(2); uvloop's own timers count milliseconds."""

    _LIBC = ctypes.CDLL(None, use_errno=True)
    _ABSOLUTE = 1  # TFD_TIMER_ABSTIME

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._fd = self._LIBC.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        asyncio.get_running_loop().add_reader(self._fd, self._ring)

    def set(self, at: float) -> None:
        """Ring at this time (time.monotonic), or at once if it is past."""
        interval, value = (0, 0), (int(at), max(int(at % 1 * 1e9), 1))  # all zero would switch it off
        if self._LIBC.timerfd_settime(self._fd, self._ABSOLUTE, (ctypes.c_long * 4)(*interval, *value), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def _ring(self) -> None:
        os.read(self._fd, 8)
        self._call()


class Delay:
    """Writes answers `latency` seconds after their requests were read, never sooner."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._waiting: deque[tuple[float, asyncio.WriteTransport, bytes]] = deque()
        self._alarm = Alarm(self._wake)

    def write(self, transport: asyncio.WriteTransport, answer: bytes, read_at: float) -> None:
        """Write this answer when it is due."""
        if not self._latency:
            transport.write(answer)
            return
        self._waiting.append((read_at + self._latency, transport, answer))
        if len(self._waiting) == 1:
            self._alarm.set(self._waiting[0][0])

    def _wake(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            _, transport, answer = self._waiting.popleft()
            transport.write(answer)
        if self._waiting:
            self._alarm.set(self._waiting[0][0])


class Connection(asyncio.Protocol):
    """One connection: requests one after the other, each with a Content-Length."""

    def __init__(self, ledger: Ledger, take: Callable[[bytes], bytes], delay: Delay) -> None:
        self._ledger = ledger
        self._take = take
        self._delay = delay
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's derive from no class of asyncio's

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._respond(head, body)

    def _respond(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /_stats"):
            self._transport.write(_answer("200 OK", self._ledger.stats()))
            return
        if not _CARRIES_EVENTS.match(head):  # such as the list of events that SailPlay is asked for at the start
            self._transport.write(ACCEPTED)
            return
        if not body:
            self._ledger.malformed += 1
            self._transport.write(NO_LENGTH)
            return
        read_at = time.monotonic()
        self._delay.write(self._transport, self._take(body), read_at)


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until the process ends."""
    ledger = Ledger(arguments.events, arguments.keys)
    take = ledger.take_form if arguments.vendor == "sailplay" else ledger.take_batch
    delay = Delay(arguments.latency)
    context = None
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(ledger, take, delay), "127.0.0.1", 0, ssl=context, backlog=1_024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vendor", choices=("mytracker", "sailplay"), default="mytracker")
    parser.add_argument("--events", type=int, required=True, help="events have numbers below this")
    parser.add_argument("--keys", type=int, required=True, help="event n belongs to key n %% KEYS")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before an answer")
    parser.add_argument("--certificate", type=Path, help="serve TLS with this PEM (key and certificate)")
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
