"""A epoch in place of one whose log was truncated: what is still open below the cut is committed past by nobody."""

from __future__ import annotations

import pytest

from connector.delivery.assignment import Assignment
from connector.kafka import commit_metadata
from connector.kafka.source_interface import AssignedPartition, Commit
from connector.model import Record
from tests.support.records import record
from tests.unit.delivery.test_assignment import begin

GROUP = "crm.mytracker"


def record_of_epoch(offset: int, leader_epoch: int, *, epoch: int = 1) -> Record:
    return record(offset, epoch=epoch)._replace(leader_epoch=leader_epoch)


def reading(*offsets: int, held: int) -> Assignment:
    """Epoch 1 has read these offsets in leader_epoch 3, and has still `held` and what lies behind it open."""
    of = Assignment(GROUP)
    of.assign(AssignedPartition(1, "users", 0, offsets[0], None))
    for offset in offsets:
        begin(of, record_of_epoch(offset, 3))
    for offset in offsets:
        if offset < held:
            of.settle(record(offset))
    return of


def cut(of: Assignment, epoch: int, at: int, *, truncated_at: int | None = None) -> None:
    """The log was truncated at this offset, from which the next epoch reads."""
    of.assign(AssignedPartition(epoch, "users", 0, at, None, 4, "", at if truncated_at is None else truncated_at))


def committed(of: Assignment, epoch: int) -> Commit:
    (commit,) = of.pending_commits({epoch}).values()
    return commit


def settled(commit: Commit) -> set[int]:
    decoded = commit_metadata.decode(GROUP, "users", 0, commit.position, commit.metadata)
    return set() if decoded is None or decoded.settled is None else set(decoded.settled.offsets(commit.position))


def test_the_position_stays_at_the_oldest_event_that_is_held_below_the_cut() -> None:
    of = reading(*range(10, 20), held=13)
    cut(of, 2, 16)
    assert (committed(of, 2).epoch, committed(of, 2).position) == (2, 13)
    assert committed(of, 2).leader_epoch == 3, "it is that of the record at the position"
    for offset in range(16, 30):
        begin(of, record_of_epoch(offset, 4, epoch=2))
        of.settle(record(offset, epoch=2))
    assert committed(of, 2).position == 13
    of.settle(record(13))
    assert committed(of, 2).position == 14


def test_the_metadata_tells_of_the_earlier_epoch_and_only_below_the_cut() -> None:
    """What was settled at the cut and past it is not in the log any more: other events have those offsets."""
    of = reading(*range(10, 20), held=13)
    for offset in (14, 15, 16, 17):
        of.settle(record(offset))
    assert settled(committed(of, 1)) == {14, 15, 16, 17}
    cut(of, 2, 16)
    begin(of, record_of_epoch(16, 4, epoch=2))
    begin(of, record_of_epoch(17, 4, epoch=2))
    of.settle(record(17, epoch=2))
    assert settled(committed(of, 2)) == {14, 15}


def test_it_is_free_once_what_is_below_the_cut_is_settled_though_events_past_it_are_open() -> None:
    of = reading(*range(10, 20), held=13)
    cut(of, 2, 16)
    begin(of, record_of_epoch(16, 4, epoch=2))
    for offset in (15, 13, 14):
        of.settle(record(offset))
    assert set(of.offsets) == {1, 2}, "16 to 19 of before are open"
    assert (committed(of, 2).position, committed(of, 2).leader_epoch) == (16, 4)
    of.settle(record(16, epoch=2))
    assert committed(of, 2).position == 17


@pytest.mark.parametrize("held", [16, 17])
def test_what_is_held_at_the_cut_or_past_it_binds_nothing(held: int) -> None:
    of = reading(*range(10, 20), held=held)
    cut(of, 2, 16)
    assert committed(of, 2).position == 16


def test_a_epoch_that_has_nothing_open_binds_nothing_and_is_forgotten() -> None:
    of = reading(*range(10, 20), held=20)
    cut(of, 2, 16)
    assert set(of.offsets) == {2}
    assert committed(of, 2).position == 16
    assert of.with_replaced({2}) == {2}


def test_a_topic_that_was_recreated_is_bound_by_nothing_of_the_old_one() -> None:
    of = reading(*range(10, 20), held=13)
    of.assign(AssignedPartition(2, "users", 0, 5, None, -1, "new"))
    assert committed(of, 2).position == 5
    begin(of, record(5, epoch=2))
    of.settle(record(5, epoch=2))
    begin(of, record(25, epoch=2))
    of.settle(record(25, epoch=2))
    assert committed(of, 2).position == 26
    assert of.with_replaced({2}) == {2}


