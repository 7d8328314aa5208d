"""Computes the commit with which one more offset of a group is settled and nothing else changes. Pure.

For `connector skip`: no pipeline runs, so what is settled above the position is known from the last commit's metadata
only, which is valid if the record at the position has its fingerprint (see inherited_progress).
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

    `already_settled` says that the last commit had settled the offset. `sent_again` are settled or half-settled offsets
    that this commit cannot cover any more, so that their records will be sent again. `next_record` is the record at the
    position; None if the log ends there.
    """

    position: int
    settled: Settled | None
    already_settled: bool
    sent_again: AbstractSet[int]
    next_record: RecordAt | None


def settle_one(offset: int, position: int, committed: Settled | None, find_record: RecordLookup) -> SkipCommit:
    """Return the commit that settles `offset`, where the log has a record, for a group that has committed `position`.

    `committed` is what that commit's metadata covers. Raises ConnectorError if no commit can cover the offset.
    """
    at_position = find_record(position)
    if at_position is None or at_position.offset > offset:
        raise ConnectorError(f"the log has no record at {offset} any more")
    is_valid = committed is not None and at_position == RecordAt(position, committed.fingerprint)
    before = committed.offsets(position) if committed is not None else frozenset()
    already_settled = offset in before and is_valid
    halves = {} if committed is None else {position + above: parts for above, parts in committed.halves.items()}
    halves.pop(offset, None)
    settled = {*(before if is_valid else ()), offset}
    invalidated: frozenset[int] = frozenset()
    if not is_valid:
        invalidated, halves = frozenset({*before, *halves} - {offset}), {}
    if at_position.offset in settled:
        moved = _advance(at_position, settled, halves, find_record)
        if offset not in moved.sent_again:
            return SkipCommit(
                moved.position, moved.settled, already_settled, moved.sent_again | invalidated, moved.next_record
            )
        # The next record cannot be read, so nothing can be bound to it: the position stays, and its record is settled.
    return SkipCommit(
        at_position.offset,
        _settle_at_position(at_position, settled, halves, offset),
        already_settled,
        invalidated,
        at_position,
    )


class _Moved(NamedTuple):
    position: int
    settled: Settled | None
    sent_again: frozenset[int]
    next_record: RecordAt | None


def _advance(
    at_position: RecordAt, settled: AbstractSet[int], halves: HalfSettled, find_record: RecordLookup
) -> _Moved:
    """Move the position past the settled record there, and past all that follows and is settled or no record."""
    position = at_position.offset
    while True:
        while position in settled:
            position += 1
        next_record = find_record(position)
        if next_record is not None and next_record.offset in settled:  # there is no record in between
            position = next_record.offset
            continue
        start = position if next_record is None else next_record.offset
        uncovered = {each for each in settled if each > start} | {each for each in halves if each >= start}
        if not uncovered:
            return _Moved(position, None, frozenset(), next_record)
        if next_record is None or next_record.fingerprint is None:
            return _Moved(position, None, frozenset(uncovered), next_record)
        return _Moved(
            next_record.offset,
            _flags(next_record.fingerprint, next_record.offset, settled, halves, 1),
            frozenset(),
            next_record,
        )


def _settle_at_position(at_position: RecordAt, settled: AbstractSet[int], halves: HalfSettled, offset: int) -> Settled:
    """Return what is settled, bound to the record at the position. Raises ConnectorError if that cannot be."""
    if at_position.fingerprint is None:
        raise ConnectorError(
            f"the record at the group's position, {at_position.offset}, cannot be read itself, and what is settled "
            f"above can be committed only together with it: skip {at_position.offset} first"
        )
    first = 0 if at_position.offset in settled else 1
    bound = None
    if offset - at_position.offset - first < MAX_BITS:
        bound = _flags(at_position.fingerprint, at_position.offset, settled, halves, first)
    if bound is None or offset not in bound.fitting().offsets(at_position.offset):
        beside = " at most, less where records are settled in part" if halves else ""
        raise ConnectorError(
            f"it lies {offset - at_position.offset:,} above the group's position, {at_position.offset}, and a commit "
            f"can tell of {MAX_BITS:,}{beside}: run the service until the position has come nearer"
        )
    return bound


def _flags(fingerprint: int, position: int, settled: AbstractSet[int], halves: HalfSettled, first: int) -> Settled:
    """Return the settled offsets from `position` + `first` on, and the half-settled ones from `position` on."""
    above = {each for each in settled if each >= position + first}
    end = max(above, default=position + first - 1) + 1
    flags = bytes(SETTLED if each in above else UNSETTLED for each in range(position + first, end))
    return Settled(fingerprint, flags, first, {at - position: halves[at] for at in halves if at >= position})
