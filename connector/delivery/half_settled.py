"""Records of several parts that are not settled as a whole, and what a commit needs to tell of them. Pure.

A part is one route's (or one failure's before any route) of a record. It is told by the route's tag and an index (see
routing.identity), so that a route which was changed since counts as one that has sent nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.kafka.part_bits import PartsByRoute, entry_bits, most_bits

# A route's name (None: the record failed before any route) and the index within it.
RecordPart = tuple[str | None, int]

# What one record more takes, its parts aside: its place, and the count of records. A commit tells of less than 2^15
# offsets, so that a place takes at most 16 bits.
NEW_RECORD_BITS = 18
# The first of a route: its tag and shift, too, and the count of routes.
NEW_ROUTE_BITS = NEW_RECORD_BITS + 42


class MultiPartRecord:
    """An open record of which `left` parts are not settled and `done` are. `settled` has those of the latter that can
    be told, by route's tag.

    `lengths` says for each tag how many indexes may have to be told. It is `begun` once its parts may be sent.
    """

    __slots__ = ("begun", "lengths", "settled", "settled_count", "unsettled")

    def __init__(self, left: int, lengths: dict[int, int], settled: dict[int, int]) -> None:
        self.unsettled = left
        self.lengths = lengths
        self.settled = settled
        self.settled_count = sum(each.bit_count() for each in settled.values())
        self.begun = False


class MetadataBudget:
    """How many bits the metadata of one partition's commit needs, at worst, for its records of several parts."""

    __slots__ = ("_routes",)

    def __init__(self) -> None:
        self._routes: dict[int, list[int]] = {}  # by tag: how many records, and the bits of their parts

    def __bool__(self) -> bool:
        return bool(self._routes)

    def __len__(self) -> int:
        return len(self._routes)

    def reserve(self, lengths: Mapping[int, int]) -> int:
        """A record with so many indexes, by route's tag, may have to be told. Returns how many more bits are enough for
        that, as long as `bits` says that all have room."""
        more = 0
        for tag, length in lengths.items():
            bits = 1 if length == 1 else entry_bits(length)
            route = self._routes.get(tag)
            if route is None:
                self._routes[tag] = [1, bits]
                more += bits + NEW_ROUTE_BITS
            else:
                route[0] += 1
                route[1] += bits
                more += bits + NEW_RECORD_BITS
        return more

    def free(self, lengths: Mapping[int, int]) -> None:
        """It need not any more."""
        for tag, length in lengths.items():
            route = self._routes[tag]
            route[0] -= 1
            route[1] -= 1 if length == 1 else entry_bits(length)
            if not route[0]:
                del self._routes[tag]

    def bits(self, span: int) -> int:
        """How many bits are enough, whichever of the records are half-settled, if none is farther than `span`."""
        return most_bits(span, ((records, parts) for records, parts in self._routes.values()))


def lengths_of(parts: PartsByRoute) -> dict[int, int]:
    """For each route's tag how many indexes must be told."""
    return {tag: bits.bit_length() for tag, bits in parts.items()}
