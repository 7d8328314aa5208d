"""Offsets against a model: commits never pass an unsettled offset nor go back, and a restart from one is exact."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.inherited_progress import fingerprint
from connector.delivery.offsets import PartitionOffsets
from connector.kafka import commit_metadata
from connector.kafka.commit_metadata import Metadata, Settled
from connector.model import Record
from tests.support.records import record
from tests.support.settled import settled as settled_at

HERE = ("crm.mytracker", "users", 0)


def begun(offsets: PartitionOffsets, *read: Record, parts: int = 1) -> None:
    for each in read:
        assert offsets.advance(each)
        offsets.open(each, [(None, index) for index in range(parts)])


class Reader:
    """One owner of the partition after the other, and what the model knows of every record."""

    def __init__(self, log: list[Record]) -> None:
        self.log = log
        self.settled: set[int] = set()  # by any owner, ever
        self.known: set[int] = set()  # of them those that the owner of now knows of
        self.committed: set[int] = set()  # and those that the owner of the last commit knew of
        self.commits: list[tuple[int, str]] = []
        self.start(log[0].offset, None)

    def start(self, position: int, metadata: str | None) -> None:
        decoded = commit_metadata.decode(*HERE, position, metadata)
        self.offsets = PartitionOffsets("users", 0, position, decoded)
        self.settled_before = set() if decoded is None or decoded.settled is None else decoded.settled.offsets(position)
        assert {offset for offset in self.committed if offset >= position} <= self.settled_before, (
            "what was known is forgotten"
        )
        self.known = self.settled_before | {offset for offset in self.committed if offset < position}
        self.position = position
        self.unread = [each for each in self.log if each.offset >= position]
        self.open: dict[int, Record] = {}

    def read(self) -> None:
        if not self.unread:
            return
        at_position = self.position == self.unread[0].offset
        each = self.unread.pop(0)
        fresh = self.offsets.advance(each)
        if not fresh:
            assert each.offset in self.settled, "an event that was not settled is hidden"
        if at_position:
            assert fresh == (each.offset not in self.settled_before), (
                "an event that the metadata tells of is sent again"
            )
        if at_position:
            self.position = self.unread[0].offset if self.unread else each.offset + 1
        if fresh:
            self.offsets.open(each)
            self.open[each.offset] = each

    def settle(self, index: int) -> None:
        if self.open:
            offset = sorted(self.open)[index % len(self.open)]
            self.offsets.settle(self.open.pop(offset))
            self.settled.add(offset)
            self.known.add(offset)

    def commit(self) -> tuple[int, str]:
        position = self.offsets.position
        assert position is not None
        for each in self.log:
            if each.offset < position:
                assert each.offset in self.settled, "a commit passes an event that is not settled"
        metadata = commit_metadata.encode(*HERE, position, self.offsets.metadata(commit_metadata.MAX_BITS))
        assert len(metadata) <= commit_metadata.MAX_CHARACTERS
        self.commits.append((position, metadata))
        self.committed = set(self.known)
        return position, metadata


@settings(max_examples=150)
@given(st.data())
def test_whatever_is_settled_in_whatever_order_commits_and_restarts_are_right(data: st.DataObject) -> None:
    """Gaps stand for what compaction and transactions leave out; restarts begin at any earlier owner's last commit."""
    gaps = data.draw(st.lists(st.integers(1, 4), min_size=5, max_size=40), label="distances")
    log, offset = [], data.draw(st.integers(0, 3))
    for gap in gaps:
        log.append(record(offset, f"{offset}".encode()))
        offset += gap
    reader = Reader(log)
    for step in data.draw(st.lists(st.sampled_from("rrrrsssck"), min_size=20, max_size=120)):
        if step == "r":
            reader.read()
        elif step == "s":
            reader.settle(data.draw(st.integers(0, 50)))
        elif step == "c":
            reader.commit()
        elif reader.commits:
            reader.start(*reader.commits[-1])
    reader.commit()
    positions = [position for position, _ in reader.commits]
    assert all(before <= after for before, after in pairwise(positions)), "a position went back"


def test_an_empty_partition_keeps_the_position_it_began_with() -> None:
    assert PartitionOffsets("users", 0, 17).position == 17


def test_the_position_is_unknown_until_the_first_record_where_nothing_was_committed() -> None:
    offsets = PartitionOffsets("users", 0, None)
    assert offsets.position is None
    begun(offsets, record(4))
    assert offsets.position == 4


