"""What a group must commit so that one more offset is settled, all else staying as it is. Pure.

For an operator's `connector skip`: no pipeline runs, so what is settled above the position is known from the last
commit's metadata alone, and only where the record at the position proves it (see offsets).
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


# From an offset to what is seen there; None where no record follows.
RecordLookup = Callable[[int], RecordAt | None]


@dataclass(frozen=True, slots=True)
class SkipCommit:
    """What to commit: the position, and what is settled above it.

    `known` says that the last commit had told already that the offset is settled. `again` are offsets, settled or half
    settled, of which this commit cannot tell any more, so that their records will be read as if they were new. `ahead`
    is what lies at the position; None where that was not looked at, or the log ends.
    """

    position: int
    settled: Settled | None
    known: bool
    again: AbstractSet[int]
    ahead: RecordAt | None


def settle_one(offset: int, position: int, told: Settled | None, look: RecordLookup) -> SkipCommit:
    """The commit with which `offset`, at which something lies, is settled, for a group that has committed `position`.

    `told` is what that commit's metadata says. Raises ConnectorError where no commit can say it.
    """
    first = look(position)
    if first is None or first.offset > offset:
        raise ConnectorError(f"nothing lies at {offset} any more")
    proven = told is not None and first == RecordAt(position, told.fingerprint)
    before = told.offsets(position) if told is not None else frozenset()
    known = offset in before and proven
    halves = {} if told is None else {position + above: parts for above, parts in told.halves.items()}
    halves.pop(offset, None)
    settled = {*(before if proven else ()), offset}
    forgotten: frozenset[int] = frozenset()
    if not proven:
        forgotten, halves = frozenset({*before, *halves} - {offset}), {}
    if first.offset in settled:
        moved = _advance(first, settled, halves, look)
        if offset not in moved.again:
            return SkipCommit(moved.position, moved.settled, known, moved.again | forgotten, moved.ahead)
        # What comes next cannot be read, so nothing can be bound to it: the position stays, its own record settled.
    return SkipCommit(first.offset, _bound(first, settled, halves, offset), known, forgotten, first)


class _Moved(NamedTuple):
    position: int
    settled: Settled | None
    again: frozenset[int]
    ahead: RecordAt | None


def _advance(first: RecordAt, settled: AbstractSet[int], halves: HalfSettled, look: RecordLookup) -> _Moved:
    """Past the settled record `first`, and past everything behind it that is settled or no record."""
    place = first.offset
    while True:
        while place in settled:
            place += 1
        ahead = look(place)
        if ahead is not None and ahead.offset in settled:  # what lies between holds no record
            place = ahead.offset
            continue
        start = place if ahead is None else ahead.offset
        rest = {each for each in settled if each > start} | {each for each in halves if each >= start}
        if not rest:
            return _Moved(place, None, frozenset(), ahead)
        if ahead is None or ahead.fingerprint is None:
            return _Moved(place, None, frozenset(rest), ahead)
        return _Moved(ahead.offset, _flags(ahead.fingerprint, ahead.offset, settled, halves, 1), frozenset(), ahead)


def _bound(first: RecordAt, settled: AbstractSet[int], halves: HalfSettled, offset: int) -> Settled:
    """What is settled, bound to the record at the position. Raises ConnectorError where it cannot be."""
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
    """The settled offsets from `position` + `begin` on, and the half-settled ones from there."""
    above = {each for each in settled if each >= position + begin}
    end = max(above, default=position + begin - 1) + 1
    flags = bytes(SETTLED if each in above else UNSETTLED for each in range(position + begin, end))
    return Settled(fingerprint, flags, begin, {at - position: halves[at] for at in halves if at >= position})
