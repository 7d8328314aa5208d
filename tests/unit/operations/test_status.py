"""The status as data."""

from __future__ import annotations

import json
from typing import Any

from connector.delivery.stats import RecentFailure
from connector.errors import Mistake
from connector.model import Outcome, OutcomeKind, Reason
from connector.operations.server import OperationsServer
from tests.support.clock import TurnedClock
from tests.unit.operations.bench import Bench
from tests.unit.operations.test_server import get


async def sink_of(server: OperationsServer) -> dict[str, Any]:
    sink: dict[str, Any] = (await get(server, "/status")).json()["sinks"][0]
    return sink


async def test_the_counts_reconcile(server: OperationsServer, bench: Bench) -> None:
    bench.assign(0)
    bench.turn(b"{}", b"{}", b"bad", b"skip")
    await bench.settle()
    counts = (await sink_of(server))["counts"]
    assert counts["dead_lettered"] == {"unmappable": 1}
    assert (counts["read"], counts["delivered"], counts["skipped"], counts["open"]) == (4, 0, 1, 2)
    bench.pipeline.on_lost(frozenset({0}))
    counts = (await sink_of(server))["counts"]
    assert (counts["given_back"], counts["open"]) == (2, 0)


async def test_items_are_counted_beside_events(server: OperationsServer, bench: Bench) -> None:
    bench.assign(0)
    bench.turn(b"three", b"{}", b"bad", b"skip")
    await bench.settle()
    counts = (await sink_of(server))["counts"]
    assert (counts["read"], counts["open"]) == (4, 2)
    assert counts["items"] == {"read": 5, "delivered": 0, "dead_lettered": 1, "given_back": 0, "late": 0, "open": 4}
    bench.pipeline.on_lost(frozenset({0}))
    counts = (await sink_of(server))["counts"]
    assert (counts["given_back"], counts["open"]) == (2, 0)
    assert (counts["items"]["given_back"], counts["items"]["open"]) == (4, 0)


async def test_rate_and_drain_come_from_the_ticks(server: OperationsServer, bench: Bench, clock: TurnedClock) -> None:
    bench.assign(0)
    for _ in range(11):
        bench.turn(b"skip", b"skip")
        server.tick()
        clock.seconds += 1.0
    bench.pipeline.on_watermarks({("orders", 0): 62})
    sink = await sink_of(server)
    assert sink["events_per_second"] == 2.0
    assert sink["lag"]["events"] == 40
    assert sink["lag"]["drained_in_seconds"] == 20.0


async def test_while_kafka_cannot_be_read_nobody_knows_what_is_left_nor_how_long_it_takes(
    server: OperationsServer, bench: Bench, clock: TurnedClock
) -> None:
    bench.assign(0)
    bench.pipeline.on_watermarks({("orders", 0): 0})
    assert (await sink_of(server))["lag"]["drained_in_seconds"] == 0.0
    bench.pipeline.on_kafka_problem("all brokers are down")
    server.tick()
    lag = (await sink_of(server))["lag"]
    assert (lag["events"], lag["drained_in_seconds"]) == (None, None)
    page = (await get(server, "/")).text
    assert "<dt>Lag, events</dt><dd>unknown</dd>" in page
    assert "<dt>Drained in, at this rate</dt><dd>unknown</dd>" in page
    assert "connector_lag_events{" not in (await get(server, "/metrics")).text


async def test_recent_failures_show_the_newest_first_without_payload(
    server: OperationsServer, bench: Bench, clock: TurnedClock
) -> None:
    bench.assign(0)
    bench.turn(b"bad")
    clock.seconds += 10.0
    bench.vendor.outcome = Outcome(OutcomeKind.UNAVAILABLE, 503, 'no upstream for "canary-4f1d"')
    bench.turn(b'{"email": "canary-4f1d"}')
    clock.seconds += 1.0
    bench.turn()
    await bench.settle()
    sink = await sink_of(server)
    request, letter = sink["recent_failures"]
    assert request == {
        "at": "2027-01-15T08:00:11+00:00", "kind": "request", "reason": "vendor", "method": "login", "status": 503,
        "message": "no upstream for •••", "record": None,
    }  # fmt: skip
    assert (letter["kind"], letter["reason"], letter["record"]) == ("dead_letter", "unmappable", "orders/0/0")
    assert "canary" not in json.dumps(sink)


