"""The batcher rule by rule: what closes a batch, what goes first, what a key holds back, what is forgotten."""

from __future__ import annotations

from collections import defaultdict
from typing import ClassVar

import pytest

from connector.batching.batcher import ClosedBy
from connector.model import Limits
from tests.unit.batching.support import LINGER, drain, item, make_batcher, offsets


@pytest.mark.parametrize("sizes", [[58], [28, 29], [1, 56], [11, 11, 11, 11, 11]])
def test_a_batch_is_filled_to_the_very_last_byte_and_closed_by_it(sizes: list[int]) -> None:
    limits = Limits(max_events=20, max_bytes=sum(sizes) + len(sizes) + 1)
    batcher = make_batcher(limits=limits)
    for offset, size in enumerate(sizes):
        batcher.enqueue(item(offset, None, size=size))
    batch = batcher.take_next_batch(0.0)
    assert batch is not None
    assert batch.size == limits.max_bytes
    assert batch.closed_by is ClosedBy.BYTES


def test_one_byte_more_goes_into_the_next_batch() -> None:
    batcher = make_batcher()
    for offset, size in enumerate([28, 30]):
        batcher.enqueue(item(offset, None, size=size))
    first, second = drain(batcher)
    assert offsets([first]) == [0]
    assert first.closed_by is ClosedBy.BYTES
    assert offsets([second]) == [1]


def test_the_batch_that_holds_a_key_is_closed_by_what_no_longer_fits_beside_it() -> None:
    batcher = make_batcher()
    batcher.enqueue(item(0, b"k", size=28))
    batcher.enqueue(item(1, b"k", size=30))
    batcher.enqueue(item(2, b"other", size=2))
    full = batcher.take_next_batch(0.0)  # long before its linger is over
    assert full is not None
    assert offsets([full]) == [0]
    assert full.closed_by is ClosedBy.BYTES


def test_an_item_that_fits_only_without_the_envelope_goes_alone() -> None:
    limits = Limits(max_events=5, max_bytes=60, bare=True)
    batcher = make_batcher(limits=limits)
    assert limits.fits_alone(60)
    assert not limits.fits_alone(61)
    for offset, size in enumerate([2, 60, 2]):
        batcher.enqueue(item(offset, None, size=size))
    assert [[each.record.offset for each in batch.items] for batch in drain(batcher)] == [[0], [1], [2]]


def test_what_closed_a_batch_is_known() -> None:
    batcher = make_batcher()
    for offset in range(5):
        batcher.enqueue(item(offset, None))
    batcher.enqueue(item(5, None))
    assert [batch.closed_by for batch in drain(batcher)] == [ClosedBy.COUNT, ClosedBy.LINGER]
    assert list(ClosedBy) == ["count", "bytes", "linger"]  # as the metric's label has them


def test_full_batches_are_due_at_once_and_counted_until_they_are_taken() -> None:
    batcher = make_batcher()
    assert batcher.full_batches == 0
    for offset in range(11):
        batcher.enqueue(item(offset, None))
    assert (batcher.full_batches, batcher.next_batch_at()) == (2, 0.0)
    batcher.take_next_batch(0.0)
    assert (batcher.full_batches, batcher.next_batch_at()) == (1, 0.0)
    batcher.take_next_batch(0.0)
    assert (batcher.full_batches, batcher.next_batch_at()) == (0, LINGER)


def test_a_key_may_stand_several_times_in_one_batch_in_order() -> None:
    batcher = make_batcher()
    for offset in range(4):
        batcher.enqueue(item(offset, b"k"))
    (batch,) = drain(batcher)
    assert offsets([batch]) == [0, 1, 2, 3]


def test_other_keys_overtake_a_key_that_waits_for_its_batch() -> None:
    batcher = make_batcher()
    batcher.enqueue(item(0, b"busy"))
    held = batcher.take_next_batch(1.0)
    assert held is not None
    batcher.enqueue(item(1, b"busy"))
    batcher.enqueue(item(2, b"free"))
    overtaking = batcher.take_next_batch(1.0)
    assert overtaking is not None
    assert offsets([overtaking]) == [2]
    assert batcher.longest_key_queue() == 1
    batcher.release_keys(held)
    assert offsets(drain(batcher)) == [1]


def test_the_busiest_key_is_known() -> None:
    batcher = make_batcher()
    for offset, key in enumerate([b"1", b"2"]):
        batcher.enqueue(item(offset, key))
    assert batcher.take_next_batch(1.0) is not None
    for offset, key in enumerate([b"1", b"2", b"2", b"2"], start=2):
        batcher.enqueue(item(offset, key))
    assert batcher.longest_key_queue() == 3


def test_a_key_behind_which_nothing_waits_any_more_is_as_free_as_a_new_one() -> None:
    batcher = make_batcher()
    batcher.enqueue(item(0, b"k"))
    held = batcher.take_next_batch(1.0)
    assert held is not None
    batcher.enqueue(item(1, b"k"))
    batcher.release_keys(held)
    assert offsets(drain(batcher)) == [1]
    batcher.enqueue(item(2, b"k"))
    assert offsets(drain(batcher)) == [2]


