"""Bodies as servers encode them: whole, in several members, broken, and bombs."""

from __future__ import annotations

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.http.connection import UnreadableAnswerError
from connector.http.encodings import decoded

MIB = 1024 * 1024
BODY = b'{"status": "ok"}'


def raw_deflate(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush()


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (BODY, " Identity , "),
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), "GZip"),
        (gzip.compress(BODY), "x-gzip"),
        (gzip.compress(BODY), "gzip, identity"),
        (gzip.compress(BODY[:7]) + gzip.compress(BODY[7:]), "gzip"),
        (b"".join(gzip.compress(BODY[at : at + 1]) for at in range(len(BODY))), "gzip"),
        (gzip.compress(b"") + gzip.compress(BODY) + gzip.compress(b""), "gzip"),
        (gzip.compress(BODY) + bytes(512), "gzip"),
        (gzip.compress(BODY[:7]) + bytes(3) + gzip.compress(BODY[7:]), "gzip"),
        (zlib.compress(BODY), "deflate"),
        (raw_deflate(BODY), "deflate"),
        (gzip.compress(zlib.compress(BODY)), "deflate, gzip"),
        (gzip.compress(gzip.compress(BODY)), "gzip,gzip"),
    ],
)
def test_a_body_is_what_its_encodings_hold(raw: bytes, encoding: str) -> None:
    assert decoded(raw, encoding) == BODY


@pytest.mark.parametrize("encoding", ["", "gzip", "x-gzip", "deflate", "br", "zstd", "gzip, br"])
def test_an_empty_body_needs_no_encoding(encoding: str) -> None:
    assert decoded(b"", encoding) == b""


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, raw_deflate])
def test_a_body_of_nothing_is_nothing(compress: object) -> None:
    assert callable(compress)
    assert decoded(compress(b""), "gzip" if compress is gzip.compress else "deflate") == b""


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (BODY, "gzip"),
        (BODY, "deflate"),
        (gzip.compress(BODY)[:-1], "gzip"),
        (gzip.compress(BODY)[:-9], "gzip"),
        (gzip.compress(BODY)[:5], "gzip"),
        (gzip.compress(BODY) + b"more", "gzip"),
        (gzip.compress(BODY) + gzip.compress(BODY)[:-1], "gzip"),
        (gzip.compress(BODY)[:-8] + bytes(8), "gzip"),
        (bytes(20), "gzip"),
        (zlib.compress(BODY)[:-1], "deflate"),
        (zlib.compress(BODY) + b"more", "deflate"),
        (raw_deflate(BODY)[:-1], "deflate"),
        (raw_deflate(BODY) + b"\0", "deflate"),
        (gzip.compress(BODY), "deflate"),
        (zlib.compress(BODY), "gzip"),
    ],
)
def test_a_body_that_is_not_what_its_encoding_says_is_broken(raw: bytes, encoding: str) -> None:
    with pytest.raises(UnreadableAnswerError, match="compression is broken"):
        decoded(raw, encoding)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "utf-8", "gzip, br", "br, gzip", "gzip, gzip, gzip"])
def test_an_encoding_that_was_not_asked_for_is_not_guessed(encoding: str) -> None:
    with pytest.raises(UnreadableAnswerError, match="not asked for"):
        decoded(gzip.compress(BODY), encoding)


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (gzip.compress(bytes(MIB + 1)), "gzip"),
        (gzip.compress(bytes(MIB)) + gzip.compress(b" "), "gzip"),
        (gzip.compress(bytes(50 * MIB), 1), "gzip"),
        (zlib.compress(bytes(MIB + 1)), "deflate"),
        (raw_deflate(bytes(MIB + 1)), "deflate"),
        (gzip.compress(gzip.compress(bytes(MIB + 1))), "gzip, gzip"),
    ],
    ids=["member", "members", "50 MiB", "zlib", "deflate", "twice"],
)
def test_more_than_a_mebibyte_is_not_decompressed(raw: bytes, encoding: str) -> None:
    with pytest.raises(UnreadableAnswerError, match="over 1 MiB when decompressed"):
        decoded(raw, encoding)


def test_a_mebibyte_is() -> None:
    assert decoded(gzip.compress(bytes(MIB)), "gzip") == bytes(MIB)
    assert decoded(gzip.compress(bytes(MIB - 1)) + gzip.compress(b" ") + gzip.compress(b""), "gzip")[-1:] == b" "


def test_a_gzip_of_nothing_but_beginnings_is_not_worked_through() -> None:
    with pytest.raises(UnreadableAnswerError, match="too many pieces"):
        decoded(gzip.compress(b"") * 50_000, "gzip")


@given(st.binary(max_size=200), st.sampled_from(["gzip", "x-gzip", "deflate", "gzip, deflate", "br", ""]))
def test_whatever_comes_is_a_body_or_unreadable(raw: bytes, encoding: str) -> None:
    with contextlib.suppress(UnreadableAnswerError):
        assert isinstance(decoded(raw, encoding), bytes)
