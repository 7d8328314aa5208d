"""The results of tests for people, as lines of text; and for programs, as plain values. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from connector.operations.formatting import counted
from connector.service.route_tests.compare import ABSENT, Difference, shown
from connector.service.route_tests.judge import Problem
from connector.service.route_tests.suite import CaseResult, SuiteResult
from connector.settings.values import Route

# A difference longer than this gets a line for each of its two values.
_ONE_LINE = 72


class Tone(Enum):
    """How a line is shown where there are colours."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    WARNING = "warning"


class Line(NamedTuple):
    """One line of a report."""

    text: str
    tone: Tone = Tone.PLAIN


def report(result: SuiteResult, *, cover: bool) -> Iterator[Line]:
    """Yield the whole report: a line for each file, each failed case, the routes without a case, the sums.

    `cover`: routes without a case are a failure.
    """
    for file, results in result.by_file().items():
        yield _file_line(file, results)
    for each in result.results:
        if not each.passed:
            yield Line("")
            yield Line(f"✗ {place(each)}  {each.case.name}", Tone.BAD)
            yield from (Line(f"  {line}") for line in explanation(each, result.routes))
    if result.uncovered:
        yield Line("")
        yield from _uncovered_lines(result, cover)
    yield Line("")
    without = f", {counted(len(result.uncovered), 'route')} without a case" if cover and result.uncovered else ""
    yield Line(_counts(result.results) + without, Tone.BAD if result.failed or without else Tone.GOOD)


def place(result: CaseResult) -> str:
    """Return where a case stands: `crm.tests.yaml:12`."""
    return f"{result.case.file}:{result.case.line}"


def _counts(results: Sequence[CaseResult]) -> str:
    failed = sum(not each.passed for each in results)
    passed = len(results) - failed
    parts = [f"{count:,} {what}" for count, what in ((failed, "failed"), (passed, "passed")) if count]
    return ", ".join(parts)


def _file_line(file: Path, results: Sequence[CaseResult]) -> Line:
    good = all(each.passed for each in results)
    return Line(f"{'✓' if good else '✗'} {file}: {_counts(results)}", Tone.GOOD if good else Tone.BAD)


def _uncovered_lines(result: SuiteResult, cover: bool) -> Iterator[Line]:
    count, total = len(result.uncovered), len(result.routes)
    verb = "has" if count == 1 else "have"
    tone = Tone.BAD if cover else Tone.WARNING
    yield Line(
        f"{'✗' if cover else '!'} {count} of {counted(total, 'route')} {verb} no case that must take an event:", tone
    )
    yield from (Line(f"  {target(route)}") for route in result.uncovered)


def target(route: Route) -> str:
    """Return a route's name and where it leads."""
    to = f"{route.sink}.{route.method}"
    return route.name if route.name == to else f"{route.name} ({to})"


def explanation(result: CaseResult, routes: Sequence[Route]) -> Iterator[str]:
    """Yield the lines that say why a case failed."""
    if result.error:
        yield from f"its record cannot be had: {result.error}".splitlines()
    targets = {route.name: target(route) for route in routes}
    for problem in result.problems:
        yield f"{targets.get(problem.route or '', 'the event')}: {problem.says}".rstrip()
        yield from (f"  {line}" for line in problem.why.splitlines())
        for difference in problem.differences:
            yield from (f"  {line}" for line in _difference_lines(difference))
        for body in problem.sent:
            yield from (f"  {line}" for line in json.dumps(body, indent=2, ensure_ascii=False).splitlines())


def summary(result: CaseResult, routes: Sequence[Route]) -> str:
    """Return the beginning of the explanation in one line."""
    lines = list(explanation(result, routes))
    return lines[0] if not lines[0].endswith(":") else " ".join(line.strip() for line in lines[:2])


def _difference_lines(difference: Difference) -> Iterator[str]:
    hint = f" ({difference.hint})" if difference.hint else ""
    field = difference.field
    if difference.got is ABSENT:
        whole = f"{field}: missing, expected {shown(difference.expected)}{hint}"
        yield from (
            [whole]
            if len(whole) <= _ONE_LINE
            else [f"{field}: missing{hint}, expected", f"  {shown(difference.expected)}"]
        )
        return
    if difference.expected is ABSENT:
        whole = f"{field}: unexpected, {shown(difference.got)}"
        yield from [whole] if len(whole) <= _ONE_LINE else [f"{field}: unexpected", f"  {shown(difference.got)}"]
        return
    whole = f"{field}: expected {shown(difference.expected)}, got {shown(difference.got)}{hint}"
    if len(whole) <= _ONE_LINE:
        yield whole
    else:
        yield f"{field}:"
        yield f"  expected {shown(difference.expected)}"
        yield f"  got      {shown(difference.got)}{hint}"


# --- for programs ----------------------------------------------------------------------------------------------------


def as_json(result: SuiteResult, *, cover: bool) -> dict[str, Any]:
    """Return the results as plain values."""
    return {
        "ok": not result.failed and not (cover and result.uncovered),
        "passed": len(result.results) - result.failed,
        "failed": result.failed,
        "files": [
            {"file": str(file), "cases": [_case(each) for each in results]}
            for file, results in result.by_file().items()
        ],
        "routes_without_a_case": [route.name for route in result.uncovered],
    }


def _case(result: CaseResult) -> dict[str, Any]:
    case = result.case
    content = {"name": case.name, "line": case.line, "passed": result.passed}
    if result.error:
        content["error"] = result.error
    return content | {"problems": [_problem(problem) for problem in result.problems]}


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "route": problem.route,
        "message": problem.says,
        "why": problem.why,
        "differences": [_difference(each) for each in problem.differences],
        "sent": [dict(body) for body in problem.sent],
    }


def _difference(difference: Difference) -> Mapping[str, Any]:
    """Return a difference; `expected` or `got` is left out where there is no such value."""
    values = {"expected": difference.expected, "got": difference.got}
    return {"field": difference.field} | {name: value for name, value in values.items() if value is not ABSENT}
