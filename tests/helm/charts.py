"""What the chart's tests share: where things are, and how one finds a manifest among many."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm"
TOOLS = ROOT / ".cache" / "bin"

Manifest = dict[str, Any]


def tool(name: str) -> str:
    """The program `name`; skips the test where it is not installed."""
    found = shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip(f"no {name} on the PATH or in .cache/bin (helm/README.md says how to get it)")
    return found


def value_sets() -> list[Path]:
    """The sets of values that travel with the chart."""
    return sorted((CHART / "ci").glob("*.yaml"))


def only(manifests: Iterable[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The one manifest of this kind (and name)."""
    found = [each for each in manifests if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} of {kind} {name or ''}"
    return found[0]


def pod_of(deployment: Manifest) -> Manifest:
    """The specification of a Deployment's Pods."""
    spec: Manifest = deployment["spec"]["template"]["spec"]
    return spec


class Refused(Exception):  # noqa: N818 - it reads as what a test expects
    """helm would not render; the text is what it said."""
