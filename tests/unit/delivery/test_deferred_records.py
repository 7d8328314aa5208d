"""What the flood guard holds back, and how heavy it is."""

from __future__ import annotations

from connector.delivery.deferred_records import DeferredRecords
from connector.model import Failure, Reason, Stage
from tests.support.records import record


def failure(offset: int, *, epoch: int = 1) -> Failure:
    return Failure(record(offset, epoch=epoch), Reason.REFUSED, Stage.SEND, "no")


def test_records_come_back_in_their_order_and_are_weighed_by_their_values() -> None:
    of = DeferredRecords()
    of.defer([record(0, b"four"), record(1, None)])
    of.defer([record(2, b"{}")])
    assert of.bytes == 6
    assert [of.next_record().offset for _ in range(2)] == [0, 1]
    assert of.bytes == 2
    assert of.next_record().offset == 2
    assert (of.bytes, len(of.records)) == (0, 0)


def test_failures_are_taken_once() -> None:
    of = DeferredRecords()
    of.failures.append(failure(0))
    assert list(of.take_failures()) == [failure(0)]
    assert list(of.take_failures()) == []


def test_what_belongs_to_a_epoch_that_is_gone_is_dropped_and_weighs_nothing() -> None:
    of = DeferredRecords()
    of.defer([record(0, b"four"), record(1, None, epoch=2), record(2, b"{}", epoch=2)])
    of.failures.extend([failure(3), failure(4, epoch=2)])
    of.drop_deferred({1, 99})
    assert [each.offset for each in of.records] == [1, 2]
    assert list(of.failures) == [failure(4, epoch=2)]
    assert of.bytes == 2
