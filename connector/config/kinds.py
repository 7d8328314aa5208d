"""Which kind of sink an entry of `sinks` is, or must be meant to be."""

from __future__ import annotations

from typing import Any

from connector.config.names import nearest
from connector.sinks.catalogue import VENDOR_LIMITS


def kind_of(sink: Any) -> str | None:
    """The kind nearest to what `kind` says, else the one whose account number is there; None if neither tells.

    A slip in `kind` then hides none of the sink's other mistakes.
    """
    if not isinstance(sink, dict):
        return None
    named = nearest(str(sink.get("kind", "")), VENDOR_LIMITS)
    if named is not None:
        return named
    return "mytracker" if "app_id" in sink else "sailplay" if "store_department_id" in sink else None
