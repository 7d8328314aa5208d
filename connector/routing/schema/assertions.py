"""What is said of a value that does not match a schema: in the library's words, at a bounded cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jsonschema_rs
import orjson

from connector.routing.schema.pattern_cost import REGEX_OPTIONS
from connector.routing.schema.subschemas import Subschema

# Stands wherever a message would quote the event.
MASK = "the value"
# So much of what is wrong is named: messages are cut far below.
MAX_NAMES = 100


def _library_message(schema: dict[str, Any], value: Any) -> str:
    validator = jsonschema_rs.Draft202012Validator(schema, mask=MASK)
    return next(validator.iter_errors(value)).message


ANY_OF = _library_message({"anyOf": [False, False]}, 0)
ONE_OF = _library_message({"oneOf": [False, False]}, 0)
SEVERAL_OF = _library_message({"oneOf": [True, True]}, 0)
CONTAINS = _library_message({"contains": False}, [0])
UNIQUE = _library_message({"uniqueItems": True}, [0, 0])


def additional_items_message(count: int) -> str:
    """Of `additionalItems: false`."""
    return f"Additional items are not allowed ({count} item{'' if count == 1 else 's'})"


def unevaluated_items_message(count: int) -> str:
    """Of `unevaluatedItems`."""
    return f"Unevaluated items are not allowed ({count} item{'' if count == 1 else 's'})"


def about_property_name(message: str, name: str) -> str:
    """What is said of a property's name: the name, cut, in the value's place."""
    return message.replace(MASK, orjson.dumps(name[:MAX_NAMES]).decode(), 1)


class AssertionChecker:
    """The assertions on a value itself, which the library checks: it has no more to do than they are long.

    What is compiled is kept: as much as the schema holds at most.
    """

    def __init__(self, draft: type[jsonschema_rs.Validator]) -> None:
        self._draft = draft
        self._validators: dict[int, jsonschema_rs.Validator] = {}
        self._patterns: dict[str, jsonschema_rs.Validator] = {}

    def holds(self, part: Subschema, value: Any) -> bool:
        """Whether a value is what a subschema's own assertions ask for."""
        return self._validator(part).is_valid(value)

    def explain(self, part: Subschema, value: Any) -> str:
        """What the library says of it; a container is shown to it without its contents, a large one not at all."""
        shown = value
        if isinstance(value, dict | list):
            if len(value) > 10 * MAX_NAMES and not (
                isinstance(value, dict) and part.assertions.keys() <= {"type", "required"}
            ):
                return self._first_broken(part, value)
            if isinstance(value, dict):
                names = value if len(value) <= 10 * MAX_NAMES else value.keys() & part.assertions.get("required", ())
                shown = dict.fromkeys(names)
            else:
                shown = [None] * len(value)
        error = next(self._validator(part).iter_errors(shown), None)
        return self._first_broken(part, value) if error is None else error.message

    def matches(self, pattern: str, name: str) -> bool:
        """Whether a property's name matches a pattern of patternProperties."""
        return self._pattern_validator(f"={pattern}", {"pattern": pattern}).is_valid(name)

    def undecided(self, pattern: str, text: str) -> bool:
        """Whether backtracking did not find out in time if a text matches: then the library takes neither answer."""
        matches = self._pattern_validator(f"={pattern}", {"pattern": pattern}).is_valid(text)
        return not matches and not self._pattern_validator(f"!{pattern}", {"not": {"pattern": pattern}}).is_valid(text)

    def required_message(self, name: str) -> str:
        return _library_message({"required": [name]}, {})

    def additional_message(self, names: Sequence[str]) -> str:
        return _library_message(
            {"properties": {"": True}, "additionalProperties": False}, dict.fromkeys(names[:MAX_NAMES])
        )

    def unevaluated_message(self, names: Sequence[str | int]) -> str:
        return _library_message({"unevaluatedProperties": False}, {str(name): None for name in names[:MAX_NAMES]})

    def not_message(self, raw: Any) -> str:
        return f"{orjson.dumps(raw, option=orjson.OPT_SORT_KEYS).decode()} is not allowed for {MASK}"

    def _pattern_validator(self, key: str, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        validator = self._patterns.get(key)
        if validator is None:
            validator = self._patterns[key] = self._compile(schema)
        return validator

    def _validator(self, part: Subschema) -> jsonschema_rs.Validator:
        validator = self._validators.get(id(part))
        if validator is None:
            validator = self._validators[id(part)] = self._compile(dict(part.assertions))
        return validator

    def _compile(self, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        return self._draft(schema, mask=MASK, pattern_options=REGEX_OPTIONS)

    def _first_broken(self, part: Subschema, value: Any) -> str:
        broken = next(
            name for name in part.assertions if not self._compile({name: part.assertions[name]}).is_valid(value)
        )
        return f"{MASK} does not match {broken!r}"


def all_unique(items: Sequence[Any], spend: Callable[[int], None]) -> bool:
    """Whether all items differ, as JSON says: 1 and 1.0 are one number. `spend` is told how many values are read."""
    seen = set()
    for item in items:
        text = _canonical(item, spend)
        if text in seen:
            return False
        seen.add(text)
    return True


def _canonical(value: Any, spend: Callable[[int], None]) -> bytes:
    """One text for all equal values. An event is at most 200 levels deep."""
    spend(1)
    if isinstance(value, dict):
        members = (orjson.dumps(name) + b":" + _canonical(value[name], spend) for name in sorted(value))
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(_canonical(item, spend) for item in value) + b"]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value)).encode()
    return str(value).encode() if type(value) is int else orjson.dumps(value)
