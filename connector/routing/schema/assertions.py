"""The assertions of a subschema on one value, checked by the library, and the messages of all violations, at a bounded
cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jsonschema_rs
import orjson

from connector.routing.schema.pattern_cost import REGEX_OPTIONS
from connector.routing.schema.subschemas import Subschema

# Replaces the event's values in messages.
MASK = "the value"
# A message names this many properties, or characters of one name, at most; it is cut much shorter later.
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
    """Return the message for `additionalItems: false`."""
    return f"Additional items are not allowed ({count} item{'' if count == 1 else 's'})"


def unevaluated_items_message(count: int) -> str:
    """Return the message for `unevaluatedItems`."""
    return f"Unevaluated items are not allowed ({count} item{'' if count == 1 else 's'})"


def about_property_name(message: str, name: str) -> str:
    """Return a message about a property's name: the name, cut to MAX_NAMES characters, in place of the value."""
    return message.replace(MASK, orjson.dumps(name[:MAX_NAMES]).decode(), 1)


class AssertionChecker:
    """Checks the assertions on a value itself with the library, whose work is bounded by their length.

    Compiled assertions are cached: at most as many as the schema holds.
    """

    def __init__(self, draft: type[jsonschema_rs.Validator]) -> None:
        self._draft = draft
        self._validators: dict[int, jsonschema_rs.Validator] = {}
        self._patterns: dict[str, jsonschema_rs.Validator] = {}

    def holds(self, subschema: Subschema, value: Any) -> bool:
        """True if a value satisfies a subschema's own assertions."""
        return self._validator(subschema).is_valid(value)

    def explain(self, subschema: Subschema, value: Any) -> str:
        """Return the library's message. It is shown a container without its contents, and a large one not at all."""
        shown = value
        if isinstance(value, dict | list):
            if len(value) > 10 * MAX_NAMES and not (
                isinstance(value, dict) and subschema.assertions.keys() <= {"type", "required"}
            ):
                return self._first_broken(subschema, value)
            if isinstance(value, dict):
                names = (
                    value if len(value) <= 10 * MAX_NAMES else value.keys() & subschema.assertions.get("required", ())
                )
                shown = dict.fromkeys(names)
            else:
                shown = [None] * len(value)
        error = next(self._validator(subschema).iter_errors(shown), None)
        return self._first_broken(subschema, value) if error is None else error.message

    def matches(self, pattern: str, name: str) -> bool:
        """True if a property's name matches a pattern of patternProperties."""
        return self._pattern_validator(f"={pattern}", {"pattern": pattern}).is_valid(name)

    def undecided(self, pattern: str, text: str) -> bool:
        """True if backtracking ran out: then the library accepts neither the pattern nor its negation."""
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

    def _validator(self, subschema: Subschema) -> jsonschema_rs.Validator:
        validator = self._validators.get(id(subschema))
        if validator is None:
            validator = self._validators[id(subschema)] = self._compile(dict(subschema.assertions))
        return validator

    def _compile(self, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        return self._draft(schema, mask=MASK, pattern_options=REGEX_OPTIONS)

    def _first_broken(self, subschema: Subschema, value: Any) -> str:
        broken = next(
            name
            for name in subschema.assertions
            if not self._compile({name: subschema.assertions[name]}).is_valid(value)
        )
        return f"{MASK} does not match {broken!r}"


def all_unique(items: Sequence[Any], spend: Callable[[int], None]) -> bool:
    """True if all items differ as JSON values (1 and 1.0 are one number). `spend` is called with the values read."""
    seen = set()
    for item in items:
        text = _canonical(item, spend)
        if text in seen:
            return False
        seen.add(text)
    return True


def _canonical(value: Any, spend: Callable[[int], None]) -> bytes:
    """Return one text for all equal values. An event is at most 200 levels deep, so the recursion is bounded."""
    spend(1)
    if isinstance(value, dict):
        members = (orjson.dumps(name) + b":" + _canonical(value[name], spend) for name in sorted(value))
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(_canonical(item, spend) for item in value) + b"]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value)).encode()
    return str(value).encode() if type(value) is int else orjson.dumps(value)
