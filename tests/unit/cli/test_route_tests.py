"""`connector test`: its screens, its exit status, and what it needs not."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.errors import ConfigError
from tests.unit.service.route_tests.support import ORDER, configure, write_tests

EXAMPLES = Path(__file__).parents[3] / "connector" / "config"
GOOD = f"- {{name: gives points, event: {ORDER}, expect: {{points: {{fields: {{value: '250.5'}}}}}}}}"
BAD = f"- {{name: gives more, event: {ORDER}, expect: {{points: {{fields: {{value: '251'}}}}}}}}"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    configure(tmp_path)
    return tmp_path


def run_tests(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["test", "--config", "crm.yaml", *arguments])


def test_all_as_expected(place: Path) -> None:
    write_tests(place, GOOD)
    write_tests(place, GOOD, "tests/more.yaml")
    result = run_tests()
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "✓ crm.tests.yaml: 1 passed",
        "✓ tests/more.yaml: 1 passed",
        "",
        "! 3 of 4 routes have no case that must take an event:",
        "  mytracker.registration",
        "  revenue (mytracker.customRevenue)",
        "  play (mytracker.customEvent)",
        "",
        "2 passed",
    ]


def test_a_case_that_fails_is_shown_with_its_place(place: Path) -> None:
    write_tests(place, f"{GOOD}\n{BAD}")
    result = run_tests()
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:5] == [
        "✗ crm.tests.yaml: 1 failed, 1 passed",
        "",
        "✗ crm.tests.yaml:3  gives more",
        "  points (sailplay.fire):",
        '    value: expected "251", got "250.5"',
    ]
    assert result.stdout.splitlines()[-1] == "1 failed, 1 passed"


def test_routes_without_a_case_fail_with_cover_alone(place: Path) -> None:
    write_tests(place, GOOD)
    result = run_tests("--cover")
    assert result.exit_code == 1
    assert "✗ 3 of 4 routes have no case that must take an event:\n  mytracker.registration\n" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 passed, 3 routes without a case"
    shutil.copy(EXAMPLES / "example.yaml", place / "crm.yaml")
    shutil.copy(EXAMPLES / "example.tests.yaml", place / "crm.tests.yaml")
    result = run_tests("--cover")
    assert (result.exit_code, result.stdout) == (0, "✓ crm.tests.yaml: 7 passed\n\n7 passed\n")


def test_programs_get_json_and_the_same_status(place: Path) -> None:
    file = str(write_tests(place, GOOD))
    assert json.loads(run_tests("--json", file).stdout)["ok"] is True
    result = run_tests("--json", "--cover", file)
    assert (result.exit_code, json.loads(result.stdout)["ok"]) == (1, False)
    result = run_tests("--json", str(write_tests(place, BAD)))
    assert (result.exit_code, json.loads(result.stdout)["failed"]) == (1, 1)


def test_junit_is_written_beside_what_is_printed(place: Path) -> None:
    write_tests(place, BAD)
    result = run_tests("--junit", "results.xml")
    assert (result.exit_code, "gives more" in result.stdout) == (1, True)
    assert parse("results.xml").getroot().get("failures") == "1"  # noqa: S314 - our own


def test_a_junit_file_that_cannot_be_written_is_a_wrong_argument(place: Path) -> None:
    write_tests(place, GOOD)
    result = run_tests("--junit", "no/such/place.xml")
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == "--junit: no/such/place.xml cannot be written: No such file or directory"


@pytest.mark.parametrize(
    ("file", "text"),
    [("crm.tests.yaml", "tests: [{}]"), ("crm.yaml", "group: crm"), ("crm.tests.yaml", "a: [")],
)
def test_what_is_wrong_is_wrong_configuration_and_no_failure(place: Path, file: str, text: str) -> None:
    write_tests(place, GOOD)
    (place / file).write_text(text, encoding="utf-8")
    assert isinstance(run_tests().exception, ConfigError)


def test_what_an_event_holds_cannot_drive_the_terminal(place: Path) -> None:
    odd = '"\\e[31m\\x9b\\u202e"'
    write_tests(
        place,
        f"- {{name: {odd}, event: {ORDER[:-1]}, user: {{id: {odd}}}}}, expect: {{points: skipped}}}}".replace(
            "user: {id: u}, ", ""
        ),
    )
    shown = run_tests().stdout
    assert "\\x1b[31m\\x9b\\u202e" in shown
    assert not set(shown) & set("\x1b\x9b\u202e")


def test_neither_network_nor_secret_is_needed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration's secrets are not there, and nothing listens at its addresses."""

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    write_tests(place, GOOD)
    assert run_tests().exit_code == 0


def test_the_example_and_the_schema_are_printed() -> None:
    shown = CliRunner().invoke(app, ["example", "--tests"]).stdout
    assert shown == (EXAMPLES / "example.tests.yaml").read_text(encoding="utf-8")
    schema = json.loads(CliRunner().invoke(app, ["schema", "--tests"]).stdout)
    assert schema["$id"] == "urn:connector:tests:1"
