"""A log that is truncated while events of it are held: those that are still in it are lost to nobody."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.component.doubles import DOWN, Log, accept
from tests.component.harness import HERE, Harness

DELIVERED, READ, CUT, END = 300, 500, 400, 450


async def truncated() -> Harness:
    """300 events are delivered and 200 held by a vendor's outage; the log loses 100 of them, and gets 50 others."""
    line = Harness()
    line.produce(*(b"old%d" % number for number in range(DELIVERED)), key=None)
    await line.settled()
    line.vendor.answer = lambda _: DOWN
    line.produce(*(b"old%d" % number for number in range(DELIVERED, READ)), key=None)
    await line.until(lambda: line.assignment.open_records == READ - DELIVERED)
    line.source.truncate(HERE, CUT)
    line.produce(*(b"new%d" % number for number in range(CUT, END)), key=None)
    await line.until(lambda: line.assignment.open_records == READ - DELIVERED + END - CUT)
    await asyncio.sleep(60)
    return line


def committed(log: Log) -> int:
    return log.committed[HERE].position


async def check_next_owner(log: Log) -> None:
    """It reads all that the first one did not settle and the log still has."""
    second = Harness(log)
    await second.settled()
    delivered = sorted((item.record.offset, item.record.value) for item in second.vendor.accepted)
    old = [(number, b"old%d" % number) for number in range(DELIVERED, CUT)]
    assert delivered == old + [(number, b"new%d" % number) for number in range(CUT, END)]
    assert committed(log) == END
    second.check_accounts()
    await second.end()


async def test_nothing_is_committed_past_what_is_held_and_the_next_owner_after_a_stop_reads_it() -> None:
    line = await truncated()
    assert committed(line.log) == DELIVERED
    assert await line.pipeline.stop(asyncio.get_running_loop().time() + 20.0)
    assert line.source.stopped_with is not None
    assert {commit.position for commit in line.source.stopped_with} <= {DELIVERED}
    assert committed(line.log) == DELIVERED
    await line.end()
    await check_next_owner(line.log)


@pytest.mark.parametrize("way", ["revoked", "lost"])
async def test_what_is_held_leaves_with_the_partition(way: str) -> None:
    line = await truncated()
    if way == "revoked":
        await line.source.revoke(HERE)
    else:
        line.source.lose(HERE)
    assert committed(line.log) == DELIVERED
    assert (line.assignment.offsets, line.assignment.open_records, len(line.assignment)) == ({}, 0, 0)
    line.vendor.answer = accept
    await asyncio.sleep(120)
    assert len(line.vendor.accepted) == DELIVERED, "what the next owner reads is sent by the last one, too"
    line.check_balance()
    await line.end()
    await check_next_owner(line.log)


async def test_when_the_outage_ends_all_is_delivered_and_committed() -> None:
    line = await truncated()
    line.vendor.answer = accept
    await line.settled()
    assert committed(line.log) == END
    assert {item.record.value for item in line.vendor.accepted} == {
        *(b"old%d" % number for number in range(READ)),
        *(b"new%d" % number for number in range(CUT, END)),
    }
    assert (line.assignment.open_records, line.assignment.open_bytes, line.stats.delivered) == (0, 0, READ + END - CUT)
    line.check_balance()
    await line.end()


async def test_what_was_cut_off_holds_nothing_up() -> None:
    """The vendor takes all but the events that the log has lost: they are sent all the same, and bind nothing."""
    line = await truncated()
    line.vendor.answer = lambda request: (
        DOWN if any(each.record.value == b"old%d" % (READ - 1) for each in request.items) else accept(request)
    )
    await line.until(lambda: committed(line.log) == END)
    assert line.assignment.open_records
    await line.end()


@pytest.mark.parametrize("held", ["until a stop", "until the recall"])
async def test_what_the_flood_guard_keeps_back_unread_is_not_committed_past_either(held: str) -> None:
    """It was read, and neither routed nor opened: the epoch that read it has nothing else."""
    line = Harness(guard=(10, 0.5, 300.0))
    line.produce(*(b"old%d" % number for number in range(DELIVERED)), key=None)
    await line.settled()
    line.pipeline.flood_guard.wait_for_restore()
    line.produce(*(b"old%d" % number for number in range(DELIVERED, READ)), key=None)
    await line.until(lambda: line.pipeline.flood_guard.deferred_count == READ - DELIVERED)
    line.source.truncate(HERE, CUT)
    line.produce(*(b"new%d" % number for number in range(CUT, END)), key=None)
    await asyncio.sleep(60)
    assert committed(line.log) == DELIVERED
    if held == "until a stop":
        assert await line.pipeline.stop(asyncio.get_running_loop().time() + 20.0)
        assert committed(line.log) == DELIVERED
        await line.end()
        await check_next_owner(line.log)
        return
    line.pipeline.flood_guard.restore([])
    await line.settled()
    assert committed(line.log) == END
    assert {item.record.value for item in line.vendor.accepted} >= {b"old%d" % number for number in range(CUT)}
    assert (len(line.assignment.offsets), line.assignment.open_records) == (1, 0)
    line.check_balance()
    await line.end()


async def test_a_partition_lost_together_with_an_epoch_that_it_replaced_is_one_partition() -> None:
    line = await truncated()
    with capture_logs() as logs:
        line.source.lose(HERE)
    assert [entry["partitions"] for entry in logs if entry["event"] == "partitions lost"] == [1]
    await line.end()
