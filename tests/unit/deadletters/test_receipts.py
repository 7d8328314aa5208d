"""A receipt closes the letters that were there, and none that come later."""

from __future__ import annotations

import pytest

from connector.deadletters.letter import Place, digest
from connector.deadletters.receipts import Receipt, Receipts, State, decode_receipt

KEY = b"events/3/7/mytracker/login"


def receipt(closes: dict[int, int], what: State = State.REPLAYED) -> Receipt:
    return Receipt(what, 1_700_000_000.0, "crm.dead-letters/0/5", closes)


def test_a_letter_is_open_until_a_receipt_covers_its_place() -> None:
    receipts = Receipts()
    assert receipts.state(digest(KEY), Place(0, 5)) is State.OPEN
    receipts.add(KEY, receipt({0: 5}))
    assert receipts.state(digest(KEY), Place(0, 5)) is State.REPLAYED
    assert receipts.state(digest(KEY), Place(0, 4)) is State.REPLAYED
    assert receipts.state(digest(b"another"), Place(0, 5)) is State.OPEN


@pytest.mark.parametrize("place", [Place(0, 6), Place(1, 0)])
def test_a_letter_behind_the_receipts_place_or_in_another_partition_is_open(place: Place) -> None:
    receipts = Receipts()
    receipts.add(KEY, receipt({0: 5}))
    assert receipts.state(digest(KEY), place) is State.OPEN


def test_the_newest_receipt_says_everything_since_the_topic_is_compacted() -> None:
    """What an earlier one closed in another partition must be in the later one, which alone is kept."""
    receipts = Receipts()
    receipts.add(KEY, receipt({0: 5}))
    closes = receipts.closing(digest(KEY), {1: 3})
    assert closes == {0: 5, 1: 3}
    compacted = Receipts()
    compacted.add(KEY, receipt(closes, State.DISCARDED))
    assert compacted.state(digest(KEY), Place(0, 5)) is State.DISCARDED
    assert compacted.state(digest(KEY), Place(1, 3)) is State.DISCARDED
    assert compacted.state(digest(KEY), Place(1, 4)) is State.OPEN


def test_what_was_closed_is_never_opened_by_a_receipt() -> None:
    receipts = Receipts()
    receipts.add(KEY, receipt({0: 50}))
    assert receipts.closing(digest(KEY), {0: 5}) == {0: 50}


def test_a_tombstone_takes_receipts_back() -> None:
    receipts = Receipts()
    receipts.add(KEY, receipt({0: 5}))
    receipts.add(KEY, None)
    assert receipts.state(digest(KEY), Place(0, 5)) is State.OPEN
    assert receipts.closing(digest(KEY), {1: 1}) == {1: 1}


def test_large_offsets_and_partitions_are_kept() -> None:
    receipts = Receipts()
    receipts.add(KEY, receipt({65_535: 2**47}, State.REFUSED))
    assert receipts.state(digest(KEY), Place(65_535, 2**47)) is State.REFUSED
    assert receipts.state(digest(KEY), Place(65_535, 2**47 + 1)) is State.OPEN


def test_a_receipt_is_read_as_it_was_written() -> None:
    written = Receipt(State.DISCARDED, 1_700_000_000.25, "crm.dead-letters/0/5", {0: 5, 2: 9}, "a load test")
    assert decode_receipt(written.encode()) == written


@pytest.mark.parametrize("value", [None, b"", b"{}", b"[]", b"not JSON", b'{"what":"open","closes":1}'])
def test_what_is_no_receipt_closes_nothing(value: bytes | None) -> None:
    assert decode_receipt(value) is None
