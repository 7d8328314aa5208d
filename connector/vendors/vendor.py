"""A vendor kind: all that the connector must know to offer one, in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from connector.model import Limits
from connector.settings.fields import SinkModel
from connector.vendors.base import Method

if TYPE_CHECKING:
    import httpx

    from connector.clock import Clock
    from connector.vendors.base import Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor kind, as `kind` in the file names it.

    `limits` are the vendor's own. `form` is a sink's part of the file, and makes its settings; `open` makes the sink of
    these settings, which then owns the transport. `account` is a key that its sinks have and no other kind's, if there
    is one: it tells the kind where `kind` is misspelt. `read` turns an item's bytes back into fields, for people.
    """

    kind: str
    methods: Mapping[str, Method]
    limits: Limits
    model: type[SinkModel]
    open: Callable[[Any, httpx.AsyncBaseTransport, Clock], Sink]
    account: str | None = None
    read: Callable[[bytes], Mapping[str, Any]] = orjson.loads