def test_a_record_with_several_items_is_settled_with_the_last_of_them() -> None:
    offsets, one = PartitionOffsets("users", 0, 0), record(0)
    begun(offsets, one, parts=3)
    assert (offsets.open_records, offsets.open_parts, offsets.open_bytes) == (1, 3, 2)
    assert offsets.settle(one) is None
    assert offsets.settle(one) is None
    assert offsets.position == 0
    assert offsets.settle(one) == 2
    assert (offsets.position, offsets.open_records, offsets.open_parts, offsets.open_bytes) == (1, 0, 0, 0)


def test_a_record_that_makes_no_item_is_settled_by_being_read() -> None:
    offsets = PartitionOffsets("users", 0, 0)
    assert offsets.advance(record(0))
    assert offsets.position == 1


def test_a_tombstone_and_its_size_are_fine() -> None:
    offsets, tombstone = PartitionOffsets("users", 0, 0), record(0, None, key=None)
    begun(offsets, tombstone)
    assert offsets.open_bytes == 0
    assert offsets.settle(tombstone) == 0


def test_the_span_is_how_far_reading_is_ahead_of_the_position() -> None:
    offsets, first = PartitionOffsets("users", 0, 0), record(0)
    assert offsets.span == 0
    begun(offsets, first, record(10), record(500))
    assert offsets.span == 501
    offsets.settle(first)
    assert offsets.span == 491


def test_another_record_at_the_position_means_another_topic_and_then_nothing_was_settled() -> None:
    settled = settled_at(fingerprint(record(5, b"old")), 5, {6, 7})
    offsets = PartitionOffsets("users", 0, 5, Metadata(settled))
    assert [offsets.advance(record(offset, b"new")) for offset in (5, 6, 7)] == [True, True, True]


def test_a_reset_past_the_position_means_that_nothing_was_settled() -> None:
    offsets = PartitionOffsets("users", 0, 5, Metadata(settled_at(fingerprint(record(5)), 5, {6, 7, 8})))
    assert offsets.advance(record(7))


def test_until_the_first_record_is_read_the_metadata_is_committed_as_it_came() -> None:
    settled = settled_at(fingerprint(record(5)), 5, {6, 7})
    offsets = PartitionOffsets("users", 0, 5, Metadata(settled))
    assert offsets.settled_above(1_000) == settled


def test_what_an_earlier_owner_settled_stays_so_until_the_position_has_passed_it() -> None:
    first = record(5)
    offsets = PartitionOffsets("users", 0, 5, Metadata(settled_at(fingerprint(first), 5, {7, 900})))
    begun(offsets, first, record(6))
    assert offsets.settled_above(1_000) == settled_at(fingerprint(first), 5, {7, 900})
    assert not offsets.advance(record(7))
    assert offsets.settled_above(1_000) == settled_at(fingerprint(first), 5, {7, 900})
    offsets.settle(first)
    assert offsets.settled_above(1_000) == settled_at(fingerprint(record(6)), 6, {7, 900})
    offsets.settle(record(6))
    assert offsets.position == 7, "the last that was read: the metadata is bound to a record"
    above = Settled(fingerprint(record(7)), b"1" + b"0" * 892 + b"1", first=0)
    assert (offsets.settled_above(1_000), above.offsets(7)) == (above, {7, 900})
    assert not offsets.advance(record(900))
    assert offsets.inherited is not None
    assert (offsets.position, offsets.settled_above(1_000), offsets.inherited._offsets) == (901, None, set())


def test_what_was_settled_before_and_is_still_to_be_read_survives_a_second_owner_who_settles_all_it_read() -> None:
    """The second owner ended before it had read so far; the third must not send it again."""
    log = {offset: record(offset, b"%d" % offset) for offset in range(5, 12)}
    second = PartitionOffsets("users", 0, 5, Metadata(settled_at(fingerprint(log[5]), 5, {8, 10})))
    begun(second, log[5], log[6])
    for offset in (6, 5):
        second.settle(log[offset])
    assert second.position == 6
    metadata = commit_metadata.encode(*HERE, 6, second.metadata(commit_metadata.MAX_BITS))
    third = PartitionOffsets("users", 0, 6, commit_metadata.decode(*HERE, 6, metadata))
    assert [offset for offset in range(6, 12) if third.advance(log[offset])] == [7, 9, 11]
    second = PartitionOffsets("users", 0, 6, commit_metadata.decode(*HERE, 6, metadata))
    assert second.advance(record(6, b"another log's"))
    assert second.advance(log[8])


