"""The chart's schema of values is the configuration's."""

from __future__ import annotations

import json
import re

import yaml

from tests.helm.charts import CHART
from tests.helm.values_schema import VALUES_SCHEMA, rendered


def test_it_is_current() -> None:
    """If this fails: python -m tests.helm.values_schema."""
    text = VALUES_SCHEMA.read_text()
    assert text == rendered(text)


def test_it_knows_every_value_of_the_chart_and_no_other() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads(VALUES_SCHEMA.read_text())["properties"]
    assert values.keys() == schema.keys() - {"global", "enabled"}


def test_the_readme_names_every_value() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    table = (CHART / "README.md").read_text().partition("## Values")[2]
    named = set(re.findall(r"^\| `([A-Za-z]+)`", table, re.MULTILINE))
    assert named == values.keys()
