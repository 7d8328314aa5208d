"""Routes with `each`: one event, an item for every element of a list of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connector.model import Failure, Item, Limits, Reason, Stage
from connector.routing import OtherRoute, RoutePlan, Router, Unrouted
from connector.routing.route import MAX_ELEMENTS
from tests.unit.routing.support import encode, plan, record, router

LINES = plan("lines", "type == 'paid'", {"id": "sku", "user": "$.user.id"}, each="order.lines")


def paid(lines: Any) -> dict[str, Any]:
    return {"type": "paid", "user": {"id": "u1"}, "order": {"lines": lines}}


def bodies(results: Any) -> list[Any]:
    return [orjson.loads(each.body) if isinstance(each, Item) else each.message for each in results]


def test_every_element_becomes_an_item_in_its_order_and_is_numbered_from_one() -> None:
    results = router(LINES).route(record(paid([{"sku": "a"}, {"sku": "b"}, {"sku": "a"}])))
    assert bodies(results) == [{"id": sku, "user": "u1"} for sku in "aba"]
    assert [(each.route, each.method, each.element) for each in results] == [
        ("lines", "customEvent", number) for number in (1, 2, 3)
    ]


def test_a_route_without_each_makes_item_number_nought() -> None:
    (item,) = router(plan("whole")).route(record({"id": 1}))
    assert item.element == 0


@pytest.mark.parametrize(
    ("fields", "element", "mapped"),
    [
        ({"id": "@"}, "text", {"id": "text"}),
        ({"id": "@", "half": "@ / 2"}, 7, {"id": 7, "half": 3.5}),
        ({"id": "@"}, [1, 2], {"id": [1, 2]}),
        ({"id": "[0]"}, [5, 6], {"id": 5}),
        ({"id": "product.id", "name": "product.name"}, {"product": {"id": 1, "name": "x"}}, {"id": 1, "name": "x"}),
        ({"id": "product.id || 'none'", "name": "product.name"}, {"product": "no object"}, {"id": "none"}),
        ({"id": "a.b || 'none'", "c": "a.c"}, "no object", {"id": "none"}),
        ({"id": "'fixed'"}, None, {"id": "fixed"}),
        ({"id": "topic()", "key": "key()", "h": "header('h')"}, {}, {"id": "orders", "key": "k1", "h": "v"}),
        ({"id": "let $u = $.user in join('-', [$u.id, sku])"}, {"sku": "s"}, {"id": "u1-s"}),
        ({"id": "length($.order.lines)", "params": {"sku": "sku", "who": "$.user.id"}}, {"sku": "s"},
         {"id": 1, "params": {"sku": "s", "who": "u1"}}),
    ],
)  # fmt: skip
def test_paths_begin_at_the_element_and_the_event_is_the_root(fields: Any, element: Any, mapped: Any) -> None:
    made = record(paid([element]))._replace(key=b"k1", headers=(("h", b"v"),))
    (item,) = router(plan("lines", fields=fields, each="order.lines")).route(made)
    assert isinstance(item, Item), item
    assert orjson.loads(item.body) == mapped


def test_the_condition_looks_at_the_event() -> None:
    assert not router(LINES).route(record({**paid([{"sku": "a"}]), "type": "placed"}))
    elsewhere = plan("lines", "order.lines[0].sku == 'a'", {"id": "sku"}, each="order.lines")
    assert len(router(elsewhere).route(record(paid([{"sku": "a"}, {"sku": "b"}])))) == 2


@pytest.mark.parametrize("lines", [None, []])
def test_null_and_an_empty_list_make_no_item(lines: Any) -> None:
    assert router(LINES).route(record(paid(lines))) == []
    assert router(LINES).route(record({"type": "paid"})) == []


def test_an_event_that_is_taken_for_no_element_is_not_unrouted() -> None:
    routes = router(LINES, unrouted=Unrouted([OtherRoute(["orders"], "type == 'other'", earlier=False)]))
    assert routes.route(record(paid([]))) == []
    (failure,) = routes.route(record({**paid([]), "type": "placed"}))
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.UNROUTED


@pytest.mark.parametrize(
    ("each", "message"),
    [
        ("order", "each: it gives an object, not the array whose elements become items"),
        ("user.id", "each: it gives a text, not the array whose elements become items"),
        ("length(order.lines)", "each: it gives a number, not the array whose elements become items"),
        ("`true`", "each: it gives a boolean, not the array whose elements become items"),
        ("sort(order.lines)", "each: sort() takes an array of numbers or of texts: an array of objects is neither"),
    ],
)
def test_what_is_no_list_fails_the_event_as_a_whole(each: str, message: str) -> None:
    (failure,) = router(plan("lines", fields={"id": "sku"}, each=each)).route(record(paid([{"sku": "a"}])))
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.stage, failure.element) == (Reason.UNMAPPABLE, Stage.MAP, 0)
    assert failure.message.startswith(message[:30])


def test_a_list_that_is_too_long_fails_as_a_whole() -> None:
    assert len(router(LINES).route(record(paid([{"sku": "a"}] * MAX_ELEMENTS)))) == MAX_ELEMENTS == 1_000
    (failure,) = router(LINES).route(record(paid([{"sku": "a"}] * (MAX_ELEMENTS + 1))))
    assert isinstance(failure, Failure)
    assert failure.message == "each: the array has 1001 elements: at most 1000 become items"
    assert failure.element == 0


def test_a_condition_that_raises_fails_the_event_as_a_whole() -> None:
    routes = router(plan("lines", "unix(type) > `1`", {"id": "sku"}, each="order.lines"))
    (failure,) = routes.route(record(paid([{"sku": "a"}, {"sku": "b"}])))
    assert isinstance(failure, Failure)
    assert (failure.stage, failure.element) == (Stage.ROUTE, 0)


def test_elements_fail_one_by_one_and_the_others_go() -> None:
    lines = [{"sku": "a"}, {"no": "sku"}, {"sku": "x" * 300}, {"sku": "b"}, "no object", None]
    results = router(LINES).route(record(paid(lines)))
    failures = [each for each in results if isinstance(each, Failure)]
    assert [each.element for each in results] == [1, 2, 3, 4, 5, 6]
    assert [(each.element, each.reason) for each in failures] == [
        (2, Reason.UNMAPPABLE),
        (3, Reason.OVERSIZE),
        (5, Reason.UNMAPPABLE),
        (6, Reason.UNMAPPABLE),
    ]
    assert failures[0].message == "id: is required"


def test_a_field_that_raises_names_itself() -> None:
    routes = router(plan("lines", fields={"id": "sku", "at": "unix(at)"}, each="order.lines"))
    results = routes.route(record(paid([{"sku": "a", "at": "never"}, {"sku": "b"}])))
    assert [type(each) for each in results] == [Failure, Item]
    assert isinstance(results[0], Failure)
    assert results[0].message.startswith("at: unix()")


def test_routes_with_and_without_each_take_one_event_in_file_order() -> None:
    whole = plan("whole", "type == 'paid'", {"id": "user.id"})
    results = router(whole, LINES, plan("last", None, {"id": "type"})).route(record(paid([{"sku": "a"}, {"sku": "b"}])))
    assert [(each.route, each.element) for each in results] == [("whole", 0), ("lines", 1), ("lines", 2), ("last", 0)]
    only = router(whole, LINES).route(record(paid([{"sku": "a"}, {"sku": "b"}])), only="lines")
    assert [(each.route, each.element) for each in only] == [("lines", 1), ("lines", 2)]


def test_the_elements_can_be_listed_again() -> None:
    routes = router(LINES, plan("whole"))
    made = record(paid([{"sku": "a"}, 7]))
    assert routes.list_elements(made, "lines") == [{"sku": "a"}, 7]
    assert routes.list_elements(record(paid(None)), "lines") == []
    assert routes.list_elements(made, "whole") is None
    assert routes.list_elements(made, "no such route") is None
    assert routes.list_elements(record(paid("text")), "lines") is None
    assert routes.list_elements(record(b"no event"), "lines") is None


def test_each_element_is_explained() -> None:
    explanation = router(LINES).explain(record(paid([{"sku": "a"}, {}])))
    assert [verdict.mapped for verdict in explanation.verdicts] == [{"id": "a", "user": "u1"}, {"user": "u1"}]
    assert [type(verdict.result) for verdict in explanation.verdicts] == [Item, Failure]
    (empty,) = router(LINES).explain(record(paid([]))).verdicts
    assert (empty.result, empty.no_elements) == (None, True)
    (other,) = router(LINES).explain(record({"type": "placed"})).verdicts
    assert (other.result, other.no_elements) == (None, False)


def test_an_item_that_fits_alone_by_a_byte_fits() -> None:
    size = len(orjson.dumps({"id": "a"})) + 2
    made = record(paid([{"sku": "a"}, {"sku": "ab"}]))
    for limit, kinds in ((size, [Item, Failure]), (size + 1, [Item, Item]), (size - 1, [Failure, Failure])):
        routes = Router(
            [RoutePlan("lines", ["orders"], None, "m", {"id": "sku"}, encode, Limits(20, limit), "order.lines")], {}
        )
        assert [type(each) for each in routes.route(made)] == kinds
