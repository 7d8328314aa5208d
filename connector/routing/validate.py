"""An event against its topic's JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, cast

import jsonschema_rs

from connector.errors import ConnectorError
from connector.model import Event
from connector.routing.schema.parts import PAIRS, SHORT, Parts
from connector.routing.schema.patterns import PATTERNS
from connector.routing.schema.seen import EndlessPatternError, TooMuchError
from connector.routing.schema.steps import Steps
from connector.routing.schema.words import MASK, Leaves
from connector.routing.schema.work import Work

LONGEST = 300
# What the library puts before a reference that is relative.
_HERE = "json-schema:///"
# Steps of about 1 µs: to decide what the library might not be done with (beside so many for each of the event's
# values), and to say what is wrong.
_DECIDE = 10_000
_VALUE = 1
_EXPLAIN = 8_000
_UNEXPLAINED = "$: does not match the schema (to say more would take too long)"
_UNDECIDED = (
    "$: was not checked: the schema lets too much be tried for this event. Tell the alternatives of anyOf and oneOf "
    "apart by a property, bound arrays with uniqueItems (maxItems) and strings with a pattern (maxLength), then replay"
)
# Where one of these stands, a schema that takes less in one place may take more in another.
_TURNING = frozenset({"not", "if", "oneOf", "contains", "unevaluatedProperties", "unevaluatedItems"})


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
        self._validator = _compiled(schema)
        self._parts = Parts(schema if isinstance(schema, dict) else {"allOf": [schema]})
        self._leaves = Leaves(self._parts.validator)
        self._work = Work(self._parts)
        quick = self._validator if self._work.always_fits() else _stricter(self._parts.root)
        self._decides = quick is self._validator
        self._takes: Callable[[Event], bool] = _nothing if quick is None else quick.is_valid
        self.bounded = quick is not None

    def mistake(self, event: Event) -> str | None:
        """What is first wrong with an event, with its JSON path and without its values; None if nothing is."""
        if self._takes(event):
            return None
        return self._said(event)

    def _said(self, event: Event) -> str | None:
        known = self._decides or self._work.fits(event)
        if known and not self._decides and self._validator.is_valid(event):
            return None
        steps = Steps(self._parts, self._leaves, _EXPLAIN if known else _DECIDE + _VALUE * _values(event))
        try:
            mistake = steps.mistake(event)
        except EndlessPatternError:
            return _UNDECIDED
        except TooMuchError:
            return _UNEXPLAINED if known else _UNDECIDED
        if mistake is None:
            return _UNEXPLAINED if known else None
        return f"{_path(mistake[0])}: {mistake[1]}"[:LONGEST]


def _nothing(_: Event) -> bool:
    return False


def _values(event: Event) -> int:
    """How many values an event holds."""
    count = 0
    todo: list[Any] = [event]
    while todo:
        value = todo.pop()
        count += 1
        if isinstance(value, dict | list):
            todo += value.values() if isinstance(value, dict) else value
    return count


def _compiled(schema: dict[str, Any] | bool) -> jsonschema_rs.Validator:
    referred: list[str] = []

    def refuse(uri: str) -> Any:
        referred.append(uri.removeprefix(_HERE))
        raise ValueError(uri)

    try:
        return jsonschema_rs.validator_for(schema, retriever=refuse, mask=MASK, pattern_options=PATTERNS)
    except ValueError as error:  # the library's ValidationError is one
        if referred:
            message = f"a schema must stand alone: it refers to {referred[0]}, which is not fetched"
            raise ConnectorError(message) from None
        said = str(error).partition("\n")[0][:LONGEST]
        where = f" at {_path(error.instance_path)}" if isinstance(error, jsonschema_rs.ValidationError) else ""
        raise ConnectorError(f"this is no JSON Schema{where}: {said}") from None


def _stricter(schema: dict[str, Any]) -> jsonschema_rs.Validator | None:
    """A validator whose work is bounded for every event, and which takes no event that the schema does not take.

    It asks arrays with uniqueItems to be small, and strings with a costly pattern to be short, as they mostly are.
    None if there is no such validator.
    """
    parts = Parts(deepcopy(schema))
    for part in list(parts.reachable()):
        if part.uses.keys() & _TURNING:
            return None
        raw = cast(dict[str, Any], part.raw)
        if part.unique:
            raw["maxItems"] = PAIRS
        if part.text.character:
            raw["maxLength"] = SHORT
    if not Work(Parts(parts.root)).always_fits():
        return None
    return jsonschema_rs.validator_for(parts.root, pattern_options=PATTERNS)


def _path(steps: Sequence[str | int]) -> str:
    """Where an error lies, as JSON paths are written: $.user.ids[0]."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
