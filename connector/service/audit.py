"""Are the SailPlay events that the routes name set up in the department, and mapped as their kind wants?

SailPlay's document: `value` is "Обязательно в случае если тип события - “сумматор”", and events/list tells each kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import structlog

from connector.delivery.backoff import Backoff
from connector.delivery.pipeline import Pipeline
from connector.errors import Mistake
from connector.expressions.nodes import Node
from connector.expressions.parser import parse
from connector.model import Outcome
from connector.settings.values import Route
from connector.vendors.sailplay.sink import EventType, SailPlaySink

ASK_AGAIN = (1.0, 60.0)
# While something is wrong the shop may mend it: so often it is looked at again, in seconds.
LOOK_AGAIN = 600.0
_NAMES_SHOWN = 10

log = structlog.get_logger()


class Audit(NamedTuple):
    """What events/list says of a configuration: what is wrong, each with its path, and the named events that exist."""

    mistakes: Sequence[Mistake]
    events: Mapping[str, EventType]


async def audit_events(sink: SailPlaySink, routes: Iterable[Route]) -> Audit | Outcome:
    """Ask the vendor once; `routes` may hold other sinks' too. An Outcome says why there is no answer."""
    events = await sink.events()
    if isinstance(events, Outcome):
        return events
    ours = [route for route in routes if route.sink == sink.name]
    named = {key for route in ours for key in named_keys(route)}
    return Audit(
        [mistake for route in ours for mistake in _mistakes(route, events)],
        {key: events[key] for key in events if key in named},
    )


async def audit_while_running(sink: SailPlaySink, routes: Sequence[Route], pipeline: Pipeline) -> None:
    """Tell the pipeline's status and the log what events/list says; an outage is waited out, and delays nothing else.

    Ends once nothing is wrong.
    """
    if not any(named_keys(route) for route in routes if route.sink == sink.name):
        return
    while True:
        audit = await _answered(sink, routes)
        if list(pipeline.warnings) != list(audit.mistakes):
            for mistake in audit.mistakes:
                log.warning("the configuration does not fit SailPlay's events; sending goes on", sink=sink.name,
                            path=mistake.path, what=mistake.message)  # fmt: skip
            if not audit.mistakes:
                log.info("the configuration fits SailPlay's events now", sink=sink.name)
        pipeline.warnings = audit.mistakes
        pipeline.vendor_events = {key: f"{event.name} ({event.kind})" for key, event in audit.events.items()}
        if not audit.mistakes:
            return
        await asyncio.sleep(LOOK_AGAIN)


async def _answered(sink: SailPlaySink, routes: Sequence[Route]) -> Audit:
    backoff = Backoff(*ASK_AGAIN)
    tries = 0
    while isinstance(audit := await audit_events(sink, routes), Outcome):
        tries += 1
        if tries == 1:
            log.warning("events/list could not be read: it is asked for until it can", sink=sink.name,
                        status=audit.status, vendor=audit.message)  # fmt: skip
        await asyncio.sleep(max(backoff.after(tries), audit.retry_after or 0.0))
    return audit


def named_keys(route: Route) -> tuple[str, ...]:
    """The keys that the route's `event_key` names literally; none where the event itself says the key."""
    expression = route.fields.get("event_key")
    return tuple(_literals(parse(expression))) if isinstance(expression, str) else ()


def _literals(node: Node) -> Iterator[str]:
    """The texts that an expression may yield: 'key', or those of type == 'a' && 'key' || 'other'."""
    if node.kind == "literal" and isinstance(node.value, str):
        yield node.value
    elif node.kind == "or":
        for child in node.children:
            yield from _literals(child)
    elif node.kind == "and":
        yield from _literals(node.children[-1])


def _mistakes(route: Route, events: Mapping[str, EventType]) -> Iterator[Mistake]:
    for key in named_keys(route):
        event = events.get(key)
        if event is None:
            yield Mistake(
                f"routes[{route.index}].fields.event_key",
                f"'{key}' is no event of this department: every fire of it will be refused; {_known(events)}",
            )
        elif event.kind == "sum" and "value" not in route.fields:
            yield Mistake(
                f"routes[{route.index}].fields.value",
                f"'{key}' ({event.name}) is of kind sum, which requires value: map it",
            )


def _known(events: Mapping[str, EventType]) -> str:
    if not events:
        return "it has no events at all"
    shown = ", ".join(f"'{event.key}' ({event.name})" for event in list(events.values())[:_NAMES_SHOWN])
    return f"it has {shown}" + (f" and {len(events) - _NAMES_SHOWN} more" if len(events) > _NAMES_SHOWN else "")
