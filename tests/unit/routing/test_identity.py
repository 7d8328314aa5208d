"""A route's tag stays what it was as long as the route does, and no longer."""

from __future__ import annotations

from typing import Any

import pytest

from connector.routing.identity import UNKNOWN, distinct_tags, route_tag

ROUTE: dict[str, Any] = {
    "name": "paid",
    "topics": ["shop.orders", "shop.returns"],
    "when": "type == 'order.paid'",
    "method": "customRevenue",
    "fields": {"total": "order.total", "params": {"a": "x", "b": "y"}},
}


def test_it_is_what_another_process_computes() -> None:
    assert route_tag(**ROUTE) == 0x460574DC


@pytest.mark.parametrize(
    "change",
    [
        {"topics": ["shop.returns", "shop.orders"]},
        {"fields": {"params": {"b": "y", "a": "x"}, "total": "order.total"}},
    ],
)
def test_an_order_that_changes_nothing_that_is_sent_changes_no_tag(change: dict[str, Any]) -> None:
    assert route_tag(**ROUTE | change) == route_tag(**ROUTE)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "paid#2"},
        {"topics": ["shop.orders"]},
        {"when": None},
        {"when": "type == 'order.paid' "},
        {"method": "customEvent"},
        {"fields": {"total": "order.total"}},
        {"fields": {"total": "order.sum", "params": {"a": "x", "b": "y"}}},
        {"fields": {"total": "order.total", "params": {"a": "y", "b": "x"}}},
        {"each": "order.items"},
    ],
)
def test_whatever_changes_in_a_route_makes_it_another_one(change: dict[str, Any]) -> None:
    assert route_tag(**ROUTE | change) != route_tag(**ROUTE)


def test_another_list_makes_it_another_route() -> None:
    assert route_tag(**ROUTE, each="order.items") != route_tag(**ROUTE, each="order.items[:1]")


def test_unnamed_routes_that_change_places_are_others() -> None:
    """Their names are made of their places, so what the one sent is not taken for what the other did."""
    before = {"mytracker.login": "a", "mytracker.login#2": "b"}
    after = {"mytracker.login": "b", "mytracker.login#2": "a"}
    tags = [
        {route_tag(name, ["users"], when, "login", {}) for name, when in routes.items()} for routes in (before, after)
    ]
    assert not tags[0] & tags[1]


def test_where_two_routes_have_one_tag_neither_is_told() -> None:
    assert distinct_tags([("a", 5), ("b", 5), ("c", 6)]) == {"a": UNKNOWN, "b": UNKNOWN, "c": 6}
