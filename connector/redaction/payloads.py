"""Which of the mapped fields show what `redact` hides: those that come out differently once it is hidden. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from connector.errors import ExpressionError
from connector.expressions import compile_fields
from connector.model import Event, Record

MASK = "•••"

# An expression, or one for each parameter of a nested field.
Expressions = str | Mapping[str, str]

# A field's name, and the parameter's where the field is nested.
FieldPath = tuple[str, ...]


def redact_paths(value: Any, paths: Sequence[str]) -> Any:
    """The value with what lies at the paths (`user.email`) masked; in an array, in each of its elements."""
    for path in paths:
        value = _masked(value, path.split("."))
    return value


def revealing_fields(
    fields: Mapping[str, Expressions], event: Event, record: Record, paths: Sequence[str]
) -> set[FieldPath]:
    """The places of a mapped body that depend on what the paths hide, whatever an expression makes of it."""
    if not paths:
        return set()
    hidden = redact_paths(event, paths)
    found: set[FieldPath] = set()
    for name, field in fields.items():
        for expression in [field] if isinstance(field, str) else [{key: each} for key, each in field.items()]:
            found |= _differing(_mapped(name, expression, event, record), _mapped(name, expression, hidden, record), ())
    return found


def mask_fields(body: Mapping[str, Any], places: set[FieldPath]) -> dict[str, Any]:
    """The body with these places masked."""
    shown: dict[str, Any] = {}
    for name, value in body.items():
        if (name,) in places:
            shown[name] = MASK
        elif isinstance(value, dict):
            shown[name] = mask_fields(value, {place[1:] for place in places if place[0] == name})
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


def _mapped(name: str, expression: Expressions, event: Event, record: Record) -> dict[str, Any]:
    try:
        return compile_fields({name: expression})(event, record)
    except ExpressionError:  # it does not take the mask: so it depends on what is masked
        return {name: {}}


def _differing(before: Any, after: Any, place: FieldPath) -> set[FieldPath]:
    if isinstance(before, dict) and isinstance(after, dict):
        return {each for name in before for each in _differing(before[name], after.get(name), (*place, name))}
    return set() if before == after and type(before) is type(after) else {place}


class Redactor:
    """Hides what lies at the paths in the event, and the same values wherever else they stand."""

    def __init__(self, event: Event | None, paths: Sequence[str]) -> None:
        self._paths = paths
        self._event = event
        hidden = _hidden_texts(event, redact_paths(event, paths)) if event is not None else ()
        self._hidden = sorted({text for text in hidden if text}, key=len, reverse=True)

    def event(self) -> Any:
        """The event; None where the value is none. Then nothing tells what to hide, and nothing of it is shown."""
        return None if self._event is None else redact_paths(self._event, self._paths)

    @property
    def hides_everything(self) -> bool:
        """Whether something is to be hidden and nobody can say where it lies."""
        return self._event is None and bool(self._paths)

    def text(self, text: str) -> str:
        """A text from beside the event: a key, a header, a message."""
        for hidden in self._hidden:
            if text == hidden or len(hidden) >= 3:
                text = text.replace(hidden, MASK)
        return text

    def bytes(self, value: bytes | None) -> str | None:
        """Bytes from beside the event as text; what is no UTF-8 as base64."""
        if value is None:
            return None
        try:
            return self.text(value.decode())
        except UnicodeDecodeError:
            return f"base64:{base64.b64encode(value).decode()}"


def _hidden_texts(before: Any, after: Any) -> Iterator[str]:
    """The texts of what the second lacks of the first."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from _hidden_texts(value, after[name])
    elif isinstance(before, list) and isinstance(after, list):
        for one, other in zip(before, after, strict=True):
            yield from _hidden_texts(one, other)
    elif before != after:
        yield from _leaves(before)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _leaves(child)
    elif value is not None and not isinstance(value, bool):
        yield value if isinstance(value, str) else orjson.dumps(value).decode()