@pytest.mark.parametrize(
    ("first", "second", "held", "position"),
    [
        (16, 18, 13, 13),  # the second cut lies in what was read since the first
        (16, 14, 13, 13),
        (16, 12, 13, 12),  # below what is held: that was cut off, too
        (16, 18, 17, 18),  # what was cut off first is not back because the log has grown over it
    ],
)
def test_of_two_truncations_in_a_row_the_lower_cut_counts(first: int, second: int, held: int, position: int) -> None:
    of = reading(*range(10, 20), held=held)
    cut(of, 2, first)
    for offset in range(first, 20):
        begin(of, record_of_epoch(offset, 4, epoch=2))
        of.settle(record(offset, epoch=2))
    cut(of, 3, second)
    assert committed(of, 3).position == position
    for offset in range(second, 30):
        begin(of, record_of_epoch(offset, 5, epoch=3))
        of.settle(record(offset, epoch=3))
    assert committed(of, 3).position == (30 if position == second else position)
    for offset in range(held, 20):
        of.settle(record(offset))
    assert committed(of, 3).position == 30


def test_the_oldest_of_all_earlier_epochs_binds() -> None:
    of = reading(*range(10, 20), held=13)
    cut(of, 2, 16)
    begin(of, record_of_epoch(16, 4, epoch=2))
    begin(of, record_of_epoch(17, 4, epoch=2))
    cut(of, 3, 17)
    assert committed(of, 3).position == 13
    assert of.with_replaced({3}) == {1, 2, 3}
    for offset in (13, 14, 15):
        of.settle(record(offset))
    assert (committed(of, 3).position, committed(of, 3).leader_epoch) == (16, 4)
    of.settle(record(16, epoch=2))
    assert committed(of, 3).position == 17, "17 of epoch 2 was cut off"


def test_the_earlier_epochs_leave_with_the_partition() -> None:
    of = reading(*range(10, 20), held=13)
    of.assign(AssignedPartition(7, "users", 1, 0, None))
    cut(of, 2, 16)
    cut(of, 3, 15)
    leaving = of.with_replaced({3})
    assert leaving == {1, 3}, "epoch 2 had nothing open, and is gone"
    assert of.pending_commits(leaving).keys() == {3}
    assert of.remove_epochs(leaving) == 7
    assert (set(of.offsets), of.open_records, of._replaced) == ({7}, 0, {})
    assert of.settle(record(13)) is False
    assert of.with_replaced({7}) == {7}


def test_nothing_new_is_committed_while_nothing_below_the_cut_changes() -> None:
    of = reading(*range(10, 20), held=13)
    cut(of, 2, 16)
    changes = of.pending_commits({2})
    of.commits_succeeded(changes)
    assert of.pending_commits() == {}
    begin(of, record_of_epoch(16, 4, epoch=2))
    of.settle(record(16, epoch=2))
    assert of.pending_commits() == {}
    of.settle(record(14))
    assert settled(committed(of, 2)) == {14}


def test_a_gap_of_any_size_below_the_cut_takes_no_room() -> None:
    """A compacted log has them: the metadata says as much as it can hold."""
    far = 10 + (1 << 45)
    of = reading(10, 11, 12, far, held=11)
    of.settle(record(12))
    of.settle(record(far))
    cut(of, 2, far + 1)
    assert committed(of, 2).position == 11
    assert 12 in settled(committed(of, 2))


def test_what_was_read_and_is_deferred_unread_binds_though_nothing_is_open() -> None:
    of = reading(*range(10, 13), held=13)
    of.keep_for_deferred({1, 99})
    cut(of, 2, 16)
    assert set(of.offsets) == {1, 2}
    assert committed(of, 2).position == 13
    for offset in range(13, 20):
        begin(of, record(offset))
        of.settle(record(offset))
    assert set(of.offsets) == {1, 2}
    assert committed(of, 2).position == 16
    of.all_deferred_begun()
    assert set(of.offsets) == {2}


def test_what_was_deferred_and_is_begun_binds_as_long_as_it_is_open() -> None:
    of = reading(*range(10, 13), held=13)
    of.keep_for_deferred({1})
    cut(of, 2, 16)
    begin(of, record(13))
    of.all_deferred_begun()
    assert committed(of, 2).position == 13
    of.settle(record(13))
    assert (set(of.offsets), committed(of, 2).position) == ({2}, 16)


def test_a_epoch_that_commits_is_not_forgotten_when_nothing_is_deferred_any_more() -> None:
    of = reading(*range(10, 13), held=13)
    of.keep_for_deferred({1})
    of.all_deferred_begun()
    assert committed(of, 1).position == 13


def test_what_is_deferred_is_forgotten_with_its_epoch() -> None:
    of = reading(*range(10, 13), held=13)
    of.keep_for_deferred({1})
    cut(of, 2, 16)
    of.remove_epochs(of.with_replaced({2}))
    assert (of.offsets, of._deferred) == ({}, set())
    of.all_deferred_begun()
