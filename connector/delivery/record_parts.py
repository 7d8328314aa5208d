"""Records of several parts that are not settled as a whole, and the room that they need in a commit's metadata. Pure.

A part is what one route made of a record, or one element of it, or a failure before routing. The metadata names it by
the route's tag and an index (see routing.identity), so that a route that was changed since counts as not sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.kafka.part_bits import SHIFT_BITS, TAG_BITS, PartsByRoute, count_parts, entry_bits, most_bits

# A route's name (None: the record failed before any route) and the index within it.
RecordPart = tuple[str | None, int]

# Bits for one more record beside its parts: 16 for its offset, as metadata covers less than 2^15 offsets, and 2 as the
# count of records grows.
NEW_RECORD_BITS = 18
# Bits for the first record of a route: its tag and shift, too, and 4 as counts grow.
NEW_ROUTE_BITS = NEW_RECORD_BITS + TAG_BITS + SHIFT_BITS + 4


class MultiPartRecord:
    """An open record of several parts: `unsettled` of them are not settled, `settled_count` are.

    `settled` has those settled parts that the metadata can name: by route's tag, bit i for index i. `lengths` has by
    tag the highest index + 1. `started`: its parts were handed on, so that they may settle; room for them is reserved.
    """

    __slots__ = ("lengths", "settled", "settled_count", "started", "unsettled")

    def __init__(self, unsettled: int, lengths: dict[int, int], settled: dict[int, int]) -> None:
        self.unsettled = unsettled
        self.lengths = lengths
        self.settled = settled
        self.settled_count = count_parts(settled)
        self.started = False


class MetadataBudget:
    """The bits that the metadata of one partition may need, at worst, for its records of several parts."""

    __slots__ = ("_routes",)

    def __init__(self) -> None:
        self._routes: dict[int, list[int]] = {}  # by tag: how many records, and the bits of their parts

    def __bool__(self) -> bool:
        return bool(self._routes)

    @property
    def route_count(self) -> int:
        """How many routes have records here."""
        return len(self._routes)

    def reserve(self, lengths: Mapping[int, int]) -> int:
        """Reserve bits for a record, and return how many more are enough. `lengths`: by tag, its highest index + 1.

        That holds for offsets within the span of which `bits` was asked last.
        """
        more = 0
        for tag, length in lengths.items():
            bits = 1 if length == 1 else entry_bits(length)  # entry_bits(1) is 1: this saves a call
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
        """Remove a record that was added by `reserve`."""
        for tag, length in lengths.items():
            route = self._routes[tag]
            route[0] -= 1
            route[1] -= 1 if length == 1 else entry_bits(length)
            if not route[0]:
                del self._routes[tag]

    def bits(self, span: int) -> int:
        """Return how many bits are enough, whichever parts are settled, if no record is farther than `span` offsets."""
        return most_bits(span, ((records, parts) for records, parts in self._routes.values()))


def lengths_of(parts: PartsByRoute) -> dict[int, int]:
    """Return for each route's tag how many bits of indexes are needed."""
    return {tag: bits.bit_length() for tag, bits in parts.items()}
