"""What one route of the running service mapped since its start: plain integers, which metrics and status read."""

from __future__ import annotations

from collections.abc import Iterator

from connector.expressions.compiler import Fields, field_names


class RouteCounts:
    """The counts of one route. Only the event loop's thread counts and reads.

    `tally` is what the route's compiled fields count into: the events, then the nulls of each of `fields`.
    """

    __slots__ = ("fields", "method", "name", "tally")

    def __init__(self, name: str, method: str, fields: Fields) -> None:
        self.name, self.method = name, method
        self.fields = field_names(fields)
        self.tally = [0] * (1 + len(self.fields))

    @property
    def events(self) -> int:
        """How often the route's fields were mapped, those times included in which one of them raised."""
        return self.tally[0]

    def nulls(self) -> Iterator[tuple[str, int]]:
        """Yield every field's name, and how often it came out null or as an empty text."""
        return zip(self.fields, self.tally[1:], strict=True)
