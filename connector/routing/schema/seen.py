"""unevaluatedProperties and unevaluatedItems: which properties and items the rest of a subschema has looked at."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, Protocol

from connector.routing.schema.parts import Part, Parts, Raw

# Followed through so many subschemas of one value, one in the other.
_DEEP = 100

# They ask for checks, and are told what is wrong: None if nothing is.
_Asks = tuple[Raw, Any]
_Names = Generator[_Asks, object, list[str | int]]
_Adds = Generator[_Asks, object, None]


class TooMuchError(Exception):
    """The steps allowed do not suffice, or one of the schema's references cannot be followed."""


class EndlessPatternError(TooMuchError):
    """A string was tried against a pattern as often as is allowed: whether it matches is not known."""


class Steps(Protocol):
    """What is asked of the check that runs."""

    parts: Parts

    def spend(self, steps: int) -> None:
        """Counts steps before they are taken. Raises TooMuchError."""

    def matching(self, part: Part, name: str) -> list[Raw]:
        """The subschemas of patternProperties whose pattern a name matches."""


def unevaluated(steps: Steps, part: Part, keyword: str, value: Any, places: Iterable[str | int]) -> _Names:
    """The names or indexes that nothing has evaluated, and that the keyword's own subschema does not take."""
    seen: set[str | int] = set()
    yield from _evaluated(steps, part, value, seen, ())
    wrong = []
    for place in places:
        if place not in seen and (yield part.uses[keyword], value[place]) is not None:
            wrong.append(place)  # noqa: PERF401 (a comprehension cannot yield)
    return wrong


def _evaluated(steps: Steps, part: Part, value: Any, seen: set[str | int], above: tuple[int, ...]) -> _Adds:
    """Adds the names or indexes that a subschema which holds, and those that it applies, have evaluated."""
    if id(part) in above:
        return
    if len(above) > _DEEP:
        raise TooMuchError
    steps.spend(1 + len(value))
    if isinstance(value, dict):
        _names(steps, part, value, seen, top=not above)
    else:
        yield from _indexes(steps, part, value, seen, top=not above)
    for raw in (yield from _holding(part, value)):
        if isinstance(raw, dict):
            yield from _evaluated(steps, steps.parts.part(raw), value, seen, (*above, id(part)))


def _names(steps: Steps, part: Part, value: dict[str, Any], seen: set[str | int], *, top: bool) -> None:
    uses = part.uses
    if "additionalProperties" in uses or ("unevaluatedProperties" in uses and not top):
        seen.update(value)
    seen.update(name for name in uses.get("properties", ()) if name in value)
    seen.update(name for name in value if "patternProperties" in uses and steps.matching(part, name))


def _indexes(steps: Steps, part: Part, value: list[Any], seen: set[str | int], *, top: bool) -> _Adds:
    uses = part.uses
    every = part.rest() is not None or ("unevaluatedItems" in uses and not top)
    seen.update(range(len(value) if every else min(len(part.first()), len(value))))
    if "contains" in uses and steps.parts.counts_contained:
        for index, item in enumerate(value):
            if (yield uses["contains"], item) is None:
                seen.add(index)


def _holding(part: Part, value: Any) -> Generator[_Asks, object, list[Raw]]:
    """Of the subschemas applied to the same value, those that hold and evaluate something."""
    uses = part.uses
    found = list(part.targets)
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
