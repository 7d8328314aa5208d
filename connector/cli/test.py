"""`connector test`: the operator's own tests of the routes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli._options import AsJson, Config

if TYPE_CHECKING:
    from connector.service.route_tests.report import Line
    from connector.service.route_tests.suite import SuiteResult

Tests = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="TESTS",
        help="Tests files, or directories of them. Without any: what lies beside the configuration, for crm.yaml "
        "crm.tests.yaml and all of tests/.",
    ),
]
Junit = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Also write the results as JUnit XML, for CI servers.")
]
Cover = Annotated[bool, typer.Option("--cover", help="Fail, too, if a route has no case that must take an event.")]


def run_tests(
    config: Config,
    tests: Tests = None,
    junit: Junit = None,
    cover: Cover = False,
    as_json: AsJson = False,
) -> None:
    """Hold the routes against your own tests: events, and what each route must make of them. Sends nothing.

    No secret and no vendor is needed, and Kafka only by cases that name a `record`.

    `connector example --tests` prints a commented tests file.

    Exit status 0: all is as expected; 1: some case failed; 2: the configuration, a tests file or an argument is wrong.

    Example: connector test --config connector.yaml --cover --junit results.xml
    """
    from connector.clock import SystemClock
    from connector.config.load import load
    from connector.service.route_tests.cases import load_cases
    from connector.service.route_tests.files import find_files
    from connector.service.route_tests.report import as_json as plain
    from connector.service.route_tests.report import report
    from connector.service.route_tests.suite import run_cases

    settings = load(config)
    cases = load_cases(settings, find_files(config, tests or ()), SystemClock.now())
    result = run_cases(settings, cases)
    if as_json:
        typer.echo(json.dumps(plain(result, cover=cover), indent=2, ensure_ascii=False))
    else:
        _print(list(report(result, cover=cover)))
    if junit is not None:
        _write_junit(junit, result, cover)
    if result.failed or (cover and result.uncovered):
        raise typer.Exit(1)


def _print(lines: list[Line]) -> None:
    from rich.console import Console
    from rich.text import Text

    from connector.cli._terminal import printable

    styles = {"good": "green", "bad": "bold red", "warning": "yellow"}
    console = Console(highlight=False)
    for line in lines:
        # Long lines are left to the terminal: a log of CI has no width.
        console.print(Text(printable(line.text), style=styles.get(line.tone.value, "")), soft_wrap=True)


def _write_junit(file: Path, result: SuiteResult, cover: bool) -> None:
    from connector.errors import ConfigError, Mistake
    from connector.service.route_tests.junit import junit_xml

    try:
        file.write_bytes(junit_xml(result, cover=cover))
    except OSError as error:
        raise ConfigError([Mistake("--junit", f"{file} cannot be written: {error.strerror}")]) from error
