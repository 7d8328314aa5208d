"""Why there is lag: a real pipeline is brought into each state, and says what it waits for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connector.model import Failure, Outcome, OutcomeKind, Reason, Record, Stage
from connector.operations.snapshot import SinkSnapshot, snapshot
from connector.operations.wait_reasons import Wait, WaitReason, wait_reasons
from tests.support.clock import TurnedClock
from tests.unit.operations.bench import Bench, build_bench

DOWN = Outcome(OutcomeKind.UNAVAILABLE, 503, "upstream is gone")


def seen(bench: Bench) -> SinkSnapshot:
    return snapshot(bench, bench.clock, {})


def causes(bench: Bench) -> list[WaitReason]:
    return [wait.cause for wait in wait_reasons(seen(bench))]


def main(bench: Bench) -> Wait:
    return wait_reasons(seen(bench))[0]


@pytest.fixture
async def limited(clock: TurnedClock) -> AsyncIterator[Bench]:
    """A sink with a rate of one request in two seconds."""
    bench = build_bench(clock, "sailplay", rate=0.5)
    yield bench
    bench.pipeline.dispatcher.stop()


async def send(bench: Bench, *values: bytes, key: bytes | None = None) -> None:
    """Bring values and let their batch go, lingering over."""
    bench.turn(*values, key=key)
    bench.clock.seconds += 0.25
    bench.turn()
    await bench.settle()


async def test_before_the_first_assignment_it_waits_for_the_group(bench: Bench) -> None:
    assert main(bench).cause is WaitReason.ASSIGNMENT


async def test_an_empty_assignment_leaves_nothing_to_read(bench: Bench) -> None:
    bench.assign()
    assert main(bench) == (WaitReason.NOTHING_TO_READ, "Other members of the group hold all partitions")


async def test_when_all_is_settled_there_is_nothing_to_read(bench: Bench) -> None:
    bench.assign(0)
    await send(bench, b"{}")
    assert main(bench) == (WaitReason.NOTHING_TO_READ, "Every event that was read is settled")


async def test_what_kafka_holds_and_nobody_has_fetched_is_said(bench: Bench) -> None:
    bench.assign(0)
    bench.pipeline.on_watermarks({("orders", 0): 1_500})
    assert main(bench) == (WaitReason.READING, "1,500 events still to be fetched from Kafka")


async def test_brokers_out_of_reach_come_first(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.outcome = DOWN
    bench.pipeline.on_kafka_problem("all brokers are down")
    bench.pipeline.dispatcher.gate.set_missing_secret("TOKEN is not set")
    assert causes(bench) == [WaitReason.KAFKA, WaitReason.HELD]
    assert main(bench).detail == "Kafka cannot be read: all brokers are down"


async def test_a_topic_that_cannot_be_read_comes_behind_what_stops_the_others(bench: Bench) -> None:
    bench.assign(0)
    bench.pipeline.on_kafka_problem("users: no such topic", frozenset({"users"}))
    assert main(bench) == (WaitReason.KAFKA, "Some topics cannot be read: users: no such topic")
    bench.pipeline.dispatcher.gate.set_missing_secret("TOKEN is not set")
    assert causes(bench) == [WaitReason.HELD, WaitReason.KAFKA]
    bench.pipeline.on_kafka_problem("orders: no leader", frozenset({"orders"}))
    assert causes(bench) == [WaitReason.KAFKA, WaitReason.HELD]


async def test_an_assignment_in_doubt_is_said(bench: Bench) -> None:
    bench.assign(0)
    bench.turn(confirmed=False)
    assert main(bench).cause is WaitReason.UNCONFIRMED


async def test_a_missing_secret_is_named(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.missing = "environment variable TOKEN_1234567890123456 is not set"
    bench.pipeline.tick()
    assert main(bench) == (
        WaitReason.HELD,
        "A secret is missing: environment variable TOKEN_1234567890123456 is not set",
    )


async def test_a_misconfiguration_is_said_in_the_vendors_words_masked(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.outcome = Outcome(OutcomeKind.MISCONFIGURED, 403, '{"error": "Forbidden for \'app-one\'"}')
    await send(bench, b"{}")
    assert main(bench) == (WaitReason.MISCONFIGURED, "The vendor refuses our credentials or address: Forbidden for •••")


async def test_our_own_words_on_a_vendor_that_cannot_be_reached_stay(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.outcome = Outcome(OutcomeKind.MISCONFIGURED, None, "the token in file '/run/secrets/token' is empty")
    await send(bench, b"{}")
    assert main(bench).detail.endswith("address: the token in file '/run/secrets/token' is empty")


@pytest.mark.parametrize(
    ("status", "message"), [(None, "number() takes a text such as '12.50'"), (422, "number() takes a text such as •••")]
)
async def test_a_flood_tells_its_last_letter_in_our_words_or_the_vendors_masked(
    bench: Bench, status: int | None, message: str
) -> None:
    bench.assign(0)
    bench.topic.silent = True
    record = Record("orders", 0, 0, 0, None, b"{}", ())
    said = "number() takes a text such as '12.50'"
    for _ in range(4):
        bench.pipeline.on_failed(Failure(record, Reason.UNMAPPABLE, Stage.MAP, said, "paid", "login", status))
    assert main(bench).detail.endswith(f"4 of 4 events fell to their own fault; the last: {message}")


async def test_an_outage_closes_the_gate_and_everything_open_retries(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.outcome = DOWN
    bench.turn(*[b"{}"] * 20)
    for _ in range(40):
        bench.clock.seconds += 40.0
        bench.turn()
        await bench.settle()
    view = seen(bench)
    assert main(bench) == (
        WaitReason.GATE_CLOSED,
        "The vendor fails, so only a probe goes now and then: upstream is gone",
    )
    assert (view.retrying, view.unsent, view.in_flight) == (20, 0, 0)


async def test_one_fault_is_retried(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.outcome = DOWN
    await send(bench, b"{}", b"{}")
    assert main(bench) == (WaitReason.RETRYING, "2 events of 1 failed request will be tried again")


async def test_a_pause_the_vendor_asked_for_is_said(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.outcome = Outcome(OutcomeKind.UNAVAILABLE, 429, "slow down", retry_after=90.0)
    await send(bench, b"{}")
    assert main(bench) == (WaitReason.RETRY_AFTER, "The vendor asked for a pause, which ends in 90 s")


async def test_a_flood_is_said_with_what_is_kept_back(bench: Bench) -> None:
    bench.assign(0)
    bench.turn(*[b"bad"] * 4)
    bench.turn(b"{}", b"{}", b"{}")
    view = seen(bench)
    assert main(bench).cause is WaitReason.FLOODED
    assert "4 of 4 events fell to their own fault" in main(bench).detail
    assert view.deferred == 3
    bench.clock.seconds += 5.0
    assert seen(bench).oldest_seconds == pytest.approx(5.0)


async def test_a_dead_letter_topic_that_refuses_is_said_with_its_reason(bench: Bench) -> None:
    bench.assign(0)
    bench.topic.refusal = "topic crm.dead-letters does not exist: create it"
    bench.turn(b"bad")
    assert main(bench) == (
        WaitReason.DEAD_LETTER_TOPIC,
        "1 dead letter cannot be written: topic crm.dead-letters does not exist: create it",
    )


async def test_dead_letters_under_way_wait_for_the_brokers(bench: Bench) -> None:
    bench.assign(0)
    bench.topic.silent = True
    bench.turn(b"bad", b"bad")
    assert main(bench) == (WaitReason.DEAD_LETTER_REPORT, "The brokers have yet to confirm 2 dead letters")


async def test_a_batch_that_fills_lingers(bench: Bench) -> None:
    bench.assign(0)
    bench.turn(b"{}")
    assert main(bench) == (WaitReason.LINGER, "A batch fills for 200 ms more")


async def test_all_places_in_flight_taken_is_the_vendors_latency(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.silent = True
    bench.turn(*[b"{}"] * 60)
    await bench.settle()
    view = seen(bench)
    assert main(bench) == (WaitReason.VENDOR_LATENCY, "The vendor has yet to answer 2 requests; at most 2 go at once")
    assert (view.in_flight, view.unsent) == (40, 20)


async def test_the_last_requests_are_waited_for_too(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.silent = True
    await send(bench, b"{}")
    assert main(bench) == (WaitReason.VENDOR_LATENCY, "The vendor has yet to answer 1 request; at most 2 go at once")


async def test_events_behind_their_own_key_are_a_hot_key(bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.silent = True
    await send(bench, b"{}", key=b"ann")
    bench.turn(*[b"{}"] * 30, key=b"ann")
    assert main(bench) == (WaitReason.HOT_KEY, "One key has 30 events waiting for its batch under way")


async def test_a_rate_that_leaves_places_free_is_the_rate_limit(limited: Bench) -> None:
    limited.assign(0)
    await send(limited, *[b"{}"] * 40)
    assert main(limited) == (WaitReason.RATE_LIMIT, "The configured rate keeps 20 events waiting")


async def test_an_idle_sink_with_a_rate_waits_for_nothing(limited: Bench) -> None:
    limited.assign(0)
    await send(limited, b"{}")
    assert causes(limited) == [WaitReason.NOTHING_TO_READ]


async def test_a_sink_whose_flood_guard_still_reads_recent_letters_says_so(bench: Bench) -> None:
    bench.pipeline.flood_guard.wait_for_restore()
    assert any("Recent dead letters are still being read" in wait.detail for wait in wait_reasons(seen(bench)))
    bench.pipeline.flood_guard.restore([])
    assert WaitReason.READING not in causes(bench)
