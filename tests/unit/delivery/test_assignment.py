"""The assignment: accounts that add up, commits that tell something new, epochs that replace each other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.assignment import MAX_SPAN, RESUME_SPAN, Assignment
from connector.kafka.source_interface import AssignedPartition, Commit
from connector.model import Record
from tests.support.records import record


def assignment(*epochs: int) -> Assignment:
    of = Assignment("crm.mytracker")
    for epoch in epochs:
        of.assign(AssignedPartition(epoch, "users", epoch - 1, 0, ""))
    return of


def begin(of: Assignment, each: Record, parts: int = 1) -> None:
    offsets = of.offsets[each.assignment_epoch]
    assert offsets.advance(each)
    of.open(offsets, each, [(None, index) for index in range(parts)])


def test_a_new_groups_first_commit_says_where_it_began() -> None:
    of = Assignment("crm.mytracker")
    of.assign(AssignedPartition(1, "users", 0, 7, None))
    assert of.pending_commits() == {1: Commit(1, "users", 0, 7, "")}


def test_only_what_tells_something_new_is_committed() -> None:
    of = assignment(1, 2)
    assert of.pending_commits() == {}
    begin(of, record(0))
    assert of.pending_commits() == {}
    of.settle(record(0))
    changes = of.pending_commits()
    assert changes == {1: Commit(1, "users", 0, 1, "")}
    of.commits_succeeded(changes)
    assert of.pending_commits() == {}


def test_what_is_settled_above_the_position_is_worth_a_commit_of_its_own() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(1))
    of.settle(record(1))
    (commit,) = of.pending_commits().values()
    assert commit.position == 0
    assert commit.metadata.startswith("1.")


def test_what_an_earlier_owner_settled_is_not_begun_again_and_is_committed_on() -> None:
    earlier = assignment(1)
    for offset in range(3):
        begin(earlier, record(offset))
    earlier.settle(record(1))
    (commit,) = earlier.pending_commits().values()
    of = Assignment("crm.mytracker")
    of.assign(AssignedPartition(7, "users", 0, commit.position, commit.metadata))
    assert of.pending_commits() == {}
    begin(of, record(0, epoch=7))
    assert not of.offsets[7].advance(record(1, epoch=7))
    begin(of, record(2, epoch=7))
    assert of.pending_commits() == {}


@pytest.mark.parametrize(
    ("group", "topic", "partition"),
    [("crm.sailplay", "users", 0), ("crm.mytracker", "orders", 0), ("crm.mytracker", "users", 1)],
)
def test_what_another_group_or_partition_committed_says_nothing(group: str, topic: str, partition: int) -> None:
    earlier = assignment(1)
    begin(earlier, record(0))
    begin(earlier, record(1))
    earlier.settle(record(1))
    (commit,) = earlier.pending_commits().values()
    of = Assignment(group)
    of.assign(AssignedPartition(1, topic, partition, commit.position, commit.metadata))
    begin(of, record(0))
    begin(of, record(1))


def test_the_epochs_that_are_asked_for_are_committed_and_no_other() -> None:
    of = assignment(1, 2)
    for epoch in (1, 2):
        each = record(0, epoch=epoch, partition=epoch - 1)
        begin(of, each)
        of.settle(each)
    assert set(of.pending_commits({2})) == {2}
    assert set(of.pending_commits()) == {1, 2}
    assert of.pending_commits(set()) == {}


def test_a_partition_whose_position_is_unknown_is_not_committed() -> None:
    of = Assignment("crm.mytracker")
    of.assign(AssignedPartition(1, "users", 0, None, None))
    assert of.pending_commits() == {}
    assert of.pending_commits({1}) == {}


def test_nothing_of_a_forgotten_epoch_counts() -> None:
    of = assignment(1, 2)
    begin(of, record(0), parts=2)
    begin(of, record(0, epoch=2, partition=1, value=b"four"))
    assert of.remove_epochs({1}) == 2
    assert (of.open_records, of.open_bytes, len(of)) == (1, 4, 1)
    assert of.settle(record(0)) is False
    assert of.pending_commits({1}) == {}
    of.commits_succeeded({1: Commit(1, "users", 0, 1, "")})
    assert of.settle(record(0, epoch=2, partition=1, value=b"four"))
    assert (of.open_records, of.open_bytes) == (0, 0)
    assert of.remove_epochs({1, 99}) == 0


def test_a_later_epoch_takes_an_earlier_ones_place_and_the_earlier_goes_with_its_last_event() -> None:
    of = assignment(1)
    begin(of, record(0))
    of.assign(AssignedPartition(2, "users", 0, 0, None))
    assert set(of.pending_commits({1, 2})) == {2}
    assert of.settle(record(0))
    assert set(of.offsets) == {2}
    assert len(of) == 1
    of.assign(AssignedPartition(3, "users", 0, 0, None))
    assert set(of.offsets) == {3}


def test_a_replaced_epoch_stays_while_any_of_its_events_is_open_and_commits_nothing() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(1))
    of.assign(AssignedPartition(2, "users", 0, 0, ""))
    assert of.settle(record(0))
    assert set(of.offsets) == {1, 2}
    assert of.pending_commits({1, 2}) == {}


def test_nothing_is_kept_of_a_forgotten_epoch() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(MAX_SPAN))
    of.commits_succeeded(of.pending_commits())
    of.update_paused()
    of.remove_epochs({1})
    of.commits_succeeded({1: Commit(1, "users", 0, 1, "")})
    assert (of.offsets, of.paused, of._committed, of._current) == ({}, set(), {}, {})


def test_the_lag_is_the_sum_over_the_partitions_whose_end_is_known() -> None:
    of = Assignment("crm.mytracker")
    assert of.lag() == 0  # there is no partition to lag behind in
    of.assign(AssignedPartition(1, "users", 0, 5, None))
    of.assign(AssignedPartition(2, "users", 1, 50, None))
    of.assign(AssignedPartition(3, "users", 2, None, None))
    assert of.lag() is None
    of.high_watermarks = {("users", 0): 12}
    assert of.lag() == 7
    of.high_watermarks = {("users", 0): 12, ("users", 1): 53, ("users", 2): 1_000, ("orders", 0): 9}
    assert of.lag() == 10
    of.high_watermarks = {("users", 0): 12, ("users", 1): 49}  # an end heard before the position moved past it
    assert of.lag() == 7


def test_to_forget_a_replaced_epoch_leaves_the_one_that_took_its_place() -> None:
    of = assignment(1)
    begin(of, record(0))
    of.assign(AssignedPartition(2, "users", 0, 0, None))
    of.remove_epochs({1})
    assert set(of.pending_commits()) == {2}


def test_to_forget_the_later_epoch_first_does_not_break_what_asks_for_the_earlier() -> None:
    of = assignment(1)
    begin(of, record(0))
    of.assign(AssignedPartition(2, "users", 0, 0, None))
    of.remove_epochs({2})
    assert of.pending_commits({1}) == {}
    assert of.settle(record(0))
    assert (of.offsets, of.open_records) == ({}, 0)


def test_a_partition_is_halted_at_the_span_once_and_resumed_well_below_it() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(MAX_SPAN - 2))
    assert of.update_paused() == ([], [])
    begin(of, record(MAX_SPAN - 1))
    halt, resume = of.update_paused()
    assert (halt, resume) == ([(1, of.offsets[1])], [])
    assert of.update_paused() == ([], [])
    begin(of, record(MAX_SPAN + RESUME_SPAN))
    of.settle(record(0))
    of.settle(record(MAX_SPAN - 2))
    assert of.update_paused() == ([], [])
    of.settle(record(MAX_SPAN - 1))
    assert of.update_paused() == ([], [(1, of.offsets[1])])
    assert of.update_paused() == ([], [])


def test_a_resumed_partition_is_halted_again() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(MAX_SPAN - 1))
    of.update_paused()
    of.settle(record(0))
    assert of.update_paused() == ([], [(1, of.offsets[1])])
    begin(of, record(2 * MAX_SPAN))
    assert of.update_paused() == ([(1, of.offsets[1])], [])


def test_a_partition_is_resumed_exactly_at_the_lower_mark() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(MAX_SPAN - RESUME_SPAN))
    begin(of, record(MAX_SPAN - 1))
    assert of.update_paused() == ([(1, of.offsets[1])], [])
    of.settle(record(0))
    assert of.offsets[1].span == RESUME_SPAN
    assert of.update_paused() == ([], [(1, of.offsets[1])])


@settings(max_examples=100)
@given(st.data())
def test_the_sums_are_those_of_the_epochs_whatever_happens(data: st.DataObject) -> None:
    of, last_epoch, open_parts = Assignment("crm.mytracker"), 0, []
    for step in data.draw(st.lists(st.sampled_from("aoooosssf"), min_size=10, max_size=80)):
        epochs = sorted(of.offsets)
        if step == "a":
            last_epoch += 1
            of.assign(AssignedPartition(last_epoch, "users", data.draw(st.integers(0, 1)), 0, None))
        elif step == "o" and epochs:
            epoch = data.draw(st.sampled_from(epochs))
            offsets = of.offsets[epoch]
            each = record(offsets.next_offset or 0, epoch=epoch, partition=offsets.partition)
            parts = data.draw(st.integers(1, 3))
            begin(of, each, parts)
            open_parts += [each] * parts
        elif step == "s" and open_parts:
            of.settle(open_parts.pop(data.draw(st.integers(0, len(open_parts) - 1))))
        elif step == "f" and epochs:
            of.remove_epochs({data.draw(st.sampled_from(epochs))})
        alive = [each for each in open_parts if each.assignment_epoch in of.offsets]
        assert of.open_records == len(set(alive))
        assert of.open_bytes == 2 * len(set(alive))
        assert sum(offsets.open_parts for offsets in of.offsets.values()) == len(alive) == of.open_parts
        assert len({(each.topic, each.partition) for each in of.offsets.values()}) >= len(of)


def test_a_confirmation_holds_for_so_long_as_a_stall_may_last() -> None:
    assignment = Assignment("crm.mytracker", stall=45.0)
    assert assignment.confirmed(0.0), "before the first poll nothing is in doubt"
    assignment.record_poll(100.0, confirmed=True)
    assert assignment.confirmed(145.0)
    assert not assignment.confirmed(145.1)
    assignment.record_poll(145.1, confirmed=False)
    assert not assignment.confirmed(145.1)
    assignment.record_poll(150.0, confirmed=True)
    assert assignment.confirmed(150.0)


def test_a_confirmation_that_is_reported_late_holds_from_the_time_of_its_poll() -> None:
    assignment = Assignment("crm.mytracker", stall=45.0)
    assignment.record_poll(100.0, confirmed=True)  # reported at 200, by a process that was frozen in between
    assert not assignment.confirmed(200.0)