def test_what_is_settled_is_told_up_to_the_offset_that_was_asked_for_and_not_one_further() -> None:
    records = [record(offset) for offset in range(24)]
    offsets = PartitionOffsets("users", 0, 0, Metadata(settled_at(fingerprint(records[0]), 0, {30, 31})))
    begun(offsets, *records)
    assert offsets.settled_above(31) == settled_at(fingerprint(records[0]), 0, {30, 31})
    assert offsets.settled_above(30) == settled_at(fingerprint(records[0]), 0, {30})
    assert offsets.settled_above(29) is None  # nothing is settled up to there
    for offset in (1, 20, 22):
        offsets.settle(records[offset])
    assert offsets.settled_above(22) == settled_at(fingerprint(records[0]), 0, {1, 20, 22})
    assert offsets.settled_above(20) == settled_at(fingerprint(records[0]), 0, {1, 20})
    assert offsets.settled_above(19) == settled_at(fingerprint(records[0]), 0, {1})


def test_a_gap_of_any_size_in_the_log_costs_no_more_than_was_asked_for() -> None:
    first = record(5)
    offsets = PartitionOffsets("users", 0, 5, Metadata(settled_at(fingerprint(first), 5, {8, 900})))
    begun(offsets, first, record(10**15))
    above = offsets.settled_above(20)
    assert above is not None
    assert above.offsets(5) == set(range(6, 26))


def test_a_fingerprint_tells_key_value_and_time_apart() -> None:
    same = record(1)
    others = [record(1, b"[]"), record(1, key=b"x"), record(1, timestamp=2), record(1, None)]
    assert fingerprint(same) == fingerprint(record(9))
    assert len({fingerprint(each) for each in [same, *others]}) == 5
    assert fingerprint(record(1, timestamp=-1)) >= 0


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (record(1), 0x587E3A58),
        (record(1, timestamp=1_772_355_600_123), 0x773E7463),
        (record(1, key=None), 0xBABD8E02),
        (record(1, None), 0x7F6567CB),
        (record(1, None, key=None, timestamp=-1), 0xFFFFFFFF),
    ],
)
def test_a_fingerprint_is_what_it_was_when_another_version_committed_it(written: Record, expected: int) -> None:
    assert fingerprint(written) == expected


def test_twenty_thousand_records_settled_backwards_cost_the_queue_once() -> None:
    """Everything is appended and popped once: after the oldest is settled nothing of the others is left."""
    offsets = PartitionOffsets("users", 0, 0)
    records = [record(offset) for offset in range(20_000)]
    begun(offsets, *records)
    for each in reversed(records[1:]):
        offsets.settle(each)
        assert offsets.position == 0
    offsets.settle(records[0])
    assert offsets.position == 20_000
    assert offsets.oldest() is None
    assert offsets.settled_above(1_000) is None


def test_records_of_a_later_leader_where_settled_ones_lay_are_other_records() -> None:
    """The log was truncated behind the position and rewritten: the record at the position is still the same."""
    first = record(5)._replace(leader_epoch=3)
    metadata = Metadata(settled_at(fingerprint(first), 5, {7, 8, 9, 10}), leader_epoch=3)
    offsets = PartitionOffsets("users", 0, 5, metadata)
    begun(offsets, first)
    assert not offsets.advance(record(7)._replace(leader_epoch=3))
    assert [offsets.advance(record(offset)._replace(leader_epoch=4)) for offset in (8, 9, 10)] == [True] * 3


def test_where_the_brokers_tell_no_leader_epochs_settled_offsets_are_believed() -> None:
    first = record(5)
    offsets = PartitionOffsets("users", 0, 5, Metadata(settled_at(fingerprint(first), 5, {7})))
    begun(offsets, first)
    assert not offsets.advance(record(7)._replace(leader_epoch=4))


def test_the_leader_epoch_to_commit_is_that_of_the_record_at_the_position_else_of_the_last_one_read() -> None:
    offsets = PartitionOffsets("users", 0, 5, leader_epoch=2)
    assert offsets.leader_epoch == 2
    records = [record(offset)._replace(leader_epoch=leader_epoch) for offset, leader_epoch in ((5, 2), (6, 4), (7, 4))]
    begun(offsets, *records)
    assert (offsets.leader_epoch, offsets.metadata(100).leader_epoch) == (2, 4)
    offsets.settle(records[0])
    assert (offsets.leader_epoch, offsets.position) == (4, 6)
    for each in records[1:]:
        offsets.settle(each)
    assert (offsets.leader_epoch, offsets.position) == (4, 8)


def test_the_newest_epoch_that_an_earlier_owner_read_is_told_on_until_all_that_it_settled_is_read() -> None:
    first = record(5)._replace(leader_epoch=1)
    metadata = Metadata(settled_at(fingerprint(first), 5, {8}), "", 6)
    offsets = PartitionOffsets("users", 0, 5, metadata, leader_epoch=1)
    assert offsets.metadata(100).leader_epoch == 6
    begun(offsets, first)
    assert offsets.metadata(100).leader_epoch == 6
    assert not offsets.advance(record(8)._replace(leader_epoch=5))
    assert offsets.metadata(100).leader_epoch == 5
