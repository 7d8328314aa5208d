"""What the delivery layer asks of a sink, and what routing and configuration ask of a vendor's method."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from connector.model import Encode, Item, Limits, Outcome
from connector.vendors.fields.inspection import Inspect


class Method(Protocol):
    """One vendor method as a route may name it: what it takes, and how mapped values become bytes."""

    @property
    def name(self) -> str:
        """The name by which routes refer to it: `customEvent`."""
        ...

    @property
    def fields(self) -> Mapping[str, str]:
        """Every field that the vendor documents for this method, with one line on the values it takes."""
        ...

    @property
    def required(self) -> Sequence[Sequence[str]]:
        """Groups of fields; of each group at least one must be mapped."""
        ...

    @property
    def one_of(self) -> Collection[str]:
        """Fields of which exactly one may be mapped; none where there is no such rule."""
        ...

    @property
    def nested(self) -> Collection[str]:
        """Fields that take an object, so that a route may map each of its parts by an expression of its own."""
        ...

    @property
    def kinds(self) -> Mapping[str, Collection[str]]:
        """The kinds of values that a field takes some of: `a text`, … Of a nested field's parts under `<field>.*`."""
        ...

    @property
    def encode(self) -> Encode:
        """Check, coerce and encode mapped values. Raises FieldError."""
        ...

    @property
    def inspect(self) -> Inspect:
        """Return all that is wrong with mapped values at once, for people: `encode` stops at the first mistake."""
        ...

    @property
    def times(self) -> Collection[str]:
        """Fields that are seconds since the epoch, which people are shown as dates."""
        ...


class Sink(Protocol):
    """One configured vendor account.

    `send` never raises for what a vendor or network does: it returns an Outcome. It makes exactly one attempt (a second
    only where the first was refused for a token that the sink itself can renew), which is bounded by the sink's timeout
    and begun only if it can have all of it; it follows no redirect and logs no token. It may be called concurrently, by
    the event loop's thread.
    """

    name: str
    limits: Limits

    async def send(self, method: str, items: Sequence[Item]) -> Outcome:
        """Send the items (one method, within the limits) as one request."""
        ...

    def credentials_ready(self) -> str | None:
        """Return what is missing of the secrets, for people; None if all can be read. Reads changed files again."""
        ...

    def credentials_renewed(self) -> bool:
        """True, once, if other credentials have come since the vendor rejected some: they deserve a try."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
