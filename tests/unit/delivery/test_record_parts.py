"""Records of several parts: what is settled of them survives any owner, has room, and never stops the reading."""

from __future__ import annotations

import random
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.inherited_progress import fingerprint
from connector.delivery.offsets import ASK_ALWAYS, NO_LIMIT, PartitionOffsets
from connector.delivery.record_parts import MetadataBudget, RecordPart
from connector.kafka import commit_metadata
from connector.kafka.commit_metadata import MAX_BITS, MAX_CHARACTERS, Metadata, Settled
from tests.support.records import distinct_record

HERE = ("crm.mytracker", "users", 0)
TAGS = {"a": 0xAAAA0001, "b": 0xBBBB0002, "c": 0xCCCC0003}
TWO: list[RecordPart] = [("a", 0), ("b", 0)]
THOUSAND: list[RecordPart] = [("a", element) for element in range(1_000)]


def owner(position: int = 0, metadata: str | None = None, tags: dict[str, int] | None = None) -> PartitionOffsets:
    decoded = commit_metadata.decode(*HERE, position, metadata)
    return PartitionOffsets("users", 0, position, decoded, tags=TAGS if tags is None else tags)


def commit(offsets: PartitionOffsets) -> tuple[int, str]:
    assert offsets.position is not None
    assert offsets.not_in_metadata(MAX_BITS) == 0
    text = commit_metadata.encode(*HERE, offsets.position, offsets.metadata(MAX_BITS))
    assert len(text) <= MAX_CHARACTERS
    return offsets.position, text


def begin(
    offsets: PartitionOffsets, offset: int, parts: list[RecordPart], *, leader_epoch: int = -1
) -> list[RecordPart]:
    """Read a record, and open what is left of it; what that is."""
    each = distinct_record(offset, leader_epoch=leader_epoch)
    if not offsets.advance(each):
        return []
    unsettled, settled = offsets.split_parts(each, parts)
    left = [part for part, is_open in zip(parts, unsettled, strict=True) if is_open]
    if left:
        offsets.open(each, left, settled)
    return left


