"""Partitions that stand at a record which cannot be read, logs that changed, and a client that failed."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from connector.delivery.blocked_partitions import BlockedPartition
from connector.delivery.inherited_progress import fingerprint
from connector.kafka import commit_metadata
from connector.kafka.commit_metadata import Metadata
from connector.kafka.log_changes import LogChangeKind
from connector.kafka.source_interface import Commit, LogChange
from tests.component.doubles import Log
from tests.component.harness import GROUP, HERE, Harness
from tests.support.settled import settled as settled_at

WHY = "Decompression (codec 0x4) failed: Local: Invalid compressed data"
SAYS = "a record cannot be read: its partition stands"


def log_of(count: int, *, settled: set[int] | None = None) -> Log:
    """A topic of so many events, in which an earlier owner settled some above the position, 0."""
    log = Log()
    for number in range(count):
        log.append(b"k", b"event%d" % number)
    if settled:
        decoded = Metadata(settled_at(fingerprint(log.records[HERE][0]), 0, settled))
        log.committed[HERE] = Commit(0, *HERE, 0, commit_metadata.encode(GROUP, *HERE, 0, decoded))
    return log


async def test_it_is_named_and_logged_once_and_over_when_a_record_behind_it_is_read() -> None:
    line = Harness(log_of(6))
    line.source.unreadable[HERE] = {3: WHY}
    with capture_logs() as logs:
        await line.until(line.pipeline.blocked_partitions)
        await asyncio.sleep(60)
    assert line.pipeline.blocked_partitions() == [BlockedPartition("users", 0, 3, WHY)]
    assert [(entry["offset"], entry["why"]) for entry in logs if entry["event"] == SAYS] == [(3, WHY)]
    assert (line.log.committed[HERE].position, line.stats.delivered) == (3, 3)
    assert line.source.sought == []
    line.source.unreadable.clear()
    await line.settled()
    assert line.pipeline.blocked_partitions() == []
    line.check_accounts()
    await line.end()


@pytest.mark.parametrize("leaves", ["lost", "revoked", "failed"])
async def test_it_is_over_when_its_partition_leaves(leaves: str) -> None:
    line = Harness(log_of(6))
    line.source.unreadable[HERE] = {3: WHY}
    await line.until(line.pipeline.blocked_partitions)
    if leaves == "lost":
        line.source.lose(HERE)
    elif leaves == "revoked":
        await line.source.revoke(HERE)
    else:
        line.source.fail()
    assert line.pipeline.blocked_partitions() == []
    await line.end()


async def test_a_partition_whose_next_offset_is_not_known_stands_too() -> None:
    line = Harness(Log())
    (epoch,) = line.source.assign(("users", 7), position=None)
    line.pipeline.on_unreadable(epoch, None, WHY)
    assert line.pipeline.blocked_partitions() == [BlockedPartition("users", 7, None, WHY)]
    line.pipeline.on_unreadable(999, 4, WHY)  # a epoch that has left meanwhile
    assert len(line.pipeline.blocked_partitions()) == 1
    await line.end()


async def test_one_that_an_operator_settled_is_passed_and_the_rest_delivered_and_committed_once() -> None:
    line = Harness(log_of(8, settled={3, 4, 6}))
    line.source.unreadable[HERE] = {3: WHY, 6: WHY}
    with capture_logs() as logs:
        await line.settled()
    assert line.source.sought == [(*HERE, 5), (*HERE, 7)]
    assert sorted(item.record.offset for item in line.vendor.accepted) == [0, 1, 2, 5, 7]
    assert line.log.committed[HERE].position == 8
    assert not [entry for entry in logs if entry["event"] == SAYS]
    assert line.pipeline.blocked_partitions() == []
    line.check_accounts()
    await line.end()


async def test_it_is_passed_while_what_came_before_is_still_under_way_and_a_crash_then_sends_nothing_twice() -> None:
    line = Harness(log_of(8, settled={3, 4}), max_in_flight=1)
    line.source.unreadable[HERE] = {3: WHY}
    line.vendor.latency = 30.0
    await line.until(lambda: line.source.sought)
    await line.until(lambda: line.stats.records == 6)
    position, metadata = line.log.committed[HERE].position, line.log.committed[HERE].metadata
    decoded = commit_metadata.decode(GROUP, *HERE, position, metadata)
    assert position == 0
    assert decoded is not None
    assert decoded.settled is not None
    assert decoded.settled.offsets(0) >= {3, 4}
    await line.settled()
    assert sorted(item.record.offset for item in line.vendor.accepted) == [0, 1, 2, 5, 6, 7]
    await line.end()


async def test_the_client_says_it_again_before_it_has_moved_and_that_is_no_news() -> None:
    line = Harness(log_of(8, settled={3}))
    line.source.unreadable[HERE] = {3: WHY}
    line.source.deaf = True
    with capture_logs() as logs:
        await line.until(lambda: len(line.source.sought) == 1)
        await asyncio.sleep(5)
    assert (line.source.sought, line.pipeline.blocked_partitions()) == ([(*HERE, 4)], [])
    assert not [entry for entry in logs if entry["event"] == SAYS]
    await line.end()


async def test_what_the_flood_guard_keeps_back_comes_before_what_cannot_be_read() -> None:
    """What is to be read next is offset 2 to the pipeline, which has kept back what follows, and 5 to the client."""
    line = Harness(log_of(2, settled={2, 5}))
    await line.until(lambda: line.stats.delivered == 2)
    line.pipeline.flood_guard.wait_for_restore()
    line.source.unreadable[HERE] = {5: WHY}
    line.produce(*(b"event%d" % number for number in range(2, 8)))
    await line.until(line.pipeline.blocked_partitions)
    assert (line.source.sought, line.pipeline.flood_guard.deferred_count) == ([], 3)
    line.pipeline.flood_guard.restore([])
    await line.settled()
    assert line.source.sought == [(*HERE, 6)]
    assert sorted(item.record.offset for item in line.vendor.accepted) == [0, 1, 3, 4, 6, 7]
    line.check_accounts()
    await line.end()


async def test_logs_that_changed_are_counted_by_what_happened() -> None:
    line = Harness()
    for change in (
        LogChangeKind.TRUNCATED,
        LogChangeKind.RECREATED,
        LogChangeKind.RECREATED,
        LogChangeKind.OVERWRITTEN,
    ):
        line.pipeline.on_log_changed(LogChange(change, *HERE, 300, 120))
    assert line.stats.log_changes == {"truncated": 1, "recreated": 2, "overwritten": 1}
    for number in range(500):
        line.pipeline.on_log_changed(LogChange(LogChangeKind.TRUNCATED, *HERE, number, 0))
    recent = line.stats.recent_log_changes
    assert len(recent) < 100, "they fill the memory"
    assert recent[-1][1].wanted == 499
    await line.end()


async def test_a_client_that_failed_leaves_the_group_and_the_next_one_reads_what_was_open() -> None:
    line = Harness(log_of(40), max_in_flight=1)
    line.vendor.latency = 3.0
    await line.until(lambda: line.vendor.in_flight == 1)
    line.source.fail()
    assert (line.pipeline.joined, len(line.assignment), line.stats.rebalances["lost"]) == (False, 0, 1)
    await asyncio.sleep(30)
    sent = len(line.vendor.requests)
    await asyncio.sleep(300)
    assert len(line.vendor.requests) == sent, "what is another's is sent"
    line.source.assign(HERE)
    assert line.pipeline.joined
    await line.settled()
    line.check_balance()
    assert {item.record.offset for item in line.vendor.accepted} == set(range(40))
    await line.end()


async def test_a_commit_that_was_under_way_when_the_client_failed_does_not_keep_the_next_from_committing() -> None:
    line = Harness(log_of(4))
    line.source.commits_end = False
    await line.until(lambda: line.stats.delivered == 4)
    await asyncio.sleep(5)
    assert HERE not in line.log.committed
    line.source.fail()
    line.source.commits_end = True
    line.source.assign(HERE)
    await line.settled()
    assert line.log.committed[HERE].position == 4
    await line.end()


async def test_a_client_that_failed_before_it_had_any_partition_loses_none() -> None:
    line = Harness()
    line.source.lose(HERE)
    line.pipeline.on_left_group(frozenset())
    assert not line.pipeline.joined
    assert line.stats.rebalances["lost"] == 1
    await line.end()
