"""Records for tests of what is done with offsets, keys and sizes, not with contents."""

from __future__ import annotations

from connector.model import Record


def record(
    offset: int,
    value: bytes | None = b"{}",
    *,
    key: bytes | None = b"k",
    partition: int = 0,
    timestamp: int = 1,
    epoch: int = 1,
    leader_epoch: int = -1,
) -> Record:
    """Return a record of topic `users`; `epoch` is the assignment's."""
    return Record("users", partition, offset, timestamp, key, value, (), epoch, leader_epoch=leader_epoch)


def distinct_record(offset: int, *, leader_epoch: int = -1) -> Record:
    """Return a record whose fingerprint is that of no other offset."""
    return record(offset, b"%d" % offset, leader_epoch=leader_epoch)
