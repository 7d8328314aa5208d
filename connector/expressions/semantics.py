"""JMESPath's truth, equality and order on JSON values, exactly as the jmespath library decides them."""

from __future__ import annotations

import operator
from typing import Any

from connector.errors import ExpressionError

NUMBERS = frozenset({int, float})
_COMPARABLE = NUMBERS | {str}
_ORDERS = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}


def equal(left: Any, right: Any) -> bool:
    """`==`. Python's own, except that a boolean equals no number."""
    return bool(left == right) and (type(left) is bool) == (type(right) is bool)


def order(name: str, left: Any, right: Any) -> bool | None:
    """`lt`, `lte`, `gt` or `gte`: numbers, and (the library's extension) texts by code points; else null.

    A text against a number raises ExpressionError, as in the library: null would pass an event over in silence
    because its writer put a number in quotes.
    """
    if type(left) not in _COMPARABLE or type(right) not in _COMPARABLE:
        return None
    if (type(left) is str) != (type(right) is str):
        raise ExpressionError("a text is compared with a number: wrap one side in number() or text()")
    return bool(_ORDERS[name](left, right))