class Owner:
    """One owner after the other of one log, begun and waiting as the pipeline does it, and what the model knows."""

    def __init__(self, log: dict[int, list[RecordPart]]) -> None:
        self.log = log
        self.settled: set[tuple[int, RecordPart]] = set()
        self.start(0, None)

    def start(self, position: int, metadata: str | None) -> None:
        self.offsets = owner(position, metadata)
        self.unread = deque(offset for offset in self.log if offset >= position)
        self.head: tuple[int, list[RecordPart]] | None = None
        self.open: list[tuple[int, RecordPart]] = []

    def read(self) -> None:
        if self.head is not None:
            offset, left = self.head
            if not self.offsets.start_parts(offset):
                assert self.open, "it waits though nothing is under way"
                return
            self.head = None
            self.open += [(offset, part) for part in left]
        elif self.unread and (self.unread[0] < self.offsets.limit or self.offsets.check_room(self.unread[0])):
            offset = self.unread.popleft()
            left = begin(self.offsets, offset, self.log[offset])
            assert set(left) == {part for part in self.log[offset] if (offset, part) not in self.settled}
            if left and self.offsets.start_parts(offset):
                self.open += [(offset, part) for part in left]
            elif left:
                self.head = offset, left
        elif self.unread:
            assert self.open, "reading waits though nothing is under way"

    def settle(self, index: int) -> None:
        if self.open:
            offset, part = self.open.pop(index % len(self.open))
            self.settled.add((offset, part))
            self.offsets.settle(distinct_record(offset), *part)

    def hand_over(self) -> None:
        position, metadata = commit(self.offsets)
        below = {(offset, part) for offset, parts in self.log.items() if offset < position for part in parts}
        assert below <= self.settled
        self.start(position, metadata)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_no_part_is_lost_or_sent_again_over_any_number_of_owners(seed: int) -> None:
    dice = random.Random(seed)
    log: dict[int, list[RecordPart]] = {}
    offset = 0
    largest = dice.choice([3, 30, 1_000])
    for _ in range(dice.randint(5, 60)):
        size, routes = dice.choice([1, 1, 2, 2, 3, largest]), dice.choice(["a", "ab", "abc"])
        log[offset] = [(routes[at % len(routes)], at // len(routes)) for at in range(size)]
        offset += dice.choice([1, 1, 1, 2, 50, 3_000])
    line = Owner(log)
    for step in dice.choices("rrrrrrrsssh", k=dice.randint(30, 150)):
        if step == "r":
            line.read()
        elif step == "s":
            at = dice.randint(0, 10_000)
            for _ in range(dice.choice([1, 3, 400])):
                line.settle(at)
        else:
            line.hand_over()
    while line.unread or line.head or line.open:
        line.read()
        line.settle(-1)
    line.hand_over()
    assert line.settled == {(at, part) for at, parts in log.items() for part in parts}


def test_a_record_is_half_settled_until_its_last_part() -> None:
    offsets = owner()
    begin(offsets, 0, TWO)
    assert offsets.start_parts(0)
    assert offsets.offsets_to_finish() == []
    assert offsets.offsets_to_finish({0}) == [0]
    assert offsets.settle(distinct_record(0), "b") is None
    assert (offsets.offsets_to_finish(), offsets.open_parts, offsets.open_records) == ([0], 1, 1)
    assert offsets.settled_above(10) == Settled(fingerprint(distinct_record(0)), b"", 1, {0: {TAGS["b"]: 1}})
    assert offsets.settle(distinct_record(0), "a") == 1
    assert (offsets.offsets_to_finish(), offsets.position, commit(offsets)) == ([], 1, (1, ""))


def test_single_records_need_no_room_and_are_never_asked_about() -> None:
    offsets = owner()
    for offset in range(30_000):
        assert offset < offsets.limit
        offsets.advance(distinct_record(offset))
        offsets.open(distinct_record(offset))
    assert offsets.limit == NO_LIMIT


def thousands(offsets: PartitionOffsets) -> int:
    """How many records of a thousand items are begun before one waits."""
    for offset in range(100):
        begin(offsets, offset, THOUSAND)
        if not offsets.start_parts(offset):
            return offset
    raise AssertionError("none waits")


def test_some_two_dozen_records_of_a_thousand_items_are_begun_and_the_next_waits_for_one_of_them() -> None:
    offsets = owner()
    begun = thousands(offsets)
    assert begun == 23
    for offset in range(begun):
        for element in range(1, 1_000):
            offsets.settle(distinct_record(offset), "a", element)
    assert not offsets.start_parts(begun)
    position, text = commit(offsets)
    assert position == 0
    assert len(text) > 3_700
    decoded = commit_metadata.decode(*HERE, 0, text)
    assert decoded is not None
    assert decoded.settled is not None
    assert decoded.settled.halves == {offset: {TAGS["a"]: (1 << 1_000) - 2} for offset in range(begun)}
    offsets.settle(distinct_record(5), "a", 0)
    assert offsets.start_parts(begun)


def test_of_records_of_two_items_some_thousands_are_begun() -> None:
    offsets, offset = owner(), 0
    while True:
        begin(offsets, offset, TWO)
        if not offsets.start_parts(offset):
            break
        offset += 1
    assert offset > 4_600
    for each in range(offset):
        offsets.settle(distinct_record(each), "ab"[each % 2])
    commit(offsets)


def test_a_single_record_is_begun_however_large_it_is_and_what_does_not_fit_is_counted() -> None:
    offsets = owner()
    begin(offsets, 0, [("a", element) for element in range(50_000)])
    assert offsets.start_parts(0)
    begin(offsets, 1, TWO)
    assert not offsets.start_parts(1)
    offsets.settle(distinct_record(0), "a", 40_000)
    assert offsets.not_in_metadata(MAX_BITS) == 1
    assert commit_metadata.encode(*HERE, 0, offsets.metadata(MAX_BITS)) == ""


def test_reading_goes_no_farther_ahead_than_a_commit_can_tell_beside_the_parts() -> None:
    offsets = owner()
    begin(offsets, 0, [("a", element) for element in range(10_000)])
    assert offsets.start_parts(0)
    offset = 1
    while offset < offsets.limit or offsets.check_room(offset):
        offsets.advance(distinct_record(offset))
        offsets.open(distinct_record(offset))
        offsets.settle(distinct_record(offset))
        offset += 1
    assert 13_000 < offset < 13_620
    for element in range(9_999):
        offsets.settle(distinct_record(0), "a", element)
    commit(offsets)
    offsets.settle(distinct_record(0), "a", 9_999)
    assert offsets.check_room(offset)
    assert offsets.limit == NO_LIMIT


def left_by_another(settled: list[range]) -> PartitionOffsets:
    """The next owner of a partition in whose records, of a thousand items each, these are settled."""
    offsets = owner()
    for offset, elements in enumerate(settled):
        begin(offsets, offset, THOUSAND)
        assert offsets.start_parts(offset)
        for element in elements:
            offsets.settle(distinct_record(offset), "a", element)
    return owner(*commit(offsets))


def test_reading_goes_no_farther_ahead_than_a_commit_can_tell_beside_what_an_earlier_owner_settled() -> None:
    offsets = left_by_another([range(1, 1_000)] * 20)
    for offset in range(20):
        assert begin(offsets, offset, THOUSAND) == [("a", 0)]
        assert offsets.start_parts(offset)
    offset = 20
    while offset < 20_000 and (offset < offsets.limit or offsets.check_room(offset)):
        offsets.advance(distinct_record(offset))
        offsets.open(distinct_record(offset))
        offsets.settle(distinct_record(offset))
        offset += 1
    assert 2_500 < offset < 3_500
    commit(offsets)


def test_what_is_left_of_an_earlier_owners_records_has_room_before_others_are_begun() -> None:
    offsets = left_by_another([range(0), *[range(1)] * 19])
    offset = 0
    while begin(offsets, offset, THOUSAND) and offsets.start_parts(offset):
        offset += 1
    assert 20 < offset < 24
    for each in range(offset):
        for element in range(1 if 0 < each < 20 else 0, 999):
            offsets.settle(distinct_record(each), "a", element)
    commit(offsets)


def test_a_gap_of_any_size_does_not_stop_the_reading_once_nothing_is_open() -> None:
    offsets = owner()
    begin(offsets, 0, TWO)
    offsets.start_parts(0)
    assert not offsets.check_room(10**9)
    for route in "ab":
        offsets.settle(distinct_record(0), route)
    assert offsets.check_room(10**9)


def test_what_is_not_bound_to_a_commit_waits_for_nothing() -> None:
    offsets = owner()
    begun = thousands(offsets)
    offsets.limit = ASK_ALWAYS
    offsets.unbind()
    assert offsets.start_parts(begun)
    assert offsets.check_room(10**9)
    assert offsets.limit == NO_LIMIT


def half_settled_metadata(*, leader_epoch: int = -1) -> Metadata:
    return Metadata(Settled(fingerprint(distinct_record(5)), b"", 1, {2: {TAGS["a"]: 1}}), "", leader_epoch)


def test_another_record_at_the_position_means_that_no_part_was_settled() -> None:
    offsets = PartitionOffsets("users", 0, 5, half_settled_metadata(), tags=TAGS)
    offsets.advance(distinct_record(5)._replace(value=b"another log's"))
    assert begin(offsets, 7, TWO) == TWO


def test_parts_of_a_log_that_was_truncated_and_rewritten_behind_the_position_are_not_taken_for_the_new_ones() -> None:
    offsets = PartitionOffsets("users", 0, 5, half_settled_metadata(leader_epoch=3), tags=TAGS)
    begin(offsets, 5, TWO, leader_epoch=3)
    assert begin(offsets, 7, TWO, leader_epoch=4) == TWO
    same = PartitionOffsets("users", 0, 5, half_settled_metadata(leader_epoch=3), tags=TAGS)
    begin(same, 5, TWO, leader_epoch=3)
    assert begin(same, 7, TWO, leader_epoch=3) == [("b", 0)]


def test_until_the_first_record_is_read_parts_are_committed_as_they_came() -> None:
    offsets = PartitionOffsets("users", 0, 5, half_settled_metadata(), tags=TAGS)
    assert offsets.metadata(MAX_BITS) == half_settled_metadata()
    assert offsets.not_in_metadata(MAX_BITS) == 0


def test_half_settled_records_that_are_still_to_be_read_hold_the_position_at_the_last_one_read() -> None:
    offsets = PartitionOffsets("users", 0, 5, half_settled_metadata(), tags=TAGS)
    assert offsets.advance(distinct_record(5))
    assert offsets.advance(distinct_record(6))
    assert (offsets.position, offsets.next_offset) == (6, 7)
    position, text = commit(offsets)
    third = owner(position, text)
    third.advance(distinct_record(6))
    assert begin(third, 7, TWO) == [("b", 0)]


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        ([("a", 0)], []),  # the other was removed
        ([("new", 0), ("a", 0)], [("new", 0)]),
        ([("a", 1), ("a", 0)], [("a", 1)]),
        ([(None, 0)], [(None, 0)]),  # it cannot be decoded any more
        ([("c", 0), ("b", 0)], [("c", 0), ("b", 0)]),
    ],
)
def test_only_what_was_sent_is_taken_for_sent(parts: list[RecordPart], left: list[RecordPart]) -> None:
    offsets = PartitionOffsets("users", 0, 5, half_settled_metadata(), tags=TAGS)
    offsets.advance(distinct_record(5))
    assert begin(offsets, 7, parts) == left


def test_a_part_before_any_route_is_never_in_the_metadata() -> None:
    offsets = owner()
    begin(offsets, 0, [(None, 0), ("a", 0)])
    offsets.start_parts(0)
    offsets.settle(distinct_record(0), None)
    assert offsets.settled_above(10) is None
    assert offsets.offsets_to_finish() == [0]


def test_room_that_was_taken_is_given_back() -> None:
    room = MetadataBudget()
    assert not room
    for lengths in ({1: 1, 2: 1000}, {2: 3}):
        room.reserve(lengths)
    before = room.bits(100)
    room.reserve({3: 7})
    assert room.bits(100) > before
    room.free({3: 7})
    assert room.bits(100) == before
    room.free({2: 3})
    room.free({1: 1, 2: 1000})
    assert not room
    assert room.bits(100) == 0
