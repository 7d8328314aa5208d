"""Items for a batcher, and what comes out of them."""

from __future__ import annotations

from collections.abc import Sequence

from connector.batching.batcher import Batch, Batcher
from connector.model import Item, Limits, Record

LIMITS = Limits(max_events=5, max_bytes=60)
LINGER = 0.2


def item(
    offset: int, key: bytes | None, method: str = "login", size: int = 2, *, read_at: float = 0.0, epoch: int = 1
) -> Item:
    record = Record("users", 0, offset, 0, key, b"", (), epoch, read_at)
    return Item(record, method, method, b"x" * size)


def make_batcher(*, ordered: bool = True, limits: Limits = LIMITS) -> Batcher:
    return Batcher(limits, ordered=ordered, linger=LINGER)


def drain(batcher: Batcher, now: float = 1e9) -> list[Batch]:
    """Everything, each batch settled before the next is taken."""
    taken = []
    while (batch := batcher.take_next_batch(now)) is not None:
        taken.append(batch)
        batcher.release_keys(batch)
    return taken


def offsets(batches: Sequence[Batch]) -> list[int]:
    return [each.record.offset for batch in batches for each in batch.items]
