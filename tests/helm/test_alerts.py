"""The alert rules, by promtool's own unit tests; and each has its place in the runbook."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.charts import ROOT, Manifest, only, tool

pytestmark = pytest.mark.helm

UNIT_TESTS = Path(__file__).with_name("alerts_test.yaml")


@pytest.fixture
def rules(render: Callable[..., list[Manifest]]) -> dict[str, Any]:
    spec: dict[str, Any] = only(render("full"), "PrometheusRule")["spec"]
    return spec


def test_each_fires_for_its_cause_and_for_nothing_less(rules: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    shutil.copy(UNIT_TESTS, tmp_path)
    promtool = tool("promtool")
    for command in (["check", "rules", "rules.yaml"], ["test", "rules", UNIT_TESTS.name]):
        done = subprocess.run([promtool, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_is_tested_both_ways(rules: dict[str, Any]) -> None:
    asked = [each for test in yaml.safe_load(UNIT_TESTS.read_text())["tests"] for each in test["alert_rule_test"]]
    names = {rule["alert"] for rule in rules["groups"][0]["rules"]}
    assert {each["alertname"] for each in asked if each.get("exp_alerts")} == names
    assert {each["alertname"] for each in asked if not each.get("exp_alerts")} == names


def test_each_has_a_heading_in_the_runbook(rules: dict[str, Any]) -> None:
    headings = re.findall(r"^#+ (\w+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    for rule in rules["groups"][0]["rules"]:
        page, anchor = rule["annotations"]["runbook_url"].split("#")
        assert page == "docs/operations.md"
        assert rule["alert"] in headings
        assert anchor == rule["alert"].lower()
