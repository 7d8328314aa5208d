"""An event against its topic's JSON Schema."""

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
# What the library puts before a reference that is relative.
_LIBRARY_BASE = "json-schema:///"
# Steps of about 1 µs: to decide what the library might not be done with (beside so many for each of the event's
# values), and to say what is wrong.
_DECIDE_STEPS = 10_000
_STEPS_PER_VALUE = 1
_EXPLAIN_STEPS = 8_000
_UNEXPLAINED = "$: does not match the schema (to say more would take too long)"
_UNDECIDED = (
    "$: was not checked: the schema lets too much be tried for this event. Tell the alternatives of anyOf and oneOf "
    "apart by a property, bound arrays with uniqueItems (maxItems) and strings with a pattern (maxLength), then replay"
)
# Where one of these stands, a schema that takes less in one place may take more in another.
_NOT_MONOTONE = frozenset({"not", "if", "oneOf", "contains", "unevaluatedProperties", "unevaluatedItems"})


class EventSchema:
    """One topic's JSON Schema (draft 2020-12 unless its `$schema` names another), compiled. One thread.

    Raises ConnectorError for what is no schema, and for one that refers to another file or to the network: nothing
    is fetched.

    An event costs at most 20 ms and 16 MiB, and beside that 3 µs for each of its values: that one with 100,000
    numbers is checked takes its time. Where a schema allows no more than that to any event, as most do (`bounded`),
    nothing is counted. Otherwise the library's work is counted before it is asked; what would be more is checked in
    steps, none twice, and what these do not decide is a mistake that says so. To say what is wrong has a bound that
    does not grow with the event.
    """

    def __init__(self, schema: dict[str, Any] | bool) -> None:
        self._validator = _compile(schema)
        self._document = SchemaDocument(schema if isinstance(schema, dict) else {"allOf": [schema]})
        self._assertions = AssertionChecker(self._document.validator_class)
        self._cost = CheckCost(self._document)
        quick = self._validator if self._cost.always_within_limits() else _stricter(self._document.root)
        self._always_bounded = quick is self._validator
        self._is_valid_for_sure: Callable[[Event], bool] = _never if quick is None else quick.is_valid
        self.bounded = quick is not None

    def violation(self, event: Event) -> str | None:
        """What is first wrong with an event, with its JSON path and without its values; None if nothing is."""
        if self._is_valid_for_sure(event):
            return None
        return self._explain(event)

    def _explain(self, event: Event) -> str | None:
        known = self._always_bounded or self._cost.within_limits(event)
        if known and not self._always_bounded and self._validator.is_valid(event):
            return None
        steps = CountedCheck(
            self._document,
            self._assertions,
            _EXPLAIN_STEPS if known else _DECIDE_STEPS + _STEPS_PER_VALUE * _count_values(event),
        )
        try:
            mistake = steps.find_violation(event)
        except UndecidedPatternError:
            return _UNDECIDED
        except TooManyStepsError:
            return _UNEXPLAINED if known else _UNDECIDED
        if mistake is None:
            return _UNEXPLAINED if known else None
        return f"{_path(mistake[0])}: {mistake[1]}"[:MAX_MESSAGE]


def _never(_: Event) -> bool:
    return False


def _count_values(event: Event) -> int:
    """How many values an event holds."""
    count = 0
    todo: list[Any] = [event]
    while todo:
        value = todo.pop()
        count += 1
        if isinstance(value, dict | list):
            todo += value.values() if isinstance(value, dict) else value
    return count


def _compile(schema: dict[str, Any] | bool) -> jsonschema_rs.Validator:
    referred: list[str] = []

    def refuse(uri: str) -> Any:
        referred.append(uri.removeprefix(_LIBRARY_BASE))
        raise ValueError(uri)

    try:
        return jsonschema_rs.validator_for(schema, retriever=refuse, mask=MASK, pattern_options=REGEX_OPTIONS)
    except ValueError as error:  # the library's ValidationError is one
        if referred:
            message = f"a schema must stand alone: it refers to {referred[0]}, which is not fetched"
            raise ConnectorError(message) from None
        said = str(error).partition("\n")[0][:MAX_MESSAGE]
        where = f" at {_path(error.instance_path)}" if isinstance(error, jsonschema_rs.ValidationError) else ""
        raise ConnectorError(f"this is no JSON Schema{where}: {said}") from None


def _stricter(schema: dict[str, Any]) -> jsonschema_rs.Validator | None:
    """A validator whose work is bounded for every event, and which takes no event that the schema does not take.

    It asks arrays with uniqueItems to be small, and strings with a costly pattern to be short, as they mostly are.
    None if there is no such validator.
    """
    parts = SchemaDocument(deepcopy(schema))
    for part in list(parts.reachable()):
        if part.applicators.keys() & _NOT_MONOTONE:
            return None
        raw = cast(dict[str, Any], part.raw)
        if part.compares_pairs:
            raw["maxItems"] = FREE_UNIQUE_ITEMS
        if part.text_cost.per_character:
            raw["maxLength"] = SHORT_TEXT
    if not CheckCost(SchemaDocument(parts.root)).always_within_limits():
        return None
    return jsonschema_rs.validator_for(parts.root, pattern_options=REGEX_OPTIONS)


def _path(steps: Sequence[str | int]) -> str:
    """Where an error lies, as JSON paths are written: $.user.ids[0]."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
