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


class Seen(NamedTuple):
    """The first record at or after an offset. `fingerprint` is None where the record cannot be read."""

    offset: int
    fingerprint: int | None


# From an offset to what is seen there; None where no record follows.
Look = Callable[[int], Seen | None]


@dataclass(frozen=True, slots=True)
class Change:
    """What to commit: the position, and what is settled above it.

    `known` says that the last commit had told already that the offset is settled. `again` are settled offsets of
    which this commit cannot tell any more, so that their records will be read as if they were new. `ahead` is what
    lies at the position; None where that was not looked at, or the log ends.
    """

    position: int
    settled: Settled | None
    known: bool
    again: AbstractSet[int]
    ahead: Seen | None


def settle_one(offset: int, position: int, told: Settled | None, look: Look) -> Change:
    """The commit with which `offset`, at which something lies, is settled, for a group that has committed `position`.

    `told` is what that commit's metadata says. Raises ConnectorError where no commit can say it.
    """
    first = look(position)
    if first is None or first.offset > offset:
        raise ConnectorError(f"nothing lies at {offset} any more")
    proven = told is not None and first == Seen(position, told.fingerprint)
    before = told.offsets(position) if told is not None else frozenset()
    known = offset in before and proven
    settled = {*(before if proven else ()), offset}
    forgotten = frozenset() if proven else frozenset(before - {offset})
    if first.offset in settled:
        moved = _advance(first, settled, look)
        if offset not in moved.again:
            return Change(moved.position, moved.settled, known, moved.again | forgotten, moved.ahead)
        # What comes next cannot be read, so nothing can be bound to it: the position stays, its own record settled.
    return Change(first.offset, _bound(first, settled, offset), known, forgotten, first)


class _Moved(NamedTuple):
    position: int
    settled: Settled | None
    again: frozenset[int]
    ahead: Seen | None


def _advance(first: Seen, settled: AbstractSet[int], look: Look) -> _Moved:
    """Past the settled record `first`, and past everything behind it that is settled or no record."""
    place = first.offset
    while True:
        while place in settled:
            place += 1
        ahead = look(place)
        if ahead is not None and ahead.offset in settled:  # what lies between holds no record
            place = ahead.offset
            continue
        rest = {each for each in settled if each > (place if ahead is None else ahead.offset)}
        if not rest:
            return _Moved(place, None, frozenset(), ahead)
        if ahead is None or ahead.fingerprint is None:
            return _Moved(place, None, frozenset(rest), ahead)
        return _Moved(ahead.offset, _flags(ahead.fingerprint, ahead.offset, settled, 1), frozenset(), ahead)


def _bound(first: Seen, settled: AbstractSet[int], offset: int) -> Settled:
    """What is settled, bound to the record at the position. Raises ConnectorError where it cannot be."""
    if first.fingerprint is None:
        raise ConnectorError(
            f"the record at the group's position, {first.offset}, cannot be read itself, and what is settled above "
            f"can be noted only beside it: skip {first.offset} first"
        )
    begin = 0 if first.offset in settled else 1
    if offset - first.offset - begin >= MAX_BITS:
        raise ConnectorError(
            f"it lies {offset - first.offset:,} above the group's position, {first.offset}, and a commit can tell of "
            f"{MAX_BITS:,}: run the service until it has come nearer"
        )
    return _flags(first.fingerprint, first.offset, settled, begin)


def _flags(fingerprint: int, position: int, settled: AbstractSet[int], begin: int) -> Settled:
    """The settled offsets from `position` + `begin` on, of which there is one at least."""
    above = {each for each in settled if each >= position + begin}
    flags = (SETTLED if each in above else UNSETTLED for each in range(position + begin, max(above) + 1))
    return Settled(fingerprint, bytes(flags), begin)
