"""`preview` shows what route() does."""

from __future__ import annotations

from connector.expressions import compile_fields
from connector.routing import Unrouted, Verdict
from connector.routing.explain import FieldExplainer, mapped_values
from tests.unit.routing.support import plan, record, router


def test_every_route_of_the_topic_has_its_verdict() -> None:
    routes = router(
        plan("taken", "type == 'paid'", {"id": "id", "params": {"t": "total"}}),
        plan("not taken", "type == 'placed'"),
        plan("large", "type == 'paid' && total > `500`"),
        plan("refused", fields={"name": "id"}),
        plan("raises", fields={"id": "unix(id)"}),
        plan("elsewhere", topics=["other"]),
        unrouted=Unrouted([]),
    )
    event = record({"id": "a", "type": "paid", "total": 150})
    explanation = routes.explain(event)
    assert explanation.failure is None
    verdicts = {verdict.route: verdict for verdict in explanation.verdicts}
    assert list(verdicts) == ["taken", "not taken", "large", "refused", "raises"]
    assert verdicts["taken"].mapped == {"id": "a", "params": {"t": 150}}
    assert verdicts["refused"].mapped == {"name": "a"}
    assert verdicts["raises"].mapped is None
    assert verdicts["not taken"] == Verdict("not taken", "customEvent", "type == 'placed'", None, None)
    assert verdicts["large"].result is None
    assert [v.result for v in explanation.verdicts if v.result is not None] == list(routes.route(event))


def test_what_fails_before_any_route_has_a_failure_and_no_verdict() -> None:
    explanation = router(plan("r")).explain(record(b"bad"))
    assert (explanation.failure, explanation.verdicts) == (router(plan("r")).route(record(b"bad"))[0], ())


def test_a_tombstone_has_neither() -> None:
    explanation = router(plan("r")).explain(record(None))
    assert (explanation.failure, explanation.verdicts) == (None, ())


def test_what_nobody_takes_has_both() -> None:
    routes = router(plan("r", "a"), unrouted=Unrouted([]))
    explanation = routes.explain(record({}))
    assert explanation.failure == routes.route(record({}))[0]
    assert [verdict.result for verdict in explanation.verdicts] == [None]


FIELDS: dict[str, str | dict[str, str]] = {
    "id": "id",
    "at": "unix(at)",
    "params": {"total": "total", "gone": "gone", "bad": "number(id)"},
}


def test_each_field_is_evaluated_by_itself() -> None:
    found = FieldExplainer(FIELDS).evaluate({"id": "a", "total": 5, "at": "x"}, record({}))
    assert [(result.path, result.value, result.error is not None) for result in found] == [
        (("id",), "a", False),
        (("at",), None, True),
        (("params", "total"), 5, False),
        (("params", "gone"), None, False),
        (("params", "bad"), None, True),
    ]
    assert mapped_values(found) == {"id": "a", "params": {"total": 5}}


def test_where_nothing_raises_the_values_are_those_that_the_route_maps() -> None:
    event = {"id": "a", "total": 5, "at": "2026-03-01T09:00:00Z"}
    fields = {**FIELDS, "params": {"total": "total", "gone": "gone"}, "none": {"gone": "gone"}}
    assert mapped_values(FieldExplainer(fields).evaluate(event, record({}))) == compile_fields(fields)(
        event, record({})
    )


def test_fields_may_begin_at_an_element() -> None:
    explainer = FieldExplainer({"id": "$.id", "sku": "sku"}, each="items")
    event = {"id": "a", "items": [{"sku": "x"}, {"skuu": "y"}]}
    assert [result.value for result in explainer.evaluate(event, record({}), 1)] == ["a", "x"]
    assert [result.value for result in explainer.evaluate(event, record({}), 2)] == ["a", None]
    said = explainer.null_cause(("sku",), event, record({}), event, 2)
    assert said == "the expression sku is a path and gave null; did you mean skuu?; a text stands in quotes: 'sku'"
