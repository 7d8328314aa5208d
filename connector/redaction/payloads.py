"""Hides in payloads shown to people what the configuration's `redact` names, wherever it appears. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from connector.errors import ExpressionError
from connector.expressions import compile_element_fields, compile_expression, compile_fields
from connector.model import Event, Record
from connector.redaction import MASK

# Shorter values are masked only where they are the whole text.
_SHORTEST_REPLACED = 3

# A field's expression, or one for each parameter of a nested field.
Expressions = str | Mapping[str, str]

# A field's name, and the parameter's where the field is nested.
FieldPath = tuple[str, ...]


def redact_paths(value: Any, paths: Sequence[str]) -> Any:
    """Return the value with what lies at the paths (`user.email`) masked; in an array, in each of its elements."""
    for path in paths:
        value = _masked(value, path.split("."))
    return value


def _masked(value: Any, path: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_masked(each, path) for each in value]
    if not path:
        return None if value is None else MASK
    if isinstance(value, dict) and path[0] in value:
        return {**value, path[0]: _masked(value[path[0]], path[1:])}
    return value


# --- mapped fields ----------------------------------------------------------------------------------------------------


def revealing_fields(
    fields: Mapping[str, Expressions],
    event: Event,
    record: Record,
    paths: Sequence[str],
    each: str | None = None,
    element: int = 0,
) -> set[FieldPath]:
    """Return the mapped fields that depend on what the paths hide: those that change once it is masked.

    Of a route with `each`, those of the element of this number, from 1.
    """
    if not paths:
        return set()
    masked_event = redact_paths(event, paths)
    revealing: set[FieldPath] = set()
    for name, field in fields.items():
        for key, expression in [(None, field)] if isinstance(field, str) else field.items():
            map_field = _compiled(name, key, expression, each)
            before = _mapped(map_field, name, event, record, element)
            revealing |= _differing(before, _mapped(map_field, name, masked_event, record, element), ())
    return revealing


def mask_fields(body: Mapping[str, Any], fields: set[FieldPath]) -> dict[str, Any]:
    """Return the body with these fields masked."""
    masked: dict[str, Any] = {}
    for name, value in body.items():
        if (name,) in fields:
            masked[name] = MASK
        elif isinstance(value, dict):
            masked[name] = mask_fields(value, {path[1:] for path in fields if path[0] == name})
        else:
            masked[name] = value
    return masked


# Maps one field of an event, or of the element of its list that has this number.
_MapField = Callable[[Event, Record, int], dict[str, Any]]


@lru_cache(maxsize=256)  # a list may have a thousand elements
def _compiled(name: str, key: str | None, expression: str, each: str | None) -> _MapField:
    """Return one field of a route as a function, or with `key` one parameter of a nested field."""
    fields: Mapping[str, Expressions] = {name: expression if key is None else {key: expression}}
    if each is None:
        map_event = compile_fields(fields)
        return lambda event, record, _: map_event(event, record)
    list_elements, map_element = compile_expression(each), compile_element_fields(fields)

    def map_one(event: Event, record: Record, element: int) -> dict[str, Any]:
        elements = list_elements(event, record)
        if type(elements) is not list or len(elements) < element:
            raise ExpressionError("there is no such element")
        return map_element(event, record, elements[element - 1])

    return map_one


def _mapped(map_field: _MapField, name: str, event: Event, record: Record, element: int) -> dict[str, Any]:
    try:
        return map_field(event, record, element)
    except ExpressionError:  # it refuses the mask, so it depends on what is masked
        return {name: {}}


def _differing(before: Any, after: Any, path: FieldPath) -> set[FieldPath]:
    if isinstance(before, dict) and isinstance(after, dict):
        return {each for name in before for each in _differing(before[name], after.get(name), (*path, name))}
    return set() if before == after and type(before) is type(after) else {path}


# --- the event, and texts that came with it ---------------------------------------------------------------------------


class Redactor:
    """Masks what lies at the paths of an event, and the same values in the texts that came with it.

    `event` is None for a value that could not be decoded.
    """

    def __init__(self, event: Event | None, paths: Sequence[str]) -> None:
        self._paths = paths
        self._event = event
        hidden = _changed_texts(event, redact_paths(event, paths)) if event is not None else ()
        self._hidden = sorted({text for text in hidden if text}, key=len, reverse=True)

    def event(self) -> Any:
        """Return the event, masked; None where there is none."""
        return None if self._event is None else redact_paths(self._event, self._paths)

    @property
    def hides_everything(self) -> bool:
        """True if there are paths to hide but no event in which to find them: then nothing may be shown."""
        return self._event is None and bool(self._paths)

    def text(self, text: str) -> str:
        """Return a text that came with the event (a key, a header, a message), masked."""
        for hidden in self._hidden:
            if text == hidden or len(hidden) >= _SHORTEST_REPLACED:
                text = text.replace(hidden, MASK)
        return text

    def bytes(self, value: bytes | None) -> str | None:
        """Return bytes that came with the event as a masked text; bytes that are not UTF-8 as base64."""
        if value is None:
            return None
        try:
            return self.text(value.decode())
        except UnicodeDecodeError:
            return f"base64:{base64.b64encode(value).decode()}"


def _changed_texts(before: Any, after: Any) -> Iterator[str]:
    """Yield the texts in `before` that `after`, the same value masked, does not have."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from _changed_texts(value, after[name])
    elif isinstance(before, list) and isinstance(after, list):
        for one, other in zip(before, after, strict=True):
            yield from _changed_texts(one, other)
    elif before != after:
        yield from _leaves(before)


def _leaves(value: Any) -> Iterator[str]:
    """Yield every text and number in a JSON value, as JSON writes them."""
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _leaves(child)
    elif value is not None and not isinstance(value, bool):
        yield value if isinstance(value, str) else orjson.dumps(value).decode()
