"""The tests files of the examples pass, under the configurations that they lie beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.load import load
from connector.service.route_tests.cases import load_cases
from connector.service.route_tests.files import find_files
from connector.service.route_tests.report import explanation
from connector.service.route_tests.suite import SuiteResult, run_cases

EXAMPLES = Path(__file__).parents[2] / "examples"
TESTED = sorted(path.with_name("connector.yaml") for path in EXAMPLES.rglob("connector.tests.yaml"))
NOW = 1_772_355_600.0


def result(config: Path) -> SuiteResult:
    settings = load(config)
    return run_cases(settings, load_cases(settings, find_files(config, ()), NOW))


@pytest.mark.parametrize("config", TESTED, ids=lambda path: path.parent.name)
def test_every_case_passes(config: Path) -> None:
    found = result(config)
    assert [line for each in found.results for line in explanation(each, found.routes)] == []


def test_all_events_as_found_have_tests() -> None:
    found = EXAMPLES / "events-as-found"
    assert {path.parent for path in TESTED} >= {path for path in found.iterdir() if path.is_dir()}


@pytest.mark.parametrize("name", ["debezium", "cloudevents"])
def test_every_route_has_a_case(name: str) -> None:
    assert result(EXAMPLES / "events-as-found" / name / "connector.yaml").uncovered == []
