"""The items and failures of a record for one sink."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import ExpressionError
from connector.model import Failure, Item, Limits, Reason, Stage
from connector.routing import EventSchema, OtherRoute, RoutePlan, Router, Unrouted
from tests.unit.routing.support import LIMITS, plan, record, router, taken


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


def test_a_record_of_which_a_part_is_not_there_is_one_failure_without_a_route() -> None:
    bad = record({"id": 7})._replace(damage="a header's name is not UTF-8")
    (failure,) = router(plan("a"), plan("b")).route(bad)
    assert failure == Failure(bad, Reason.UNDECODABLE, Stage.DECODE, "a header's name is not UTF-8", None, None)


def test_a_tombstone_is_skipped_and_a_topic_without_routes_passed_over_whatever_is_damaged() -> None:
    damage = "a header's name holds a NUL"
    assert router(plan("r")).route(record(None)._replace(damage=damage)) == ()
    assert router(plan("r")).route(record({}, topic="other")._replace(damage=damage)) == ()


def test_a_breach_of_the_schema_is_one_failure_without_a_route() -> None:
    bad = record({})
    (failure,) = router(plan("a"), plan("b"), orders=EventSchema({"required": ["id"]})).route(bad)
    assert failure == Failure(bad, Reason.SCHEMA, Stage.DECODE, '$: "id" is a required property', None, None)


@pytest.mark.parametrize(
    ("bad", "stage", "message"),
    [
        (plan("bad", "total > `1`"), Stage.ROUTE, "when: a text is compared with a number"),
        (plan("bad", "id == 'a' && total > `1`"), Stage.ROUTE, "when: a text is compared"),
        (plan("bad", "items[?@ > `1`]"), Stage.ROUTE, "when: a text is compared with a number"),
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
    assert failure == Failure(event, Reason.UNMAPPABLE, stage, failure.message, "bad", "customEvent")
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
    large = record({"id": "x" * 500})
    message = "509 bytes as customEvent: a request with this event alone exceeds 200 bytes"
    assert router(plan("r")).route(large) == [Failure(large, Reason.OVERSIZE, Stage.MAP, message, "r", "customEvent")]


def test_conditions_and_fields_may_ask_for_the_record_itself() -> None:
    event = record({"id": 1})
    routes = router(plan("when", "topic() == 'orders'"), plan("fields", fields={"id": "topic()"}))
    assert [result.body for result in routes.route(event) if isinstance(result, Item)] == [
        b'{"id":1}',
        b'{"id":"orders"}',
    ]
    assert [verdict.mapped for verdict in routes.explain(event).verdicts] == [{"id": 1}, {"id": "orders"}]


def test_a_pattern_takes_the_topics_that_begin_as_it_says() -> None:
    routes = router(
        plan("named", topics=["shop.orders"]), plan("pattern", topics=[r"^shop\."]), plan("other", topics=["x"])
    )
    assert taken(routes.route(record({"id": 1}, "shop.orders"))) == ["named", "pattern"]
    assert taken(routes.route(record({"id": 1}, "shop.returns"))) == ["pattern"]
    assert taken(routes.route(record({"id": 1}, "my.shop.orders"))) == []


def test_a_route_of_several_topics_takes_each_of_them_and_no_other() -> None:
    routes = router(plan("r", topics=["orders", "returns", "^eu-"]))
    for topic in ("orders", "returns", "eu-orders"):
        assert taken(routes.route(record({"id": 1}, topic))) == ["r"]
    assert taken(routes.route(record({"id": 1}, "users"))) == []


class CountedTopics(tuple[str, ...]):
    """A route's topics that count how often somebody goes through them."""

    __slots__ = ()
    gone_through = 0

    def __iter__(self) -> Iterator[str]:
        type(self).gone_through += 1
        return super().__iter__()


def test_a_topics_routes_are_looked_for_once_however_many_records_it_has() -> None:
    CountedTopics.gone_through = 0
    routes = router(plan("r", topics=CountedTopics(["^ord"])))
    for _ in range(3):
        routes.route(record({"id": 1}))
        routes.explain(record({"id": 1}))
    assert CountedTopics.gone_through == 1


def test_the_caret_of_a_pattern_binds_its_own_alternative_as_the_subscription_has_it() -> None:
    routes = router(plan("pattern", topics=[r"^shop\.|orders"]))
    assert taken(routes.route(record({"id": 1}, "shop.returns"))) == ["pattern"]
    assert taken(routes.route(record({"id": 1}, "eu.orders"))) == ["pattern"]
    assert taken(routes.route(record({"id": 1}, "eu.shop.returns"))) == []


def test_a_topics_own_schema_goes_before_a_patterns() -> None:
    strict, loose = EventSchema({"required": ["never"]}), EventSchema({})
    routes = Router(
        [plan("r", topics=["^shop", "other"])],
        {"^sh": strict, "^shop": loose, "shop.orders": loose, "shop.x": None},
    )
    assert taken(routes.route(record({"id": 1}, "shop.orders"))) == ["r"]
    assert taken(routes.route(record({"id": 1}, "shop.x"))) == ["r"]
    assert taken(routes.route(record({"id": 1}, "shop.returns"))) == [None]
    assert taken(routes.route(record({"id": 1}, "other"))) == ["r"]


class TestUnrouted:
    """With `unrouted: dead_letter`, an event that no route of any sink takes is dead-lettered once."""

    NOBODYS: ClassVar = {"id": 1, "type": "placed"}

    @staticmethod
    def routes(*others: OtherRoute) -> Router:
        return router(plan("r", "type == 'paid'"), unrouted=Unrouted(others))

    def test_it_is_a_failure_without_a_route(self) -> None:
        event = record(self.NOBODYS)
        message = "no route of any sink takes this event"
        assert self.routes().route(event) == (Failure(event, Reason.UNROUTED, Stage.ROUTE, message, None, None),)

    def test_what_ours_takes_is_routed(self) -> None:
        assert taken(self.routes().route(record({"id": 1, "type": "paid"}))) == ["r"]

    def test_what_ours_cannot_map_is_not_unrouted(self) -> None:
        (failure,) = self.routes().route(record({"type": "paid"}))
        assert isinstance(failure, Failure)
        assert failure.reason is Reason.UNMAPPABLE

    def test_what_another_sink_takes_is_skipped(self) -> None:
        for other in (
            OtherRoute(["orders"], "type == 'placed'", False),
            OtherRoute(["orders"], "topic() == 'orders'", False),
            OtherRoute(["^ord"], None, False),
        ):
            assert self.routes(other).route(record(self.NOBODYS)) == ()
            assert self.routes(other).explain(record(self.NOBODYS)).failure is None

    def test_what_another_sink_cannot_decide_is_that_sinks_letter(self) -> None:
        undecided = self.routes(OtherRoute(["orders"], "type > `1`", False))
        assert undecided.route(record(self.NOBODYS)) == ()
        assert undecided.explain(record(self.NOBODYS)).failure is None

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
