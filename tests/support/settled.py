"""What an earlier owner had settled, written as offsets."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from connector.kafka.commit_metadata import Settled


def settled(fingerprint: int, position: int, offsets: AbstractSet[int]) -> Settled:
    """As it would be committed with this position; the offsets lie above it."""
    highest = max(offsets, default=position)
    flags = (b"1" if offset in offsets else b"0" for offset in range(position + 1, highest + 1))
    return Settled(fingerprint, b"".join(flags))
