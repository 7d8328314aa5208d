"""An item as its vendor reads it, for people: fields that depend on what `redact` names are masked. Pure."""

from __future__ import annotations

from typing import Any

from connector.model import Event, Item, Record
from connector.redaction.payloads import mask_fields, revealing_fields
from connector.settings.values import Settings
from connector.vendors.registry import VENDORS


def readable(settings: Settings, item: Item, event: Event, record: Record) -> dict[str, Any]:
    """An item's fields as its vendor reads them, with those masked that depend on what `redact` names."""
    route = next(route for route in settings.routes if route.name == item.route)
    body = VENDORS[settings.sinks[route.sink].kind].read(item.body)
    return mask_fields(body, revealing_fields(route.fields, event, record, settings.redact))
