"""unevaluatedProperties and unevaluatedItems: which properties and items the rest of a subschema has evaluated."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, Protocol

from connector.routing.schema.subschemas import Raw, SchemaDocument, Subschema

# How deep subschemas of one value are followed.
_MAX_DEPTH = 100

# A generator yields (subschema, value) to have it checked, and receives the violation (None: there is none).
_SubCheck = tuple[Raw, Any]
_Members = Generator[_SubCheck, object, list[str | int]]
_NoResult = Generator[_SubCheck, object, None]


class TooManyStepsError(Exception):
    """The steps allowed are used up, or a reference of the schema cannot be followed."""


class UndecidedPatternError(TooManyStepsError):
    """Backtracking reached its limit: whether a string matches a pattern is not known."""


class RunningCheck(Protocol):
    """The parts of a running check that are used here."""

    document: SchemaDocument

    def spend(self, steps: int) -> None:
        """Count steps before they are taken. Raises TooManyStepsError."""

    def matching(self, subschema: Subschema, name: str) -> list[Raw]:
        """Return the subschemas of patternProperties whose pattern matches a name."""


def unevaluated_members(
    check: RunningCheck, subschema: Subschema, keyword: str, value: Any, members: Iterable[str | int]
) -> _Members:
    """Return the names or indexes that nothing has evaluated and that the keyword's own subschema refuses."""
    evaluated: set[str | int] = set()
    yield from _add_evaluated(check, subschema, value, evaluated, ())
    unevaluated = []
    for member in members:
        if member not in evaluated and (yield subschema.applicators[keyword], value[member]) is not None:
            unevaluated.append(member)  # noqa: PERF401 (a comprehension cannot yield)
    return unevaluated


def _add_evaluated(
    check: RunningCheck, subschema: Subschema, value: Any, evaluated: set[str | int], enclosing: tuple[int, ...]
) -> _NoResult:
    """Add the names or indexes that a matching subschema, and those it applies in place, have evaluated."""
    if id(subschema) in enclosing:
        return
    if len(enclosing) > _MAX_DEPTH:
        raise TooManyStepsError
    check.spend(1 + len(value))
    if isinstance(value, dict):
        _add_properties(check, subschema, value, evaluated, top=not enclosing)
    else:
        yield from _add_indexes(check, subschema, value, evaluated, top=not enclosing)
    for raw in (yield from _matching_subschemas(subschema, value)):
        if isinstance(raw, dict):
            yield from _add_evaluated(
                check, check.document.subschema(raw), value, evaluated, (*enclosing, id(subschema))
            )


def _add_properties(
    check: RunningCheck, subschema: Subschema, value: dict[str, Any], evaluated: set[str | int], *, top: bool
) -> None:
    applicators = subschema.applicators
    if "additionalProperties" in applicators or ("unevaluatedProperties" in applicators and not top):
        evaluated.update(value)
    evaluated.update(name for name in applicators.get("properties", ()) if name in value)
    evaluated.update(name for name in value if "patternProperties" in applicators and check.matching(subschema, name))


def _add_indexes(
    check: RunningCheck, subschema: Subschema, value: list[Any], evaluated: set[str | int], *, top: bool
) -> _NoResult:
    applicators = subschema.applicators
    every = subschema.further_items() is not None or ("unevaluatedItems" in applicators and not top)
    evaluated.update(range(len(value) if every else min(len(subschema.prefix_items()), len(value))))
    if "contains" in applicators and check.document.contains_evaluates:
        for index, item in enumerate(value):
            if (yield applicators["contains"], item) is None:
                evaluated.add(index)


def _matching_subschemas(subschema: Subschema, value: Any) -> Generator[_SubCheck, object, list[Raw]]:
    """Return the subschemas applied in place that match the value and may evaluate its members."""
    applicators = subschema.applicators
    matching = list(subschema.ref_targets)
    if "if" in applicators:
        holds = (yield applicators["if"], value) is None
        matching += [applicators["if"], applicators.get("then")] if holds else [applicators.get("else")]
    if isinstance(value, dict):
        matching += [raw for name, raw in applicators.get("dependentSchemas", {}).items() if name in value]
    for keyword in ("allOf", "anyOf", "oneOf"):
        for raw in applicators.get(keyword, ()):
            if (yield raw, value) is None:
                matching.append(raw)
    return matching
