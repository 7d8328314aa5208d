"""Partitions that stand and logs that changed, as every side shows them: in plain words, and with nothing unescaped."""

from __future__ import annotations

from typing import Any

import pytest

from connector.kafka.log_changes import LogChangeKind
from connector.kafka.source_interface import AssignedPartition, LogChange
from connector.operations.server import OperationsServer
from connector.operations.snapshot import snapshot
from connector.operations.wait_reasons import WaitReason, state, wait_reasons
from tests.support.clock import TurnedClock
from tests.unit.operations.bench import Bench
from tests.unit.operations.test_server import get

FOREIGN = "Decompression (codec 0x4) of <script>alert('message')</script> failed"
ESCAPED = "Decompression (codec 0x4) of &lt;script&gt;alert(&#x27;message&#x27;)&lt;/script&gt; failed"


async def sink_of(server: OperationsServer) -> dict[str, Any]:
    sink: dict[str, Any] = (await get(server, "/status")).json()["sinks"][0]
    return sink


async def metrics(server: OperationsServer) -> list[str]:
    return (await get(server, "/metrics")).text.splitlines()


async def test_a_partition_that_stands_is_the_main_cause_and_named(bench: Bench) -> None:
    bench.assign(0, 1)
    bench.pipeline.on_watermarks({("orders", 0): 50, ("orders", 1): 50})
    bench.pipeline.on_unreadable(1, 0, "damaged")
    bench.pipeline.dispatcher.gate.set_missing_secret("TOKEN is not set")
    found = wait_reasons(snapshot(bench, bench.clock, {}))
    assert found[0] == (
        WaitReason.UNREADABLE,
        "The partition stands: the record at orders/1/0 cannot be read: damaged",
    )
    assert [wait.cause for wait in found[1:]] == [WaitReason.HELD]
    assert state(WaitReason.UNREADABLE) == ("A record cannot be read", "bad")


async def test_where_the_offset_is_not_known_the_partition_is_named(bench: Bench) -> None:
    bench.pipeline.on_assigned([AssignedPartition(7, "orders", 3, None, None)])
    bench.pipeline.on_unreadable(7, None, "damaged")
    (main,) = wait_reasons(snapshot(bench, bench.clock, {}))
    assert main.detail == "The partition stands: the record at orders/3 cannot be read: damaged"


async def test_brokers_out_of_reach_and_a_missing_assignment_come_before_it(bench: Bench) -> None:
    bench.assign(0)
    bench.pipeline.on_unreadable(0, 0, "damaged")
    bench.pipeline.on_kafka_problem("all brokers are down")
    found = wait_reasons(snapshot(bench, bench.clock, {}))
    assert [wait.cause for wait in found] == [WaitReason.KAFKA, WaitReason.UNREADABLE]


async def test_the_status_says_which_partition_stands_where_and_why_as_long_as_it_does(
    server: OperationsServer, bench: Bench
) -> None:
    bench.assign(0, 1)
    assert (await sink_of(server))["standing"] == []
    bench.pipeline.on_unreadable(1, 0, FOREIGN)
    sink = await sink_of(server)
    assert sink["standing"] == [{"topic": "orders", "partition": 1, "offset": 0, "why": FOREIGN}]
    assert sink["waiting_for"]["cause"] == "unreadable"
    assert 'connector_partitions_standing{sink="mytracker"} 1.0' in await metrics(server)
    assert 'connector_waiting_for{cause="unreadable",sink="mytracker"} 1.0' in await metrics(server)
    bench.turn(b"skip", partition=1)
    assert (await sink_of(server))["standing"] == []
    assert 'connector_partitions_standing{sink="mytracker"} 0.0' in await metrics(server)


async def test_the_status_tells_of_logs_that_changed_the_newest_first(
    server: OperationsServer, bench: Bench, clock: TurnedClock
) -> None:
    assert (await sink_of(server))["log_changes"] == []
    bench.pipeline.on_log_changed(LogChange(LogChangeKind.TRUNCATED, "orders", 0, 300, 120))
    clock.seconds += 60.0
    bench.pipeline.on_log_changed(LogChange(LogChangeKind.RECREATED, "orders", 1, 40, 0))
    sink = await sink_of(server)
    assert sink["log_changes"] == [
        {
            "at": "2027-01-15T08:01:00+00:00",
            "change": "recreated",
            "topic": "orders",
            "partition": 1,
            "wanted": 40,
            "resumes_at": 0,
        },
        {
            "at": "2027-01-15T08:00:00+00:00",
            "change": "truncated",
            "topic": "orders",
            "partition": 0,
            "wanted": 300,
            "resumes_at": 120,
        },
    ]
    assert sink["counts"]["log_changes"] == {"truncated": 1, "recreated": 1}


async def test_each_change_is_counted_from_the_start_on(server: OperationsServer, bench: Bench) -> None:
    """A rate needs a first sample, and an alert that rests on it would miss the first change."""
    bench.pipeline.on_log_changed(LogChange(LogChangeKind.OVERWRITTEN, "orders", 0, 300, 120))
    found = {line for line in await metrics(server) if line.startswith("connector_log_changes_total{")}
    assert found == {
        'connector_log_changes_total{change="truncated",sink="mytracker"} 0.0',
        'connector_log_changes_total{change="overwritten",sink="mytracker"} 1.0',
        'connector_log_changes_total{change="recreated",sink="mytracker"} 0.0',
    }


async def test_the_page_shows_a_partition_that_stands_and_escapes_what_the_client_says(
    server: OperationsServer, bench: Bench
) -> None:
    bench.assign(0)
    bench.pipeline.on_unreadable(0, 0, FOREIGN)
    page = (await get(server, "/")).text
    assert f"The partition stands: the record at orders/0/0 cannot be read: {ESCAPED}." in page
    assert '<span class="badge bad">A record cannot be read</span>' in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (LogChangeKind.TRUNCATED, "Log truncated"),
        (LogChangeKind.OVERWRITTEN, "Log truncated and overwritten"),
        (LogChangeKind.RECREATED, "Topic recreated"),
    ],
)
async def test_the_page_shows_a_log_that_changed(
    server: OperationsServer, bench: Bench, change: LogChangeKind, words: str
) -> None:
    bench.pipeline.on_log_changed(LogChange(change, "<b>orders</b>", 3, 5_153, 3_063))
    page = (await get(server, "/")).text
    assert (
        f'<span class="badge warn">{words}</span> &lt;b&gt;orders&lt;/b&gt;/3 at 2027-01-15 08:00:00 UTC: '
        "5,153 was to be read next, reading went on at 3,063"
    ) in page


async def test_the_page_shows_the_newest_of_many_changes(server: OperationsServer, bench: Bench) -> None:
    for number in range(30):
        bench.pipeline.on_log_changed(LogChange(LogChangeKind.TRUNCATED, "orders", number, 9, 1))
    page = (await get(server, "/")).text
    assert page.count("was to be read next") == 5
    assert "orders/29 at" in page
