"""Offsets that hold no record: the position passes them once all below is settled, and nothing that is not."""

from __future__ import annotations

import pytest

from connector.delivery.assignment import MAX_SPAN, Assignment
from connector.delivery.inherited_progress import fingerprint
from connector.delivery.offsets import PartitionOffsets
from connector.kafka import commit_metadata
from connector.kafka.commit_metadata import MAX_BITS, Metadata
from connector.kafka.source_interface import AssignedPartition, Commit, ReadEnd
from connector.model import Record
from tests.support.records import distinct_record, record
from tests.support.settled import settled

GROUP = "crm.mytracker"


@pytest.fixture
def offsets() -> PartitionOffsets:
    return PartitionOffsets("users", 0, 0)


def read(offsets: PartitionOffsets, *records: Record) -> None:
    for each in records:
        assert offsets.advance(each)
        offsets.open(each)


def test_the_mark_behind_a_transaction_is_passed_when_its_records_are_settled(offsets: PartitionOffsets) -> None:
    records = [record(offset, leader_epoch=3) for offset in range(3)]
    read(offsets, *records)
    offsets.pass_empty(ReadEnd(4, 5))
    assert (offsets.position, offsets.next_offset, offsets.leader_epoch) == (0, 4, 3)
    for each in records:
        offsets.settle(each)
    assert (offsets.position, offsets.next_offset) == (4, 4)
    assert offsets.leader_epoch == 5, "with the epoch of the records, a mark of a later leader is a truncation"


def test_an_aborted_tail_of_any_size_neither_halts_reading_nor_is_told_in_a_commit(offsets: PartitionOffsets) -> None:
    read(offsets, record(0), record(1))
    offsets.settle(record(1))
    offsets.pass_empty(ReadEnd(10 * MAX_SPAN, 0))
    assert offsets.span == 2
    told = offsets.settled_above(MAX_BITS)
    assert told is not None
    assert told.offsets(0) == {1}
    offsets.settle(record(0))
    assert offsets.position == 10 * MAX_SPAN


def test_what_comes_behind_is_read_on_from_there(offsets: PartitionOffsets) -> None:
    offsets.pass_empty(ReadEnd(45_001, 0))
    read(offsets, record(45_001, leader_epoch=2))
    assert (offsets.position, offsets.next_offset, offsets.span) == (45_001, 45_002, 1)
    offsets.settle(record(45_001))
    assert (offsets.position, offsets.leader_epoch) == (45_002, 2)


def test_an_end_that_was_passed_already_changes_nothing(offsets: PartitionOffsets) -> None:
    read(offsets, record(0, leader_epoch=3), record(1, leader_epoch=3))
    offsets.settle(record(0))
    offsets.settle(record(1))
    offsets.pass_empty(ReadEnd(2, 9))
    offsets.pass_empty(ReadEnd(1, 9))
    assert (offsets.position, offsets.leader_epoch) == (2, 3)


def test_a_position_that_nobody_knew_is_known_by_the_end_that_was_read() -> None:
    offsets = PartitionOffsets("users", 0, None)
    offsets.pass_empty(ReadEnd(7, 1))
    assert (offsets.position, offsets.leader_epoch) == (7, 1)


def test_what_an_earlier_owner_settled_goes_once_all_of_it_was_passed() -> None:
    """The commit's metadata is bound to a record, and there is none at the end."""
    first = distinct_record(0)
    metadata = Metadata(settled(fingerprint(first), 0, {1, 5}))
    offsets = PartitionOffsets("users", 0, 0, metadata)
    read(offsets, first)
    offsets.settle(first)
    offsets.pass_empty(ReadEnd(5, 0))
    assert (offsets.position, offsets.inherited is None) == (0, False), "5 may come yet"
    offsets.pass_empty(ReadEnd(6, 0))
    assert (offsets.position, offsets.metadata(MAX_BITS).settled) == (6, None)


def test_what_is_committed_with_a_record_that_is_gone_goes_with_it() -> None:
    """Compaction took the record at the position and all behind it: nothing proves the metadata any more."""
    offsets = PartitionOffsets("users", 0, 3, Metadata(settled(77, 3, {5})))
    offsets.pass_empty(ReadEnd(9, 0))
    assert (offsets.position, offsets.metadata(MAX_BITS).settled) == (9, None)


def test_an_unreadable_record_behind_a_mark_that_an_earlier_owner_settled_is_passed() -> None:
    first = distinct_record(0)
    offsets = PartitionOffsets("users", 0, 0, Metadata(settled(fingerprint(first), 0, {2, 4})))
    read(offsets, first)
    offsets.pass_empty(ReadEnd(2, 0))  # 1 is a mark
    assert offsets.pass_settled() == 3


def assigned(position: int = 0) -> Assignment:
    of = Assignment(GROUP)
    of.assign(AssignedPartition(1, "users", 0, position, ""))
    return of


def test_the_end_is_committed_and_is_where_the_next_owner_begins() -> None:
    of = assigned()
    of.pass_empty({1: ReadEnd(45_001, 2)}, ())
    changes = of.pending_commits()
    metadata = commit_metadata.encode(GROUP, "users", 0, 45_001, Metadata(None))
    assert changes == {1: Commit(1, "users", 0, 45_001, metadata, 2)}
    of.commits_succeeded(changes)
    assert of.pending_commits() == {}
    assert of.lag() is None
    of.high_watermarks = {("users", 0): 45_001}
    assert of.lag() == 0


def test_nothing_is_passed_while_records_below_the_end_wait_or_are_deferred() -> None:
    of = assigned()
    of.pass_empty({1: ReadEnd(9, 0), 99: ReadEnd(9, 0)}, {1})
    assert of.offsets[1].position == 0
    of.keep_for_deferred({1})
    of.pass_empty({1: ReadEnd(9, 0)}, ())
    assert of.offsets[1].position == 0
    of.all_deferred_begun()
    of.pass_empty({1: ReadEnd(9, 0)}, ())
    assert of.offsets[1].position == 9


def test_lag_counts_what_was_read_past_the_end_that_was_heard_of() -> None:
    of = assigned()
    of.high_watermarks = {("users", 0): 0}
    for offset in range(11):
        of.offsets[1].advance(record(offset))
        of.open(of.offsets[1], record(offset))
    assert (of.lag(), of.end_of(1)) == (11, 11)
