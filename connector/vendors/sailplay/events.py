"""The events of a SailPlay department: asked for, compared with the routes, and how often one was fired for a client.

SailPlay's document: `value` is "Обязательно в случае если тип события - “сумматор”", and events/list tells each kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from connector.errors import Mistake
from connector.expressions.nodes import Node
from connector.expressions.parser import parse
from connector.model import Outcome, OutcomeKind
from connector.settings.values import Route
from connector.vendors.outcome import json_of
from connector.vendors.sailplay.exchange import judge, request_maker
from connector.vendors.sailplay.settings import SailPlaySettings
from connector.vendors.vendor import Ask, EventCatalogue, Sightings, VendorCall, VendorEvent, VendorEvents

_KEY = "event_key"
# "Event for user not found": of events/status, no mistake.
_NEVER_FIRED = "-4007"
_ASKED_BY_STATUS = frozenset({"user_phone", "email", "origin_user_id", _KEY})
_NAMES_SHOWN = 10


async def fetch_events(settings: SailPlaySettings, ask: Ask) -> VendorEvents | Outcome:
    """Return every event of the department by its key (events/list), or the outcome of not having got them."""
    outcome, content = await _asked(settings, ask, "events/list/", b"")
    if outcome.kind is not OutcomeKind.ACCEPTED:
        return outcome
    listed = content.get("events")
    if not isinstance(listed, list) or not all(map(_is_event, listed)):
        return Outcome(
            OutcomeKind.UNAVAILABLE, outcome.status, "events/list answered something else than a list of events"
        )
    return {each["key"]: _event(each) for each in listed}


async def sightings(settings: SailPlaySettings, ask: Ask, body: bytes) -> Sightings | Outcome:
    """Return how often the event that this item's body fires was fired for its client (events/status).

    A hint, no proof: a till may have fired the same event for the same client.
    """
    asked = [(name, value) for name, value in parse_qsl(body.decode()) if name in _ASKED_BY_STATUS]
    outcome, content = await _asked(settings, ask, "events/status/", urlencode(asked).encode())
    if outcome.code == _NEVER_FIRED:
        return Sightings(0, None)
    if outcome.kind is not OutcomeKind.ACCEPTED:
        return outcome
    event = content.get("event")
    times = event.get("fire_count") if isinstance(event, dict) else None
    if not isinstance(event, dict) or type(times) is not int:
        return Outcome(OutcomeKind.UNAVAILABLE, outcome.status, "events/status answered without a fire_count")
    last = event.get("update_date")
    return Sightings(times, last if isinstance(last, str) else None)


def named_keys(route: Route) -> tuple[str, ...]:
    """Return the keys that the route's `event_key` names literally; none where the event itself says the key."""
    expression = route.fields.get(_KEY)
    return tuple(_literals(parse(expression))) if isinstance(expression, str) else ()


def check(routes: Iterable[Route], events: VendorEvents) -> list[Mistake]:
    """Return each key that a route names and the department has not, and each sum that is mapped without `value`."""
    return [mistake for route in routes for mistake in _mistakes(route, events)]


def describe(fields: Mapping[str, Any], events: VendorEvents) -> str:
    """Return the name of the event that an item's fields fire, or why SailPlay will refuse it."""
    event = events.get(str(fields.get(_KEY)))
    if event is None:
        return "no event of this department has this event_key: SailPlay will refuse it"
    if event.kind == "sum" and "value" not in fields:
        return f"{event}, which requires value: SailPlay will refuse it"
    return str(event)


EVENTS = EventCatalogue(key=_KEY, fetch=fetch_events, named_keys=named_keys, check=check, describe=describe)


async def _asked(settings: SailPlaySettings, ask: Ask, path: str, fields: bytes) -> tuple[Outcome, Mapping[str, Any]]:
    """Make a call; return its outcome, and the answer's object where it was accepted."""
    make = request_maker(settings)
    outcome, answer = await ask(VendorCall(lambda secrets: make(path, fields, secrets), judge))
    accepted = outcome.kind is OutcomeKind.ACCEPTED and answer is not None
    return outcome, json_of(answer.body) if accepted and answer is not None else {}


def _is_event(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("key"), str)


def _event(value: Mapping[str, Any]) -> VendorEvent:
    return VendorEvent(str(value.get("name", "")), str(value.get("kind", "")))


def _literals(node: Node) -> Iterator[str]:
    """Yield the texts that an expression may return: 'key', or those of type == 'a' && 'key' || 'other'."""
    if node.kind == "literal" and isinstance(node.value, str):
        yield node.value
    elif node.kind == "or":
        for child in node.children:
            yield from _literals(child)
    elif node.kind == "and":
        yield from _literals(node.children[-1])


def _mistakes(route: Route, events: VendorEvents) -> Iterator[Mistake]:
    for key in named_keys(route):
        event = events.get(key)
        if event is None:
            yield Mistake(
                f"routes[{route.index}].fields.{_KEY}",
                f"'{key}' is no event of this department: every fire of it will be refused; {_known(events)}",
                "unknown-event",
            )
        elif event.kind == "sum" and "value" not in route.fields:
            yield Mistake(
                f"routes[{route.index}].fields.value",
                f"'{key}' ({event.name}) is of kind sum, which requires value: map it",
                "sum-without-value",
            )


def _known(events: VendorEvents) -> str:
    if not events:
        return "it has no events at all"
    shown: Sequence[str] = [f"'{key}' ({event.name})" for key, event in list(events.items())[:_NAMES_SHOWN]]
    return f"it has {', '.join(shown)}" + (
        f" and {len(events) - _NAMES_SHOWN} more" if len(events) > _NAMES_SHOWN else ""
    )
