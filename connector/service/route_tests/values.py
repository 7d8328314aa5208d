"""Readers of what a case says of its record and of bodies, as YAML gave it.

Each returns the value, or raises ValueError with a message that says what would be right.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any, NamedTuple

from connector.kafka.records import Address, parse_address
from connector.settings import units


class EventFile(NamedTuple):
    """The path of a file that holds an event; it starts at the tests file."""

    path: str


def _json_text(value: Any) -> str:
    """Return a value of the file as JSON. Raises ValueError where JSON has no such value."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except TypeError:
        raise ValueError("holds a value that JSON does not have: put it between quotes") from None
    except RecursionError:
        raise ValueError("is nested too deep to be written as JSON") from None
    except ValueError as error:
        what = "an alias to itself" if "Circular" in str(error) else "a number that JSON cannot hold"
        raise ValueError(f"holds {what}") from None


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a surrogate pair: no UTF-8 text can") from None


def event(value: Any) -> bytes | EventFile:
    """Return the value of the record: the event as JSON, or the file that holds it."""
    if not isinstance(value, dict):
        raise ValueError(
            f"{units.shown(value)} is no event: write its fields, or {{file: PATH}}; "
            "what is not a JSON object is written as `value: TEXT`"
        )
    if value.keys() == {"file"} and isinstance(value["file"], str):
        return EventFile(value["file"])
    return _encoded(_json_text(value))


def json_object(value: Any) -> dict[str, Any]:
    """Return a mapping of the file as JSON would hold it."""
    if not isinstance(value, dict):
        raise ValueError(f"must be a mapping: the vendor's fields with their values, not {units.shown(value)}")
    text = _json_text(value)
    _encoded(text)
    fields: dict[str, Any] = json.loads(text)
    return fields


def content(value: Any) -> bytes | None:
    """Return a record's key or value, or a header's, from text or {base64: TEXT}; None for an empty value."""
    if value is None:
        return None
    if isinstance(value, str):
        return _encoded(value)
    if isinstance(value, dict) and value.keys() == {"base64"} and isinstance(value["base64"], str):
        try:
            return base64.b64decode(value["base64"], validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("what stands after base64 is none: letters, digits, + and /, padded with =") from None
    hint = "; put it between quotes" if isinstance(value, bool | int | float) else ""
    raise ValueError(f"must be text, or {{base64: TEXT}} for bytes that are none, not {units.shown(value)}{hint}")


def headers(value: Any) -> list[tuple[str, bytes | None]]:
    """Return the headers in order; a list stands for several of one name."""
    if not isinstance(value, dict):
        raise ValueError(f"must be a mapping: names with their values, not {units.shown(value)}")
    found = []
    for name, entry in value.items():
        if not isinstance(name, str):
            raise ValueError(f"the name {units.shown(name)} must be text; put it between quotes")
        _encoded(name)
        for each in entry if isinstance(entry, list) else [entry]:
            try:
                found.append((name, content(each)))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
    return found


def time(value: Any) -> datetime:
    """Return an ISO 8601 time with a zone."""
    return units.moment(value, "time")


def address(value: Any) -> Address:
    """Return the address of a record: topic/partition/offset."""
    if not isinstance(value, str):
        raise ValueError(f"{units.shown(value)} is no address: topic/partition/offset, such as shop.orders/3/1204")
    return parse_address(value)
