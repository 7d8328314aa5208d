"""Items become batches: one key in one batch at a time, other keys overtaking, every batch within the vendor's limits.

For each key two things are known: the batch that owns it, and the items that wait behind that batch. An item whose key
is free, or is owned by the batch that is still open for its method, joins that open batch; any other item waits. When a
batch is settled its keys are released, and what waited for them joins the open batches together, in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from enum import StrEnum

from connector.model import Item, Limits

# The read time of items that must not linger.
LONG_AGO = float("-inf")


class ClosedBy(StrEnum):
    """What closed a batch: a limit; or LINGER if it was taken before it was full.

    That is because its oldest event had lingered, or because a probe was needed.
    """

    COUNT = "count"
    BYTES = "bytes"
    LINGER = "linger"


class Batch:
    """The items of one request, and the size of their body in bytes.

    Later batches have higher numbers. `oldest` is the earliest read time of its items (monotonic seconds).
    """

    __slots__ = ("closed_by", "items", "method", "number", "oldest_read_at", "size")

    def __init__(self, number: int, method: str, envelope: int) -> None:
        self.number = number
        self.method = method
        self.items: list[Item] = []
        self.size = envelope
        self.oldest_read_at = float("inf")
        self.closed_by = ClosedBy.LINGER


class Batcher:
    """The unsent items of one sink: closed batches, open batches (one per method), and items that wait for their key.

    Pure: no clock, no I/O. Items of one key stay in order; items without a key, and all items if not `ordered`, have
    none. `linger` is how many seconds a batch that is not full waits for more items.
    """

    def __init__(self, limits: Limits, *, ordered: bool, linger: float) -> None:
        self._limits = limits
        self.ordered = ordered
        self._linger = linger
        self._count = 0
        self._ready: deque[Batch] = deque()
        self._open: dict[str, Batch] = {}
        self._owner: dict[bytes, Batch] = {}
        self._waiting: dict[bytes, deque[Item]] = {}

    def enqueue(self, item: Item) -> None:
        """Add an item to an open batch, or to the queue of its key."""
        key = item.record.key if self.ordered else None  # `_key` inlined: it saves a call for each item
        if key is None:
            self._append_to_open(item)
        elif key in self._waiting:
            self._waiting[key].append(item)
        elif not self._try_to_join_owner(key, item):
            self._waiting[key] = deque((item,))

    def take_next_batch(self, now: float) -> Batch | None:
        """Remove and return the batch to send at `now`, or None: a full one, or one whose oldest event has lingered.

        A lingered batch that was begun before the first full one comes first, so that a busy method does not starve a
        quiet one.
        """
        first = self._ready[0].number if self._ready else None
        for method, batch in self._open.items():
            if batch.oldest_read_at + self._linger <= now and (first is None or batch.number < first):
                del self._open[method]
                return batch
        return self._ready.popleft() if self._ready else None

    def next_batch_at(self) -> float | None:
        """Return the monotonic time at which `take_next_batch` will return a batch.

        0.0 if it returns one at once; None if no batch has an item.
        """
        if self._ready:
            return 0.0
        if not self._open:
            return None
        return min(batch.oldest_read_at for batch in self._open.values()) + self._linger

    @property
    def full_batches(self) -> int:
        """How many closed batches are ready to be sent."""
        return len(self._ready)

    def oldest_number(self) -> int | None:
        """Return the number of the oldest unsent batch; None if there is none."""
        numbers = [batch.number for batch in self._open.values()]
        if self._ready:
            numbers.append(self._ready[0].number)
        return min(numbers, default=None)

    def take_oldest_batch(self) -> Batch | None:
        """Remove and return the oldest unsent batch, full or not, for a probe; None if there is none."""
        oldest = self.oldest_number()
        if oldest is None:
            return None
        if self._ready and self._ready[0].number == oldest:
            return self._ready.popleft()
        method = next(method for method, batch in self._open.items() if batch.number == oldest)
        return self._open.pop(method)

    def release_keys(self, batch: Batch) -> None:
        """Release the keys of a settled batch: what waited for them joins the open batches."""
        if not self.ordered:
            return
        for item in batch.items:
            key = item.record.key
            if key is None or self._owner.get(key) is not batch:
                continue
            del self._owner[key]
            waiting = self._waiting.get(key)
            if waiting is None:
                continue
            while waiting and self._try_to_join_owner(key, waiting[0]):
                waiting.popleft()
            if not waiting:
                del self._waiting[key]

    def drop_revoked(
        self,
        revoked: Callable[[Item], bool],
        keep: Callable[[Item], bool] = lambda _: False,
        dropped_keys: AbstractSet[bytes] = frozenset(),
    ) -> int:
        """Drop the unsent items that are `revoked`, and batch the others again in their order.

        A revoked item that is also to `keep` stays, and its batch does not linger; but it is dropped if an item of the
        same key was dropped before it, here or elsewhere (`dropped_keys`): the next owner sends that one, and nothing
        may overtake it. Returns how many revoked items stay. A batch that was sent keeps its keys until `release_keys`.
        """
        unsent = list(self.unsent())
        for batch in (*self._ready, *self._open.values()):
            for item in batch.items:
                if item.record.key is not None:
                    self._owner.pop(item.record.key, None)
        self._ready.clear()
        self._open.clear()
        self._waiting.clear()
        kept, dropped = 0, set(dropped_keys)
        for item in unsent:
            if not revoked(item):
                self.enqueue(item)
            elif keep(item) and self._key(item) not in dropped:
                self.enqueue(item._replace(record=item.record._replace(read_at=LONG_AGO)))
                kept += 1
            elif (key := self._key(item)) is not None:
                dropped.add(key)
        return kept

    def unsent(self) -> Iterator[Item]:
        """Yield every item that is in no sent batch, those of one key in their order."""
        for batch in (*self._ready, *self._open.values()):
            yield from batch.items
        for waiting in self._waiting.values():
            yield from waiting

    def longest_key_queue(self) -> int:
        """Return how many items wait for the busiest key."""
        return max(map(len, self._waiting.values()), default=0)

    def _key(self, item: Item) -> bytes | None:
        """Return the key that decides the item's order; None if it has no order."""
        return item.record.key if self.ordered else None

    def _try_to_join_owner(self, key: bytes, item: Item) -> bool:
        """Add an item to the open batch that owns its key, or to any if none does. Return True if it was added."""
        owner = self._owner.get(key)
        if owner is None:
            self._owner[key] = self._append_to_open(item)
            return True
        if owner is not self._open.get(item.method):
            return False
        if not self._fits(owner, item):  # the item waits for that batch: close it, so that it is sent
            self._close(owner, ClosedBy.BYTES)
            return False
        self._append(owner, item)
        return True

    def _append_to_open(self, item: Item) -> Batch:
        """Add an item to the open batch of its method, or to a new one, and return that batch."""
        batch = self._open.get(item.method)
        if batch is not None and not self._fits(batch, item):
            self._close(batch, ClosedBy.BYTES)
            batch = None
        if batch is None:  # any item fits into an empty batch: routing has checked Limits.fits_alone
            self._count += 1
            batch = self._open[item.method] = Batch(self._count, item.method, self._limits.envelope)
        self._append(batch, item)
        return batch

    def _fits(self, batch: Batch, item: Item) -> bool:
        return batch.size + self._limits.separator + len(item.body) <= self._limits.max_bytes

    def _append(self, batch: Batch, item: Item) -> None:
        items = batch.items
        batch.size += len(item.body) + (self._limits.separator if items else 0)
        items.append(item)
        batch.oldest_read_at = min(batch.oldest_read_at, item.record.read_at)
        if len(items) >= self._limits.max_events:
            self._close(batch, ClosedBy.COUNT)
        elif batch.size >= self._limits.max_bytes:
            self._close(batch, ClosedBy.BYTES)

    def _close(self, batch: Batch, by: ClosedBy) -> None:
        del self._open[batch.method]
        batch.closed_by = by
        self._ready.append(batch)
