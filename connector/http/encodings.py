"""The content encodings of an answer's body, undone within the limit of 1 MiB. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

from connector.http.connection import RESPONSE_BYTES, UnreadableAnswerError

_GZIP, _ZLIB, _RAW_DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
# How much is handed to zlib at once: what is left over after the end of a member is copied.
_PIECE = 16 * 1024
# A gzip may consist of several members (RFC 1952, 2.2). An empty one has 20 bytes, so 1 MiB could hold 50,000 of them.
_MOST_MEMBERS = 1000
# One encoding on top of another (RFC 9110, 8.4) is rare, and more than two are nobody's.
_MOST_ENCODINGS = 2


def decoded(raw: bytes, content_encoding: str) -> bytes:
    """Return a body without the encodings that its Content-Encoding names; an empty body needs none.

    Raises UnreadableAnswerError for one that is broken or too large, or encoded in another way.
    """
    names = [name for name in map(str.strip, content_encoding.lower().split(",")) if name not in ("", "identity")]
    if not raw or not names:
        return raw
    if len(names) > _MOST_ENCODINGS or not all(name in _DECODERS for name in names):
        raise UnreadableAnswerError("the answer is compressed in a way that was not asked for")
    for name in reversed(names):
        try:
            raw = _DECODERS[name](raw)
        except zlib.error as error:
            raise _broken() from error
    return raw


def _gunzipped(raw: bytes) -> bytes:
    """Return what all members of a gzip hold. Zeros that pad it to a block's length are left out, as gzip does."""
    body, at, members = bytearray(), 0, 0
    while at < len(raw):
        if members == _MOST_MEMBERS:
            raise UnreadableAnswerError("the answer is compressed in too many pieces")
        members += 1
        at = _inflate(raw, at, _GZIP, body)
        if raw[at : at + 1] == b"\0":
            at = len(raw) - len(raw[at:].lstrip(b"\0"))
    return bytes(body)


def _inflated(raw: bytes) -> bytes:
    """Return what a deflate holds: in zlib's format, as HTTP means it (RFC 9110, 8.4.1.2), or bare, as some send it."""
    try:
        return _whole(raw, _ZLIB)
    except zlib.error:
        return _whole(raw, _RAW_DEFLATE)


def _whole(raw: bytes, window_bits: int) -> bytes:
    body = bytearray()
    if _inflate(raw, 0, window_bits, body) != len(raw):
        raise _broken()
    return bytes(body)


def _inflate(raw: bytes, at: int, window_bits: int, body: bytearray) -> int:
    """Decompress one stream that begins at `at` into `body`; return where it ends.

    Raises zlib.error for what is no such stream, UnreadableAnswerError if it breaks off or `body` grows too large.
    """
    stream = zlib.decompressobj(window_bits)
    while not stream.eof:
        piece = raw[at : at + _PIECE]
        if not piece:
            raise _broken()
        at += len(piece)
        body += stream.decompress(piece, RESPONSE_BYTES + 1 - len(body))
        if len(body) > RESPONSE_BYTES:
            raise UnreadableAnswerError("the answer is over 1 MiB when decompressed")
    return at - len(stream.unused_data)


def _broken() -> UnreadableAnswerError:
    return UnreadableAnswerError("the answer's compression is broken")


_DECODERS: Mapping[str, Callable[[bytes], bytes]] = {"gzip": _gunzipped, "x-gzip": _gunzipped, "deflate": _inflated}
