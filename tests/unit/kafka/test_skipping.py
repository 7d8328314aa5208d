"""Skipping one offset: where the commit moves, what it keeps, and where it must be refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.inherited_progress import fingerprint
from connector.delivery.offsets import PartitionOffsets
from connector.errors import ConnectorError
from connector.kafka.commit_metadata import MAX_BITS, Metadata, Settled, decode, encode
from connector.kafka.skipping import RecordAt, SkipCommit, settle_one
from connector.model import Record
from tests.support.records import distinct_record
from tests.support.settled import settled as settled_at

GROUP = "crm.mytracker"


class Log:
    """A partition: the offsets at which records lie, and those of them that cannot be read."""

    def __init__(self, offsets: range | list[int], unreadable: tuple[int, ...] = ()) -> None:
        self.offsets = list(offsets)
        self.unreadable = unreadable

    def record(self, offset: int) -> Record:
        return distinct_record(offset)

    def mark(self, offset: int) -> int:
        return fingerprint(self.record(offset))

    def look(self, offset: int) -> RecordAt | None:
        at = next((each for each in self.offsets if each >= offset), None)
        return None if at is None else RecordAt(at, None if at in self.unreadable else self.mark(at))

    def metadata(self, position: int, above: set[int]) -> Settled:
        return settled_at(self.mark(position), position, above)

    def skip(self, offset: int, position: int, decoded: Settled | None = None) -> SkipCommit:
        return settle_one(offset, position, decoded, self.look)


def told_by(change: SkipCommit) -> set[int]:
    return set() if change.settled is None else change.settled.offsets(change.position)


def test_the_position_itself_moves_by_one() -> None:
    change = Log(range(10), (3,)).skip(3, 3)
    assert (change.position, change.settled, change.sent_again, change.already_settled) == (4, None, set(), False)


def test_the_last_record_moves_to_the_end() -> None:
    change = Log(range(4), (3,)).skip(3, 3)
    assert (change.position, change.next_record) == (4, None)


def test_it_moves_past_what_is_settled_above_and_keeps_the_rest() -> None:
    log = Log(range(20))
    change = log.skip(3, 3, log.metadata(3, {4, 5, 8}))
    assert (change.position, told_by(change), change.sent_again) == (6, {8}, set())
    assert change.settled is not None
    assert change.settled.fingerprint == log.mark(6)


def test_above_the_position_it_is_noted_beside_what_was() -> None:
    log = Log(range(20))
    change = log.skip(9, 3, log.metadata(3, {4}))
    assert (change.position, told_by(change)) == (3, {4, 9})


def test_above_a_position_whose_own_record_is_settled_it_moves_to_what_is_open() -> None:
    log = Log(range(20))
    change = log.skip(9, 3, Settled(log.mark(3), b"11", first=0))
    assert (change.position, told_by(change)) == (5, {9})


def test_offsets_that_hold_no_record_are_passed() -> None:
    assert Log([0, 1, 6, 7, 20], (6,)).skip(6, 2).position == 7
    sparse = Log([0, 1, 6, 9, 12])
    change = sparse.skip(6, 2)
    assert change.position == 7
    noted = sparse.skip(9, 2)
    assert (noted.position, told_by(noted)) == (6, {9})
    passed = sparse.skip(6, 6, sparse.metadata(6, {9}))
    assert (passed.position, passed.sent_again) == (10, set())


def test_offsets_noted_that_hold_no_record_are_forgotten_with_the_move() -> None:
    log = Log([3, 7, 8])
    change = log.skip(3, 3, log.metadata(3, {5}))
    assert (change.position, change.settled, change.sent_again) == (4, None, set())


def test_what_was_noted_before_is_told_once_more_and_moves_when_its_turn_has_come() -> None:
    log = Log(range(10), (4,))
    change = log.skip(4, 3, Settled(log.mark(3), b"11", first=0))
    assert (change.position, change.already_settled) == (5, True)


def test_above_a_position_that_cannot_be_read_it_is_refused() -> None:
    with pytest.raises(ConnectorError, match="skip 3 first"):
        Log(range(10), (3,)).skip(7, 3)


def test_so_far_above_that_no_commit_can_tell_it_is_refused() -> None:
    log = Log(range(MAX_BITS + 10))
    assert told_by(log.skip(MAX_BITS, 0)) == {MAX_BITS}
    with pytest.raises(ConnectorError, match="above the group's position"):
        log.skip(MAX_BITS + 1, 0)


def test_what_cannot_be_bound_to_the_next_record_comes_again_and_is_said() -> None:
    log = Log(range(10), (4,))
    change = log.skip(3, 3, log.metadata(3, {6, 7}))
    assert (change.position, change.settled, change.sent_again) == (4, None, {6, 7})


def test_it_is_never_itself_what_is_dropped() -> None:
    """The position's record is settled and the next cannot be read: then the position stays, and all is bound to it."""
    log = Log(range(10), (4,))
    change = log.skip(7, 3, Settled(log.mark(3), b"1", first=0))
    assert (change.position, told_by(change), change.sent_again) == (3, {3, 7}, set())


