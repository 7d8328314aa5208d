"""A default stands in one place, the model of its section. Where it must stand twice, both say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.config.budgets import budget_mistakes
from connector.config.file_model import DeliveryModel, FloodGuardModel, HttpModel
from connector.config.load import load
from connector.settings.model import Model, default_of
from connector.settings.values import RetrySettings
from connector.vendors.mytracker.vendor import MyTrackerBatch, MyTrackerSettings
from connector.vendors.sailplay.settings import SailPlaySettings

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "connector" / "config" / "example.yaml"


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def found(tree: dict[str, Any]) -> list[str]:
    return [mistake.path for mistake in budget_mistakes(tree)]


def changed(monkeypatch: pytest.MonkeyPatch, model: type[Model], key: str, default: object) -> None:
    monkeypatch.setattr(model.model_fields[key], "default", default)


@pytest.mark.parametrize(
    ("model", "key", "default", "path"),
    [
        (DeliveryModel, "drain", "9s", "sinks.crm.timeout"),
        (DeliveryModel, "drain", "10m", "delivery.drain"),
        (DeliveryModel, "commit_interval", "2m", "delivery.commit_interval"),
        (SailPlaySettings, "timeout", "25s", "sinks.crm.timeout"),
        (RetrySettings, "initial", "31s", "sinks.crm.retry.initial"),
        (RetrySettings, "max", "100ms", "sinks.crm.retry.initial"),
    ],
)
def test_a_default_that_changes_is_compared_as_what_it_is(
    monkeypatch: pytest.MonkeyPatch, model: type[Model], key: str, default: str, path: str
) -> None:
    """Rule 13 holds for what nobody wrote, too."""
    tree: dict[str, Any] = {"sinks": {"crm": {"kind": "sailplay"}}}
    assert found(tree) == []
    changed(monkeypatch, model, key, default)
    assert found(tree) == [path]


def test_a_vendors_own_default_is_the_one_that_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    changed(monkeypatch, MyTrackerSettings, "timeout", "30s")
    sinks = {"a": {"kind": "mytracker"}, "b": {"kind": "sailplay"}, "c": {"kind": ["nonsense"]}, "d": {"app_id": 1}}
    assert found({"sinks": sinks}) == ["sinks.a.timeout", "sinks.d.timeout"]
    changed(monkeypatch, MyTrackerSettings, "retry", {"initial": "31s"})
    assert found({"sinks": {"a": {"kind": "mytracker", "timeout": "1s"}}}) == ["sinks.a.retry.initial"]


def test_the_examples_values_are_the_defaults_as_it_says() -> None:
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    sections: list[tuple[type[Model], dict[str, Any], set[str]]] = [
        (HttpModel, example["http"], set()),
        (DeliveryModel, example["delivery"], {"flood_guard"}),
        (FloodGuardModel, example["delivery"]["flood_guard"], set()),
        (MyTrackerSettings, example["sinks"]["mytracker"], {"batch", "retry", "start"}),
        (MyTrackerBatch, example["sinks"]["mytracker"]["batch"], set()),
        (RetrySettings, example["sinks"]["mytracker"]["retry"], set()),
        (SailPlaySettings, example["sinks"]["sailplay"], set()),
    ]
    for model, section, parts in sections:
        for key, value in section.items():
            if key not in parts and not model.model_fields[key].is_required():
                assert value == default_of(model, key), f"{model.__name__}.{key}"
    assert example["sinks"]["mytracker"]["start"] == load(EXAMPLE).sinks["sailplay"].start
    assert example["redact"] == []


def test_the_chart_and_the_image_know_the_same_drain_and_port() -> None:
    templates = read("helm/templates/_config.tpl")
    assert re.findall(r'dig "delivery" "drain" "([^"]+)"', templates) == [default_of(DeliveryModel, "drain")]
    assert re.findall(r'dig "http" "port" (\d+)', templates) == [str(default_of(HttpModel, "port"))]
    assert set(re.findall(r'\bdig "(\w+)"', templates)) == {"delivery", "http"}, "another default"
    image = read("Dockerfile")
    assert re.findall(r"HEALTH_PORT=(\d+)|EXPOSE (\d+)", image) == [("8080", ""), ("", "8080")]
    assert default_of(HttpModel, "port") == 8080


@pytest.mark.parametrize(
    ("page", "text", "model", "key"),
    [
        ("docs/guarantee.md", r"once in a `commit_interval` \(1 s\)", DeliveryModel, ("commit_interval", "1s")),
        ("docs/operations.md", r"at most `max_open_bytes` \(32 MiB\)", DeliveryModel, ("max_open_bytes", "32MiB")),
        ("docs/vendors.md", r"`rate` \(40/s\)", SailPlaySettings, ("rate", "40/s")),
        ("docs/vendors.md", r"- `retry` \(the default\)", SailPlaySettings, ("on_unknown_outcome", "retry")),
    ],
)
def test_the_documents_name_the_same(page: str, text: str, model: type[Model], key: tuple[str, str]) -> None:
    assert re.search(text, read(page)), "the sentence changed: change this test with it"
    assert default_of(model, key[0]) == key[1]
