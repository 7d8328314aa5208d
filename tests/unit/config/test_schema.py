"""The JSON Schema that editors check the file with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from connector import resources
from connector.config.file_model import config_schema
from connector.vendors.registry import VENDORS
from connector.vendors.vendor import Vendor

CORRECT = yaml.safe_load((Path(__file__).parent / "correct.yaml").read_text(encoding="utf-8"))
EXAMPLE = (Path(__file__).parents[3] / "connector" / "config" / "example.yaml").read_text(encoding="utf-8")


def properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in [schema, *schema["$defs"].values()]:
        for name, value in part.get("properties", {}).items():
            yield f"{part['title']}.{name}", value


def test_the_copy_in_schemas_is_current() -> None:
    """Remake it with `connector schema > schemas/config.schema.json`."""
    copy = json.loads((resources.schemas() / "config.schema.json").read_text(encoding="utf-8"))
    assert copy == config_schema()


def test_it_has_a_name_that_does_not_change() -> None:
    """Editors and programs keep schemas by it; a new one would be another schema."""
    assert config_schema()["$id"] == "urn:connector:config:1"


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.kind)
def test_an_editor_can_propose_and_explain_every_field_of_a_vendor(vendor: Vendor[Any]) -> None:
    fields = config_schema()["$defs"]["RouteModel"]["properties"]["fields"]["properties"]
    for method in vendor.methods.values():
        for name, takes in method.fields.items():
            assert fields[name]["description"] == f"{vendor.title}: {takes}"


@pytest.mark.parametrize("field", ["customUserId", "not_a_field"])
def test_a_field_takes_an_expression_whether_it_is_known_or_not(field: str) -> None:
    """Which fields a method has is for `check` to say, with the nearest one."""
    validator = jsonschema_rs.validator_for(config_schema())
    route = {"from": "orders", "to": "mt.login"}
    assert validator.is_valid({**CORRECT, "routes": [{**route, "fields": {field: "user.id"}}]})
    assert validator.is_valid({**CORRECT, "routes": [{**route, "fields": {field: {"level": "data.level"}}}]})
    assert not validator.is_valid({**CORRECT, "routes": [{**route, "fields": {field: 5}}]})


def test_every_key_is_described() -> None:
    assert [name for name, value in properties(config_schema()) if not value.get("description")] == []


def test_the_example_and_the_shortest_file_are_valid() -> None:
    validator = jsonschema_rs.validator_for(config_schema())
    validator.validate(CORRECT)
    validator.validate(yaml.safe_load(EXAMPLE))


@pytest.mark.parametrize(
    "change",
    [
        {"gruop": "crm"},
        {"delivery": {"drain": 20}},
        {"delivery": {"max_open_bytes": "32MB"}},
        {"http": {"port": 70000}},
        {"sinks": {"mt": {**CORRECT["sinks"]["mt"], "token": "literal"}}},
        {"sinks": {"mt": {**CORRECT["sinks"]["mt"], "batch": {"max_events": 21}}}},
        {"sinks": {"mt": {**CORRECT["sinks"]["mt"], "kind": "amplitude"}}},
        {"routes": [{"from": "orders", "to": "mt.login"}]},
        {"routes": [{"from": 5, "to": "mt.login", "fields": {}}]},
    ],
)
def test_slips_of_form_are_invalid(change: dict[str, Any]) -> None:
    assert not jsonschema_rs.validator_for(config_schema()).is_valid({**CORRECT, **change})
