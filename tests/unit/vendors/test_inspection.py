"""Inspection says all that the encoder would say one by one, and never something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import FieldError
from connector.vendors.fields.inspection import LeftOut
from connector.vendors.fields.method import VendorMethod
from connector.vendors.mytracker import fields as mytracker
from connector.vendors.sailplay import fields as sailplay

METHODS: Mapping[str, VendorMethod] = {**mytracker.METHODS, **sailplay.METHODS}
ID36 = "00000000-0000-0000-0000-000000000001"
ODD = st.sampled_from(
    ["", " ", "a", "RUB", "1", "5" * 300, ID36, ID36.replace("1", "0"), "::1", "10.0.0.1", "\ud800", 0, -1, 5, 2**64,
     1772355600, 1.5, 1e30, True, [], [1], {}, {"a": None}, {"a": "", "b": [1], "c": 5}, {"": "x", "y" * 300: 1}]
)  # fmt: skip


def mapped(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(sorted(METHODS[name].fields)), ODD, max_size=8)


def refusal(method: VendorMethod, values: dict[str, Any]) -> str:
    try:
        method.encode(values)
    except FieldError as error:
        return str(error)
    return ""


@given(st.sampled_from(sorted(METHODS)).flatmap(lambda name: st.tuples(st.just(name), mapped(name))))
def test_it_finds_problems_exactly_where_the_encoder_refuses_and_names_the_same(case: tuple[str, Any]) -> None:
    method, values = METHODS[case[0]], case[1]
    found = [str(problem.error) for problem in method.inspect(values, ()).problems]
    refused = refusal(method, values)
    assert refused in found if refused else found == []


def test_every_problem_is_found_at_once_each_with_its_field() -> None:
    values = {
        "customUserId": "x" * 1025,
        "age": 200,
        "ipv4": "::1",
        "customEventParams": {"a": [1], "b": "x" * 256, "fine": 1},
    }
    problems = METHODS["customEvent"].inspect(values, ()).problems
    assert [(tuple(problem.fields), str(problem.error)) for problem in problems] == [
        (("customUserId",), "customUserId takes text of 1 to 1024 characters: this text has 1025"),
        (("age",), "age takes integer from 0 to 128: this number is above that"),
        (("ipv4",), "ipv4 takes text that is an IPv4 address: this text is an IPv6 address"),
        (("customEventParams",), "customEventParams.a takes a text, a number or a boolean, not an array"),
        (("customEventParams",), "customEventParams.b takes text of 1 to 255 characters: this text has 256"),
        (("customEventName",), "customEventName is missing or null: customEvent requires it"),
    ]
    assert [problem.lacks_value for problem in problems] == [False] * 5 + [True]


def test_a_field_whose_expression_raised_lacks_no_value() -> None:
    problems = METHODS["customRevenue"].inspect({"customUserId": "u"}, {"total", "currency"}).problems
    assert [problem.fields[0] for problem in problems] == ["eventTimestamp", "idTransaction"]


def test_several_of_which_one_is_taken_are_a_problem_and_lack_no_value() -> None:
    (problem,) = METHODS["fire"].inspect({"event_key": "k", "email": "a@b.c", "origin_user_id": "u"}, ()).problems
    assert "takes exactly one of" in str(problem.error)
    assert not problem.lacks_value


def test_what_is_left_out_says_why() -> None:
    values = {
        "customUserId": "u",
        "customEventName": "n",
        "userAgent": "",
        "gaid": "00000000-0000-0000-0000-000000000000",
        "customEventParams": {"a": "", "b": None, "c": 1},
    }
    assert METHODS["customEvent"].inspect(values, ()).left_out == [
        LeftOut(("userAgent",), "is empty"),
        LeftOut(("gaid",), "takes text of 36 characters, not zeros only"),
        LeftOut(("customEventParams", "a"), "is empty"),
        LeftOut(("customEventParams", "b"), "is null"),
    ]


def test_sizes_are_those_of_the_bytes_that_are_sent() -> None:
    values = {"customUserId": "Аня", "customEventName": "n", "customEventParams": {"a": 1, "b": "xyz"}}
    method = METHODS["customEvent"]
    sizes = method.inspect(values, ()).sizes
    assert sizes["customUserId",] == len('"customUserId":"Аня"'.encode())
    assert sizes["customEventParams", "b"] == len('"b":"xyz"')
    commas, braces = 3, 2  # between fields and parameters, and around the object
    assert sum(sizes.values()) + commas + braces + len('"customEventParams":{}') == len(method.encode(values))
    form = METHODS["fire"].inspect({"event_key": "ключ", "email": "a@b.c"}, ()).sizes
    assert form["event_key",] == len("event_key=") + 4 * len("%D0%BA")


@pytest.mark.parametrize("name", sorted(METHODS))
def test_times_are_the_fields_of_which_the_schema_says_so(name: str) -> None:
    method = METHODS[name]
    described = {field for field, takes in method.fields.items() if "seconds since the epoch" in takes}
    assert set(method.times) == described
