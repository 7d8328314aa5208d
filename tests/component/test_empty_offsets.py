"""Offsets that hold no record, of transactions and compaction: they are passed, and nothing that waits is with them."""

from __future__ import annotations

import asyncio

import pytest

from connector.delivery.assignment import MAX_SPAN
from connector.kafka.source_interface import ReadEnd
from connector.model import Limits
from tests.component.doubles import DOWN, accept
from tests.component.harness import HERE, Harness

TAIL = 45_000
MANY = b" ".join([b"a"] * 40)


def committed(line: Harness) -> int:
    return line.log.committed[HERE].position if HERE in line.log.committed else 0


async def test_behind_an_aborted_transaction_lag_ends_at_nothing_and_the_commit_at_the_end() -> None:
    line = Harness()
    line.produce(*[b"event"] * 3)
    line.log.tails[HERE] = TAIL
    line.pipeline.on_watermarks({HERE: 3 + TAIL})
    await line.until(lambda: committed(line) == 3 + TAIL, 10)
    assert line.pipeline.lag() == 0
    assert line.log.committed[HERE].metadata == ""
    line.check_accounts()
    await line.end()


async def test_a_partition_that_holds_no_record_at_all_is_read_to_its_end() -> None:
    line = Harness()
    line.log.tails[HERE] = TAIL
    await line.until(lambda: committed(line) == TAIL, 10)
    await line.end()


async def test_the_aborted_tail_waits_for_what_is_open_and_does_not_halt_reading() -> None:
    line = Harness()
    line.vendor.answer = lambda _: DOWN
    line.produce(*[b"event"] * 3)
    line.log.tails[HERE] = 2 * MAX_SPAN
    await asyncio.sleep(60)
    assert (committed(line), line.source.halted) == (0, set())
    line.vendor.answer = accept
    await line.until(lambda: committed(line) == 3 + 2 * MAX_SPAN)
    line.check_accounts()
    await line.end()


async def test_a_gap_between_records_larger_than_any_mark_is_passed() -> None:
    line = Harness()
    for _ in range(5):
        line.log.append(b"k", b"event", gap=3 * MAX_SPAN)
    await line.settled()
    assert line.vendor.order_of(b"k") == [number * (3 * MAX_SPAN + 1) - 1 for number in range(1, 6)]
    assert not line.source.halted
    line.check_accounts()
    await line.end()


async def test_what_the_flood_guard_defers_is_not_passed() -> None:
    line = Harness()
    line.pipeline.flood_guard.wait_for_restore()
    line.produce(*[b"event"] * 100)
    line.log.tails[HERE] = TAIL
    await line.until(lambda: line.pipeline.flood_guard.deferred_count == 100)
    await asyncio.sleep(30)
    assert committed(line) == 0
    line.pipeline.flood_guard.restore([])
    await line.until(lambda: committed(line) == 100 + TAIL)
    line.check_accounts()
    await line.end()


async def test_what_waits_for_room_in_a_commit_is_not_passed() -> None:
    line = Harness(limits=Limits(max_events=10, max_bytes=1000), max_open_events=10**6)
    line.vendor.answer = lambda _: DOWN
    for number in range(1000):
        line.produce(MANY, key=b"%d" % number)
    await line.until(lambda: not line.pipeline._admission.is_empty)
    (epoch,) = line.assignment.offsets
    line.pipeline.on_read_up_to({epoch: ReadEnd(1_000_000, -1)})
    assert line.assignment.offsets[epoch].next_offset != 1_000_000
    assert line.pipeline._admission.waiting_records
    await line.end()


@pytest.mark.parametrize("failed", [False, True])
async def test_what_is_not_taken_in_yet_or_could_not_be_is_not_passed(
    monkeypatch: pytest.MonkeyPatch, *, failed: bool
) -> None:
    line = Harness()
    (epoch,) = line.assignment.offsets
    line.produce(*[b"event"] * 100)

    def crash(*_: object) -> None:
        raise RuntimeError("a bug of ours")

    if failed:
        monkeypatch.setattr(line.pipeline._intake, "_take", crash)
        with pytest.raises(RuntimeError):
            line.source.poll()
        line.pipeline._intake._waiting.clear()
    else:
        line.source.poll()
    line.pipeline.on_read_up_to({epoch: ReadEnd(1_000, -1)})
    assert line.assignment.offsets[epoch].next_offset != 1_000
    line._polling.cancel()


async def test_only_what_may_have_been_an_event_counts_as_lost_to_retention() -> None:
    line = Harness()
    line.produce(*[b"event"] * 3)
    line.log.tails[HERE] = 1
    await line.until(lambda: committed(line) == 4)
    (epoch,) = line.assignment.offsets
    line.pipeline.on_lost_to_retention(epoch, 4)
    assert line.stats.lost_to_retention == 0
    line.pipeline.on_lost_to_retention(epoch, 20, 15)  # the thread has read further than it had told
    assert line.stats.lost_to_retention == 5
    await line.end()


async def test_lag_is_at_least_what_was_read_and_is_not_settled() -> None:
    """The end is heard of some seconds late."""
    line = Harness(guard=(10, 0.5, 300.0))
    line.pipeline.on_watermarks({HERE: 0})
    line.vendor.answer = lambda _: DOWN
    line.produce(*[b"event"] * 11)
    await line.until(lambda: line.assignment.open_records == 11)
    assert line.pipeline.lag() == 11
    line.pipeline.flood_guard.wait_for_restore()
    line.produce(*[b"event"] * 6)
    await line.until(lambda: line.pipeline.flood_guard.deferred_records == 6)
    assert line.pipeline.lag() == 17
    await line.end()
