"""What is derived of a pipeline: partitions, lag, ages, and where the open events stand."""

from __future__ import annotations

from connector.model import Record
from connector.operations.snapshot import PartitionSnapshot, snapshot
from tests.unit.operations.bench import EPOCH, Bench


async def test_partitions_are_in_order_with_position_end_and_lag(bench: Bench) -> None:
    bench.assign(1, 0)
    bench.turn(b"{}", b"{}", partition=0)
    bench.pipeline.on_watermarks({("orders", 0): 10})
    view = snapshot(bench, bench.clock, {})
    assert view.partitions == (
        PartitionSnapshot("orders", 0, 0, 2, 10, 10, 2, halted=False),
        PartitionSnapshot("orders", 1, 0, 0, None, None, 0, halted=False),
    )
    assert view.lag_events == 10


async def test_lag_is_unknown_until_an_end_is_known_and_zero_without_partitions(bench: Bench) -> None:
    bench.assign(0)
    assert snapshot(bench, bench.clock, {}).lag_events is None
    bench.pipeline.on_lost(frozenset({0}))
    assert snapshot(bench, bench.clock, {}).lag_events == 0


async def test_an_end_heard_of_late_is_no_negative_lag(bench: Bench) -> None:
    bench.assign(0)
    bench.pipeline.on_watermarks({("orders", 0): 1})
    bench.turn(b"skip", b"skip", b"skip")
    assert snapshot(bench, bench.clock, {}).lag_events == 0


async def test_the_oldest_event_is_aged_by_kafkas_time_and_by_ours(bench: Bench) -> None:
    bench.assign(0)
    now = bench.clock.monotonic()
    old = Record("orders", 0, 0, int((EPOCH - 300) * 1000), None, b"{}", (), 0, now)
    bench.pipeline.on_poll([old], now, confirmed=True, demanded=False)
    bench.clock.seconds += 7.0
    view = snapshot(bench, bench.clock, {"orders": 1_000.0})
    assert (view.oldest_seconds, view.held_seconds, view.retention_left) == (307.0, 7.0, 693.0)


async def test_a_record_without_a_time_has_no_age_and_one_of_the_future_neither(bench: Bench) -> None:
    bench.assign(0, 1)
    now = bench.clock.monotonic()
    timeless = Record("orders", 0, 0, -1, None, b"{}", (), 0, now)
    future = Record("orders", 1, 0, int((EPOCH + 50) * 1000), None, b"{}", (), 1, now)
    bench.pipeline.on_poll([timeless, future], now, confirmed=True, demanded=False)
    assert snapshot(bench, bench.clock, {}).oldest_seconds == 0.0


async def test_expiry_is_unknown_where_no_retention_is(bench: Bench) -> None:
    bench.assign(0)
    bench.turn(b"{}")
    assert snapshot(bench, bench.clock, {}).retention_left is None
    assert snapshot(bench, bench.clock, {"other": 5.0}).retention_left is None


async def test_every_read_event_stands_somewhere(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.silent = True
    bench.topic.silent = True
    bench.turn(*[b"{}"] * 65, b"bad")
    await bench.settle()
    view = snapshot(bench, bench.clock, {})
    assert view.open_events == 66
    assert view.unsent + view.in_flight + view.retrying + view.letters + view.deferred == 66


async def test_lag_is_unknown_before_an_assignment_and_while_kafka_cannot_be_read(bench: Bench) -> None:
    assert snapshot(bench, bench.clock, {}).lag_events is None
    bench.assign(0)
    bench.pipeline.on_watermarks({("orders", 0): 10})
    bench.pipeline.on_kafka_problem("all brokers are down")
    view = snapshot(bench, bench.clock, {})
    assert (view.lag_events, view.partitions[0].high, view.partitions[0].lag) == (None, None, None)
    bench.pipeline.on_kafka_problem("")
    view = snapshot(bench, bench.clock, {})
    assert (view.lag_events, view.partitions[0].high, view.partitions[0].lag) == (10, 10, 10)


async def test_lag_is_unknown_without_partitions_while_kafka_cannot_be_read(bench: Bench) -> None:
    bench.assign()
    bench.pipeline.on_kafka_problem("users: no such topic", frozenset({"users"}))
    assert snapshot(bench, bench.clock, {}).lag_events is None


async def test_a_problem_with_another_topic_leaves_the_lag_of_what_is_read_known(bench: Bench) -> None:
    bench.assign(0)
    bench.pipeline.on_watermarks({("orders", 0): 10})
    bench.pipeline.on_kafka_problem("users: no such topic", frozenset({"users"}))
    view = snapshot(bench, bench.clock, {})
    assert (view.lag_events, view.reads_other_topics) == (10, True)
    bench.pipeline.on_kafka_problem("orders: no leader", frozenset({"orders"}))
    view = snapshot(bench, bench.clock, {})
    assert (view.lag_events, view.reads_other_topics) == (None, False)


async def test_what_was_read_past_an_end_heard_of_late_is_lag(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.silent = True
    bench.pipeline.on_watermarks({("orders", 0): 0})
    bench.turn(*[b"{}"] * 11)
    view = snapshot(bench, bench.clock, {})
    assert (view.lag_events, view.partitions[0].high, view.partitions[0].lag) == (11, 11, 11)