def test_what_another_logs_metadata_says_is_not_believed() -> None:
    log = Log(range(10))
    change = log.skip(3, 3, settled_at(12345, 3, {4, 5}))
    assert (change.position, change.settled, change.sent_again) == (4, None, {4, 5})


def test_nothing_at_the_offset_is_refused() -> None:
    with pytest.raises(ConnectorError, match="the log has no record at 5"):
        Log([0, 1, 9]).skip(5, 2)


@given(st.data())
def test_the_service_then_reads_everything_but_what_was_settled_and_the_one(data: st.DataObject) -> None:
    """Against the offsets' own rules: nothing unsettled is hidden; nothing settled is read but what is said."""
    gaps = data.draw(st.lists(st.integers(1, 3), min_size=3, max_size=30))
    offsets = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    unreadable = tuple(data.draw(st.sets(st.sampled_from(offsets), max_size=3)))
    log = Log(offsets, unreadable)
    start = data.draw(st.integers(0, len(offsets) - 1))
    position = offsets[start]
    above = data.draw(st.sets(st.integers(position, offsets[-1])))  # what was read past counts as settled, too
    above -= set(unreadable)
    decoded = None
    if position not in unreadable and above:
        first = 0 if position in above else 1
        begin = position + first
        flags = bytes(ord("1") if each in above else ord("0") for each in range(begin, max(above) + 1))
        decoded = Settled(log.mark(position), flags, first) if flags else None
    before = set() if decoded is None else decoded.offsets(position)
    offset = data.draw(st.sampled_from(offsets[start:]))
    try:
        change = log.skip(offset, position, decoded)
    except ConnectorError:
        assert position in unreadable
        assert offset != position
        return
    text = encode(GROUP, "users", 0, change.position, Metadata(change.settled))
    reader = PartitionOffsets("users", 0, change.position, decode(GROUP, "users", 0, change.position, text))
    readable = [each for each in offsets if each not in unreadable]
    read = {each for each in readable if each >= change.position and reader.advance(log.record(each))}
    due = {each for each in readable if each >= position} - before - {offset}
    assert read == due | (change.sent_again & set(offsets))
    assert offset not in change.sent_again


PARTS = {0xC0FFEE: 1}


def halves_told(change: SkipCommit) -> dict[int, object]:
    return (
        {} if change.settled is None else {change.position + at: parts for at, parts in change.settled.halves.items()}
    )


def half_settled_metadata(log: Log, position: int, above: set[int], halves: set[int]) -> Settled:
    flags = log.metadata(position, above).flags if above else b""
    return Settled(log.mark(position), flags, 1, {at - position: PARTS for at in halves})


@pytest.mark.parametrize(
    ("offset", "above", "halves", "position", "kept"),
    [
        (3, set(), {4}, 4, {4}),  # the next record is half-settled: it is the position now
        (3, {4}, {6}, 5, {6}),
        (3, set(), {3}, 4, set()),  # what is skipped itself is settled whole
        (8, {5}, {4, 8, 9}, 3, {4, 9}),
    ],
)
def test_what_is_half_settled_stays_so(
    offset: int, above: set[int], halves: set[int], position: int, kept: set[int]
) -> None:
    log = Log(range(20))
    change = log.skip(offset, 3, half_settled_metadata(log, 3, above, halves))
    assert (change.position, halves_told(change), change.sent_again) == (position, dict.fromkeys(kept, PARTS), set())


def test_what_is_half_settled_is_read_again_where_nothing_can_be_bound_to_it() -> None:
    log = Log(range(20), (4,))
    change = log.skip(3, 3, half_settled_metadata(log, 3, set(), {6}))
    assert (change.position, change.settled, change.sent_again) == (4, None, {6})
    other = Settled(1, b"", 1, {2: PARTS})
    assert log.skip(3, 3, other).sent_again == {5}


def test_an_offset_that_has_no_room_beside_half_settled_records_is_refused() -> None:
    log = Log(range(23_000))
    decoded = Settled(log.mark(0), b"", 1, {at: {1: 1 << 999} for at in range(1, 20)})
    with pytest.raises(ConnectorError, match="less where records are settled in part"):
        log.skip(22_000, 0, decoded)
    assert log.skip(2_000, 0, decoded).settled is not None
