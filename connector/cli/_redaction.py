"""Which of the mapped fields show what `redact` hides: those that come out differently once it is hidden. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.config.kinds import VENDORS
from connector.config.settings import Field, Settings
from connector.errors import ExpressionError
from connector.expressions import compile_fields
from connector.model import Event, Item, Record

MASK = "•••"

# A field's name, and the parameter's where the field is nested.
Place = tuple[str, ...]


def redacted(value: Any, paths: Sequence[str]) -> Any:
    """The value with what lies at the paths (`user.email`) masked; in an array, in each of its elements."""
    for path in paths:
        value = _masked(value, path.split("."))
    return value


def revealing(fields: Mapping[str, Field], event: Event, record: Record, paths: Sequence[str]) -> set[Place]:
    """The places of a mapped body that depend on what the paths hide, whatever an expression makes of it."""
    if not paths:
        return set()
    hidden = redacted(event, paths)
    found: set[Place] = set()
    for name, field in fields.items():
        for expression in [field] if isinstance(field, str) else [{key: each} for key, each in field.items()]:
            found |= _differing(_mapped(name, expression, event, record), _mapped(name, expression, hidden, record), ())
    return found


def readable(settings: Settings, item: Item, event: Event, record: Record) -> dict[str, Any]:
    """An item's fields as its vendor reads them, with those masked that depend on what `redact` names."""
    route = next(route for route in settings.routes if route.name == item.route)
    body = VENDORS[settings.sinks[route.sink].kind].read(item.body)
    return hide(body, revealing(route.fields, event, record, settings.redact))


def hide(body: Mapping[str, Any], places: set[Place]) -> dict[str, Any]:
    """The body with these places masked."""
    shown: dict[str, Any] = {}
    for name, value in body.items():
        if (name,) in places:
            shown[name] = MASK
        elif isinstance(value, dict):
            shown[name] = hide(value, {place[1:] for place in places if place[0] == name})
        else:
            shown[name] = value
    return shown


def _masked(value: Any, path: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_masked(each, path) for each in value]
    if not path:
        return None if value is None else MASK
    if isinstance(value, dict) and path[0] in value:
        return {**value, path[0]: _masked(value[path[0]], path[1:])}
    return value


def _mapped(name: str, expression: Field, event: Event, record: Record) -> dict[str, Any]:
    try:
        return compile_fields({name: expression})(event, record)
    except ExpressionError:  # it does not take the mask: so it depends on what is masked
        return {name: {}}


def _differing(before: Any, after: Any, place: Place) -> set[Place]:
    if isinstance(before, dict) and isinstance(after, dict):
        return {each for name in before for each in _differing(before[name], after.get(name), (*place, name))}
    return set() if before == after and type(before) is type(after) else {place}
