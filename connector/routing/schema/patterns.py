"""What a regular expression of a schema may cost."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import jsonschema_rs

# A pattern that looks around or back is tried by backtracking: at most so many steps, 0.3 ms, for one string.
PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=20_000)
_BACKTRACKING = 30_000
_COUNTED = re.compile(r"\{(\d{1,9})(?:,(\d{0,9}))?\}")
_LOOPS = re.compile(r"(?<!\\)[*+]|,\}")
# Below so many states the automaton that the library builds of a pattern stays small, whatever the string.
_FEW = 16


class Cost(NamedTuple):
    """Units of work of one string: of each of its characters, for the whole of it, and what backtracking may take."""

    character: int
    string: int
    tries: int

    def of(self, text: str) -> int:
        """Of this one."""
        return self.character * len(text) + self.string + self.tries

    @staticmethod
    def sum(costs: Iterable[Cost]) -> Cost:
        """Of several patterns."""
        return Cost(*map(sum, zip(*costs, FREE, strict=True)))


FREE = Cost(0, 0, 0)


def cost_of(pattern: str) -> Cost:
    """What a pattern costs at most.

    Most read a string once, some nanoseconds a character, which is counted as nothing. One that may be in many
    places of itself at once (a long counted repeat, or a long rest, after a loop) costs as much as it has such places.
    """
    try:
        jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions())
    except ValueError:
        return Cost(0, 0, _BACKTRACKING)
    repeats = [int(found[2] or found[1]) for found in _COUNTED.finditer(pattern)]
    loops = _LOOPS.search(pattern)
    looping = loops is not None or not pattern.startswith("^") or "|^" in pattern
    states = sum(repeats) + (len(pattern) if loops is not None and len(pattern) > 200 else 0)
    if not looping or (states <= _FEW and max(repeats, default=0) <= _FEW):
        return FREE
    nested = 1
    for repeat in repeats:
        nested = min(nested * max(repeat, 1), 100_000)
    return Cost(max(states, nested if len(repeats) > 1 else 0), 0, 0)
