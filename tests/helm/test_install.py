"""The chart on a real API server, with Pod Security "restricted" and the operators' own definitions."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.helm.api_server import ApiServer, Json
from tests.helm.charts import CHART, ROOT, Refused, tool, value_sets

pytestmark = [pytest.mark.helm, pytest.mark.timeout(300)]

DEFINITIONS = ROOT / ".cache" / "definitions"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    programs = tool("etcd"), tool("kube-apiserver"), tool("openssl")
    definitions = sorted(DEFINITIONS.glob("*.yaml"))
    if not definitions:
        pytest.skip("no resource definitions in .cache/definitions (tests/helm/get-tools.sh api-server fetches them)")
    running = ApiServer(tmp_path_factory.mktemp("api-server"))
    try:
        running.start(*programs)
        for each in definitions:
            running.define(each)
        yield running
    finally:
        running.stop()


@pytest.fixture
def namespace(server: ApiServer) -> str:
    """A namespace of the test's own that admits restricted Pods only."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    metadata = {"name": name, "labels": levels}
    server.create("/api/v1/namespaces", {"metadata": metadata}).raise_for_status()
    return name


@pytest.fixture
def install(helm: Callable[..., str], server: ApiServer, namespace: str) -> Callable[..., None]:
    def run(*arguments: str | Path) -> None:
        helm("upgrade", "--install", "crm", *arguments, "--namespace", namespace, "--kubeconfig", server.kubeconfig)

    return run


def pods_of(server: ApiServer, namespace: str) -> list[Json]:
    """A Pod for each Deployment, as its controller would make it."""
    deployments = server.read(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    return [
        {
            "metadata": {**each["spec"]["template"]["metadata"], "name": each["metadata"]["name"]},
            "spec": each["spec"]["template"]["spec"],
        }
        for each in deployments
    ]


def assert_admitted(server: ApiServer, namespace: str, pod: Json) -> None:
    answer = server.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    assert answer.status_code == 201, answer.text
    assert "warning" not in answer.headers


def test_the_namespace_admits_no_pod_that_is_not_restricted(server: ApiServer, namespace: str) -> None:
    """Without this the admissions below would prove nothing."""
    pod = {"metadata": {"name": "free"}, "spec": {"containers": [{"name": "free", "image": "free:1"}]}}
    answer = server.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    assert answer.status_code == 403
    assert "restricted" in answer.text


@pytest.mark.parametrize("values", value_sets(), ids=lambda path: path.stem)
def test_the_chart_is_installed_and_its_pods_are_admitted(
    server: ApiServer, namespace: str, install: Callable[..., None], values: Path
) -> None:
    # The PriorityClass that the full set names must be there when its Pods come.
    server.create("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "crm"}, "value": 1000})
    install(CHART, "--values", values)
    pods = pods_of(server, namespace)
    assert pods
    for pod in pods:
        assert_admitted(server, namespace, pod)


def test_an_upgrade_changes_the_pods(server: ApiServer, namespace: str, install: Callable[..., None]) -> None:
    arguments = (CHART, "--values", CHART / "ci" / "minimal-values.yaml")
    install(*arguments)
    (before,) = pods_of(server, namespace)
    install(*arguments, "--set", "config.sinks.mytracker.app_id=667")
    (after,) = pods_of(server, namespace)
    assert before["metadata"]["annotations"] != after["metadata"]["annotations"]
    assert before["spec"] == after["spec"]


def test_from_one_deployment_to_one_a_sink_and_back(
    server: ApiServer, namespace: str, install: Callable[..., None]
) -> None:
    """A Deployment's selector cannot be changed: each mode must have names of its own."""
    arguments = (CHART, "--values", CHART / "ci" / "minimal-values.yaml")
    for mode in ("deployment", "deployment-per-sink", "deployment"):
        install(*arguments, "--set", f"mode={mode}")
        suffix = "-mytracker" if mode == "deployment-per-sink" else ""
        assert [each["metadata"]["name"] for each in pods_of(server, namespace)] == [f"crm-connector{suffix}"]


def test_the_test_pod_is_admitted(helm: Callable[..., str], server: ApiServer, namespace: str) -> None:
    text = helm("template", "crm", CHART, "--values", CHART / "ci" / "minimal-values.yaml")
    (pod,) = [each for each in yaml.safe_load_all(text) if each and each["kind"] == "Pod"]
    assert_admitted(server, namespace, pod)


def test_an_applications_pods_are_admitted_with_the_sidecar(
    helm: Callable[..., str], server: ApiServer, namespace: str, install: Callable[..., None], tmp_path: Path
) -> None:
    shutil.copytree(CHART, tmp_path / "helm")
    host = tmp_path / "examples" / "host-chart"
    shutil.copytree(ROOT / "examples" / "host-chart", host, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    helm("dependency", "update", host)
    install(host)
    (pod,) = pods_of(server, namespace)
    assert pod["spec"]["initContainers"][0]["restartPolicy"] == "Always"
    assert_admitted(server, namespace, pod)


def test_a_wrong_configuration_does_not_replace_a_right_one(
    server: ApiServer, namespace: str, install: Callable[..., None]
) -> None:
    arguments = (CHART, "--values", CHART / "ci" / "minimal-values.yaml")
    install(*arguments)
    before = pods_of(server, namespace)
    with pytest.raises(Refused, match="delivry"):
        install(*arguments, "--set", "config.delivry.drain=5s")
    assert pods_of(server, namespace) == before
