"""One route: whether it takes an event, what it maps, and the item that becomes of it."""

from __future__ import annotations

from typing import Any

from connector.errors import ExpressionError, FieldError
from connector.expressions import Condition, compile_condition, compile_fields
from connector.expressions.compiler import Holds
from connector.model import Event, Failure, Item, Reason, Record, Stage
from connector.routing.plan import RoutePlan


class Route:
    """A route, compiled. `index` is its place among its sink's routes."""

    __slots__ = ("_encode", "_limits", "_map", "condition", "index", "method", "name", "when")

    def __init__(self, plan: RoutePlan, index: int) -> None:
        self.name, self.method, self.when, self.index = plan.name, plan.method, plan.when, index
        self.condition: Condition | None = None if plan.when is None else compile_condition(plan.when)
        self._map = compile_fields(plan.fields)
        self._encode = plan.encode
        self._limits = plan.limits

    def mapped(self, event: Event, record: Record) -> dict[str, Any]:
        """The fields as mapped, before the vendor's rules. Raises ExpressionError."""
        return self._map(event, record)

    def apply(self, holds: Holds | None, event: Event, record: Record) -> Item | Failure | None:
        """The item, or why there is none; None if `holds`, what is left to decide of `when`, is not true."""
        try:
            if holds is not None and not holds(event, record):
                return None
        except ExpressionError as error:
            return self._failure(record, Reason.UNMAPPABLE, Stage.ROUTE, f"when: {error}")
        try:
            body = self._encode(self._map(event, record))
        except (ExpressionError, FieldError) as error:
            return self._failure(record, Reason.UNMAPPABLE, Stage.MAP, str(error))
        if not self._limits.fits_alone(len(body)):
            return self._oversize(record, len(body))
        return Item(record, self.name, self.method, body)

    def _oversize(self, record: Record, size: int) -> Failure:
        message = (
            f"{size} bytes as {self.method}: a request with this event alone exceeds {self._limits.max_bytes} bytes"
        )
        return self._failure(record, Reason.OVERSIZE, Stage.MAP, message)

    def _failure(self, record: Record, reason: Reason, stage: Stage, message: str) -> Failure:
        return Failure(record, reason, stage, message, self.name, self.method)
