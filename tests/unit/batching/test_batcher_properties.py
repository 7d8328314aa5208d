"""The batcher under random traffic: limits, exact bytes, key order, no key twice, nothing lost, nobody starved."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.batching.batcher import Batch
from connector.model import Item
from tests.unit.batching.support import LIMITS, item, make_batcher

METHODS = ("login", "customEvent", "customRevenue")


class Model:
    """What must be true of a batcher, whatever is done to them."""

    def __init__(self, *, ordered: bool) -> None:
        self.batcher = make_batcher(ordered=ordered)
        self.ordered = ordered
        self.in_flight: list[Batch] = []
        self.expected: set[int] = set()
        self.sent: set[int] = set()
        self.last_of: dict[bytes, int] = {}

    def add(self, new: Item) -> None:
        self.expected.add(new.record.offset)
        self.batcher.enqueue(new)

    def take(self, now: float, *, oldest: bool = False) -> Batch | None:
        batch = self.batcher.take_oldest_batch() if oldest else self.batcher.take_next_batch(now)
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
        assert batch.oldest_read_at == min(each.record.read_at for each in batch.items)
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
        self.batcher.release_keys(self.in_flight.pop(index % len(self.in_flight)))

    def forget(self, epoch: int) -> None:
        gone = {each.record.offset for each in self.batcher.unsent() if each.record.assignment_epoch == epoch}
        self.batcher.drop_revoked(lambda each: each.record.assignment_epoch == epoch)
        self.expected -= gone
        assert not any(each.record.assignment_epoch == epoch for each in self.batcher.unsent())

    def finish(self) -> None:
        while self.in_flight:
            self.release(0)
        while self.take(1e9) is not None:
            self.release(0)
        assert self.sent == self.expected, "an item was lost or doubled"
        assert self.batcher.next_batch_at() is None
        assert self.batcher.oldest_number() is None
        assert self.batcher.longest_key_queue() == 0


@settings(max_examples=60)
@given(st.data(), st.booleans())
def test_whatever_is_done_no_rule_is_broken(data: st.DataObject, ordered: bool) -> None:
    model, now = Model(ordered=ordered), 0.0
    # Without a least size, lists are five steps long on average, and too short to find much.
    steps = data.draw(st.lists(st.sampled_from("aaaaaaaattorrf"), min_size=20, max_size=120))
    for number, step in enumerate(steps):
        now += data.draw(st.sampled_from([0.0, 0.05, 0.3]), label="time passes")
        if step == "a":
            key = data.draw(st.sampled_from([None, b"1", b"2", b"3", b"4"]))
            method, size = data.draw(st.sampled_from(METHODS)), data.draw(st.integers(2, 58))
            epoch = data.draw(st.integers(1, 2))
            model.add(item(number, key, method, size, read_at=now, epoch=epoch))
        elif step == "f":
            model.forget(data.draw(st.integers(1, 2)))
        elif step == "r" and model.in_flight:
            model.release(data.draw(st.integers(0, 9)))
        elif step in "to":
            due = model.batcher.next_batch_at()
            batch = model.take(now, oldest=step == "o")
            if step == "t":
                assert (batch is not None) == (due is not None and due <= now), "due_at and take disagree"
    model.finish()
