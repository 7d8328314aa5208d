"""The example of an application whose Pods carry the connector."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no types
import pytest
import yaml

from tests.helm.charts import CHART, ROOT, Manifest, only, pod_of

pytestmark = pytest.mark.helm


@pytest.fixture
def host(helm: Callable[..., str], tmp_path: Path) -> Path:
    """The example with its dependency, beside a copy of the chart, as it stands in the repository."""
    shutil.copytree(CHART, tmp_path / "helm")
    chart = tmp_path / "examples" / "host-chart"
    shutil.copytree(ROOT / "examples" / "host-chart", chart, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    helm("dependency", "update", chart)
    return chart


@pytest.fixture
def manifests(helm: Callable[..., str], host: Path) -> list[Manifest]:
    return [each for each in yaml.safe_load_all(helm("template", "shop", host)) if each]


def test_lint_finds_nothing(helm: Callable[..., str], host: Path) -> None:
    assert "0 chart(s) failed" in helm("lint", host)


def test_its_manifests_are_what_kubernetes_takes(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        if not manifest["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_the_connector_is_a_native_sidecar_of_the_one_deployment(manifests: list[Manifest]) -> None:
    pod = pod_of(only(manifests, "Deployment"))
    (sidecar,) = pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["args"] == ["run", "--config", "/etc/connector/connector.yaml"]
    assert sidecar["securityContext"]["readOnlyRootFilesystem"] is True
    assert [each["name"] for each in pod["containers"]] == ["shop"]


def test_neither_readiness_nor_start_of_the_application_depend_on_the_connector(manifests: list[Manifest]) -> None:
    (sidecar,) = pod_of(only(manifests, "Deployment"))["initContainers"]
    assert {key for key in sidecar if key.endswith("Probe")} == {"livenessProbe"}


def test_the_grace_is_the_applications_and_the_connectors(manifests: list[Manifest]) -> None:
    assert pod_of(only(manifests, "Deployment"))["terminationGracePeriodSeconds"] == 30 + 20 + 10


def test_its_volumes_are_mounted_and_there(manifests: list[Manifest]) -> None:
    pod = pod_of(only(manifests, "Deployment"))
    mounted = {each["name"] for each in pod["initContainers"][0]["volumeMounts"]}
    assert mounted == {each["name"] for each in pod["volumes"]}
    assert only(manifests, "ConfigMap")["metadata"]["name"] == pod["volumes"][0]["configMap"]["name"]


def test_the_monitor_finds_the_applications_pods(manifests: list[Manifest]) -> None:
    labels = only(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert only(manifests, "PodMonitor")["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_the_chart_adds_nothing_that_binds_the_whole_pod(manifests: list[Manifest]) -> None:
    """Policies, budgets and scaling of the Pod are the application's own."""
    assert {each["kind"] for each in manifests} == {"ConfigMap", "Deployment", "Pod", "PodMonitor", "PrometheusRule"}


def test_another_configuration_rolls_the_application(helm: Callable[..., str], host: Path) -> None:
    def annotations(*options: str) -> Manifest:
        made = [each for each in yaml.safe_load_all(helm("template", "shop", host, *options)) if each]
        found: Manifest = only(made, "Deployment")["spec"]["template"]["metadata"]["annotations"]
        return found

    assert annotations() != annotations("--set", "connector.config.sinks.mytracker.app_id=667")
