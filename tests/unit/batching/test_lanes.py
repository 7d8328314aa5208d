"""Lanes under random traffic: limits, exact bytes, key order, no key twice, nothing lost, nobody starved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.batching.lanes import Batch, ClosedBy, Lanes
from connector.model import Item, Limits, Record

LIMITS = Limits(max_events=5, max_bytes=60)
LINGER = 0.2
METHODS = ("login", "customEvent", "customRevenue")


def item(
    offset: int, key: bytes | None, method: str = "login", size: int = 2, *, read_at: float = 0.0, claim: int = 1
) -> Item:
    record = Record("users", 0, offset, 0, key, b"", (), claim, read_at)
    return Item(record, method, method, b"x" * size)


def lanes(*, ordered: bool = True, limits: Limits = LIMITS) -> Lanes:
    return Lanes(limits, ordered=ordered, linger=LINGER)


def drain(of: Lanes, now: float = 1e9) -> list[Batch]:
    """Everything, each batch settled before the next is taken."""
    taken = []
    while (batch := of.take(now)) is not None:
        taken.append(batch)
        of.release(batch)
    return taken


def offsets(batches: Sequence[Batch]) -> list[int]:
    return [each.record.offset for batch in batches for each in batch.items]


class Model:
    """What must be true of lanes, whatever is done to them."""

    def __init__(self, *, ordered: bool) -> None:
        self.lanes = lanes(ordered=ordered)
        self.ordered = ordered
        self.in_flight: list[Batch] = []
        self.expected: set[int] = set()
        self.sent: set[int] = set()
        self.last_of: dict[bytes, int] = {}

    def add(self, new: Item) -> None:
        self.expected.add(new.record.offset)
        self.lanes.add(new)

    def take(self, now: float, *, oldest: bool = False) -> Batch | None:
        batch = self.lanes.take_oldest() if oldest else self.lanes.take(now)
        if batch is None:
            return None
        self.check(batch)
        self.in_flight.append(batch)
        return batch

    def check(self, batch: Batch) -> None:
        bodies = [each.body for each in batch.items]
        assert 1 <= len(bodies) <= LIMITS.max_events
        assert batch.size == len(b"[" + b",".join(bodies) + b"]") <= LIMITS.max_bytes
        assert {each.method for each in batch.items} == {batch.method}
        assert batch.oldest == min(each.record.read_at for each in batch.items)
        held = {each.record.key for other in self.in_flight for each in other.items}
        for each in batch.items:
            offset, key = each.record.offset, each.record.key
            assert offset not in self.sent
            self.sent.add(offset)
            if self.ordered and key is not None:
                assert key not in held, "a key is in two batches at a time"
                assert self.last_of.get(key, -1) < offset, "a key's events changed places"
                self.last_of[key] = offset

    def release(self, index: int) -> None:
        self.lanes.release(self.in_flight.pop(index % len(self.in_flight)))

    def forget(self, claim: int) -> None:
        gone = {each.record.offset for each in self.lanes.unsent() if each.record.claim == claim}
        self.lanes.forget(lambda each: each.record.claim == claim)
        self.expected -= gone
        assert not any(each.record.claim == claim for each in self.lanes.unsent())

    def finish(self) -> None:
        while self.in_flight:
            self.release(0)
        while self.take(1e9) is not None:
            self.release(0)
        assert self.sent == self.expected, "an item was lost or doubled"
        assert self.lanes.due_at() is None
        assert self.lanes.oldest_number() is None
        assert self.lanes.longest_wait() == 0


@settings(max_examples=150, deadline=None)
@given(st.data(), st.booleans())
def test_whatever_is_done_no_rule_is_broken(data: st.DataObject, ordered: bool) -> None:
    model, now = Model(ordered=ordered), 0.0
    steps = data.draw(st.lists(st.sampled_from("aaaaaaaattorrf"), max_size=120))
    for number, step in enumerate(steps):
        now += data.draw(st.sampled_from([0.0, 0.05, 0.3]), label="time passes")
        if step == "a":
            key = data.draw(st.sampled_from([None, b"1", b"2", b"3", b"4"]))
            method, size = data.draw(st.sampled_from(METHODS)), data.draw(st.integers(2, 58))
            claim = data.draw(st.integers(1, 2))
            model.add(item(number, key, method, size, read_at=now, claim=claim))
        elif step == "f":
            model.forget(data.draw(st.integers(1, 2)))
        elif step == "r" and model.in_flight:
            model.release(data.draw(st.integers(0, 9)))
        elif step in "to":
            due = model.lanes.due_at()
            batch = model.take(now, oldest=step == "o")
            if step == "t":
                assert (batch is not None) == (due is not None and due <= now), "due_at and take disagree"
    model.finish()


@pytest.mark.parametrize("sizes", [[58], [28, 29], [1, 56], [11, 11, 11, 11, 11]])
def test_a_batch_is_filled_to_the_very_last_byte_and_closed_by_it(sizes: list[int]) -> None:
    limits = Limits(max_events=20, max_bytes=sum(sizes) + len(sizes) + 1)
    of = lanes(limits=limits)
    for offset, size in enumerate(sizes):
        of.add(item(offset, None, size=size))
    batch = of.take(0.0)
    assert batch is not None
    assert batch.size == limits.max_bytes
    assert batch.closed_by is ClosedBy.BYTES


def test_one_byte_more_goes_into_the_next_batch() -> None:
    of = lanes()
    for offset, size in enumerate([28, 30]):
        of.add(item(offset, None, size=size))
    assert [len(batch.items) for batch in drain(of)] == [1, 1]


def test_an_item_that_fits_only_without_the_envelope_goes_alone() -> None:
    limits = Limits(max_events=5, max_bytes=60, bare=True)
    of = lanes(limits=limits)
    assert limits.fits_alone(60)
    assert not limits.fits_alone(61)
    for offset, size in enumerate([2, 60, 2]):
        of.add(item(offset, None, size=size))
    assert [[each.record.offset for each in batch.items] for batch in drain(of)] == [[0], [1], [2]]


def test_what_closed_a_batch_is_told() -> None:
    of = lanes()
    for offset in range(5):
        of.add(item(offset, None))
    of.add(item(5, None))
    assert [batch.closed_by for batch in drain(of)] == [ClosedBy.COUNT, ClosedBy.LINGER]


def test_a_key_may_stand_several_times_in_one_batch_in_order() -> None:
    of = lanes()
    for offset in range(4):
        of.add(item(offset, b"k"))
    (batch,) = drain(of)
    assert offsets([batch]) == [0, 1, 2, 3]


def test_other_keys_overtake_a_key_that_waits_for_its_batch() -> None:
    of = lanes()
    of.add(item(0, b"busy"))
    held = of.take(1.0)
    assert held is not None
    of.add(item(1, b"busy"))
    of.add(item(2, b"free"))
    overtaking = of.take(1.0)
    assert overtaking is not None
    assert offsets([overtaking]) == [2]
    assert of.longest_wait() == 1
    of.release(held)
    assert offsets(drain(of)) == [1]


def test_the_order_of_a_key_holds_over_all_methods() -> None:
    of = lanes()
    for offset, method in enumerate(["login", "customEvent", "login", "login", "customRevenue"]):
        of.add(item(offset, b"k", method))
    batches = drain(of)
    assert offsets(batches) == [0, 1, 2, 3, 4]
    assert [batch.method for batch in batches] == ["login", "customEvent", "login", "customRevenue"]


def test_without_order_nothing_waits_for_a_key() -> None:
    of = lanes(ordered=False)
    of.add(item(0, b"k"))
    assert of.take(1.0) is not None
    of.add(item(1, b"k"))
    assert of.take(1.0) is not None


def test_linger_counts_from_when_the_oldest_event_was_read() -> None:
    of = lanes()
    of.add(item(0, b"a", read_at=10.0))
    of.add(item(1, b"b", read_at=10.19))
    assert of.due_at() == pytest.approx(10.2)
    assert of.take(10.19) is None
    assert offsets([batch for batch in [of.take(10.2)] if batch]) == [0, 1]


def test_what_waited_behind_its_key_does_not_linger_again() -> None:
    of = lanes()
    of.add(item(0, b"k", read_at=0.0))
    held = of.take(0.2)
    assert held is not None
    of.add(item(1, b"k", read_at=0.1))
    of.release(held)
    assert of.due_at() == pytest.approx(0.3)
    batch = of.take(5.0)
    assert batch is not None
    assert offsets([batch]) == [1]


def test_a_busy_method_does_not_starve_a_quiet_one() -> None:
    of = lanes()
    of.add(item(0, None, "customRevenue", read_at=0.0))
    offset, taken_after = 1, None
    for turn in range(50):
        for _ in range(10):  # two full batches come for each one that is sent
            of.add(item(offset, None, "login", read_at=1.0))
            offset += 1
        batch = of.take(1.0)
        assert batch is not None
        if batch.method == "customRevenue":
            taken_after = turn
            break
    assert taken_after is not None
    assert taken_after <= 1


def test_the_oldest_batch_is_found_among_full_and_open_ones() -> None:
    of = lanes()
    for offset in range(5):
        of.add(item(offset, None))
    assert of.oldest_number() == 1  # full, and no open one beside it
    of.add(item(5, None, "customEvent"))
    first, second = of.take_oldest(), of.take_oldest()
    assert first is not None
    assert second is not None
    assert (len(first.items), len(second.items)) == (5, 1)
    assert of.take_oldest() is None


def test_what_is_forgotten_leaves_the_others_order_and_the_taken_batches_keys_alone() -> None:
    of = lanes()
    of.add(item(0, b"k", claim=1))
    held = of.take(1.0)
    assert held is not None
    for offset, claim in enumerate([2, 1, 2, 1], start=1):
        of.add(item(offset, b"k", claim=claim))
    of.forget(lambda each: each.record.claim == 2)
    assert of.take(1e9) is None
    of.release(held)
    assert offsets(drain(of)) == [2, 4]


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
        of, key = lanes(limits=Limits(20, 10_000)), CountingKey(b"hot")
        for offset in range(events):
            of.add(item(offset, key))
        assert of.longest_wait() == events - 20
        assert offsets(drain(of)) == list(range(events))
        return CountingKey.looked_up["key"] / events

    assert lookups_per_event(20_000) <= lookups_per_event(200) * 1.1
