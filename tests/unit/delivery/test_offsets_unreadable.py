"""A record that cannot be read: it is passed where an earlier owner settled it, and never otherwise."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.inherited_progress import fingerprint
from connector.delivery.offsets import PartitionOffsets
from connector.kafka import commit_metadata
from connector.kafka.commit_metadata import Metadata
from tests.support.records import distinct_record
from tests.support.settled import settled as settled_at

HERE = ("crm.mytracker", "users", 0)


def reading(*settled: int, position: int = 5) -> PartitionOffsets:
    """The record at the position is read; of what follows these offsets are settled."""
    settled_before = Metadata(settled_at(fingerprint(distinct_record(position)), position, set(settled)))
    offsets = PartitionOffsets("users", 0, position, settled_before)
    assert offsets.advance(distinct_record(position))
    offsets.open(distinct_record(position))
    return offsets


def test_what_was_settled_before_is_passed_with_what_follows_it() -> None:
    offsets = reading(6, 7, 8, 20)
    assert offsets.pass_settled() == 9
    assert offsets.inherited is not None
    assert (offsets.next_offset, offsets.position, offsets.inherited._offsets) == (9, 5, {20})
    assert offsets.settled_above(100) == settled_at(fingerprint(distinct_record(5)), 5, {6, 7, 8, 20})
    assert offsets.pass_settled() is None, "9 is not settled"


def test_what_nobody_settled_is_not_passed() -> None:
    assert reading(7).pass_settled() is None
    assert PartitionOffsets("users", 0, 5).pass_settled() is None
    assert PartitionOffsets("users", 0, None).pass_settled() is None


def test_before_the_first_record_is_read_nobody_knows_whose_log_it_is() -> None:
    settled_before = Metadata(settled_at(fingerprint(distinct_record(5)), 5, {6, 7}))
    offsets = PartitionOffsets("users", 0, 5, settled_before)
    assert offsets.pass_settled() is None
    assert offsets.settled_above(100) == settled_before.settled


def test_the_position_follows_when_all_below_is_settled() -> None:
    offsets = reading(6, 7)
    assert offsets.pass_settled() == 8
    offsets.settle(distinct_record(5))
    assert (offsets.position, offsets.settled_above(100)) == (8, None)


@settings(max_examples=200)
@given(st.data())
def test_whatever_is_unreadable_and_settled_commits_are_right_and_a_restart_sends_nothing_twice(
    data: st.DataObject,
) -> None:
    """Some offsets cannot be read; of those some are settled, and reading stands at the first that is not."""
    end = 20
    settled_before = data.draw(st.sets(st.integers(6, end - 1), min_size=1), label="settled before")
    unreadable = data.draw(st.sets(st.integers(6, end - 1)), label="unreadable")
    offsets, settled, is_open = reading(*settled_before), set(settled_before), {5}
    for _ in range(data.draw(st.integers(0, 60), label="steps")):
        here = offsets.next_offset
        assert here is not None
        if data.draw(st.booleans()) and is_open:
            settles = data.draw(st.sampled_from(sorted(is_open)))
            offsets.settle(distinct_record(settles))
            is_open.remove(settles)
            settled.add(settles)
        elif here in unreadable:
            behind = offsets.pass_settled()
            assert (behind is not None) == (here in settled_before)
            assert behind is None or set(range(here, behind)) <= settled_before
        elif here < end:
            fresh = offsets.advance(distinct_record(here))
            assert fresh == (here not in settled_before)
            if fresh:
                offsets.open(distinct_record(here))
                is_open.add(here)
        position = offsets.position
        assert position is not None
        assert all(offset in settled for offset in range(5, position)), "a commit passes what is not settled"
        metadata = commit_metadata.encode(*HERE, position, offsets.metadata(commit_metadata.MAX_BITS))
        decoded = commit_metadata.decode(*HERE, position, metadata)
        above = set() if decoded is None or decoded.settled is None else decoded.settled.offsets(position)
        assert above <= settled, "the next owner would not send what is not settled"
        known = {offset for offset in settled if offset >= position}
        assert known <= above or not (is_open or (offsets.inherited and offsets.inherited._offsets)), (
            "the next owner would send it again"
        )
