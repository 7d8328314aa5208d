"""The JSON Schema that editors check a tests file with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from connector import resources
from connector.service.route_tests.file_model import case_file_schema
from connector.service.route_tests.yaml_file import _Loader

EXAMPLE = (Path(__file__).parents[4] / "connector" / "config" / "example.tests.yaml").read_text(encoding="utf-8")
GOOD = {"name": "n", "event": {"a": 1}, "expect": "skipped"}


def properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in [schema, *schema["$defs"].values()]:
        for name, value in part.get("properties", {}).items():
            yield f"{part['title']}.{name}", value


def is_valid(case: Any) -> bool:
    return bool(jsonschema_rs.validator_for(case_file_schema()).is_valid({"tests": [case]}))


def test_the_copy_in_schemas_is_current() -> None:
    """Remake it with `connector schema --tests > schemas/tests.schema.json`."""
    copy = json.loads((resources.schemas() / "tests.schema.json").read_text(encoding="utf-8"))
    assert copy == case_file_schema()


def test_every_key_is_described() -> None:
    assert [name for name, value in properties(case_file_schema()) if not value.get("description")] == []


def test_the_example_is_valid_and_names_the_schema() -> None:
    jsonschema_rs.validator_for(case_file_schema()).validate(yaml.load(EXAMPLE, _Loader))  # noqa: S506 - a safe loader
    assert EXAMPLE.startswith("# yaml-language-server: $schema=./tests.schema.json\n")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"event": {"file": "a.json"}},
        {"key": {"base64": "AA=="}, "headers": {"a": ["b", None, {"base64": ""}]}, "time": "2026-03-01T09:00:00Z"},
        {"expect": {"dead_letter": "schema", "message": "x"}},
        {"expect": {"r": "skipped", "s": {"bodies": [{}]}, "dead_letter": {"dead_letter": "unmappable"}}},
    ],
)
def test_what_is_right_is_valid(change: dict[str, Any]) -> None:
    assert is_valid(GOOD | change)


@pytest.mark.parametrize(
    "change",
    [
        {"nam": "n"},
        {"value": "x"},
        {"event": [1]},
        {"expect": "sent"},
        {"expect": {"r": "sent"}},
        {"expect": {"r": {"fields": [1]}}},
        {"expect": {"r": {"dead_letter": "refused"}}},
        {"expect": {"dead_letter": "oversize"}},
        {"others": "sent"},
        {"key": 7},
    ],
)
def test_slips_of_form_are_invalid(change: dict[str, Any]) -> None:
    assert not is_valid(GOOD | change)
