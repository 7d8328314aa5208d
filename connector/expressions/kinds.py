"""The kinds of JSON values, and how messages call them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

# A Decimal is what arithmetic yields where no float has the digits of the result.
NUMBERS = frozenset({int, float, Decimal})

_KINDS = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    Decimal: "a number",
    str: "a text",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def json_type(value: Any) -> str:
    """Return how a JSON value is called in messages: "an array", "a text", …"""
    return _KINDS[type(value)]
