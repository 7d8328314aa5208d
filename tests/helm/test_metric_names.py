"""Alerts and dashboard name only metrics, labels and label values that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connector.delivery.gate import SinkState
from connector.model import OutcomeKind
from connector.operations.metrics import BUILD_INFO, BUILD_LABELS, DURATION, METRICS
from tests.helm.charts import CHART, Manifest, only

# Prometheus adds these to what it scrapes.
TARGET_LABELS = {"job", "pod"}
# prometheus_client's process collector, which the registry has, and Prometheus' own.
OTHERS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "up"}
LABELS = {each.name: {"sink", *each.labels} for each in METRICS}
LABELS[f"{DURATION[0]}_bucket"] = {"sink", "le"}
LABELS[BUILD_INFO[0]] = set(BUILD_LABELS)
VALUES: dict[str, set[str]] = {
    "state": set(SinkState),
    "blame": set(OutcomeKind),
    "result": {"ok", "failed"},
    "outcome": {"delivered", "dead_lettered", "skipped"},
}

SELECTOR = re.compile(r"\b([a-z_]+)\{([^}]*)\}")
BARE = re.compile(r"\b(connector_[a-z_]+)\b(?!\{)")
MATCHER = re.compile(r'([a-z_]+)\s*(?:=~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"by \(([^)]*)\)")


def expressions_of(value: Any) -> Iterator[str]:
    """Every PromQL expression of a dashboard."""
    if isinstance(value, dict):
        if isinstance(value.get("expr"), str):
            yield value["expr"]
        for each in value.values():
            yield from expressions_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from expressions_of(each)


def mistakes(expression: str) -> list[str]:
    """What an expression names that is not there."""
    found = [f"{name} stands without its job" for name in BARE.findall(expression)]
    labels: set[str] = set(TARGET_LABELS)
    selectors = SELECTOR.findall(expression)
    if not selectors:
        found.append(f"{expression} selects nothing")
    for metric, matchers in selectors:
        if metric not in LABELS and metric not in OTHERS:
            found.append(f"no metric {metric}")
        labels |= LABELS.get(metric, set())
        for label, value in MATCHER.findall(matchers):
            if label not in LABELS.get(metric, set()) | TARGET_LABELS:
                found.append(f"{metric} has no label {label}")
            if label in VALUES and value not in VALUES[label]:
                found.append(f"{metric}'s {label} is never {value}")
    for group in GROUPING.findall(expression):
        found += [f"no label {label} to group by" for label in re.split(r",\s*", group) if label not in labels]
    return found


def test_a_wrong_name_would_be_found() -> None:
    assert mistakes('sum by (job) (connector_lag{job="x"})') == ["no metric connector_lag"]
    assert mistakes('connector_lag_events > 1 and up{job="x"}') == ["connector_lag_events stands without its job"]
    assert mistakes('sum by (topic) (connector_lag_events{job="x"})') == ["no label topic to group by"]
    assert mistakes('connector_gate_state{state="shut"}') == ["connector_gate_state's state is never shut"]
    assert mistakes('connector_lag_events{state="open"}') == ["connector_lag_events has no label state"]


def test_every_panel_shows_metrics_that_exist() -> None:
    dashboard = json.loads((CHART / "dashboards" / "connector.json").read_text())
    expressions = list(expressions_of(dashboard["panels"]))
    assert len(expressions) >= 20
    assert [wrong for each in expressions for wrong in mistakes(each)] == []


def test_every_variable_of_the_dashboard_asks_for_a_metric_that_exists() -> None:
    dashboard = json.loads((CHART / "dashboards" / "connector.json").read_text())
    queries = [each["definition"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
    asked = [re.findall(r"label_values\(([a-z_]+)", query) for query in queries]
    assert asked == [["connector_build_info"], ["connector_gate_state"]]
    assert {"connector_build_info", "connector_gate_state"} <= LABELS.keys()


def test_panels_do_not_overlap() -> None:
    dashboard = json.loads((CHART / "dashboards" / "connector.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.helm
def test_every_alert_asks_for_metrics_that_exist(render: Callable[..., list[Manifest]]) -> None:
    (group,) = only(render("full"), "PrometheusRule")["spec"]["groups"]
    assert [wrong for rule in group["rules"] for wrong in mistakes(rule["expr"])] == []


@pytest.mark.helm
def test_the_dashboard_reaches_grafana_as_it_stands(render: Callable[..., list[Manifest]]) -> None:
    manifest = only(render("full"), "ConfigMap", "crm-connector-dashboard")
    assert manifest["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert manifest["data"]["connector.json"] == (CHART / "dashboards" / "connector.json").read_text()
