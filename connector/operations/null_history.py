"""Which fields of a sink's routes were null in the last minute, and which had values before and have none now. Pure.

A field that an upstream team renames is null from one event to the next, and nothing fails: this is how it is seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from connector.routing.route_counts import RouteCounts

WINDOW_SECONDS = 60.0
# A run of nulls is shown if it is this long, and so unlikely, going by the events before it.
_SHORTEST, _CHANCE = 3, 1e-6


class AlwaysNull(NamedTuple):
    """A run of nulls without a value among them, in a field that had values before.

    `since` in monotonic seconds, `events` of the run; `events_before` it, of which `nulls_before` were null.
    """

    since: float
    events: int
    events_before: int
    nulls_before: int


class FieldNulls(NamedTuple):
    """How often a field was null: since the start and in the last minute; `always` if it now is and was not before."""

    field: str
    nulls: int
    nulls_last_minute: int
    always: AlwaysNull | None


class RouteNulls(NamedTuple):
    """A route's events, since the start and of the last minute, and those of its fields that ever were null."""

    name: str
    method: str
    events: int
    events_last_minute: int
    fields: Sequence[FieldNulls]


class _Run:
    """The nulls of one field since it last had a value."""

    __slots__ = ("_before", "_last", "_since")

    def __init__(self) -> None:
        self._last = self._before = (0, 0)  # events and nulls: at the last sample, and when the last value was seen
        self._since: float | None = None

    def add(self, at: float, events: int, nulls: int) -> None:
        """Add a sample of the field's counts since the start."""
        if events - nulls > self._last[0] - self._last[1]:
            self._before, self._since = (events, nulls), None
        elif nulls > self._last[1] and self._since is None:
            self._since = at
        self._last = events, nulls

    def always_null(self) -> AlwaysNull | None:
        """Return the run, if there is one, the field had values before, and it is too long to be chance.

        The chance of a null is taken from the events before the run (Laplace's rule: with one more of each kind, so
        that few events prove little): after five hundred values three nulls are enough, after an even mix twenty.
        """
        events, nulls = self._before
        run = self._last[1] - nulls
        if self._since is None or not events or run < _SHORTEST or ((nulls + 1) / (events + 2)) ** run > _CHANCE:
            return None
        return AlwaysNull(self._since, run, events, nulls)


class NullHistory:
    """Samples of one sink's routes, taken each second from `at` (monotonic seconds)."""

    def __init__(self, routes: Sequence[RouteCounts], at: float) -> None:
        self._routes = routes
        self._samples = deque([(at, self._tallies())])
        self._runs = [[_Run() for _ in route.fields] for route in routes]

    def record_sample(self, at: float) -> None:
        """Take a sample of what the routes have counted by now."""
        self._samples.append((at, self._tallies()))
        while self._samples[1][0] <= at - WINDOW_SECONDS:  # one that is at least a minute old stays
            self._samples.popleft()
        for route, runs in zip(self._routes, self._runs, strict=True):
            for run, (_, nulls) in zip(runs, route.nulls(), strict=True):
                run.add(at, route.events, nulls)

    def routes(self) -> list[RouteNulls]:
        """Return all routes in file order; the last minute is that before the last sample, and what came since."""
        _, earlier = self._samples[0]
        return [
            _route_nulls(route, [now - then for now, then in zip(route.tally, tally, strict=True)], runs)
            for route, tally, runs in zip(self._routes, earlier, self._runs, strict=True)
        ]

    def _tallies(self) -> Sequence[Sequence[int]]:
        return [tuple(route.tally) for route in self._routes]


def _route_nulls(route: RouteCounts, recent: Sequence[int], runs: Sequence[_Run]) -> RouteNulls:
    fields = [
        FieldNulls(field, nulls, recent[place], run.always_null())
        for place, ((field, nulls), run) in enumerate(zip(route.nulls(), runs, strict=True), 1)
        if nulls
    ]
    return RouteNulls(route.name, route.method, route.events, recent[0], fields)
