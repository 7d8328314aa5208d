"""Computes the commit with which one more offset of a group is settled and nothing else changes. Pure.

For `connector skip`: no pipeline runs, so what is settled above the position is known from the last commit's metadata
only, which is valid if the record at the position has its fingerprint (see settled_before).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from connector.errors import ConnectorError
from connector.kafka.commit_metadata import MAX_BITS, SETTLED, UNSETTLED, Settled
from connector.kafka.part_bits import HalfSettled


class RecordAt(NamedTuple):
    """The first record at or after an offset. `fingerprint` is None where the record cannot be read."""

    offset: int
    fingerprint: int | None


# From an offset to the first record at or after it; None if there is none.
RecordLookup = Callable[[int], RecordAt | None]


@dataclass(frozen=True, slots=True)
class SkipCommit:
    """The position to commit, and what is settled above it.

    `known` says that the offset was settled by the last commit already. `again` are settled or half-settled offsets
    that this commit cannot cover any more, so that their records will be sent again. `ahead` is the record at the
    position; None if it was not looked up, or the log ends there.
    """

    position: int
    settled: Settled | None
    already_settled: bool
    sent_again: AbstractSet[int]
    next_record: RecordAt | None


def settle_one(offset: int, position: int, committed: Settled | None, look: RecordLookup) -> SkipCommit:
    """Return the commit that settles `offset`, where the log has a record, for a group that has committed `position`.

    `committed` is what that commit's metadata covers. Raises ConnectorError if no commit can cover the offset.
    """
    first = look(position)
    if first is None or first.offset > offset:
        raise ConnectorError(f"nothing lies at {offset} any more")
    proven = committed is not None and first == RecordAt(position, committed.fingerprint)
    before = committed.offsets(position) if committed is not None else frozenset()
    known = offset in before and proven
    halves = {} if committed is None else {position + above: parts for above, parts in committed.halves.items()}
    halves.pop(offset, None)
    settled = {*(before if proven else ()), offset}
    forgotten: frozenset[int] = frozenset()
    if not proven:
        forgotten, halves = frozenset({*before, *halves} - {offset}), {}
    if first.offset in settled:
        moved = _advance(first, settled, halves, look)
        if offset not in moved.sent_again:
            return SkipCommit(moved.position, moved.settled, known, moved.sent_again | forgotten, moved.next_record)
        # The next record cannot be read, so nothing can be bound to it: the position stays, its own record settled.
    return SkipCommit(first.offset, _settle_at_position(first, settled, halves, offset), known, forgotten, first)


class _Moved(NamedTuple):
    position: int
    settled: Settled | None
    sent_again: frozenset[int]
    next_record: RecordAt | None


def _advance(first: RecordAt, settled: AbstractSet[int], halves: HalfSettled, look: RecordLookup) -> _Moved:
    """Move the position past the settled record `first`, and past all that follows and is settled or no record."""
    position = first.offset
    while True:
        while position in settled:
            position += 1
        ahead = look(position)
        if ahead is not None and ahead.offset in settled:  # there is no record in between
            position = ahead.offset
            continue
        start = position if ahead is None else ahead.offset
        rest = {each for each in settled if each > start} | {each for each in halves if each >= start}
        if not rest:
            return _Moved(position, None, frozenset(), ahead)
        if ahead is None or ahead.fingerprint is None:
            return _Moved(position, None, frozenset(rest), ahead)
        return _Moved(ahead.offset, _flags(ahead.fingerprint, ahead.offset, settled, halves, 1), frozenset(), ahead)


def _settle_at_position(first: RecordAt, settled: AbstractSet[int], halves: HalfSettled, offset: int) -> Settled:
    """Return what is settled, bound to the record at the position. Raises ConnectorError if that cannot be."""
    if first.fingerprint is None:
        raise ConnectorError(
            f"the record at the group's position, {first.offset}, cannot be read itself, and what is settled above "
            f"can be noted only beside it: skip {first.offset} first"
        )
    begin = 0 if first.offset in settled else 1
    bound = None
    if offset - first.offset - begin < MAX_BITS:
        bound = _flags(first.fingerprint, first.offset, settled, halves, begin)
    if bound is None or offset not in bound.fitting().offsets(first.offset):
        beside = " at most, less where records are settled in part" if halves else ""
        raise ConnectorError(
            f"it lies {offset - first.offset:,} above the group's position, {first.offset}, and a commit can tell of "
            f"{MAX_BITS:,}{beside}: run the service until it has come nearer"
        )
    return bound


def _flags(fingerprint: int, position: int, settled: AbstractSet[int], halves: HalfSettled, begin: int) -> Settled:
    """Return the settled offsets from `position` + `begin` on, and the half-settled ones from there."""
    above = {each for each in settled if each >= position + begin}
    end = max(above, default=position + begin - 1) + 1
    flags = bytes(SETTLED if each in above else UNSETTLED for each in range(position + begin, end))
    return Settled(fingerprint, flags, begin, {at - position: halves[at] for at in halves if at >= position})
