"""Functions of the record that an event came in. Each raises ExpressionError and quotes no value."""

from __future__ import annotations

from connector.errors import ExpressionError
from connector.model import Record

_INTEGERS = {"int64": 8, "int32": 4}


def key(record: Record, form: str | None = None) -> str | int | None:
    """Return the record's key as text; with 'int64' or 'int32' as the big-endian integer it is; null if there is none.

    Raises ExpressionError for a key that is no text (not UTF-8, or with control characters), or of another length.
    """
    value = record.key
    if form is not None and form not in _INTEGERS:
        raise ExpressionError("key() takes 'int64' or 'int32', or nothing for a text", name="wrong-argument")
    if value is None:
        return None
    if form is not None:
        if len(value) != _INTEGERS[form]:
            raise ExpressionError(
                f"key('{form}') takes a key of {_INTEGERS[form]} bytes: this one has {len(value)}", name="key-no-text"
            )
        return int.from_bytes(value, "big", signed=True)
    text = _utf8(value)
    if text is not None and (text.isprintable() or not any(char < " " or "\x7f" <= char < "\xa0" for char in text)):
        return text
    reader = next((f"; key('{name}') reads it" for name, size in _INTEGERS.items() if size == len(value)), "")
    raise ExpressionError(f"the key is no text: {len(value)} bytes{reader}", name="key-no-text")


def header(record: Record, name: str) -> str | None:
    """Return the text of the last header of that name, as Kafka's own clients choose; null if absent or not UTF-8."""
    for present, value in reversed(record.headers):
        if present == name:
            return _utf8(value)
    return None


def topic(record: Record) -> str:
    """Return the record's topic."""
    return record.topic


def timestamp(record: Record) -> int | None:
    """Return the record's Kafka timestamp in whole seconds since the epoch; null if it has none."""
    return record.timestamp // 1000 if record.timestamp >= 0 else None


def _utf8(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
