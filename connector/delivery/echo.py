"""A vendor's message without the values that it repeats from what we sent it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import orjson

from connector.model import Item, Outcome

MASK = "•••"
# Shorter values say nothing about anybody, and would tear ordinary words and codes out of the message.
SHORTEST = 3


def without_echo(outcome: Outcome, items: Sequence[Item]) -> Outcome:
    """The outcome of sending these items, its message without their values: it is logged and shown."""
    message = outcome.message
    for item in items:
        message = without_values(message, item.body)
    return outcome if message == outcome.message else replace(outcome, message=message)


def without_values(message: str, body: bytes) -> str:
    """The message with every value of `body`, an item's JSON or form, masked where it stands as a word of its own."""
    echoed = {text for text in _texts(_parsed(body)) if len(text) >= SHORTEST and text in message}
    for text in sorted(echoed, key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", MASK, message)
    return message


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return [value for _, value in parse_qsl(body.decode("utf-8", "replace"))]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for child in value.values():
            yield from _texts(child)
    elif isinstance(value, list):
        for child in value:
            yield from _texts(child)
    elif isinstance(value, str):
        yield value
    elif type(value) in (int, float):
        yield str(value)