async def test_only_the_vendors_words_are_masked(server: OperationsServer, bench: Bench) -> None:
    stats = bench.pipeline.stats
    stats.recent_letters += [
        RecentFailure(1.0, Reason.UNMAPPABLE, "login", None, "number() takes a text such as '12.50'", "orders/0/0"),
        RecentFailure(2.0, Reason.SCHEMA, None, None, '$: "ann@example.org" is not "RUB"', "orders/0/1"),
        RecentFailure(3.0, Reason.REFUSED, "login", 422, "'12.50' is too much", "orders/0/2"),
    ]
    stats.recent_faults += [
        RecentFailure(4.0, OutcomeKind.UNAVAILABLE, "login", None, "the certificate is not valid for '127.0.0.1'"),
        RecentFailure(5.0, OutcomeKind.MISCONFIGURED, "login", 403, "'app-one' is forbidden"),
    ]
    assert [failure["message"] for failure in (await sink_of(server))["recent_failures"]] == [
        "••• is forbidden",
        "the certificate is not valid for '127.0.0.1'",
        "••• is too much",
        '$: "•••" is not "RUB"',
        "number() takes a text such as '12.50'",
    ]


async def test_fifty_failures_are_shown_however_many_there_were(server: OperationsServer, bench: Bench) -> None:
    bench.assign(0)
    bench.pipeline.flood_guard._failure_rate.exceeded = lambda now: False  # type: ignore[method-assign]  # many letters and no flood
    bench.turn(*[b"bad"] * 80)
    assert len((await sink_of(server))["recent_failures"]) == 50


async def test_expiry_is_estimated_from_the_topics_retention(server: OperationsServer, bench: Bench) -> None:
    bench.assign(0)
    bench.turn(b"{}")
    server.tick()
    while not server._retention.seconds:
        await bench.settle()
    assert (await sink_of(server))["lag"]["expires_in_seconds"] == 3_600.0


async def test_process_facts_stand_at_the_top(server: OperationsServer, clock: TurnedClock) -> None:
    clock.seconds += 90.0
    facts = (await get(server, "/status")).json()
    assert facts["uptime_seconds"] == 90.0
    assert facts["versions"]["version"] == "1.2.3"
    assert facts["ready"] is False


async def test_the_fields_of_a_route_that_are_null_are_listed(
    server: OperationsServer, bench: Bench, clock: TurnedClock
) -> None:
    (route,) = (await sink_of(server))["routes"]
    assert route == {"name": "paid", "method": "login", "events": 0, "events_last_minute": 0, "null_fields": []}
    renamed_in_the_ninetieth_second(server, bench, clock)
    (route,) = (await sink_of(server))["routes"]
    assert (route["events"], route["events_last_minute"]) == (1_000, 600)
    assert route["null_fields"] == [
        {
            "field": "customEventParams.level",
            "nulls": 103,
            "nulls_last_minute": 101,
            "share_last_minute": 0.168,
            "always_null": {
                "since": "2027-01-15T08:01:31+00:00", "events": 100, "events_before": 900, "nulls_before": 3,
            },
        }
    ]  # fmt: skip
    clock.seconds += 61.0
    server.tick()
    clock.seconds += 1.0
    server.tick()
    (field,) = (await sink_of(server))["routes"][0]["null_fields"]
    assert (field["nulls_last_minute"], field["share_last_minute"]) == (0, None), "without events no share is known"


async def test_a_field_that_is_null_since_it_was_renamed_stands_on_the_page(
    server: OperationsServer, bench: Bench, clock: TurnedClock
) -> None:
    bench.counts.name = "<paid>"
    bench.counts.tally[:] = [50, 0, 50]
    server.tick()
    assert "Field always null" not in (await get(server, "/")).text, "it never had a value"
    bench.counts.tally[:] = [0, 0, 0]
    renamed_in_the_ninetieth_second(server, bench, clock)
    page = (await get(server, "/")).text
    assert (
        "<code>customEventParams.level</code> of route <code>&lt;paid&gt;</code>: in all 100 events since "
        "2027-01-15 08:01:31 UTC; "
        "before that in 3 of 900. Was it renamed upstream?"
    ) in page


def renamed_in_the_ninetieth_second(server: OperationsServer, bench: Bench, clock: TurnedClock) -> None:
    """Ten events a second for a hundred seconds; what `level` comes from is renamed in the ninetieth."""
    for second in range(1, 101):
        clock.seconds += 1.0
        bench.counts.tally[0] += 10
        bench.counts.tally[2] += 10 if second > 90 else second in (1, 2, 90)
        server.tick()


async def test_what_the_vendor_says_of_the_configuration_is_shown(server: OperationsServer, bench: Bench) -> None:
    bench.pipeline.warnings = [
        Mistake("routes[2].fields.event_key", "'<b>' is no event of this department", "unknown-event")
    ]
    bench.pipeline.vendor_events = {"8bd3": "Регистрация (flag)"}
    sink = await sink_of(server)
    assert sink["warnings"] == [
        {
            "path": "routes[2].fields.event_key",
            "message": "'<b>' is no event of this department",
            "name": "unknown-event",
        }
    ]
    assert sink["vendor_events"] == {"8bd3": "Регистрация (flag)"}
    page = (await get(server, "/")).text
    assert "&#x27;&lt;b&gt;&#x27; is no event" in page
    assert "Регистрация (flag)" in page
    assert 'connector_configuration_warnings{sink="mytracker"} 1.0' in (await get(server, "/metrics")).text
