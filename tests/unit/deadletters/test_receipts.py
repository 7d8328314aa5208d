"""A receipt closes the letters that were there, and none that come later."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.deadletters.receipts import LetterState, Receipt, Receipts, decode_receipt
from connector.kafka.dead_letter import LetterPlace, digest

KEY = b"events/3/7/mytracker/login"


def receipt(closes: dict[int, int], what: LetterState = LetterState.REPLAYED) -> Receipt:
    return Receipt(what, 1_700_000_000.0, "crm.dead-letters/0/5", closes)


def test_a_letter_is_open_until_a_receipt_covers_its_offset() -> None:
    receipts = Receipts()
    assert receipts.state_at(digest(KEY), LetterPlace(0, 5)) is LetterState.OPEN
    receipts.add_receipt(KEY, receipt({0: 5}))
    assert receipts.state_at(digest(KEY), LetterPlace(0, 5)) is LetterState.REPLAYED
    assert receipts.state_at(digest(KEY), LetterPlace(0, 4)) is LetterState.REPLAYED
    assert receipts.state_at(digest(b"another"), LetterPlace(0, 5)) is LetterState.OPEN


@pytest.mark.parametrize("location", [LetterPlace(0, 6), LetterPlace(1, 0)])
def test_a_letter_above_the_closed_offset_or_in_another_partition_is_open(location: LetterPlace) -> None:
    receipts = Receipts()
    receipts.add_receipt(KEY, receipt({0: 5}))
    assert receipts.state_at(digest(KEY), location) is LetterState.OPEN


def test_the_newest_receipt_says_everything_since_the_topic_is_compacted() -> None:
    """What an earlier one closed in another partition must be in the later one, which alone is kept."""
    receipts = Receipts()
    receipts.add_receipt(KEY, receipt({0: 5}))
    closes = receipts.offsets_to_close(digest(KEY), {1: 3})
    assert closes == {0: 5, 1: 3}
    compacted = Receipts()
    compacted.add_receipt(KEY, receipt(closes, LetterState.DISCARDED))
    assert compacted.state_at(digest(KEY), LetterPlace(0, 5)) is LetterState.DISCARDED
    assert compacted.state_at(digest(KEY), LetterPlace(1, 3)) is LetterState.DISCARDED
    assert compacted.state_at(digest(KEY), LetterPlace(1, 4)) is LetterState.OPEN


def test_what_was_closed_is_never_opened_by_a_receipt() -> None:
    receipts = Receipts()
    receipts.add_receipt(KEY, receipt({0: 50}))
    assert receipts.offsets_to_close(digest(KEY), {0: 5}) == {0: 50}


def test_a_tombstone_takes_receipts_back() -> None:
    receipts = Receipts()
    receipts.add_receipt(KEY, receipt({0: 5}))
    receipts.apply_tombstone(KEY)
    assert receipts.state_at(digest(KEY), LetterPlace(0, 5)) is LetterState.OPEN
    assert receipts.offsets_to_close(digest(KEY), {1: 1}) == {1: 1}


def test_a_tombstone_takes_back_what_lies_before_it_in_its_partition_and_nothing_else() -> None:
    """What compaction would leave; partitions may be read in any order."""
    receipts = Receipts()
    receipts.apply_record(KEY, receipt({0: 5}).encode(), 0)
    receipts.apply_record(KEY, receipt({0: 3}).encode(), 1)
    receipts.apply_record(KEY, None, 0)
    assert receipts.offsets_to_close(digest(KEY), {}) == {0: 3}
    receipts.apply_record(KEY, receipt({2: 4}).encode(), 0)
    assert receipts.offsets_to_close(digest(KEY), {}) == {0: 3, 2: 4}


@pytest.mark.parametrize("source", [0, 1])
def test_a_receipt_that_is_read_later_but_is_older_opens_nothing_again(source: int) -> None:
    """It lies in another partition, was copied by mirroring, or a replay that had lost its lock wrote it."""
    receipts = Receipts()
    receipts.add_receipt(KEY, receipt({0: 9, 1: 4}, LetterState.DISCARDED)._replace(at=2_000.0))
    receipts.add_receipt(KEY, receipt({0: 5, 2: 1}, LetterState.REFUSED)._replace(at=1_000.0), source)
    locations = [LetterPlace(0, 9), LetterPlace(1, 4), LetterPlace(2, 1)]
    assert [receipts.state_at(digest(KEY), location) for location in locations] == [LetterState.DISCARDED] * 3, (
        "the newest's word"
    )
    assert receipts.state_at(digest(KEY), LetterPlace(0, 10)) is LetterState.OPEN


any_receipt = st.builds(
    Receipt,
    st.sampled_from([LetterState.REPLAYED, LetterState.REFUSED, LetterState.DISCARDED]),
    st.integers(0, 3).map(float),
    st.just("dead/0/5"),
    st.dictionaries(st.integers(0, 2), st.integers(0, 5), max_size=3),
)


@given(st.lists(st.tuples(any_receipt, st.integers(0, 1)), max_size=6), st.randoms())
def test_receipts_say_the_same_in_whatever_order_they_are_read(
    read: list[tuple[Receipt, int]], random: random.Random
) -> None:
    locations = [LetterPlace(partition, offset) for partition in range(3) for offset in range(7)]

    def states(of: list[tuple[Receipt, int]]) -> list[LetterState]:
        receipts = Receipts()
        for each, source in of:
            receipts.add_receipt(KEY, each, source)
        return [receipts.state_at(digest(KEY), location) for location in locations]

    shuffled = read[:]
    random.shuffle(shuffled)
    assert states(shuffled) == states(read)


def test_large_offsets_and_partitions_are_kept() -> None:
    receipts = Receipts()
    receipts.add_receipt(KEY, receipt({65_535: 2**47}, LetterState.REFUSED))
    assert receipts.state_at(digest(KEY), LetterPlace(65_535, 2**47)) is LetterState.REFUSED
    assert receipts.state_at(digest(KEY), LetterPlace(65_535, 2**47 + 1)) is LetterState.OPEN


def test_a_receipt_is_read_as_it_was_written() -> None:
    written = Receipt(LetterState.DISCARDED, 1_700_000_000.25, "crm.dead-letters/0/5", {0: 5, 2: 9}, "a load test")
    assert decode_receipt(written.encode()) == written


@pytest.mark.parametrize("value", [None, b"", b"{}", b"[]", b"not JSON", b'{"what":"open","closes":1}'])
def test_what_is_no_receipt_closes_nothing(value: bytes | None) -> None:
    assert decode_receipt(value) is None
