"""What a record becomes for one sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import ExpressionError, FieldError
from connector.model import Failure, Item, Limits, Reason, Record, Stage
from connector.routing import EventSchema, OtherRoute, RoutePlan, Router, Unrouted

LIMITS = Limits(max_events=20, max_bytes=200)


def encode(fields: dict[str, Any]) -> bytes:
    """A vendor that requires an id."""
    if "id" not in fields:
        raise FieldError("id: is required")
    return orjson.dumps(fields)


def plan(
    name: str,
    when: str | None = None,
    fields: Mapping[str, str | Mapping[str, str]] | None = None,
    topics: Sequence[str] = ("orders",),
    limits: Limits = LIMITS,
) -> RoutePlan:
    return RoutePlan(name, topics, when, "customEvent", fields or {"id": "id"}, encode, limits)


def record(value: Any, topic: str = "orders") -> Record:
    return Record(
        topic, 0, 0, -1, None, value if value is None or isinstance(value, bytes) else orjson.dumps(value), ()
    )


def router(*plans: RoutePlan, unrouted: Unrouted | None = None, **schemas: EventSchema | None) -> Router:
    return Router(plans, schemas, unrouted)


def taken(results: Sequence[Item | Failure]) -> list[str | None]:
    return [result.route for result in results]


def test_an_event_becomes_an_item_of_final_bytes() -> None:
    event = record({"id": 7, "x": None})
    routed = router(plan("r", fields={"id": "id", "x": "x", "params": {"y": "x"}})).route(event)
    assert routed == [Item(event, "r", "customEvent", b'{"id":7}')]


def test_a_tombstone_is_skipped() -> None:
    assert router(plan("r"), unrouted=Unrouted([])).route(record(None)) == ()


def test_what_no_route_takes_is_skipped() -> None:
    assert not router(plan("r", "type == 'paid'")).route(record({"type": "placed"}))
    assert not router(plan("r")).route(record(b"no event", topic="other"))


def test_every_route_that_takes_an_event_gets_it_in_file_order() -> None:
    routes = router(
        plan("always"),
        plan("paid", "type == 'paid'"),
        plan("large", "total > `100`"),
        plan("placed", "type == 'placed'"),
        plan("paid and large", "type == 'paid' && total > `100`"),
        plan("from the shop", "source.name == 'shop'"),
        plan("paid again", "'paid' == type"),
    )
    event = {"id": 1, "type": "paid", "total": 150, "source": {"name": "shop"}}
    everything = ["always", "paid", "large", "paid and large", "from the shop", "paid again"]
    assert taken(routes.route(record(event))) == everything
    assert taken(routes.route(record(event | {"source": None}))) == [
        "always",
        "paid",
        "large",
        "paid and large",
        "paid again",
    ]
    assert taken(routes.route(record(event | {"total": 5, "type": "placed"}))) == ["always", "placed", "from the shop"]
    assert taken(routes.route(record({"id": 1}))) == ["always"]


@given(
    conditions=st.lists(
        st.sampled_from(
            [None, "a == 'x'", "a == 'y'", "b == 'x'", "b == 'x' && n > `0`", "n > `0`", "a.b == 'x'", "a != 'x'"]
        ),
        max_size=7,
    ),
    event=st.fixed_dictionaries(
        {},
        optional={
            "a": st.sampled_from(["x", "y", "z", 1, None, ["x"], {"b": "x"}, {"b": ["x"]}]),
            "b": st.sampled_from(["x", "y", True, {}]),
            "n": st.sampled_from([0, 1, "1", None]),
        },
    ),
)
def test_looking_routes_up_finds_what_trying_each_alone_finds(
    conditions: list[str | None], event: dict[str, Any]
) -> None:
    plans = [plan(f"r{index}", when, {"id": "`1`"}) for index, when in enumerate(conditions)]
    alone = [result for each in plans for result in router(each).route(record(event))]
    assert list(router(*plans).route(record(event))) == alone


@pytest.mark.parametrize("value", [["paid"], {"paid": 1}, 1, True, None, "PAID"])
def test_only_the_same_text_is_looked_up(value: Any) -> None:
    assert not router(plan("r", "type == 'paid'")).route(record({"id": 1, "type": value}))


def test_an_undecodable_value_is_one_failure_without_a_route() -> None:
    bad = record(b"[1]")
    (failure,) = router(plan("a"), plan("b")).route(bad)
    assert failure == Failure(
        bad, Reason.UNDECODABLE, Stage.DECODE, "the value is an array: an event is a JSON object", None, None
    )


def test_a_breach_of_the_schema_is_one_failure_without_a_route() -> None:
    (failure,) = router(plan("a"), plan("b"), orders=EventSchema({"required": ["id"]})).route(record({}))
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.stage, failure.route) == (Reason.SCHEMA, Stage.DECODE, None)
    assert failure.message == '$: "id" is a required property'


@pytest.mark.parametrize(
    ("bad", "stage", "message"),
    [
        (plan("bad", "total > `1`"), Stage.ROUTE, "when: a text is compared with a number"),
        (plan("bad", "id == 'a' && total > `1`"), Stage.ROUTE, "when: a text is compared"),
        (plan("bad", "items[?@ > `1`]"), Stage.ROUTE, "when: kinds of values meet"),
        (
            plan("bad", fields={"id": "id", "params": {"at": "unix(total)"}}),
            Stage.MAP,
            "params.at: unix() takes a time",
        ),
        (plan("bad", fields={"name": "id"}), Stage.MAP, "id: is required"),
    ],
)
def test_one_routes_failure_is_not_another_s(bad: RoutePlan, stage: Stage, message: str) -> None:
    event = record({"id": "a", "total": "2026-01-31", "items": ["SECRET"]})
    before, failure, after = router(plan("before"), bad, plan("after")).route(event)
    assert (type(before), type(after)) == (Item, Item)
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.stage) == (Reason.UNMAPPABLE, stage)
    assert (failure.route, failure.method) == ("bad", "customEvent")
    assert failure.message.startswith(message)
    assert "SECRET" not in failure.message


def test_an_item_is_oversize_exactly_where_no_request_can_carry_it() -> None:
    def sizes(limits: Limits) -> list[type]:
        routes = router(plan("r", limits=limits))
        return [
            type(routes.route(record({"id": "x" * (size - len(b'{"id":""}'))}))[0]) for size in (198, 199, 200, 201)
        ]

    assert sizes(LIMITS) == [Item, Failure, Failure, Failure]
    assert sizes(Limits(1, 200, bare=True)) == [Item, Item, Item, Failure]


def test_an_oversize_failure_names_size_and_limit() -> None:
    (failure,) = router(plan("r")).route(record({"id": "x" * 500}))
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.OVERSIZE
    assert "509 bytes" in failure.message
    assert "200 bytes" in failure.message


def test_a_pattern_takes_the_topics_that_begin_as_it_says() -> None:
    routes = router(
        plan("named", topics=["shop.orders"]), plan("pattern", topics=[r"^shop\."]), plan("other", topics=["x"])
    )
    assert taken(routes.route(record({"id": 1}, "shop.orders"))) == ["named", "pattern"]
    assert taken(routes.route(record({"id": 1}, "shop.returns"))) == ["pattern"]
    assert taken(routes.route(record({"id": 1}, "my.shop.orders"))) == []


def test_the_caret_of_a_pattern_binds_its_own_alternative_as_the_subscription_has_it() -> None:
    routes = router(plan("pattern", topics=[r"^shop\.|orders"]))
    assert taken(routes.route(record({"id": 1}, "shop.returns"))) == ["pattern"]
    assert taken(routes.route(record({"id": 1}, "eu.orders"))) == ["pattern"]
    assert taken(routes.route(record({"id": 1}, "eu.shop.returns"))) == []


def test_a_topics_own_schema_goes_before_a_patterns() -> None:
    strict, loose = EventSchema({"required": ["never"]}), EventSchema({})
    routes = Router(
        [plan("r", topics=["^shop"])], {"^sh": strict, "^shop": loose, "shop.orders": loose, "shop.x": None}
    )
    assert taken(routes.route(record({"id": 1}, "shop.orders"))) == ["r"]
    assert taken(routes.route(record({"id": 1}, "shop.x"))) == ["r"]
    assert taken(routes.route(record({"id": 1}, "shop.returns"))) == [None]


class TestUnrouted:
    """With `unrouted: dead_letter`, an event that no route of any sink takes is dead-lettered once."""

    NOBODYS: ClassVar = {"id": 1, "type": "placed"}

    @staticmethod
    def routes(*others: OtherRoute) -> Router:
        return router(plan("r", "type == 'paid'"), unrouted=Unrouted(others))

    def test_it_is_a_failure_without_a_route(self) -> None:
        (failure,) = self.routes().route(record(self.NOBODYS))
        assert isinstance(failure, Failure)
        assert (failure.reason, failure.stage, failure.route) == (Reason.UNROUTED, Stage.ROUTE, None)

    def test_what_ours_takes_is_routed(self) -> None:
        assert taken(self.routes().route(record({"id": 1, "type": "paid"}))) == ["r"]

    def test_what_ours_cannot_map_is_not_unrouted(self) -> None:
        (failure,) = self.routes().route(record({"type": "paid"}))
        assert isinstance(failure, Failure)
        assert failure.reason is Reason.UNMAPPABLE

    def test_what_another_sink_takes_is_skipped(self) -> None:
        assert not self.routes(OtherRoute(["orders"], "type == 'placed'", False)).route(record(self.NOBODYS))
        assert not self.routes(OtherRoute(["^ord"], None, False)).route(record(self.NOBODYS))

    def test_what_another_sink_cannot_decide_is_that_sinks_letter(self) -> None:
        assert not self.routes(OtherRoute(["orders"], "type > `1`", False)).route(record(self.NOBODYS))

    def test_what_another_sink_does_not_take_is_a_failure(self) -> None:
        others = OtherRoute(["orders"], "type == 'lost'", False), OtherRoute(["other"], None, True)
        assert taken(self.routes(*others).route(record(self.NOBODYS))) == [None]

    def test_the_first_sink_that_reads_the_topic_does_it(self) -> None:
        assert not self.routes(OtherRoute(["orders"], "type == 'lost'", True)).route(record(self.NOBODYS))


def test_one_route_alone_can_be_asked_for_a_replay() -> None:
    routes = router(plan("a"), plan("b", "type == 'paid'"), unrouted=Unrouted([]))
    assert taken(routes.route(record({"id": 1, "type": "paid"}), only="b")) == ["b"]
    assert taken(routes.route(record({"id": 1}), only="b")) == []
    assert taken(routes.route(record(b"bad"), only="b")) == [None]


def test_an_expression_that_does_not_parse_is_refused_at_once() -> None:
    with pytest.raises(ExpressionError, match="column 6"):
        router(plan("r", "type = 'x'"))
    with pytest.raises(ExpressionError, match="id: column 3"):
        router(plan("r", fields={"id": "a."}))


class TestExplain:
    """What `preview` shows is what route() does."""

    def test_every_route_of_the_topic_has_its_verdict(self) -> None:
        routes = router(
            plan("taken", "type == 'paid'", {"id": "id", "params": {"t": "total"}}),
            plan("not taken", "type == 'placed'"),
            plan("large", "type == 'paid' && total > `500`"),
            plan("refused", fields={"name": "id"}),
            plan("raises", fields={"id": "unix(id)"}),
            plan("elsewhere", topics=["other"]),
        )
        event = record({"id": "a", "type": "paid", "total": 150})
        explanation = routes.explain(event)
        assert explanation.failure is None
        verdicts = {verdict.route: verdict for verdict in explanation.verdicts}
        assert list(verdicts) == ["taken", "not taken", "large", "refused", "raises"]
        assert verdicts["taken"].mapped == {"id": "a", "params": {"t": 150}}
        assert verdicts["refused"].mapped == {"name": "a"}
        assert verdicts["raises"].mapped is None
        assert verdicts["not taken"].when == "type == 'placed'"
        assert [verdicts[name].result for name in ("not taken", "large")] == [None, None]
        assert [v.result for v in explanation.verdicts if v.result is not None] == list(routes.route(event))

    def test_what_fails_before_any_route_has_a_failure_and_no_verdict(self) -> None:
        explanation = router(plan("r")).explain(record(b"bad"))
        assert (explanation.failure, explanation.verdicts) == (router(plan("r")).route(record(b"bad"))[0], ())

    def test_a_tombstone_has_neither(self) -> None:
        explanation = router(plan("r")).explain(record(None))
        assert (explanation.failure, explanation.verdicts) == (None, ())

    def test_what_nobody_takes_has_both(self) -> None:
        explanation = router(plan("r", "a"), unrouted=Unrouted([])).explain(record({}))
        assert explanation.failure is not None
        assert explanation.failure.reason is Reason.UNROUTED
        assert [verdict.result for verdict in explanation.verdicts] == [None]
