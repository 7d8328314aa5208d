"""Micro-benchmarks of the pure rooms, a thousand events a round, so that a regression has an address.

None asserts a time. `.venv/bin/pytest benchmarks/micro --benchmark-enable --benchmark-only`
"""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.contenders import FIELDS, FIRE
from benchmarks.events import Load, user
from connector import resources
from connector.batching.batcher import Batcher
from connector.delivery.assignment import Assignment
from connector.expressions.compiler import compile_fields, field_names
from connector.kafka.source_interface import AssignedPartition
from connector.model import Item, Record
from connector.routing import EventSchema, RoutePlan, Router
from connector.vendors.registry import VENDORS

EVENTS, KEYS = 1_000, 100
LOAD = Load(EVENTS, keys=KEYS)

EVENTS_OF: dict[str, dict[str, Any]] = {
    "user": {"type": "user.registered", "occurred_at": "2026-01-31T12:00:00Z", "user": {"id": 1}},
    "order": {
        "type": "order.paid",
        "occurred_at": 1,
        "user": {"id": "1"},
        "order": {"id": 1, "currency": "USD", "total": 1.5},
    },
}


def router(kind: str, method: str, fields: Any) -> Router:
    vendor = VENDORS[kind]
    return Router(
        [RoutePlan(method, ["events"], None, method, fields, vendor.methods[method].encode, vendor.limits)],
        {"events": None},
        counting=True,
    )


@pytest.fixture
def records() -> list[Record]:
    return [
        Record("events", 0, n, 1_700_000_000_000, user(n % KEYS).encode(), LOAD.event(n), (), 1, 1.0)
        for n in range(EVENTS)
    ]


@pytest.fixture
def items(records: list[Record]) -> list[Item]:
    mapped = router("mytracker", "customEvent", FIELDS)
    return [item for record in records for item in mapped.route(record) if isinstance(item, Item)]


@pytest.mark.parametrize(
    ("kind", "method", "fields"), [("mytracker", "customEvent", FIELDS), ("sailplay", "fire", FIRE)]
)
def test_decode_map_and_encode(
    benchmark: BenchmarkFixture, records: list[Record], kind: str, method: str, fields: Any
) -> None:
    route = router(kind, method, fields).route
    results = benchmark(lambda: [route(record) for record in records])
    assert all(isinstance(result, Item) for (result,) in results)


@pytest.mark.parametrize("counted", [False, True], ids=["uncounted", "counted"])
@pytest.mark.parametrize("there", [True, False], ids=["values", "nulls"])
def test_map(benchmark: BenchmarkFixture, records: list[Record], counted: bool, there: bool) -> None:
    """Mapping alone, by a compiled route that counts its nulls or does not, where every field has a value or none."""
    fields = dict[str, Any](FIELDS)
    tally = [0] * (1 + len(field_names(fields)))
    compiled = compile_fields(fields, tally if counted else None)
    event = orjson.loads(records[0].value or b"") if there else {}
    mapped = benchmark(lambda: [compiled(event, record) for record in records])
    assert bool(mapped[0]) == there
    assert any(tally[1:]) == (counted and not there)


@pytest.mark.parametrize("lines", [1, 10])
def test_decode_map_and_encode_each(benchmark: BenchmarkFixture, lines: int) -> None:
    """A thousand events with so many lines, each of which becomes an item: three fields, one of them the event's."""
    fields: Any = {
        "customUserId": "$.user.id",
        "customEventName": "sku",
        "customEventParams": {"sum": "price * quantity"},
    }
    vendor, order = VENDORS["mytracker"], [{"sku": f"s{n}", "price": 1.25, "quantity": n} for n in range(lines)]
    encode = vendor.methods["customEvent"].encode
    plan = RoutePlan("lines", ["events"], None, "customEvent", fields, encode, vendor.limits, "order.lines")
    route = Router([plan], {"events": None}).route
    value = json.dumps({"type": "order.paid", "user": {"id": "1"}, "order": {"lines": order}}).encode()
    made = [Record("events", 0, n, 1_700_000_000_000, b"1", value, (), 1, 1.0) for n in range(EVENTS)]
    results = benchmark(lambda: [route(record) for record in made])
    assert all(len(result) == lines for result in results)


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("name", EVENTS_OF)
def test_validate(benchmark: BenchmarkFixture, name: str, right: bool) -> None:
    """A schema that comes along; most events are right."""
    schema = EventSchema(json.loads((resources.schemas() / "events" / f"{name}.json").read_bytes()))
    event = EVENTS_OF[name] if right else EVENTS_OF[name] | {"occurred_at": None}
    said = benchmark(lambda: [schema.violation(event) for _ in range(EVENTS)])
    assert (said[0] is None) == right


def test_batcher(benchmark: BenchmarkFixture, items: list[Item]) -> None:
    """In, packed, taken and released."""

    def through() -> int:
        batcher = Batcher(VENDORS["mytracker"].limits, ordered=True, linger=0.2)
        for item in items:
            batcher.enqueue(item)
        out = 0
        while (batch := batcher.take_next_batch(2.0)) is not None:
            out += len(batch.items)
            batcher.release_keys(batch)
        return out

    assert benchmark(through) == EVENTS


def test_offsets(benchmark: BenchmarkFixture, records: list[Record]) -> None:
    """Read, opened, settled in order, and what to commit."""

    def through() -> int:
        assignment = Assignment("group")
        assignment.assign(AssignedPartition(1, "events", 0, 0, None))
        offsets = assignment.offsets[1]
        for record in records:
            offsets.advance(record)
            assignment.open(offsets, record)
        for record in records:
            assignment.settle(record)
        return assignment.pending_commits()[1].position

    assert benchmark(through) == EVENTS
