"""What SailPlay says of the events that are shown: what it calls them, and how often one was fired for a client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.model import Item, Outcome
    from connector.settings.values import Settings
    from connector.vendors.sailplay.sink import EventType

    # A department's events by key, or the outcome of not having got them.
    Listed = Mapping[str, EventType] | Outcome


def list_events(settings: Settings, sinks: Iterable[str]) -> dict[str, Listed]:
    """The events of those of these sinks that have any to ask for: one call (and a login) each."""
    return asyncio.run(_list(settings, sinks))


async def _list(settings: Settings, sinks: Iterable[str]) -> dict[str, Listed]:
    from connector.clock import SystemClock
    from connector.service.assembly import build_sink
    from connector.vendors.sailplay.sink import SailPlaySink

    listed: dict[str, Listed] = {}
    for name in sinks:
        sink = build_sink(settings.sinks[name], SystemClock())
        try:
            if isinstance(sink, SailPlaySink):
                listed[name] = await sink.events()
        finally:
            await sink.close()
    return listed


def called_by_vendor(body: Mapping[str, Any], listed: Listed) -> str:
    """The name of the event that this body fires, or what is wrong with it."""
    from connector.model import Outcome

    if isinstance(listed, Outcome):
        return f"its name is not known: {listed.message}"
    event = listed.get(str(body.get("event_key")))
    if event is None:
        return "no event of this department has this event_key: SailPlay will refuse it"
    if event.kind == "sum" and "value" not in body:
        return f"{event.name} ({event.kind}), which requires value: SailPlay will refuse it"
    return f"{event.name} ({event.kind})"


def fires_for_client(settings: Settings, name: str, item: Item) -> dict[str, Any] | None:
    """How often SailPlay has seen this item's event fired for its client, and when last; None for another vendor.

    `why` says why it is not known.
    """
    return asyncio.run(_fires(settings, name, item))


async def _fires(settings: Settings, name: str, item: Item) -> dict[str, Any] | None:
    from connector.clock import SystemClock
    from connector.model import Outcome
    from connector.service.assembly import build_sink
    from connector.vendors.sailplay.sink import SailPlaySink

    sink = build_sink(settings.sinks[name], SystemClock())
    try:
        if not isinstance(sink, SailPlaySink):
            return None
        fires = await sink.fires(item.body)
    finally:
        await sink.close()
    if isinstance(fires, Outcome):
        return {"times": None, "last": None, "why": fires.message}
    return {"times": fires.times, "last": fires.last, "why": None}
