"""A Decimal, which arithmetic gives where no float has its digits, reaches a vendor with all of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from connector.errors import FieldError
from connector.vendors.fields.types import Amount, Choice, Integer, Numeral, Text, TextMap

VALUE = Decimal("99999999999.12000001")


def sent(kind: Any, value: Any) -> bytes:
    return orjson.dumps(kind.check("field")(value))


def test_kinds_that_take_numbers_take_it_exactly() -> None:
    assert sent(Amount(), VALUE) == b"99999999999.12"
    assert sent(Amount(), Decimal("99999999999.00005")) == b"99999999999"
    assert sent(Numeral(), VALUE) == b'"99999999999.12000001"'
    assert sent(TextMap(255), {"a": VALUE}) == b'{"a":"99999999999.12000001"}'


@pytest.mark.parametrize("kind", [Text(1, 10), Integer(0, 9), Choice({1: "on", 0: "off"})])
def test_others_refuse_it_in_words(kind: Any) -> None:
    with pytest.raises(FieldError, match="field takes"):
        kind.check("field")(VALUE)


def test_a_negative_amount_and_too_many_decimals_are_refused() -> None:
    with pytest.raises(FieldError, match="below 0"):
        Amount().check("total")(-VALUE)
    with pytest.raises(FieldError, match="more than 40 decimals"):
        Numeral().check("value")(Decimal("0." + "1" * 41))
