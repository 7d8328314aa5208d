"""The sink contract: what the delivery layer asks of a vendor, and what a vendor kind must offer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from connector.model import Encode, Item, Limits, Outcome


class Method(Protocol):
    """One vendor method as a route may name it: what it takes, and how mapped values become bytes."""

    @property
    def name(self) -> str:
        """As a route names it: `customEvent`."""
        ...

    @property
    def fields(self) -> Mapping[str, str]:
        """Every field the vendor documents for this method → one line on what it takes."""
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
    def encode(self) -> Encode:
        """Check, coerce and encode mapped values; raises FieldError."""
        ...


class Sink(Protocol):
    """One configured vendor account.

    `send` never raises for what a vendor or network does: that is an Outcome. It makes exactly one attempt
    (a second only where the first was refused for a token that the sink itself can renew), bounded by the sink's
    timeout as a whole, follows no redirect and logs no token. It may be called concurrently.
    """

    name: str
    limits: Limits

    async def send(self, method: str, items: Sequence[Item]) -> Outcome:
        """Send the items (one method, within the limits) as one request."""
        ...

    def credentials_ready(self) -> str | None:
        """None when the secrets can be read; else what is missing, for people. Reads changed files anew."""
        ...

    def credentials_renewed(self) -> bool:
        """Whether other credentials have come since the vendor rejected some: they deserve a try. True once."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
