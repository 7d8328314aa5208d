"""The vendors' knowledge of events: compared with the routes while the service runs, and asked for by commands.

Only of vendors whose events are set up at the vendor's (Vendor.events), or that count them (Vendor.sightings).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import structlog

from connector.clock import SystemClock
from connector.delivery.backoff import Backoff
from connector.delivery.pipeline import Pipeline
from connector.errors import Mistake
from connector.model import Item, Outcome
from connector.redaction import MASK
from connector.service.assembly import build_sink
from connector.settings.values import Route, Settings, SinkSettings
from connector.vendors.http_sink import HttpSink
from connector.vendors.registry import VENDORS
from connector.vendors.vendor import EventCatalogue, VendorEvents

# Seconds: the first and the longest pause before a vendor that did not answer is asked again.
ASK_AGAIN = (1.0, 60.0)
# Seconds after which events are compared again while something is wrong: the shop may mend it.
CHECK_AGAIN = 600.0

log = structlog.get_logger()


class Audit(NamedTuple):
    """The vendor's events compared with a sink's routes: what is wrong, and those events that the routes name."""

    mistakes: Sequence[Mistake]
    events: VendorEvents


async def audit_events(sink: HttpSink, catalogue: EventCatalogue[Any], routes: Iterable[Route]) -> Audit | Outcome:
    """Ask the vendor once. `routes` may hold other sinks' too. An Outcome says why there is no answer."""
    events = await catalogue.fetch(sink.settings, sink.ask)
    if isinstance(events, Outcome):
        return events
    own = _routes_of(sink, routes)
    named = {key for route in own for key in catalogue.named_keys(route)}
    return Audit(catalogue.check(own, events), {key: event for key, event in events.items() if key in named})


async def audit_while_running(sink: HttpSink, routes: Sequence[Route], pipeline: Pipeline) -> None:
    """Report in the pipeline's status and the log where the sink's routes do not fit the vendor's events.

    An outage is waited out and delays nothing else. Returns once nothing is wrong, or at once where there is nothing
    to compare.
    """
    catalogue = sink.vendor.events
    if catalogue is None or not any(map(catalogue.named_keys, _routes_of(sink, routes))):
        return
    while True:
        audit = await _audit_until_answered(sink, catalogue, routes)
        if list(pipeline.warnings) != list(audit.mistakes):
            for mistake in audit.mistakes:
                log.warning("the configuration does not fit the vendor's events; sending goes on", sink=sink.name,
                            path=mistake.path, what=mistake.message)  # fmt: skip
            if not audit.mistakes:
                log.info("the configuration fits the vendor's events now", sink=sink.name)
        pipeline.warnings = audit.mistakes
        pipeline.vendor_events = {key: str(event) for key, event in audit.events.items()}
        if not audit.mistakes:
            return
        await asyncio.sleep(CHECK_AGAIN)


async def _audit_until_answered(sink: HttpSink, catalogue: EventCatalogue[Any], routes: Sequence[Route]) -> Audit:
    backoff = Backoff(*ASK_AGAIN)
    tries = 0
    while isinstance(audit := await audit_events(sink, catalogue, routes), Outcome):
        tries += 1
        if tries == 1:
            log.warning("the vendor's events could not be read: they are asked for until they can", sink=sink.name,
                        status=audit.status, vendor=audit.message)  # fmt: skip
        await asyncio.sleep(max(backoff.seconds_before_retry(tries), audit.retry_after or 0.0))
    return audit


def _routes_of(sink: HttpSink, routes: Iterable[Route]) -> list[Route]:
    return [route for route in routes if route.sink == sink.name]


# --- for commands ----------------------------------------------------------------------------------------------------


def describe_events(settings: Settings, bodies: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str | None]:
    """Return for each body (with its sink's name) which event of the vendor it fires, or why that is not known.

    None where the vendor has no list of events, or `redact` hides the key. Asks each sink once, for a login besides.
    """
    return asyncio.run(_describe(settings, bodies))


async def _describe(settings: Settings, bodies: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str | None]:
    events = {name: await _fetch(settings.sinks[name]) for name in dict.fromkeys(name for name, _ in bodies)}
    return [_described(settings.sinks[name], body, events[name]) for name, body in bodies]


async def _fetch(settings: SinkSettings) -> VendorEvents | Outcome | None:
    catalogue = VENDORS[settings.kind].events
    if catalogue is None:
        return None
    async with _opened(settings) as sink:
        return await catalogue.fetch(settings, sink.ask)


def _described(settings: SinkSettings, body: Mapping[str, Any], events: VendorEvents | Outcome | None) -> str | None:
    catalogue = VENDORS[settings.kind].events
    if catalogue is None or events is None or body.get(catalogue.key) == MASK:
        return None
    if isinstance(events, Outcome):
        return f"its name is not known: {events.message}"
    return catalogue.describe(body, events)


def sightings_of(settings: Settings, name: str, item: Item) -> dict[str, Any] | None:
    """Return how often the sink's vendor has seen this item's event, and when last; None if it does not count them.

    `why` says why it is not known.
    """
    return asyncio.run(_sightings(settings.sinks[name], item))


async def _sightings(settings: SinkSettings, item: Item) -> dict[str, Any] | None:
    ask_sightings = VENDORS[settings.kind].sightings
    if ask_sightings is None:
        return None
    async with _opened(settings) as sink:
        seen = await ask_sightings(settings, sink.ask, item.body)
    if isinstance(seen, Outcome):
        return {"times": None, "last": None, "why": seen.message}
    return {"times": seen.times, "last": seen.last, "why": None}


@asynccontextmanager
async def _opened(settings: SinkSettings) -> AsyncIterator[HttpSink]:
    sink = build_sink(settings, SystemClock())
    try:
        yield sink
    finally:
        await sink.close()
