"""Bytes → event: one JSON object, nested at most 200 deep."""

from __future__ import annotations

import orjson

from connector.errors import DecodeError
from connector.expressions.kinds import json_type
from connector.model import Event

MAX_DEPTH = 200
_BOM = b"\xef\xbb\xbf"


def decode(value: bytes) -> Event:
    """Return the event in a record's value.

    Raises DecodeError with the reason and, if known, line and column; never with a piece of the value.
    """
    try:
        event = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise DecodeError(_reason(value, error)) from None
    if type(event) is not dict:
        raise DecodeError(f"is {json_type(event)}: an event is a JSON object")
    # Each level takes two bytes and an opening bracket at least, so most events need no search.
    if len(value) > 2 * MAX_DEPTH and value.count(b"{") + value.count(b"[") > MAX_DEPTH and _too_deep(event):
        raise DecodeError(f"is nested deeper than {MAX_DEPTH} levels")
    return event


def _too_deep(event: Event) -> bool:
    """True if an event is nested deeper than the limit. Level by level, so that no depth uses up Python's stack."""
    level: list[dict[str, object] | list[object]] = [event]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _reason(value: bytes, error: orjson.JSONDecodeError) -> str:
    if not value.strip():
        return "is empty: an event is a JSON object"
    if value.startswith(_BOM):
        return "starts with a byte order mark, which JSON does not allow"
    if value[0] == 0:
        return "starts with a zero byte: this is not plain JSON (a schema registry's framing?)"
    try:
        value.decode()
    except UnicodeDecodeError as encoding:
        return f"is not UTF-8 at byte {encoding.start + 1}"
    if "depth limit" in error.msg:
        return f"is nested deeper than {MAX_DEPTH} levels"
    return f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
