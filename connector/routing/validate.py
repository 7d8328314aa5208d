"""The check of an event against its topic's JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, cast

import jsonschema_rs

from connector.errors import ConnectorError
from connector.model import Event
from connector.routing.schema.assertions import MASK, AssertionChecker
from connector.routing.schema.cost import CheckCost
from connector.routing.schema.counted_check import CountedCheck
from connector.routing.schema.pattern_cost import REGEX_OPTIONS
from connector.routing.schema.subschemas import FREE_UNIQUE_ITEMS, SHORT_TEXT, SchemaDocument
from connector.routing.schema.unevaluated import TooManyStepsError, UndecidedPatternError

MAX_MESSAGE = 300
# The library prefixes relative references with this.
_LIBRARY_BASE = "json-schema:///"
# Steps of about 1 µs: to decide about an event that might cost the library too much (and so many more for each of its
# values), and to find the violation.
_DECIDE_STEPS = 10_000
_STEPS_PER_VALUE = 1
_EXPLAIN_STEPS = 8_000
_UNEXPLAINED = "$: does not match the schema (to say more would take too long)"
_UNDECIDED = (
    "$: was not checked: the schema lets too much be tried for this event. Tell the alternatives of anyOf and oneOf "
    "apart by a property, bound arrays with uniqueItems (maxItems) and strings with a pattern (maxLength), then replay"
)
# With one of these keywords, a stricter subschema may make the whole schema more permissive.
_NOT_MONOTONE = frozenset({"not", "if", "oneOf", "contains", "unevaluatedProperties", "unevaluatedItems"})


class EventSchema:
    """One topic's JSON Schema (draft 2020-12 unless its `$schema` names another), compiled. One thread.

    Raises ConnectorError if it is not a JSON Schema, or refers to another file or to the network: nothing is fetched.

    Checking an event costs at most 20 ms and 16 MiB, and beside that 3 µs for each of its values (an event may hold
    100,000 numbers). Where no event can exceed that, as with most schemas, or where a stricter schema with that
    property exists (`bounded`), the library checks at once. Otherwise the library's work is counted first; an event
    that would cost more is checked in counted steps, and if these do not decide, the violation says so. The work of
    composing a message does not grow with the event.
    """

    def __init__(self, schema: dict[str, Any] | bool) -> None:
        self._validator = _compile(schema)
        self._document = SchemaDocument(schema if isinstance(schema, dict) else {"allOf": [schema]})
        self._assertions = AssertionChecker(self._document.validator_class)
        self._cost = CheckCost(self._document)
        bounded = self._validator if self._cost.always_within_limits() else _stricter(self._document.root)
        self._always_bounded = bounded is self._validator
        self._is_valid_for_sure: Callable[[Event], bool] = _never if bounded is None else bounded.is_valid
        self.bounded = bounded is not None

    def violation(self, event: Event) -> str | None:
        """Return the first violation of an event, with its JSON path and without its values; None if there is none."""
        if self._is_valid_for_sure(event):
            return None
        return self._explain(event)

    def _explain(self, event: Event) -> str | None:
        known = self._always_bounded or self._cost.within_limits(event)
        if known and not self._always_bounded and self._validator.is_valid(event):
            return None
        check = CountedCheck(
            self._document,
            self._assertions,
            _EXPLAIN_STEPS if known else _DECIDE_STEPS + _STEPS_PER_VALUE * _count_values(event),
        )
        try:
            violation = check.find_violation(event)
        except UndecidedPatternError:
            return _UNDECIDED
        except TooManyStepsError:
            return _UNEXPLAINED if known else _UNDECIDED
        if violation is None:
            return _UNEXPLAINED if known else None
        return f"{_path(violation[0])}: {violation[1]}"[:MAX_MESSAGE]


def _never(_: Event) -> bool:
    return False


def _count_values(event: Event) -> int:
    """Return how many values an event holds."""
    count = 0
    todo: list[Any] = [event]
    while todo:
        value = todo.pop()
        count += 1
        if isinstance(value, dict | list):
            todo += value.values() if isinstance(value, dict) else value
    return count


def _compile(schema: dict[str, Any] | bool) -> jsonschema_rs.Validator:
    references: list[str] = []

    def refuse(uri: str) -> Any:
        references.append(uri.removeprefix(_LIBRARY_BASE))
        raise ValueError(uri)

    try:
        return jsonschema_rs.validator_for(schema, retriever=refuse, mask=MASK, pattern_options=REGEX_OPTIONS)
    except ValueError as error:  # the library's ValidationError is one
        if references:
            message = f"a schema must stand alone: it refers to {references[0]}, which is not fetched"
            raise ConnectorError(message) from None
        reason = str(error).partition("\n")[0][:MAX_MESSAGE]
        where = f" at {_path(error.instance_path)}" if isinstance(error, jsonschema_rs.ValidationError) else ""
        raise ConnectorError(f"this is not a JSON Schema{where}: {reason}") from None


def _stricter(schema: dict[str, Any]) -> jsonschema_rs.Validator | None:
    """Return a validator whose work is bounded for every event and which accepts only what the schema accepts.

    It requires arrays with uniqueItems to be small and strings with a costly pattern to be short, as they mostly are.
    None if there is no such validator.
    """
    document = SchemaDocument(deepcopy(schema))
    for subschema in list(document.reachable()):
        if subschema.applicators.keys() & _NOT_MONOTONE:
            return None
        raw = cast(dict[str, Any], subschema.raw)
        if subschema.compares_pairs:
            raw["maxItems"] = FREE_UNIQUE_ITEMS
        if subschema.text_cost.per_character:
            raw["maxLength"] = SHORT_TEXT
    if not CheckCost(SchemaDocument(document.root)).always_within_limits():
        return None
    return jsonschema_rs.validator_for(document.root, pattern_options=REGEX_OPTIONS)


def _path(steps: Sequence[str | int]) -> str:
    """Return the JSON path of a value: $.user.ids[0]."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
