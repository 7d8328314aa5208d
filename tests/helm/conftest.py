"""Renders the chart with the real helm, as an operator would; without one these tests are skipped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.helm.charts import CHART, Manifest, Refused, tool


@pytest.fixture(scope="session")
def helm() -> Callable[..., str]:
    """Runs helm, returns what it printed, raises Refused with what it complained of."""
    program = tool("helm")

    def run(*arguments: str | Path) -> str:
        done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refused(done.stdout + done.stderr)
        return done.stdout

    return run


@pytest.fixture
def render(helm: Callable[..., str], tmp_path: Path) -> Callable[..., list[Manifest]]:
    """Renders the chart with one of its sets of values and what a test changes of it."""

    def run(values: str | None = "minimal", changes: Manifest | None = None, *options: str) -> list[Manifest]:
        changed = tmp_path / "changes.yaml"
        changed.write_text(json.dumps(changes or {}))
        files = [] if values is None else ["--values", CHART / "ci" / f"{values}-values.yaml"]
        text = helm("template", "crm", CHART, "--namespace", "events", *files, "--values", changed, *options)
        return [each for each in yaml.safe_load_all(text) if each]

    return run
