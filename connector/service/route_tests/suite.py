"""Runs the cases of tests files against the routes of one configuration. Asks no vendor, and Kafka only for records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from connector.config.kafka_settings import resolve_kafka
from connector.errors import ConnectorError
from connector.kafka.records import Address
from connector.kafka.topic_reader import read_record
from connector.model import Failure, Item, Reason, Record
from connector.routing import Router
from connector.routing.decode import decode
from connector.routing.plan import applies
from connector.service.assembly import build_routers
from connector.service.preflight.connection import require_brokers
from connector.service.route_inspector import RouteInspector, view_of
from connector.service.route_tests.cases import SKIPPED, Case
from connector.service.route_tests.compare import ABSENT, Difference
from connector.service.route_tests.judge import Made, Problem, judge
from connector.settings.values import Route, Settings
from connector.vendors.registry import VENDORS

_TOMBSTONE = "a tombstone (no value) is skipped"


class CaseResult(NamedTuple):
    """One case with what is not as expected. `error`: its record cannot be had; "" if it can."""

    case: Case
    problems: Sequence[Problem]
    error: str = ""

    @property
    def passed(self) -> bool:
        """True if everything is as expected."""
        return not self.problems and not self.error


class SuiteResult(NamedTuple):
    """The results in the files' order; all routes, and those of which no case expects that they take an event."""

    results: Sequence[CaseResult]
    routes: Sequence[Route]
    uncovered: Sequence[Route]

    @property
    def failed(self) -> int:
        """Return how many cases failed."""
        return sum(not result.passed for result in self.results)

    def by_file(self) -> Mapping[Path, Sequence[CaseResult]]:
        """Return the results of each file."""
        files: dict[Path, list[CaseResult]] = {}
        for result in self.results:
            files.setdefault(result.case.file, []).append(result)
        return files


def run_cases(settings: Settings, cases: Sequence[Case]) -> SuiteResult:
    """Run every case."""
    tester = _Tester(settings)
    records = _Records(settings)
    results = []
    for case in cases:
        try:
            record = records.of(case)
        except ConnectorError as error:
            results.append(CaseResult(case, (), str(error)))
        else:
            results.append(CaseResult(case, tester.problems(case, record)))
    taken = {name for case in cases for name, expected in case.expect.items() if expected != SKIPPED}
    return SuiteResult(results, settings.routes, [route for route in settings.routes if route.name not in taken])


class _Records:
    """The cases' records; those in Kafka are read once, and a broker that cannot be had is not asked again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._conf: Mapping[str, Any] | ConnectorError | None = None
        self._read: dict[Address, Record | ConnectorError] = {}

    def of(self, case: Case) -> Record:
        """Return a case's record. Raises ConnectorError where it cannot be read."""
        if case.record is not None:
            return case.record
        assert case.address is not None  # noqa: S101 - a case has one of the two
        if case.address not in self._read:
            self._read[case.address] = self._read_record(case.address)
        found = self._read[case.address]
        if isinstance(found, ConnectorError):
            raise found
        return found

    def _read_record(self, address: Address) -> Record | ConnectorError:
        if self._conf is None:
            self._conf = self._reachable()
        if isinstance(self._conf, ConnectorError):
            return self._conf
        try:
            return read_record(self._conf, address)
        except ConnectorError as error:
            return error

    def _reachable(self) -> Mapping[str, Any] | ConnectorError:
        try:
            conf = resolve_kafka(self._settings)
            require_brokers(conf)
        except ConnectorError as error:
            return error
        return conf


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What all sinks make of a record: items and failures by route; and the failures before any route, by sink."""

    record: Record
    items: Mapping[str, Sequence[Item]]
    failures: Mapping[str, Failure]
    of_record: Mapping[str, Failure]


class _Tester:
    """Judges records under one configuration, whose routers are built once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._routes = {route.name: route for route in settings.routes}
        self._routers: Mapping[str, Router] = build_routers(
            settings, dict.fromkeys(route.sink for route in settings.routes)
        )

    def problems(self, case: Case, record: Record) -> list[Problem]:
        """Return what is not as the case expects."""
        outcome = self._route(record)
        if case.record_expect is not None:
            found = self._judge_record(case, outcome)
        else:
            names = self._routes if case.others_skipped else case.expect
            found = [
                judge(name, case.expect.get(name, SKIPPED), self._made(self._routes[name], outcome)) for name in names
            ]
        problems = [problem for problem in found if problem is not None]
        return problems if case.address is None else [self._masked(problem, outcome) for problem in problems]

    def _route(self, record: Record) -> _Outcome:
        items: dict[str, list[Item]] = {}
        failures: dict[str, Failure] = {}
        of_record: dict[str, Failure] = {}
        for sink, router in self._routers.items():
            for result in router.route(record):
                if isinstance(result, Item):
                    items.setdefault(result.route, []).append(result)
                elif result.route is not None:
                    failures.setdefault(result.route, result)
                else:
                    of_record[sink] = result
        return _Outcome(record, items, failures, of_record)

    def _judge_record(self, case: Case, outcome: _Outcome) -> list[Problem | None]:
        expected = case.record_expect or SKIPPED
        made = {
            route.name: self._made(route, outcome)
            for route in self._settings.routes
            if route.name in outcome.items or route.name in outcome.failures
        }
        if made:
            return [judge(name, expected, each) for name, each in made.items()]
        letter = next(iter(outcome.of_record.values()), None)
        return [judge(None, expected, Made((), letter, _skips_all(outcome.record)))]

    def _made(self, route: Route, outcome: _Outcome) -> Made:
        record = outcome.record
        letter = outcome.failures.get(route.name)
        if letter is None and applies(route.topics, record.topic):
            of_record = outcome.of_record.get(route.sink)
            if of_record is not None and of_record.reason is not Reason.UNROUTED:
                letter = of_record
        read_body = VENDORS[self._settings.sinks[route.sink].kind].read_body
        bodies = [read_body(item.body) for item in outcome.items.get(route.name, ())]
        return Made(bodies, letter, "" if bodies or letter else _skips(route, record))

    def _masked(self, problem: Problem, outcome: _Outcome) -> Problem:
        """Return a problem with the values hidden that depend on what `redact` names."""
        record, items = outcome.record, outcome.items.get(problem.route or "", ())
        if not items:
            return problem
        inspector = RouteInspector(self._settings, self._routes[items[0].route])
        view = view_of(decode(record.value or b""), record, self._settings.redact)
        bodies = [inspector.body(item, view) for item in items]
        whole: Any = bodies if len(bodies) > 1 else bodies[0]  # as the paths of differences begin
        return problem._replace(
            differences=[_as_shown(each, whole) for each in problem.differences], sent=bodies if problem.sent else ()
        )


def _as_shown(difference: Difference, body: Any) -> Difference:
    """Return a difference with the value that stands at its path where people look; a mask hides all below it."""
    if difference.got is ABSENT:
        return difference
    shown: Any = body
    for step in difference.path:
        shown = shown if isinstance(shown, str) else shown[step]
    return difference if shown == difference.got else difference._replace(got=shown, hint="")


def _skips_all(record: Record) -> str:
    return _TOMBSTONE if record.value is None else "no route takes the event"


def _skips(route: Route, record: Record) -> str:
    if record.value is None:
        return _TOMBSTONE
    if not applies(route.topics, record.topic):
        return f"the route does not read {record.topic}"
    return f"{route.when} does not hold" if route.when else "it makes no item"
