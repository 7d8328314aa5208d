"""The methods' JSON Schemas: the files are current, and say exactly what the encoders do."""

from __future__ import annotations

import traceback
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import jsonschema_rs
import orjson
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from connector.errors import FieldError
from connector.resources import schemas
from connector.vendors.fields.method import VendorMethod
from connector.vendors.registry import OWN
from connector.vendors.schemas import documents

ALL = [
    (vendor.kind, method) for vendor in OWN for method in vendor.methods.values() if isinstance(method, VendorMethod)
]

# Texts about the lengths where rules change, and what the fields' forms are made of.
texts = st.one_of(
    st.text(max_size=3),
    st.sampled_from(["USD", "79001234567", "on", "man", "12.5", "-3", "0" * 16, "0" * 32, "0" * 36, "x" * 255]),
    st.sampled_from(["", " ", " a@b.c ", "1" * 16, "1" * 32, "1" * 36, str(UUID(int=0)), "7" * 15, "7" * 16]),
    st.ip_addresses().map(str),
    st.sampled_from(["fe80::1%1", "192.0.02.1", "::ffff:192.0.2.1", "1.2.3"]),
    st.sampled_from([15, 16, 45, 46, 255, 256, 1024, 1025, 2048, 2049]).map(lambda length: "é" * length),
)
numbers = st.one_of(
    st.integers(-3, 130),
    st.integers(-(2**66), 2**66),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([4294967295, 4294967296, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 1577191920, 1577191920000, 2.0**63]),
    st.decimals(0, 1000, places=5).map(float),
)
scalars = st.one_of(texts, numbers, st.booleans(), st.none())
values = st.one_of(scalars, scalars, st.lists(scalars, max_size=1), st.dictionaries(texts, scalars, max_size=2))


# Digits, so that texts, numbers and phones can hold it; no limit or length does.
MARK = "48613579"


def decoded(kind: str, body: bytes) -> Any:
    return orjson.loads(body) if kind == "mytracker" else dict(parse_qsl(body.decode(), strict_parsing=True))


@st.composite
def mapped(draw: st.DrawFn, method: VendorMethod) -> dict[str, Any]:
    """Mapped values: what the method requires in good form, so that most are complete, and a few fields at random."""
    good = {
        "customUserId": "1",
        "customEventName": "e",
        "eventTimestamp": 1577191920,
        "idTransaction": "t",
        "currency": "USD",
        "total": 1.99,
        "event_key": "k",
        "user_phone": "79000000000",
    }
    least = {group[0]: good[group[0]] for group in method.required}
    return least | draw(st.dictionaries(st.sampled_from([*method.fields, "unknown"]), values, max_size=2))


def test_the_files_are_what_the_tables_say() -> None:
    """If not: python -m connector.vendors.schemas."""
    found = {
        path.relative_to(schemas()).as_posix(): path.read_bytes()
        for vendor in OWN
        for path in (schemas() / vendor.kind).iterdir()
    }
    assert found == documents()


@pytest.mark.parametrize(("kind", "method"), ALL, ids=lambda value: getattr(value, "name", value))
def test_every_rule_names_its_source(kind: str, method: VendorMethod) -> None:
    jsonschema_rs.meta.validate(dict(method.schema))
    assert method.schema["$comment"]
    assert method.schema["properties"].keys() == method.fields.keys()
    assert all(rule["$comment"] and rule["description"] for rule in method.schema["properties"].values())


@pytest.mark.parametrize(("kind", "method"), ALL, ids=lambda value: getattr(value, "name", value))
@given(data=st.data())
def test_what_is_encoded_is_valid_and_what_is_refused_would_not_have_been(
    kind: str, method: VendorMethod, data: st.DataObject
) -> None:
    validator = jsonschema_rs.validator_for(dict(method.schema), validate_formats=True)
    given_values = data.draw(mapped(method))
    try:
        body = method.encode(given_values)
    except FieldError:
        event("refused")
        assert not validator.is_valid(given_values)
    else:
        event("encoded")
        assert validator.is_valid(decoded(kind, body))


@pytest.mark.parametrize(("kind", "method"), ALL, ids=lambda value: getattr(value, "name", value))
@given(data=st.data())
def test_no_refusal_holds_a_value(kind: str, method: VendorMethod, data: st.DataObject) -> None:
    """Marked values, in every shape that a field meets, are in no message, nor in a traceback of it."""
    shapes = st.sampled_from(
        [
            MARK,
            f" {MARK} ",
            MARK.ljust(16, "0"),
            MARK.ljust(32, "0"),
            MARK.ljust(36, "0"),
            MARK * 300,
            f"{MARK}.2.3.4",
            f"{MARK}::1%1",
            f"{MARK}\ud800",
            [MARK],
            {"a": [MARK]},
            {"a": {"b": MARK}},
            {"a": MARK * 300},
            {"a": f"{MARK}\ud800"},
            int(MARK),
            int(MARK) + 0.5,
            -int(MARK),
            float(MARK) * 1e30,
            int(MARK * 3),
            "",
            str(UUID(int=0)),
            None,
        ]
    )
    fields = data.draw(st.dictionaries(st.sampled_from([*method.fields]), shapes, max_size=4))
    said = ""
    try:
        method.encode(data.draw(mapped(method)) | fields)
    except FieldError as refused:
        event("refused")
        said = "".join(traceback.format_exception(refused))
    assert MARK not in said
