"""What one route makes of an event, for people: its verdict, and each of its fields evaluated by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from connector.errors import ExpressionError
from connector.expressions.compiler import Fields
from connector.expressions.null_causes import NullCauses
from connector.model import Event, Failure, Item, Record

# A field's name, and the parameter's where the field is nested.
FieldPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one route for an event, or for one element where the route has `each`.

    `result` is None if the route makes no item: it does not take the event, or there is no element (`no_elements`).
    `mapped` are the fields.
    """

    route: str
    method: str
    when: str | None
    result: Item | Failure | None
    mapped: Mapping[str, Any] | None
    no_elements: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """The result of a sink for a record: a verdict for each route of its topic, or why no route was asked.

    `failure` is set if the record fails before routing. Without verdicts and failure it is a tombstone, or no route
    reads the topic.
    """

    failure: Failure | None
    verdicts: Sequence[Verdict]


class FieldResult(NamedTuple):
    """One field, or one parameter of a nested field, evaluated by itself.

    `value` is None where it came out null and where it raised `error`.
    """

    path: FieldPath
    expression: str
    value: Any
    error: ExpressionError | None = None


class FieldExplainer:
    """The fields of one route, each evaluated by itself, so that one that raises hides no other. One thread.

    With `each` they begin at an element of the list that it yields. Raises ExpressionError if an expression does not
    parse.
    """

    def __init__(self, fields: Fields, each: str | None = None) -> None:
        self._fields = {path: (expression, NullCauses(expression, each)) for path, expression in flat_fields(fields)}

    def evaluate(self, event: Event, record: Record, element: int = 0) -> list[FieldResult]:
        """Return every field's result, in the file's order; `element` is counted from 1."""
        return [
            _result(path, expression, causes, event, record, element)
            for path, (expression, causes) in self._fields.items()
        ]

    def null_cause(self, path: FieldPath, event: Event, record: Record, shown: Event, element: int = 0) -> str:
        """Return why a field is null on this event; `shown` is the event as people may see it."""
        return self._fields[path][1].of_value(event, record, shown, element)


def flat_fields(fields: Fields) -> Iterator[tuple[FieldPath, str]]:
    """Yield each field with its expression, and each parameter of a nested field with its own."""
    for name, value in fields.items():
        if isinstance(value, str):
            yield (name,), value
        else:
            yield from (((name, inner), expression) for inner, expression in value.items())


def mapped_values(results: Iterable[FieldResult]) -> dict[str, Any]:
    """Return the fields that have a value, as the route maps them: nested where the route nests them."""
    mapped: dict[str, Any] = {}
    for result in results:
        if result.value is None:
            continue
        if len(result.path) == 1:
            mapped[result.path[0]] = result.value
        else:
            mapped.setdefault(result.path[0], {})[result.path[1]] = result.value
    return mapped


def _result(
    path: FieldPath, expression: str, causes: NullCauses, event: Event, record: Record, element: int
) -> FieldResult:
    try:
        return FieldResult(path, expression, causes.value(event, record, element))
    except ExpressionError as error:
        return FieldResult(path, expression, None, error)
