"""One thing that a person is told about an event under a route, by its kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from connector.errors import ConnectorError


class Problem(NamedTuple):
    """One problem, or one remark.

    `name` is its kind, by which docs/mistakes.md explains it; "" for what is no mistake. `field` is the field's or
    parameter's path, None where it is about no single one. `details` say where it comes from, a line each.
    """

    name: str
    field: str | None
    message: str
    details: Sequence[str] = ()

    def __str__(self) -> str:
        return f"{self.message} [{self.name}]" if self.name else self.message

    def as_json(self) -> dict[str, Any]:
        """Return the problem as JSON has it."""
        return {"name": self.name, "field": self.field, "message": self.message, "details": list(self.details)}


def kind_of_error(error: ConnectorError) -> str:
    """Return the kind of mistake that an error of an expression or of a vendor's rule carries."""
    return getattr(error, "name", "") or "unmappable"
