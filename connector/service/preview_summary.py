"""What becomes of many events: for each route how many would be sent, are skipped or are dead letters, and why.

Memory does not grow with the events: what is kept are counts, and the first lines of each group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.deadletters.cause import OTHER_MESSAGES, normalise_message
from connector.redaction.payloads import FieldPath
from connector.service.problems import Problem

_LINES_SHOWN = 5
_MOST_GROUPS = 100


@dataclass(slots=True)
class Group:
    """Events of which the same is to be said: how many, and the first of their lines."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count the event of this line."""
        self.count += 1
        if len(self.lines) < _LINES_SHOWN:
            self.lines.append(line)


@dataclass(slots=True, kw_only=True)
class ProblemGroup(Group):
    """Events with the same problem. `first` is as the first event has it; `message` has placeholders for values."""

    first: Problem
    message: str
    alike: bool = True

    @property
    def said(self) -> str:
        """The message: as it stands where all events have the same one, else with placeholders."""
        return self.first.message if self.alike else self.message


class Problems:
    """Problems grouped by kind and message, of which values are replaced by placeholders."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], ProblemGroup] = {}

    def add(self, problem: Problem, line: int) -> None:
        """Count a problem of the event of this line."""
        key = problem.name, normalise_message(problem.message)
        if key not in self._groups and len(self._groups) >= _MOST_GROUPS:
            key = "", OTHER_MESSAGES
            problem = Problem("", None, OTHER_MESSAGES)
        group = self._groups.setdefault(key, ProblemGroup(first=problem, message=key[1]))
        group.alike = group.alike and group.first.message == problem.message
        group.add(line)

    def most_frequent(self) -> list[ProblemGroup]:
        """Return the groups, the largest first."""
        return sorted(self._groups.values(), key=lambda group: -group.count)


@dataclass(slots=True)
class NullField(Group):
    """A field that came out null or empty: in how many of the events that its route takes, and why in the first."""

    expression: str = ""
    cause: str = ""


@dataclass(slots=True)
class RouteSummary:
    """What one route makes of all events; without a route, what fails in a sink before any route is asked.

    Of a route with `each` (`of_items`), items are counted, and among the skipped events those without any.

    `notes` say what the records lack because they are made from a file; of a route that takes none of the events,
    `conditions` say what in its `when` is null for the first.
    """

    sink: str
    route: str | None
    method: str | None
    when: str | None = None
    sent: int = 0
    skipped: int = 0
    without_items: int = 0
    of_items: bool = False
    reasons: Counter[str] = field(default_factory=Counter)
    problems: Problems = field(default_factory=Problems)
    null_fields: dict[FieldPath, NullField] = field(default_factory=dict)
    conditions: Sequence[str] = ()
    notes: Sequence[Problem] = ()

    @property
    def dead_letters(self) -> int:
        """How many events become dead letters."""
        return self.reasons.total()

    @property
    def taken(self) -> int:
        """How many events the route takes."""
        return self.sent + self.dead_letters

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON has it."""
        return {
            "sink": self.sink,
            "route": self.route,
            "method": self.method,
            "sent": self.sent,
            "skipped": self.skipped,
            "without_items": self.without_items,
            "dead_letters": self.dead_letters,
            "reasons": dict(self.reasons),
            "problems": [
                {**group.first.as_json(), "message": group.said, "count": group.count, "lines": group.lines}
                for group in self.problems.most_frequent()
            ],
            "null_fields": [
                {
                    "field": ".".join(path),
                    "expression": found.expression,
                    "count": found.count,
                    "of": self.taken,
                    "lines": found.lines,
                    "cause": found.cause,
                }
                for path, found in self.null_fields.items()
            ],
            "conditions": list(self.conditions),
            "notes": [note.as_json() for note in self.notes],
        }


@dataclass(slots=True)
class FileSummary:
    """What becomes of a file's events. `octets` counts those of the events alone."""

    topic: str
    events: int = 0
    octets: int = 0
    routes: dict[tuple[str, str | None], RouteSummary] = field(default_factory=dict)

    @property
    def dead_letters(self) -> int:
        """How many (event, route) pairs become dead letters, and events that fail before any route."""
        return sum(summary.dead_letters for summary in self.routes.values())

    def in_order(self) -> list[RouteSummary]:
        """Return the summaries by sink; what fails before any route is the last of its sink's."""
        sinks = list(dict.fromkeys(sink for sink, _ in self.routes))
        return sorted(self.routes.values(), key=lambda each: (sinks.index(each.sink), each.route is None))

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON has it."""
        routes = [summary.as_json() for summary in self.in_order()]
        return {"topic": self.topic, "events": self.events, "bytes": self.octets, "routes": routes}
