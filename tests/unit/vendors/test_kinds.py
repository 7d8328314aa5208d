"""The kinds of values that a field is said to take, against those of which it takes any."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.errors import FieldError
from connector.expressions.kinds import json_type
from connector.vendors.fields.method import VendorMethod
from connector.vendors.mytracker.fields import METHODS as MYTRACKER
from connector.vendors.sailplay.fields import METHODS as SAILPLAY

VALUES: tuple[Any, ...] = (
    *("x", "1", "7", "RUB", "1234567", "192.0.2.1", "2001:db8::1", "a" * 16, "b" * 32, "c" * 36),
    *(0, 1, 7, 1_234_567, 1234567890123456, 12345678901234567890, 2.5, 7.0, Decimal("2.5"), True, False),
    *([], ["x"], {}, {"a": "x"}),
)
ALL = [*MYTRACKER.values(), *SAILPLAY.values()]


def taken(method: VendorMethod, field: str, value: Any) -> bool:
    """Whether the method refuses the value of that field; that others are missing is no matter."""
    try:
        method.encode({field: value})
    except FieldError as error:
        return "requires" in str(error)
    return True


@pytest.mark.parametrize("method", ALL, ids=lambda method: method.name)
def test_every_field_says_which_kinds_it_takes(method: VendorMethod) -> None:
    assert method.kinds.keys() == method.fields.keys() | {f"{name}.*" for name in method.nested}
    for field in method.fields:
        kinds = {json_type(value) for value in VALUES if taken(method, field, value)}
        assert kinds <= set(method.kinds[field]), field
        # A number may always be a text's digits, even where no text of digits has the length or the form.
        assert set(method.kinds[field]) - kinds <= {"a number"}, field


@pytest.mark.parametrize("method", [method for method in ALL if method.nested], ids=lambda method: method.name)
def test_so_do_the_parts_of_a_nested_field(method: VendorMethod) -> None:
    for field in method.nested:
        kinds = {json_type(value) for value in VALUES if taken(method, field, {"part": value})}
        assert kinds == set(method.kinds[f"{field}.*"])
