"""What the service's own router counts of each route: events, and the fields that came out null."""

from __future__ import annotations

from connector.model import Failure
from connector.routing import Router
from tests.unit.routing.support import plan, record, router

PLANS = (
    plan("paid", "type == 'paid'", {"id": "id", "params": {"level": "data.level", "zone": "data.zone"}}),
    plan("large", "total > `100`", {"id": "id", "at": "unix(at)", "zone": "data.zone"}),
)


def counted(*events: object) -> dict[str, tuple[int, dict[str, int]]]:
    routes = Router(PLANS, {}, counting=True)
    for event in events:
        routes.route(record(event))
    return {each.name: (each.events, dict(each.nulls())) for each in routes.counts}


def test_every_route_and_field_begins_at_nought() -> None:
    assert counted() == {
        "paid": (0, {"id": 0, "params.level": 0, "params.zone": 0}),
        "large": (0, {"id": 0, "at": 0, "zone": 0}),
    }
    assert [each.method for each in Router(PLANS, {}, counting=True).counts] == ["customEvent", "customEvent"]


def test_a_route_counts_the_events_that_it_takes() -> None:
    found = counted(
        {"id": 1, "type": "paid", "total": 5, "data": {"level": 7}},  # one alone
        {"id": 1, "type": "paid", "total": 500, "data": {"zone": ""}},  # both
        {"id": 1, "type": "placed", "total": 5},  # neither
        {"type": "paid", "total": "dear"},  # the condition of `large` raises
        None,
        b"no event",
    )
    assert found == {
        "paid": (3, {"id": 1, "params.level": 2, "params.zone": 3}),
        "large": (1, {"id": 0, "at": 1, "zone": 1}),
    }


def test_what_cannot_be_mapped_or_encoded_is_an_event_of_its_route() -> None:
    raises = {"id": 1, "total": 500, "at": True, "data": {"zone": "x"}}
    refused = {"total": 500, "at": 1_800_000_000, "data": {"zone": "x"}}
    for event in (raises, refused):
        (result,) = router(*PLANS).route(record(event))
        assert isinstance(result, Failure)
    assert counted(raises, refused)["large"] == (2, {"id": 1, "at": 0, "zone": 0})


def test_a_router_of_a_preview_or_a_replay_counts_nothing() -> None:
    routes = router(*PLANS)
    routes.route(record({"type": "paid"}))
    routes.explain(record({"type": "paid"}))
    assert routes.counts == ()
