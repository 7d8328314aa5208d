"""JMESPath's equality, order and flattening of JSON values."""

from __future__ import annotations

import operator
from decimal import Decimal
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.kinds import NUMBERS
from connector.expressions.numbers import exact

_COMPARABLE = NUMBERS | {str}
_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def equal(left: Any, right: Any) -> bool:
    """Return left == right: booleans equal no numbers, and decimals count by their digits."""
    if type(left) is Decimal or type(right) is Decimal:
        return type(left) in NUMBERS and type(right) in NUMBERS and exact(left) == exact(right)
    try:
        return bool(left == right) and (type(left) is bool) == (type(right) is bool)
    except RecursionError:
        raise ExpressionError("values that are nested so deep cannot be compared", name="too-large") from None


def order(sign: str, left: Any, right: Any) -> bool | None:
    """Return whether two numbers, or two texts by their code points, are in that order; null for other kinds.

    A text against a number raises ExpressionError: null would pass an event over in silence because its writer put a
    number in quotes.
    """
    if type(left) not in _COMPARABLE or type(right) not in _COMPARABLE:
        return None
    if (type(left) is str) != (type(right) is str):
        raise ExpressionError(
            "a text is compared with a number: wrap one side in number() or text()", name="wrong-kind"
        )
    if type(left) is Decimal or type(right) is Decimal:
        left, right = exact(left), exact(right)
    return bool(_ORDERS[sign](left, right))


def flatten(value: Any) -> list[Any] | None:
    """Return an array whose elements that are arrays give their own elements; null for what is no array."""
    if type(value) is not list:
        return None
    flat: list[Any] = []
    for element in value:
        if type(element) is list:
            flat.extend(element)
        else:
            flat.append(element)
    return flat
