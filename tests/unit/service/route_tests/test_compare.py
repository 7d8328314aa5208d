"""What is the same as expected, what differs, and how a difference is told."""

from __future__ import annotations

from typing import Any

import pytest

from connector.service.route_tests.compare import ABSENT, Difference, differences


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1, 1.0),
        (1.5, 1.5),
        (2**60, 2**60),
        (True, True),
        ("a", "a"),
        ({"a": {"b": [1, {"c": "d"}]}}, {"a": {"b": [1.0, {"c": "d"}]}}),
        ({"a": None}, {}),
        ({"a": None}, {"a": None}),
        ("2026-03-01T09:00:00Z", 1772355600),
        ("2026-03-01T12:00:00+03:00", 1772355600),
        ([], []),
    ],
)
def test_the_same(expected: Any, got: Any) -> None:
    assert list(differences(expected, got, in_part=False)) == []


@pytest.mark.parametrize(
    ("expected", "got", "hint"),
    [
        (1, 2, ""),
        (2**60, 2**60 + 1, ""),
        (1, True, ""),
        (0, False, ""),
        (True, 1, ""),
        (True, "true", "a text: put it between quotes"),
        (7, "7", "a text: put it between quotes"),
        ("7", 7, "a number, not a text: take the quotes away"),
        ("7", 8, ""),
        ("a", "A", ""),
        ([1], [1, 2], ""),
        ([1], {"a": 1}, ""),
        ("2026-03-01T09:00:00Z", 1772355601, "2026-03-01T09:00:01Z"),
        ("2026-03-01T09:00:00Z", 10**18, "beyond the calendar"),
        ("2026-03-01T09:00:00", 1772355600, ""),  # without a zone it is no moment
        ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00.000Z", ""),
        (None, 1, "null means that the field is left out"),
    ],
)
def test_not_the_same(expected: Any, got: Any, hint: str) -> None:
    assert list(differences(expected, got, in_part=True)) == [Difference((), expected, got, hint)]


def test_fields_are_compared_one_by_one_however_deep() -> None:
    expected = {"a": 1, "b": {"c": [{"d": 1}], "gone": 2}, "tottal": 3}
    got = {"a": 1, "b": {"c": [{"d": 2}], "new": 1}, "total": 3}
    assert list(differences(expected, got, in_part=False)) == [
        Difference(("b", "c", 0, "d"), 1, 2),
        Difference(("b", "gone"), 2, ABSENT),
        Difference(("b", "new"), ABSENT, 1),
        Difference(("tottal",), 3, ABSENT, "did you mean total?"),
        Difference(("total",), ABSENT, 3),
    ]


def test_in_part_what_is_not_named_is_not_looked_at_however_deep() -> None:
    got = {"a": 1, "b": {"c": 2, "d": 3}}
    assert list(differences({"b": {"c": 2}}, got, in_part=True)) == []
    assert list(differences({"b": {"c": 3}}, got, in_part=True)) == [Difference(("b", "c"), 3, 2)]
    assert list(differences({"b": {"e": None}}, got, in_part=True)) == []


def test_a_field_is_named_by_its_path() -> None:
    assert Difference((1, "items", 0, "id"), 1, 2).field == "[1].items[0].id"
    assert Difference((), 1, 2).field == ""
