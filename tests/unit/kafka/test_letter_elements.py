"""The header that names the elements of an event that failed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.kafka.letter_elements import (
    ALL,
    MAX_BYTES,
    NamedElement,
    count_items,
    digest_of,
    find_elements,
    is_well_formed,
    name_elements,
    named_elements,
    several_failed,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_a_digest_is_what_anybody_computes_who_knows_the_element() -> None:
    """printf '{"a":1,"b":["x"]}' | sha256sum"""
    assert digest_of({"b": ["x"], "a": 1}) == digest_of({"a": 1, "b": ["x"]}) == "fd5e92ba"


@pytest.mark.parametrize(
    "element", [2**70, Decimal("0.1"), [[[]]] * 3, {"a": Decimal(5)}, "\ud800", None, float("inf")], ids=repr
)
def test_whatever_an_expression_makes_has_a_digest(element: Any) -> None:
    assert len(digest_of(element)) == 8


def test_what_is_nested_too_deep_for_json_has_one_too() -> None:
    deep: Any = 1
    for _ in range(600):
        deep = [deep]
    assert len(digest_of(deep)) == 8


def test_the_header_names_index_and_digest() -> None:
    text = name_elements(["a", {"b": 1}, 7], [0, 2])
    assert text == f"0/{digest_of('a')},2/{digest_of(7)}"
    assert named_elements(text) == (NamedElement(0, digest_of("a")), NamedElement(2, digest_of(7)))


def test_the_longest_list_that_fits_is_named_and_one_more_is_all() -> None:
    elements = list(range(1000))
    fits = next(n for n in range(1000, 0, -1) if name_elements(elements, range(n)) != ALL)
    assert fits == 638
    assert MAX_BYTES - 13 < len(name_elements(elements, range(fits))) <= MAX_BYTES
    assert name_elements(elements, range(fits + 1)) == ALL
    assert named_elements(ALL) is None


@pytest.mark.parametrize(
    ("header", "message", "items"),
    [
        ("", "3 of 5 items failed; the first, 1: so the vendor says", 1),
        ("0/0123abcd", "no id", 1),
        ("0/0123abcd,7/0123abcd", "2 of 9 items failed; the first, 0: no id", 2),
        (ALL, "700 of 1000 items failed; the first, 0: no id", 700),
        (ALL, "700 items failed; the first, 0: no id", 700),
        (ALL, "9999999999 of 1 items failed; the first, 0: no id", 1),
        (ALL, "who knows", 1),
    ],
)
def test_how_many_items_a_letter_stands_for(header: str, message: str, items: int) -> None:
    assert count_items(header, message) == items


def test_the_message_of_a_letter_of_several_is_not_told_in_another() -> None:
    told = several_failed(3, 50, 17, "no id")
    assert told == "3 of 50 items failed; the first, 17: no id"
    assert several_failed(2, 50, 18, told) == "2 of 50 items failed; the first, 18: no id"
    unknown = several_failed(2, None, 18, told, unknown=True)
    assert unknown == "2 items failed; it is unknown if 18 took effect: no id"
    assert several_failed(1, 50, 7, unknown) == "1 of 50 items failed; the first, 7: no id"
    assert count_items(ALL, unknown) == 2


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [
        ("0/0123abcd", True),
        ("0/0123abcd,999/ffffffff", True),
        ("all", True),
        ("", False),
        ("0/0123abc", False),
        ("0/0123ABCD", False),
        ("0/0123abcd,", False),
        (",0/0123abcd", False),
        ("-1/0123abcd", False),
        ("1234567/0123abcd", False),
        ("٣/0123abcd", False),
        ("0/0123abcd all", False),
        ("all,0/0123abcd", False),
        ("0/0123abcd\n", False),
    ],
)
def test_only_what_the_connector_writes_is_read(text: str, well_formed: bool) -> None:
    assert is_well_formed(text) is well_formed


@pytest.mark.parametrize(
    ("failed", "today", "found"),
    [
        ([1, 3], list("abcd"), [1, 3]),
        ([1, 3], list("dcba"), [0, 2]),  # moved
        ([0, 1], list("xabcd"), [1, 2]),  # one before them
        ([1], list("acd"), []),  # no longer there
        ([0, 3], list("a"), [0]),
        ([], list("ab"), []),
    ],
)
def test_elements_are_found_where_they_are_today(failed: list[int], today: list[str], found: list[int]) -> None:
    assert find_elements(named_elements(name_elements("abcd", failed)) or () if failed else (), today) == found


@pytest.mark.parametrize(
    ("failed", "today", "found"),
    [
        ([1], list("aaa"), [1]),
        ([0, 2], list("aaa"), [0, 2]),
        ([1, 2], list("xaaa"), [1, 2]),  # what stands in its place is taken, whichever it was
        ([2], list("aa"), [0]),  # of equal ones any: their items are equal
        ([0, 1, 2], list("aa"), [0, 1]),  # one too few
        ([2], list("xyza"), [3]),
    ],
)
def test_of_equal_elements_as_many_are_found_as_failed(failed: list[int], today: list[str], found: list[int]) -> None:
    assert find_elements(named_elements(name_elements("aaa", failed)) or (), today) == found


@given(st.lists(JSON, min_size=1, max_size=12), st.data())
def test_in_any_order_the_same_elements_are_found(elements: list[Any], data: st.DataObject) -> None:
    indexes = data.draw(st.lists(st.sampled_from(range(len(elements))), unique=True, min_size=1))
    named = named_elements(name_elements(elements, sorted(indexes)))
    assert named is not None
    today = data.draw(st.permutations([*elements, "another"]))
    found = find_elements(named, today)
    assert sorted(digest_of(today[index]) for index in found) == sorted(each.digest for each in named)
    assert find_elements(named, elements) == sorted(indexes)
