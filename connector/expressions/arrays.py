"""Functions of arrays and objects, and those that evaluate an expression for each element."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.kinds import NUMBERS, json_type
from connector.expressions.numbers import Number, divide, exact, total

Expression = Callable[[Any], Any]


def average(values: Sequence[Number]) -> Number | None:
    """Return the mean, rounded half-even to 15 digits unless it is whole; null of none."""
    return divide(total(values), len(values)) if values else None


def largest(values: Sequence[Any]) -> Any:
    """Return the largest number or text; null of none."""
    return max(values, key=_sort_key(values)) if values else None


def smallest(values: Sequence[Any]) -> Any:
    """Return the smallest number or text; null of none."""
    return min(values, key=_sort_key(values)) if values else None


def ordered(values: Sequence[Any]) -> list[Any]:
    """Return numbers or texts in ascending order."""
    return sorted(values, key=_sort_key(values))


def _sort_key(values: Sequence[Any]) -> Callable[[Any], Any] | None:
    """Decimals are compared by their digits; Python would compare a float's binary value."""
    return exact if any(type(value) is Decimal for value in values) else None


def sort_by(values: list[Any], of: Expression) -> list[Any]:
    """Return the elements in ascending order of what the expression gives: numbers, or texts."""
    if not values:
        return values
    keys = [of(value) for value in values]
    wanted = _orderable("sort_by", keys[0], "a text or a number")
    for each in keys:
        if _orderable("sort_by", each, wanted) != wanted:
            raise _refusal("sort_by", wanted, each)
    keys = _comparable(keys)
    return [values[index] for index in sorted(range(len(values)), key=keys.__getitem__)]


def max_by(values: list[Any], of: Expression) -> Any:
    """Return the element of which the expression gives the largest number or text; null of none."""
    keys = _keys_of("max_by", values, of)
    return values[max(range(len(values)), key=keys.__getitem__)] if values else None


def min_by(values: list[Any], of: Expression) -> Any:
    """Return the element of which the expression gives the smallest number or text; null of none."""
    keys = _keys_of("min_by", values, of)
    return values[min(range(len(values)), key=keys.__getitem__)] if values else None


def group_by(values: list[Any], of: Expression) -> dict[str, list[Any]]:
    """Return the elements by the text that the expression gives; those of which it gives null are left out."""
    groups: dict[str, list[Any]] = {}
    for value in values:
        name = of(value)
        if name is None:
            continue
        if type(name) is not str:
            raise ExpressionError(
                f"group_by() takes an expression that gives a text, not {json_type(name)}", name="wrong-kind"
            )
        groups.setdefault(name, []).append(value)
    return groups


def from_items(pairs: list[list[Any]]) -> dict[str, Any]:
    """Return the object of pairs [name, value]."""
    result = {}
    for pair in pairs:
        if len(pair) != 2 or type(pair[0]) is not str:
            raise ExpressionError(
                "from_items() takes an array of pairs [name, value], the name a text", name="wrong-kind"
            )
        result[pair[0]] = pair[1]
    return result


def merge(*objects: Mapping[str, Any]) -> dict[str, Any]:
    """Return one object with the names of all; of one name the last value counts."""
    merged: dict[str, Any] = {}
    for each in objects:
        merged.update(each)
    # JMESPath's own function checks its first argument only, and takes pairs for an object.
    if any(type(name) is not str for name in merged):
        raise ExpressionError("merge() takes objects", name="wrong-kind")
    return merged


def get(value: Mapping[str, Any] | None, name: str | None, default: Any = None) -> Any:
    """Return what an object has under a name that was computed; the default where it has nothing or null.

    No object has anything under a name that is null; and null has nothing under any name.
    """
    found = value.get(name) if value is not None and name is not None else None
    return default if found is None else found


def _keys_of(function: str, values: list[Any], of: Expression) -> list[Any]:
    keys = [of(value) for value in values]
    for key in keys:
        _orderable(function, key, "a number or a text")
    return _comparable(keys)


def _comparable(keys: list[Any]) -> list[Any]:
    """Return the keys as they are to be compared; see _sort_key."""
    if any(type(key) is Decimal for key in keys):
        return [exact(key) if type(key) in NUMBERS else key for key in keys]
    return keys


def _orderable(function: str, key: Any, wanted: str) -> str:
    if type(key) in NUMBERS:
        return "a number"
    if type(key) is str:
        return "a text"
    raise _refusal(function, wanted, key)


def _refusal(function: str, wanted: str, value: Any) -> ExpressionError:
    return ExpressionError(f"{function}() takes {wanted}, not {json_type(value)}", name="wrong-kind")
