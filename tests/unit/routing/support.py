"""Routes of a vendor that requires an id, and records for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from connector.errors import FieldError
from connector.model import Failure, Item, Limits, Record
from connector.routing import EventSchema, RoutePlan, Router, Unrouted

LIMITS = Limits(max_events=20, max_bytes=200)


def encode(fields: dict[str, Any]) -> bytes:
    """A vendor that requires an id."""
    if "id" not in fields:
        raise FieldError("id: is required")
    return orjson.dumps(fields)


def plan(
    name: str,
    when: str | None = None,
    fields: Mapping[str, str | Mapping[str, str]] | None = None,
    topics: Sequence[str] = ("orders",),
    limits: Limits = LIMITS,
    each: str | None = None,
) -> RoutePlan:
    return RoutePlan(name, topics, when, "customEvent", fields or {"id": "id"}, encode, limits, each)


def record(value: Any, topic: str = "orders") -> Record:
    return Record(
        topic, 0, 0, -1, None, value if value is None or isinstance(value, bytes) else orjson.dumps(value), ()
    )


def router(*plans: RoutePlan, unrouted: Unrouted | None = None, **schemas: EventSchema | None) -> Router:
    return Router(plans, schemas, unrouted)


def taken(results: Sequence[Item | Failure]) -> list[str | None]:
    return [result.route for result in results]
