"""The assignment: accounts that add up, commits that tell something new, claims that replace each other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.assignment import MAX_SPAN, RESUME_SPAN, Assignment
from connector.kafka.source_interface import Assigned, Commit
from connector.model import Record


def record(offset: int, *, claim: int = 1, partition: int = 0, value: bytes = b"{}") -> Record:
    return Record("users", partition, offset, 1, b"k", value, (), claim)


def assignment(*claims: int) -> Assignment:
    of = Assignment("crm.mytracker")
    for claim in claims:
        of.add(Assigned(claim, "users", claim - 1, 0, ""))
    return of


def begin(of: Assignment, each: Record, parts: int = 1) -> None:
    offsets = of.offsets[each.claim]
    assert offsets.begin(each)
    of.open(offsets, each, [(None, index) for index in range(parts)])


def test_a_new_groups_first_commit_says_where_it_began() -> None:
    of = Assignment("crm.mytracker")
    of.add(Assigned(1, "users", 0, 7, None))
    assert of.changes() == {1: Commit(1, "users", 0, 7, "")}


def test_only_what_tells_something_new_is_committed() -> None:
    of = assignment(1, 2)
    assert of.changes() == {}
    begin(of, record(0))
    assert of.changes() == {}
    of.settle(record(0))
    changes = of.changes()
    assert changes == {1: Commit(1, "users", 0, 1, "")}
    of.committed(changes)
    assert of.changes() == {}


def test_what_is_settled_above_the_position_is_worth_a_commit_of_its_own() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(1))
    of.settle(record(1))
    (commit,) = of.changes().values()
    assert commit.position == 0
    assert commit.metadata.startswith("1.")


def test_what_an_earlier_owner_settled_is_not_begun_again_and_is_committed_on() -> None:
    earlier = assignment(1)
    for offset in range(3):
        begin(earlier, record(offset))
    earlier.settle(record(1))
    (commit,) = earlier.changes().values()
    of = Assignment("crm.mytracker")
    of.add(Assigned(7, "users", 0, commit.position, commit.metadata))
    assert of.changes() == {}
    begin(of, record(0, claim=7))
    assert not of.offsets[7].begin(record(1, claim=7))
    begin(of, record(2, claim=7))
    assert of.changes() == {}


@pytest.mark.parametrize(
    ("group", "topic", "partition"),
    [("crm.sailplay", "users", 0), ("crm.mytracker", "orders", 0), ("crm.mytracker", "users", 1)],
)
def test_what_another_group_or_partition_committed_says_nothing(group: str, topic: str, partition: int) -> None:
    earlier = assignment(1)
    begin(earlier, record(0))
    begin(earlier, record(1))
    earlier.settle(record(1))
    (commit,) = earlier.changes().values()
    of = Assignment(group)
    of.add(Assigned(1, topic, partition, commit.position, commit.metadata))
    begin(of, record(0))
    begin(of, record(1))


def test_the_claims_that_are_asked_for_are_committed_and_no_other() -> None:
    of = assignment(1, 2)
    for claim in (1, 2):
        each = record(0, claim=claim, partition=claim - 1)
        begin(of, each)
        of.settle(each)
    assert set(of.changes({2})) == {2}
    assert set(of.changes()) == {1, 2}
    assert of.changes(set()) == {}


def test_a_partition_whose_position_is_unknown_is_not_committed() -> None:
    of = Assignment("crm.mytracker")
    of.add(Assigned(1, "users", 0, None, None))
    assert of.changes() == {}
    assert of.changes({1}) == {}


def test_nothing_of_a_forgotten_claim_counts() -> None:
    of = assignment(1, 2)
    begin(of, record(0), parts=2)
    begin(of, record(0, claim=2, partition=1, value=b"four"))
    assert of.forget({1}) == 2
    assert (of.open_events, of.open_bytes, len(of)) == (1, 4, 1)
    assert of.settle(record(0)) is False
    assert of.changes({1}) == {}
    of.committed({1: Commit(1, "users", 0, 1, "")})
    assert of.settle(record(0, claim=2, partition=1, value=b"four"))
    assert (of.open_events, of.open_bytes) == (0, 0)
    assert of.forget({1, 99}) == 0


def test_a_later_claim_takes_an_earlier_ones_place_and_the_earlier_goes_with_its_last_event() -> None:
    of = assignment(1)
    begin(of, record(0))
    of.add(Assigned(2, "users", 0, 0, None))
    assert set(of.changes({1, 2})) == {2}
    assert of.settle(record(0))
    assert set(of.offsets) == {2}
    assert len(of) == 1
    of.add(Assigned(3, "users", 0, 0, None))
    assert set(of.offsets) == {3}


def test_a_replaced_claim_stays_while_any_of_its_events_is_open_and_commits_nothing() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(1))
    of.add(Assigned(2, "users", 0, 0, ""))
    assert of.settle(record(0))
    assert set(of.offsets) == {1, 2}
    assert of.changes({1, 2}) == {}


def test_nothing_is_kept_of_a_forgotten_claim() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(MAX_SPAN))
    of.committed(of.changes())
    of.overrun()
    of.forget({1})
    of.committed({1: Commit(1, "users", 0, 1, "")})
    assert (of.offsets, of.halted, of._committed, of._current) == ({}, set(), {}, {})


def test_the_lag_is_the_sum_over_the_partitions_whose_end_is_known() -> None:
    of = Assignment("crm.mytracker")
    assert of.lag() == 0  # there is no partition to lag behind in
    of.add(Assigned(1, "users", 0, 5, None))
    of.add(Assigned(2, "users", 1, 50, None))
    of.add(Assigned(3, "users", 2, None, None))
    assert of.lag() is None
    of.highs = {("users", 0): 12}
    assert of.lag() == 7
    of.highs = {("users", 0): 12, ("users", 1): 53, ("users", 2): 1_000, ("orders", 0): 9}
    assert of.lag() == 10
    of.highs = {("users", 0): 12, ("users", 1): 49}  # an end heard before the position moved past it
    assert of.lag() == 7


def test_to_forget_a_replaced_claim_leaves_the_one_that_took_its_place() -> None:
    of = assignment(1)
    begin(of, record(0))
    of.add(Assigned(2, "users", 0, 0, None))
    of.forget({1})
    assert set(of.changes()) == {2}


def test_to_forget_the_later_claim_first_does_not_break_what_asks_for_the_earlier() -> None:
    of = assignment(1)
    begin(of, record(0))
    of.add(Assigned(2, "users", 0, 0, None))
    of.forget({2})
    assert of.changes({1}) == {}
    assert of.settle(record(0))
    assert (of.offsets, of.open_events) == ({}, 0)


def test_a_partition_is_halted_at_the_span_once_and_resumed_well_below_it() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(MAX_SPAN - 2))
    assert of.overrun() == ([], [])
    begin(of, record(MAX_SPAN - 1))
    halt, resume = of.overrun()
    assert (halt, resume) == ([(1, of.offsets[1])], [])
    assert of.overrun() == ([], [])
    begin(of, record(MAX_SPAN + RESUME_SPAN))
    of.settle(record(0))
    of.settle(record(MAX_SPAN - 2))
    assert of.overrun() == ([], [])
    of.settle(record(MAX_SPAN - 1))
    assert of.overrun() == ([], [(1, of.offsets[1])])
    assert of.overrun() == ([], [])


def test_a_resumed_partition_is_halted_again() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(MAX_SPAN - 1))
    of.overrun()
    of.settle(record(0))
    assert of.overrun() == ([], [(1, of.offsets[1])])
    begin(of, record(2 * MAX_SPAN))
    assert of.overrun() == ([(1, of.offsets[1])], [])


def test_a_partition_is_resumed_exactly_at_the_lower_mark() -> None:
    of = assignment(1)
    begin(of, record(0))
    begin(of, record(MAX_SPAN - RESUME_SPAN))
    begin(of, record(MAX_SPAN - 1))
    assert of.overrun() == ([(1, of.offsets[1])], [])
    of.settle(record(0))
    assert of.offsets[1].span == RESUME_SPAN
    assert of.overrun() == ([], [(1, of.offsets[1])])


@settings(max_examples=100)
@given(st.data())
def test_the_sums_are_those_of_the_claims_whatever_happens(data: st.DataObject) -> None:
    of, claimed, open_parts = Assignment("crm.mytracker"), 0, []
    for step in data.draw(st.lists(st.sampled_from("aoooosssf"), min_size=10, max_size=80)):
        claims = sorted(of.offsets)
        if step == "a":
            claimed += 1
            of.add(Assigned(claimed, "users", data.draw(st.integers(0, 1)), 0, None))
        elif step == "o" and claims:
            claim = data.draw(st.sampled_from(claims))
            offsets = of.offsets[claim]
            each = record(offsets.next_offset or 0, claim=claim, partition=offsets.partition)
            parts = data.draw(st.integers(1, 3))
            begin(of, each, parts)
            open_parts += [each] * parts
        elif step == "s" and open_parts:
            of.settle(open_parts.pop(data.draw(st.integers(0, len(open_parts) - 1))))
        elif step == "f" and claims:
            of.forget({data.draw(st.sampled_from(claims))})
        alive = [each for each in open_parts if each.claim in of.offsets]
        assert of.open_events == len(set(alive))
        assert of.open_bytes == 2 * len(set(alive))
        assert sum(offsets.open_parts for offsets in of.offsets.values()) == len(alive) == of.open_parts
        assert len({(each.topic, each.partition) for each in of.offsets.values()}) >= len(of)
