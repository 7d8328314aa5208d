"""Kinds of value and tables as a third vendor may combine them, beyond what the two vendors' own tables use."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import FieldError
from connector.vendors.fields.method import Field, Table, vendor_method, write_json
from connector.vendors.fields.types import Text, TextMap


@pytest.mark.parametrize(
    ("text", "takes", "schema"),
    [
        (Text(), "text", {}),
        (Text(1), "text of at least 1 character", {"minLength": 1}),
        (Text(2), "text of at least 2 characters", {"minLength": 2}),
        (Text(0, 5), "text of at most 5 characters", {"maxLength": 5}),
        (Text(3, 3), "text of 3 characters", {"minLength": 3, "maxLength": 3}),
        (Text(1, 5), "text of 1 to 5 characters", {"minLength": 1, "maxLength": 5}),
        (Text(pattern="a|b", form="a or b"), "text, a or b", {"pattern": "^(?:a|b)$"}),
    ],
)
def test_what_a_text_takes_is_said_to_people_and_to_programs(text: Text, takes: str, schema: dict[str, Any]) -> None:
    assert text.takes() == takes
    assert text.schema() == {"type": "string", **schema}


def test_a_text_without_bounds_may_be_empty_and_of_any_length() -> None:
    check = Text().check("name")
    assert check("") == ""
    assert check("x" * 100_000) == "x" * 100_000


def test_a_form_is_the_whole_texts() -> None:
    check = Text(pattern="a|b", form="a or b").check("name")
    assert check("b") == "b"
    for text in ("", "ab", "b\n"):
        with pytest.raises(FieldError) as refused:
            check(text)
        assert str(refused.value) == "name takes text, a or b: this text is not of that form"


def test_what_is_made_of_a_table_says_which_fields_are_needed_nested_and_exclusive() -> None:
    fields = [Field(name, name, Text(), "source") for name in "abcde"]
    table = Table(
        "send",
        "title",
        "source",
        (*fields, Field("map", "map", TextMap(5), "source")),
        (("a",), ("b", "c"), ("d", "e")),
        write_json,
        one_of=("d", "e"),
    )
    method = vendor_method(table)
    assert (method.required, method.one_of, method.nested) == (table.required, {"d", "e"}, {"map"})
    assert method.schema["required"] == ["a"]
    assert method.schema["anyOf"] == [{"required": ["b"]}, {"required": ["c"]}]
    assert method.schema["oneOf"] == [{"required": ["d"]}, {"required": ["e"]}]
    assert method.encode({"a": "1", "c": "2", "e": "3"}) == b'{"a":"1","c":"2","e":"3"}'
    for values, said in (
        ({"b": "2", "d": "3"}, "a is missing or null: send requires it"),
        ({"a": "1", "d": "3"}, "send requires one of b, c: all are missing or null"),
        ({"a": "1", "b": "2"}, "send requires one of d, e: all are missing or null"),
        ({"a": "", "b": "2", "d": "3"}, "a is empty: send requires it"),
        ({"a": "1", "b": "2", "d": "", "e": ""}, "send requires one of d, e: d is empty, e is empty"),
        ({"a": "1", "b": "2", "d": ""}, "send requires one of d, e: d is empty, the other is missing or null"),
        ({"a": "1", "b": "2", "d": "3", "e": "4"}, "send takes exactly one of d, e: here are several"),
    ):
        with pytest.raises(FieldError) as refused:
            method.encode(values)
        assert str(refused.value) == said
