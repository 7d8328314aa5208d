"""The configurations that are handed out must be right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from typer.testing import CliRunner

from connector import resources
from connector.cli import app
from connector.config.load import load
from connector.config.topics import EXAMPLE_SCHEMA
from connector.config.warnings import warnings, warnings_of_file

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "connector" / "config" / "example.yaml"
ALL = [EXAMPLE, *sorted((ROOT / "examples").glob("*.yaml"))]
# Where the schema of the checkout holds; that of examples/third-vendor has a vendor of its own.
IN_THE_CHECKOUT = [*ALL[1:], *sorted((ROOT / "examples" / "events-as-found").glob("*/connector.yaml"))]
MODELINE = "# yaml-language-server: $schema="


def modeline(path: Path) -> str:
    """Where a file's first line says that its schema lies."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(MODELINE)
    return first.removeprefix(MODELINE)


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_example_has_no_mistake_and_lacks_nothing_but_its_secrets(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAILPLAY_TOKEN", raising=False)
    settings = load(path)
    for warning in [*warnings(settings), *warnings_of_file(settings, path)]:
        assert warning.path.endswith(".token") or (path == EXAMPLE and warning.name == "example-schema")


def test_the_example_is_accepted_wherever_it_is_saved_and_says_that_a_schema_is_lacking(tmp_path: Path) -> None:
    """Its schema came with the connector; one that lies beside it is taken instead."""
    path = tmp_path / "connector.yaml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    settings = load(path)
    schema = settings.topics["accounts.users"].schema
    assert schema is not None
    assert schema.is_file()
    own = tmp_path.resolve() / "schemas" / "events" / "user.json"
    (said,) = [warning for warning in warnings(settings) if warning.name == "example-schema"]
    assert said.path == "topics.accounts.users.schema"
    assert str(own) in said.message
    own.parent.mkdir(parents=True)
    own.write_text('{"type": "object"}')
    settings = load(path)
    assert settings.topics["accounts.users"].schema == own
    assert "example-schema" not in {warning.name for warning in warnings(settings)}


def test_the_examples_schema_is_the_one_that_came_with_the_connector() -> None:
    topic, schema = EXAMPLE_SCHEMA
    assert yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["topics"][topic]["schema"] == schema
    assert (resources.schemas() / schema.removeprefix("schemas/")).is_file()


def test_the_example_says_what_it_says() -> None:
    settings = load(EXAMPLE)
    assert [route.name for route in settings.routes] == [
        "registrations",
        "mytracker.customEvent",
        "mytracker.customRevenue",
        "sailplay.fire",
    ]
    assert settings.routes[1].fields["customEventParams"] == {"level": "data.level", "zone": "data.zone"}
    assert settings.sinks["sailplay"].rate == 40.0


@pytest.mark.parametrize("path", IN_THE_CHECKOUT, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_editor_finds_the_schema_of_an_example(path: Path) -> None:
    assert (path.parent / modeline(path)).resolve() == (resources.schemas() / "config.schema.json").resolve()
    schema = json.loads((path.parent / modeline(path)).read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(schema).validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_an_editor_finds_the_schema_of_the_printed_example_where_its_comment_says(tmp_path: Path) -> None:
    """Both commands of its comment, run in an empty directory."""
    printed = CliRunner().invoke(app, ["example"]).stdout
    (tmp_path / "connector.yaml").write_text(printed, encoding="utf-8")
    (command,) = re.findall(r"^#.*  connector (.*)$", "\n".join(printed.splitlines()[:4]), re.MULTILINE)
    words, _, target = command.partition(" > ")
    (tmp_path / target).write_text(CliRunner().invoke(app, words.split()).stdout, encoding="utf-8")
    schema = json.loads((tmp_path / modeline(tmp_path / "connector.yaml")).read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(schema).validate(yaml.safe_load(printed))
