"""Packs the settled parts of half-settled records into few bits: the end of a commit's metadata. Pure.

For each route that has such parts: its tag (32 bits), the number of its records, a shift (6 bits), and for each record
how many offsets lie between it and the one before (from the position on), and its parts. Distances are Rice codes with
that shift: a 1 for each full 2^shift, a 0, and the rest in `shift` bits. Parts are a number with bit i set where index
i is settled: the number of its binary digits, and the digits behind the first. Counts are Elias' gamma codes. So a
record takes two bits where every record is half-settled, some twenty where few are, and n more for n indexes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TAG_BITS, SHIFT_BITS = 32, 6

# By route's tag: the parts of one record, bit i for index i.
PartsByRoute = Mapping[int, int]
# By offset above the position.
HalfSettled = Mapping[int, PartsByRoute]


def pack(halves: HalfSettled) -> str:
    """Return the bits as a text of 0 and 1."""
    by_route: dict[int, list[tuple[int, int]]] = {}
    for above in sorted(halves):
        for route, parts in halves[above].items():
            by_route.setdefault(route, []).append((above, parts))
    out = [_gamma(len(by_route))]
    for route, entries in sorted(by_route.items()):
        shift = _shift(entries[-1][0] + 1 - len(entries), len(entries))
        out += (f"{route:0{TAG_BITS}b}", _gamma(len(entries)), f"{shift:0{SHIFT_BITS}b}")
        following = 0
        for above, parts in entries:
            out += (_rice(above - following, shift), _gamma(parts.bit_length()), f"{parts:b}"[1:])
            following = above + 1
    return "".join(out)


def unpack(bits: str) -> dict[int, dict[int, int]]:
    """Return what `pack` packed; zeros may follow. Raises ValueError for other bits."""
    reader = _Reader(bits)
    halves: dict[int, dict[int, int]] = {}
    for _ in range(reader.gamma()):
        route, entries, shift = reader.number(TAG_BITS), reader.gamma(), reader.number(SHIFT_BITS)
        following = 0
        for _ in range(entries):
            above = following + reader.rice(shift)
            halves.setdefault(above, {})[route] = reader.parts()
            following = above + 1
    return halves


def count_parts(parts: PartsByRoute) -> int:
    """Return how many parts these are."""
    return sum(bits.bit_count() for bits in parts.values())


def entry_bits(parts: int) -> int:
    """Return how many bits a record's parts take at most, without its offset, if the highest index is `parts` - 1."""
    return 2 * parts.bit_length() - 1 + parts - 1


def most_bits(span: int, routes: Iterable[tuple[int, int]]) -> int:
    """Return how many bits suffice for any subset of these records, none farther than `span` offsets from the position.

    `routes` has, for each route, how many records, and the sum of their entry_bits.
    """
    bits = count = 0
    for records, parts in routes:
        count += 1
        between = max(0, span - records)
        shift = _shift(between, records)
        distances = (between >> shift) + 1 + records * (shift + 1)
        bits += TAG_BITS + 2 * records.bit_length() + SHIFT_BITS + distances + parts
    return bits + 2 * count.bit_length()


def _shift(between: int, records: int) -> int:
    """Return the shift with which so many records, and so many offsets in all between them, take few bits.

    Fewer records never take more.
    """
    return max(0, (between // records).bit_length() - 1)


def _gamma(number: int) -> str:
    return "0" * (number.bit_length() - 1) + f"{number:b}"


def _rice(number: int, shift: int) -> str:
    rest = f"{number & ((1 << shift) - 1):0{shift}b}" if shift else ""
    return "1" * (number >> shift) + "0" + rest


class _Reader:
    """Reads codes one after the other; each raises ValueError where the bits end before it does."""

    def __init__(self, bits: str) -> None:
        self._bits = bits
        self._at = 0

    def number(self, length: int) -> int:
        end = self._at + length
        if end > len(self._bits):
            raise ValueError("the bits end")
        found = int(self._bits[self._at : end] or "0", 2)
        self._at = end
        return found

    def gamma(self) -> int:
        zeros = self._bits.index("1", self._at) - self._at
        self._at += zeros
        return self.number(zeros + 1)

    def rice(self, shift: int) -> int:
        end = self._bits.index("0", self._at)
        ones = end - self._at
        self._at = end + 1
        return (ones << shift) + self.number(shift)

    def parts(self) -> int:
        digits = self.gamma() - 1
        return (1 << digits) | self.number(digits)
