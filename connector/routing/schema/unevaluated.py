"""unevaluatedProperties and unevaluatedItems: which properties and items the rest of a subschema has looked at."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, Protocol

from connector.routing.schema.subschemas import Raw, SchemaDocument, Subschema

# Followed through so many subschemas of one value, one in the other.
_MAX_DEPTH = 100

# They ask for checks, and are told what is wrong: None if nothing is.
_SubCheck = tuple[Raw, Any]
_Members = Generator[_SubCheck, object, list[str | int]]
_NoResult = Generator[_SubCheck, object, None]


class TooManyStepsError(Exception):
    """The steps allowed do not suffice, or one of the schema's references cannot be followed."""


class UndecidedPatternError(TooManyStepsError):
    """A string was tried against a pattern as often as is allowed: whether it matches is not known."""


class RunningCheck(Protocol):
    """What is asked of the check that runs."""

    document: SchemaDocument

    def spend(self, steps: int) -> None:
        """Counts steps before they are taken. Raises TooMuchError."""

    def matching(self, part: Subschema, name: str) -> list[Raw]:
        """The subschemas of patternProperties whose pattern a name matches."""


def unevaluated_members(
    steps: RunningCheck, part: Subschema, keyword: str, value: Any, places: Iterable[str | int]
) -> _Members:
    """The names or indexes that nothing has evaluated, and that the keyword's own subschema does not take."""
    seen: set[str | int] = set()
    yield from _add_evaluated(steps, part, value, seen, ())
    wrong = []
    for place in places:
        if place not in seen and (yield part.applicators[keyword], value[place]) is not None:
            wrong.append(place)  # noqa: PERF401 (a comprehension cannot yield)
    return wrong


def _add_evaluated(
    steps: RunningCheck, part: Subschema, value: Any, seen: set[str | int], above: tuple[int, ...]
) -> _NoResult:
    """Adds the names or indexes that a subschema which holds, and those that it applies, have evaluated."""
    if id(part) in above:
        return
    if len(above) > _MAX_DEPTH:
        raise TooManyStepsError
    steps.spend(1 + len(value))
    if isinstance(value, dict):
        _add_properties(steps, part, value, seen, top=not above)
    else:
        yield from _add_indexes(steps, part, value, seen, top=not above)
    for raw in (yield from _matching_subschemas(part, value)):
        if isinstance(raw, dict):
            yield from _add_evaluated(steps, steps.document.subschema(raw), value, seen, (*above, id(part)))


def _add_properties(
    steps: RunningCheck, part: Subschema, value: dict[str, Any], seen: set[str | int], *, top: bool
) -> None:
    uses = part.applicators
    if "additionalProperties" in uses or ("unevaluatedProperties" in uses and not top):
        seen.update(value)
    seen.update(name for name in uses.get("properties", ()) if name in value)
    seen.update(name for name in value if "patternProperties" in uses and steps.matching(part, name))


def _add_indexes(
    steps: RunningCheck, part: Subschema, value: list[Any], seen: set[str | int], *, top: bool
) -> _NoResult:
    uses = part.applicators
    every = part.further_items() is not None or ("unevaluatedItems" in uses and not top)
    seen.update(range(len(value) if every else min(len(part.prefix_items()), len(value))))
    if "contains" in uses and steps.document.contains_evaluates:
        for index, item in enumerate(value):
            if (yield uses["contains"], item) is None:
                seen.add(index)


def _matching_subschemas(part: Subschema, value: Any) -> Generator[_SubCheck, object, list[Raw]]:
    """Of the subschemas applied to the same value, those that hold and evaluate something."""
    uses = part.applicators
    found = list(part.ref_targets)
    if "if" in uses:
        holds = (yield uses["if"], value) is None
        found += [uses["if"], uses.get("then")] if holds else [uses.get("else")]
    if isinstance(value, dict):
        found += [raw for name, raw in uses.get("dependentSchemas", {}).items() if name in value]
    for keyword in ("allOf", "anyOf", "oneOf"):
        for raw in uses.get(keyword, ()):
            if (yield raw, value) is None:
                found.append(raw)
    return found
