"""All findings of one expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connector.expressions.lint.calls import failing_arithmetic, failing_calls, swapped_arguments
from connector.expressions.lint.comparisons import never_equals, text_orders, unlike_parts
from connector.expressions.lint.logic import impossible_parts
from connector.expressions.lint.names import (
    bare_literals,
    double_quoted_texts,
    empty_brackets,
    unquoted_texts,
)
from connector.expressions.lint.operators import constant_conditions, lone_values, misread_nots, single_pipes
from connector.expressions.lint.places import Finding, Place, places, shown
from connector.expressions.lint.texts import templates, unlikely_texts

_FINDERS: tuple[Callable[[Place], Iterator[Finding]], ...] = (
    bare_literals,
    empty_brackets,
    double_quoted_texts,
    unquoted_texts,
    unlikely_texts,
    templates,
    misread_nots,
    single_pipes,
    lone_values,
    failing_calls,
    failing_arithmetic,
    constant_conditions,
    swapped_arguments,
    text_orders,
    never_equals,
    unlike_parts,
)


def lint(text: str, *, condition: bool = False) -> list[Finding]:
    """Return what an expression says beside what its writer must have meant, in the order of the text.

    `condition`: only its truth counts, as of a `when`. Raises ExpressionError if it does not parse.
    """
    found: dict[int, Finding] = {}
    parts = list(places(text, condition=condition))
    for place in parts:
        for finder in _FINDERS:
            for finding in finder(place):
                # Of one place the first counts: what comes after it would follow from the same slip.
                found.setdefault(finding.column, finding)
    if not found:  # what is impossible because of a slip is said by the slip
        return [finding for place in parts for finding in _impossible(place)]
    return sorted(found.values(), key=lambda finding: finding.column)


def _impossible(place: Place) -> Iterator[Finding]:
    """Find what holds for no event, or for every one, in a condition as a whole."""
    above = place.above
    if not place.condition or (above is not None and above.condition and above.node.kind in ("and", "or", "not")):
        return
    for part, truth in impossible_parts(place.node):
        name, says = ("always-true", "true whatever it compares") if truth else ("never-true", "true of no event")
        other = part._replace(kind="or" if part.kind == "and" else "and")
        word = "and is &&" if truth else "or is ||"
        meant = "" if impossible_parts(other) else f"; {word}: {shown(other)}"
        yield Finding(name, f"{shown(part)} is {says}{meant}", part.column)
