"""The responses of faults: late, wrong or broken off, or none at all."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from functools import cache

from aiohttp import web

from connector.simulators.faults import Fault

_HTML = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Please come back later</body></html>"
_BOMB_MEGABYTES = 100
# A complete answer that would count as accepted by either vendor, for the kinds that break it.
_WHOLE = '{"status": "ok", "message": "ОK"}'.encode()  # noqa: RUF001 - the vendor's own Cyrillic letter
_HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_WHOLE)


class ConnectionEndedError(Exception):
    """The connection has been ended on purpose; there is nothing to answer."""


async def faulty_response(fault: Fault, request: web.BaseRequest) -> web.Response:
    """Return the response that a fault demands; raise ConnectionEndedError if it is a broken connection.

    Kinds `latency` and `outage` are no responses and must not be passed.
    """
    match fault.kind:
        case "status":
            headers = fault.headers if _names_type(fault) else {"Content-Type": "application/json", **fault.headers}
            return web.Response(status=fault.status, headers=headers, body=fault.body)
        case "html_200":
            return web.Response(body=_HTML, content_type="text/html")
        case "truncated_json":
            return web.Response(body=_WHOLE[: len(_WHOLE) // 2], content_type="application/json")
        case "bad_gzip":
            return _gzipped(b"\x1f\x8b this is no gzip")
        case "gzip_bomb":
            return _gzipped(await asyncio.to_thread(_bomb))
    await _break(fault, request.transport)
    raise ConnectionEndedError


async def _break(fault: Fault, transport: asyncio.Transport | None) -> None:
    match fault.kind:
        case "reset":
            reset_connection(transport)
        case "close":
            _end(transport)
        case "half_header":
            _end(transport, _HEADER[: len(_HEADER) // 2])
        case "half_body":
            _end(transport, _HEADER + _WHOLE[: len(_WHOLE) // 2])
        case "drip":
            await _drip(transport, fault.latency)
        case "hang":
            await asyncio.Event().wait()  # until the client or the server ends the connection, which cancels this


def reset_connection(transport: asyncio.BaseTransport | None) -> None:
    """End a connection with RST, so that the client sees a reset and not an end."""
    if transport is None or transport.is_closing():
        return
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.Transport):
        transport.abort()


def _end(transport: asyncio.Transport | None, last_words: bytes = b"") -> None:
    if transport is not None and not transport.is_closing():
        transport.write(last_words)
        transport.close()


async def _drip(transport: asyncio.Transport | None, pause: float) -> None:
    for byte in _HEADER + _WHOLE:
        if transport is None or transport.is_closing():
            return
        transport.write(bytes((byte,)))
        await asyncio.sleep(pause)
    _end(transport)


def _names_type(fault: Fault) -> bool:
    return any(name.lower() == "content-type" for name in fault.headers)


def _gzipped(body: bytes) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with gzip's header
    blank = b" " * 1_000_000
    packed = [packer.compress(b'{"message": "'), *(packer.compress(blank) for _ in range(_BOMB_MEGABYTES))]
    return b"".join((*packed, packer.compress(b'"}'), packer.flush()))
