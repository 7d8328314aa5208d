"""Whatever bytes a record holds, they become an event or a DecodeError, and nothing else is ever raised."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.errors import DecodeError
from connector.routing.decode import MAX_DEPTH, decode

FILES = sorted((Path(__file__).parents[2] / "corpora" / "json").glob("*.json"))


@pytest.mark.parametrize("path", [path for path in FILES if path.name.startswith("n_")], ids=lambda path: path.stem)
def test_what_is_not_json_is_refused(path: Path) -> None:
    with pytest.raises(DecodeError):
        decode(path.read_bytes())


@pytest.mark.parametrize("path", [path for path in FILES if path.name.startswith("y_")], ids=lambda path: path.stem)
def test_json_is_an_event_if_it_is_an_object(path: Path) -> None:
    value = path.read_bytes()
    expected = json.loads(value)
    if isinstance(expected, dict):
        assert decode(value) == expected
    else:
        with pytest.raises(DecodeError, match="an event is a JSON object"):
            decode(value)


@pytest.mark.parametrize("wrap", [b"%s", b'{"a": %s}'], ids=["alone", "in an object"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_but_a_decode_error_is_raised(path: Path, wrap: bytes) -> None:
    try:
        event = decode(wrap.replace(b"%s", path.read_bytes()))
    except DecodeError:
        return
    assert type(event) is dict


def test_the_corpus_is_all_there() -> None:
    assert len(FILES) > 300


def arrays(levels: int) -> bytes:
    """An object `levels` deep: itself and arrays."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def objects(levels: int) -> bytes:
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


@pytest.mark.parametrize("nested", [arrays, objects])
def test_the_limit_of_depth_is_exact(nested: object) -> None:
    assert callable(nested)
    assert decode(nested(MAX_DEPTH))
    for levels in (MAX_DEPTH + 1, 1000, 1025, 100_000):
        with pytest.raises(DecodeError, match="deeper than 200 levels"):
            decode(nested(levels))


def test_many_brackets_are_not_depth() -> None:
    assert len(decode(b'{"a":[' + b"[]," * 5000 + b"{}]}")["a"]) == 5001
    assert decode(b'{"a":"' + b"[" * 5000 + b'"}')


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "is empty: an event is a JSON object"),
        (b" \n", "is empty: an event is a JSON object"),
        (b"[1]", "is an array: an event is a JSON object"),
        (b'"a"', "is a text: an event is a JSON object"),
        (b"1", "is a number: an event is a JSON object"),
        (b"1.5", "is a number: an event is a JSON object"),
        (b"true", "is a boolean: an event is a JSON object"),
        (b"null", "is null: an event is a JSON object"),
        (arrays(MAX_DEPTH + 1), "is nested deeper than 200 levels"),
        (arrays(100_000), "is nested deeper than 200 levels"),  # the parser's own limit
        (b'\xef\xbb\xbf{"a":1}', "starts with a byte order mark, which JSON does not allow"),
        (
            b"\x00\x00\x00\x00\x07{}",
            "starts with a zero byte: this is not plain JSON (a schema registry's framing?)",
        ),
        (b'{"a":"\xff"}', "is not UTF-8 at byte 7"),
    ],
)
def test_the_reason_is_for_people(value: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as raised:
        decode(value)
    assert str(raised.value) == reason
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("value", "place"), [(b'{"a":\n  SECRET}', "line 2, column 3"), (b'{"a":NaN}', "line 1, column 6")]
)
def test_what_is_not_json_is_said_in_the_parsers_words_with_the_place_and_without_the_value(
    value: bytes, place: str
) -> None:
    with pytest.raises(DecodeError) as raised:
        decode(value)
    assert re.fullmatch(rf"is not JSON: [a-z][A-Za-z, ]*[a-z] at {place}", str(raised.value))
    assert "SECRET" not in str(raised.value)
    assert raised.value.__cause__ is None


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,0e-1\\u tnfalsr', max_size=40).map(str.encode))
@example(b'{"\\ud800":1}')
def test_random_bytes_are_an_event_or_refused(value: bytes) -> None:
    try:
        event = decode(value)
    except DecodeError:
        return
    assert event == json.loads(value)
