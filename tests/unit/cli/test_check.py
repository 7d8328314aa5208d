"""`connector check`, and the two commands beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector import __version__
from connector.cli import app
from connector.config.file_model import config_schema

EXAMPLE = Path(__file__).parents[3] / "connector" / "config" / "example.yaml"
CORRECT = Path(__file__).parents[1] / "config" / "correct.yaml"
run = CliRunner().invoke


def test_the_example_lacks_nothing_but_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAILPLAY_TOKEN", raising=False)
    result = run(app, ["check", "--config", str(EXAMPLE)])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    no_file = "file /run/secrets/mytracker-token cannot be read: No such file or directory"
    assert lines[0].endswith("[example-schema]"), "no schema of its own lies beside it"
    assert lines[1:3] == [
        f"warning: sinks.mytracker.token: {no_file} [missing-secret]",
        "warning: sinks.sailplay.token: environment variable SAILPLAY_TOKEN is not set [missing-secret]",
    ]
    assert "  registrations: accounts.users when type == 'user.registered' → mytracker.registration" in lines
    assert lines[-1] == "no mistakes, 3 warnings"


def test_mistakes_are_lines_and_their_count_and_end_with_2(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    path.write_text(CORRECT.read_text().replace("app_id: 1", "app_id: 0").replace("orders: {}", "orders: {}\n  x: {}"))
    result = run(app, ["check", "--config", str(path)])
    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        "topics.x: no route reads this topic: take it out, or name it in the `from` of a route [unread-topic]",
        "sinks.mt.app_id: must be at least 1, not 0 [out-of-range]",
        "docs/mistakes.md explains the names in brackets",
        "2 mistakes",
    ]


def test_json_is_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MT_TOKEN", "a")
    monkeypatch.delenv("SP_TOKEN", raising=False)
    result = run(app, ["check", "--config", str(CORRECT), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "ok": True,
        "mistakes": [],
        "warnings": [
            {
                "path": "sinks.sp.token",
                "message": "environment variable SP_TOKEN is not set",
                "name": "missing-secret",
            }
        ],
    }
    path = tmp_path / "connector.yaml"
    path.write_text(CORRECT.read_text().replace("app_id: 1", "app_id: 0"))
    result = run(app, ["check", "-c", str(path), "--json"])
    assert result.exit_code == 2
    report = json.loads(result.stdout)
    assert (report["ok"], report["warnings"]) == (False, [])
    assert [(each["path"], each["message"]) for each in report["mistakes"]] == [
        ("sinks.mt.app_id", "must be at least 1, not 0")
    ]


def test_an_instance_id_in_the_newer_protocol_ends_with_2_in_text_and_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MT_TOKEN", "a")
    monkeypatch.setenv("SP_TOKEN", "b")
    path = tmp_path / "connector.yaml"
    pair = "localhost:9092, group.instance.id: pod-0, group.protocol: consumer"
    path.write_text(CORRECT.read_text().replace("localhost:9092", pair))
    result = run(app, ["check", "--config", str(path)])
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert lines[0].startswith("kafka.group.instance.id: does not go with group.protocol: consumer: ")
    assert lines[-1] == "1 mistake, 1 warning"
    assert any(line.startswith("group crm") for line in lines), "the rest is shown: `run` starts with it"
    result = run(app, ["check", "--config", str(path), "--json"])
    assert result.exit_code == 2
    report = json.loads(result.stdout)
    assert (report["ok"], [each["path"] for each in report["mistakes"]]) == (False, ["kafka.group.instance.id"])
    assert "Leave one of the two out" in report["mistakes"][0]["message"]


def test_the_example_is_printed_as_it_is_packaged() -> None:
    assert run(app, ["example"]).stdout == EXAMPLE.read_text(encoding="utf-8")


def test_the_schema_is_printed() -> None:
    assert json.loads(run(app, ["schema"]).stdout) == config_schema()


def test_the_version_is_printed() -> None:
    assert run(app, ["--version"]).stdout == f"connector {__version__}\n"


@pytest.mark.parametrize("arguments", [["check"], ["chekc"], ["check", "--confg", "x"]])
def test_wrong_arguments_end_with_2(arguments: list[str]) -> None:
    assert run(app, arguments).exit_code == 2


@pytest.mark.parametrize("command", ["run", "check", "preview", "dlq", "example", "schema", "simulate", "demo"])
def test_help_has_an_example(command: str) -> None:
    assert f"Example: connector {command}" in run(app, [command, "--help"]).stdout


def test_a_file_that_is_not_there_is_a_line_and_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.yaml"
    done = subprocess.run(
        [sys.executable, "-m", "connector", "check", "--config", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        f"{path} cannot be read: No such file or directory [unreadable-file]",
        "docs/mistakes.md explains the names in brackets",
        "1 mistake",
    ]
    assert done.stderr == ""


def test_help_loads_neither_kafka_nor_http() -> None:
    """Starting takes a fraction of a second because of it."""
    heavy = ["confluent_kafka", "httpx", "aiohttp", "pydantic"]
    code = f"import sys, connector.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
