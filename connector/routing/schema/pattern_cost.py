"""The cost of a schema's regular expressions, in units of work."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import jsonschema_rs

# A pattern with look-around or back-references backtracks: this many steps at most (0.3 ms) for one string.
REGEX_OPTIONS = jsonschema_rs.FancyRegexOptions(backtrack_limit=20_000)
_BACKTRACKING = 30_000
_COUNTED = re.compile(r"\{(\d{1,9})(?:,(\d{0,9}))?\}")
_LOOPS = re.compile(r"(?<!\\)[*+]|,\}")
# Up to this many states, the automaton that the library builds from a pattern stays small for any string.
_SMALL_AUTOMATON = 16


class PatternCost(NamedTuple):
    """Units of work for matching one string: for each character, for the string as a whole, and for backtracking at
    most."""

    per_character: int
    per_string: int
    backtracking: int

    def for_text(self, text: str) -> int:
        """Return the units that one text costs."""
        return self.per_character * len(text) + self.per_string + self.backtracking

    @staticmethod
    def total(costs: Iterable[PatternCost]) -> PatternCost:
        """Return the sum for several patterns."""
        return PatternCost(*map(sum, zip(*costs, FREE, strict=True)))


FREE = PatternCost(0, 0, 0)


def pattern_cost(pattern: str) -> PatternCost:
    """Return the largest cost of a pattern.

    Most patterns read a string once, at some nanoseconds a character, and count as free. A pattern whose automaton can
    be in many states at once (a long counted repeat, or a long remainder, after a loop) costs as much for each
    character as it has such states.
    """
    try:
        jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions())
    except ValueError:
        return PatternCost(0, 0, _BACKTRACKING)
    repeats = [int(found[2] or found[1]) for found in _COUNTED.finditer(pattern)]
    loops = _LOOPS.search(pattern)
    looping = loops is not None or not pattern.startswith("^") or "|^" in pattern
    states = sum(repeats) + (len(pattern) if loops is not None and len(pattern) > 200 else 0)
    if not looping or (states <= _SMALL_AUTOMATON and max(repeats, default=0) <= _SMALL_AUTOMATON):
        return FREE
    nested = 1
    for repeat in repeats:
        nested = min(nested * max(repeat, 1), 100_000)
    return PatternCost(max(states, nested if len(repeats) > 1 else 0), 0, 0)
