"""`connector check`: what it warns of, --strict and --sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.errors import ConfigError
from tests.unit.config.routes import FIELDS, written

ROUTE = f"  - {{from: shop.orders, when: %s, to: mytracker.customEvent, {FIELDS}%s}}\n"
PAID = json.dumps({"type": "order.paid", "user": {"id": "u"}, "email": "e"})


def checked(config: Path, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["check", "--config", str(config), *arguments], input=stdin)


def report(config: Path, *arguments: str, stdin: str | None = None) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(checked(config, "--json", *arguments, stdin=stdin).stdout)
    return content


def test_a_finding_is_a_warning_with_its_name_and_where_names_are_explained(tmp_path: Path) -> None:
    result = checked(written(tmp_path, ROUTE % ("user.vip == true", "")))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("warning: routes[0].when: in user.vip == true, true is a field of that name")
    assert lines[0].endswith("user.vip == `true` [bare-literal]")
    assert lines[1] == "docs/mistakes.md explains the names in brackets"
    assert lines[-1] == "no mistakes, 1 warning"


def test_without_a_name_nothing_is_explained(tmp_path: Path) -> None:
    assert "docs/mistakes.md" not in checked(written(tmp_path, ROUTE % ("user.vip", ""))).stdout


def test_json_carries_the_name(tmp_path: Path) -> None:
    (warning,) = report(written(tmp_path, ROUTE % ("user.vip == true", "")))["warnings"]
    assert (warning["path"], warning["name"]) == ("routes[0].when", "bare-literal")


def test_what_only_the_files_text_shows_is_warned_of_too(tmp_path: Path) -> None:
    (warning,) = report(written(tmp_path, ROUTE % ("&vip", "")))["warnings"]
    assert (warning["path"], warning["name"]) == ("routes[0].when", "empty-condition")


def test_strict_makes_warnings_mistakes(tmp_path: Path) -> None:
    path = written(tmp_path, ROUTE % ("user.vip == true", ""))
    result = checked(path, "--strict")
    assert result.exit_code == 2
    assert result.stdout.splitlines()[0].startswith("routes[0].when: in user.vip == true")
    assert result.stdout.splitlines()[-1] == "1 mistake, 0 warnings"
    assert [each["name"] for each in report(path, "--strict")["mistakes"]] == ["bare-literal"]
    assert report(path, "--strict")["ok"] is False


def test_strict_leaves_what_this_machine_lacks_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path, ROUTE % ("user.vip", ""))
    (tmp_path / "token").unlink()
    assert checked(path, "--strict").exit_code == 0
    path.write_text(path.read_text().replace("localhost:9092", "localhost:9092, ssl.ca.location: /nowhere/ca.pem"))
    assert checked(path, "--strict").exit_code == 0
    assert {each["name"] for each in report(path, "--strict")["warnings"]} == {"missing-secret", "missing-file"}


def test_strict_takes_what_a_route_accepts(tmp_path: Path) -> None:
    path = written(tmp_path, ROUTE % ("user.vip == true", ", accept: [bare-literal]"))
    assert checked(path, "--strict").exit_code == 0


def test_strict_includes_warnings_of_other_parts_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, ROUTE % ("user.vip", ""))
    path.write_text(path.read_text().replace("localhost:9092", "localhost:9092, isolation.level: read_uncommitted"))
    assert checked(path).exit_code == 0
    assert checked(path, "--strict").exit_code == 2


@pytest.mark.parametrize("from_stdin", [False, True])
def test_a_sample_is_a_file_or_standard_input(tmp_path: Path, *, from_stdin: bool) -> None:
    path, sample = written(tmp_path, ROUTE % ("type == 'a'", "")), tmp_path / "s.ndjson"
    sample.write_text(f"{PAID}\n{PAID}\n")
    arguments = ("--sample", "-" if from_stdin else str(sample))
    found = report(path, *arguments, stdin=f"{PAID}\n{PAID}\n")["warnings"]
    assert ("topics.shop.orders", "unrouted-type") in [(each["path"], each["name"]) for each in found]
    assert checked(path, *arguments, "--strict", stdin=f"{PAID}\n{PAID}\n").exit_code == 2


def test_a_route_accepts_what_a_sample_shows(tmp_path: Path) -> None:
    path = written(tmp_path, ROUTE % ("type == 'a'", ", accept: [takes-none-of-sample]"))
    found = report(path, "--sample", "-", stdin=PAID)["warnings"]
    assert "routes[0].when" not in [each["path"] for each in found]


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["--sample", "-"], "{}\nx\n", "--sample: standard input, line 2 is not JSON"),
        (["--sample", "nowhere.ndjson"], None, "--sample: nowhere.ndjson cannot be read: No such file or directory"),
        (["--topic", "shop.orders"], None, "--topic: says where --sample is from"),
        (["--sample", "-", "--topic", "x"], "{}", "--topic: no route reads x: the routes read shop.orders"),
    ],
)
def test_a_sample_that_is_none_is_refused(tmp_path: Path, arguments: list[str], stdin: str | None, said: str) -> None:
    result = checked(written(tmp_path, ROUTE % ("user.vip", "")), *arguments, stdin=stdin)
    assert isinstance(result.exception, ConfigError)  # of which the command line makes a line, and status 2
    assert said in str(result.exception)


def test_a_wrong_file_is_said_before_its_sample(tmp_path: Path) -> None:
    path = written(tmp_path, ROUTE % ("user.[", ""))
    result = checked(path, "--sample", "-", stdin=PAID)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (2, "1 mistake")