def test_the_order_of_a_key_holds_over_all_methods() -> None:
    batcher = make_batcher()
    for offset, method in enumerate(["login", "customEvent", "login", "login", "customRevenue"]):
        batcher.enqueue(item(offset, b"k", method))
    batches = drain(batcher)
    assert offsets(batches) == [0, 1, 2, 3, 4]
    assert [batch.method for batch in batches] == ["login", "customEvent", "login", "customRevenue"]


def test_without_order_nothing_waits_for_a_key() -> None:
    batcher = make_batcher(ordered=False)
    batcher.enqueue(item(0, b"k"))
    assert batcher.take_next_batch(1.0) is not None
    batcher.enqueue(item(1, b"k"))
    assert batcher.take_next_batch(1.0) is not None


def test_linger_counts_from_when_the_oldest_event_was_read() -> None:
    batcher = make_batcher()
    batcher.enqueue(item(0, b"a", read_at=10.0))
    batcher.enqueue(item(1, b"b", read_at=10.19))
    assert batcher.next_batch_at() == pytest.approx(10.2)
    assert batcher.take_next_batch(10.19) is None
    assert offsets([batch for batch in [batcher.take_next_batch(10.2)] if batch]) == [0, 1]


def test_what_waited_behind_its_key_does_not_linger_again() -> None:
    batcher = make_batcher()
    batcher.enqueue(item(0, b"k", read_at=0.0))
    held = batcher.take_next_batch(0.2)
    assert held is not None
    batcher.enqueue(item(1, b"k", read_at=0.1))
    batcher.release_keys(held)
    assert batcher.next_batch_at() == pytest.approx(0.3)
    batch = batcher.take_next_batch(5.0)
    assert batch is not None
    assert offsets([batch]) == [1]


def test_a_busy_method_does_not_starve_a_quiet_one() -> None:
    batcher = make_batcher()
    batcher.enqueue(item(0, None, "customRevenue", read_at=0.0))
    offset, taken_after = 1, None
    for turn in range(50):
        for _ in range(10):  # two full batches come for each one that is sent
            batcher.enqueue(item(offset, None, "login", read_at=1.0))
            offset += 1
        batch = batcher.take_next_batch(1.0)
        assert batch is not None
        if batch.method == "customRevenue":
            taken_after = turn
            break
    assert taken_after is not None
    assert taken_after <= 1


def test_an_open_batch_goes_ahead_of_a_full_one_only_if_it_was_begun_before_the_first_of_them() -> None:
    batcher = make_batcher()
    for offset in range(5):
        batcher.enqueue(item(offset, None, "login"))
    batcher.enqueue(item(5, None, "customEvent"))
    for offset in range(6, 11):
        batcher.enqueue(item(offset, None, "customRevenue"))
    assert offsets(drain(batcher)) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_the_oldest_batch_is_found_among_full_and_open_ones() -> None:
    batcher = make_batcher()
    batcher.enqueue(item(0, None, "customRevenue"))
    for offset in range(1, 11):
        batcher.enqueue(item(offset, None))
    batcher.enqueue(item(11, None, "customEvent"))
    found = []
    for number in range(1, 5):
        assert batcher.oldest_number() == number
        batch = batcher.take_oldest_batch()
        assert batch is not None
        found.append(offsets([batch]))
    assert found == [[0], [1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11]]
    assert batcher.oldest_number() is None
    assert batcher.take_oldest_batch() is None


def test_what_is_forgotten_holds_its_key_no_longer_whether_its_batch_is_open_or_full() -> None:
    batcher = make_batcher()
    for offset in range(6):
        batcher.enqueue(item(offset, b"full" if offset < 5 else b"open", epoch=1))
    batcher.drop_revoked(lambda each: each.record.assignment_epoch == 1)
    for offset, key in enumerate([b"full", b"open"], start=6):
        batcher.enqueue(item(offset, key, epoch=2))
    assert offsets(drain(batcher)) == [6, 7]


def test_what_is_forgotten_leaves_the_others_order_and_the_taken_batches_keys_alone() -> None:
    batcher = make_batcher()
    batcher.enqueue(item(0, b"k", epoch=1))
    held = batcher.take_next_batch(1.0)
    assert held is not None
    for offset, epoch in enumerate([2, 1, 2, 1], start=1):
        batcher.enqueue(item(offset, b"k", epoch=epoch))
    batcher.drop_revoked(lambda each: each.record.assignment_epoch == 2)
    assert batcher.take_next_batch(1e9) is None
    batcher.release_keys(held)
    assert offsets(drain(batcher)) == [2, 4]


class CountingKey(bytes):
    """A key that counts how often it is looked up."""

    looked_up: ClassVar[defaultdict[str, int]] = defaultdict(int)

    def __hash__(self) -> int:
        self.looked_up["key"] += 1
        return super().__hash__()


def test_a_hot_key_costs_as_much_an_event_however_many_wait_behind_it() -> None:
    """The work is counted in look-ups of the key, which every operation on it needs."""

    def lookups_per_event(events: int) -> float:
        CountingKey.looked_up.clear()
        batcher, key = make_batcher(limits=Limits(20, 10_000)), CountingKey(b"hot")
        for offset in range(events):
            batcher.enqueue(item(offset, key))
        assert batcher.longest_key_queue() == events - 20
        assert offsets(drain(batcher)) == list(range(events))
        return CountingKey.looked_up["key"] / events

    assert lookups_per_event(20_000) <= lookups_per_event(200) * 1.1
