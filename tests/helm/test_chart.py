"""What the chart makes of its values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no types
import pytest
import yaml

from connector.config.load import load
from tests.helm.charts import CHART, ROOT, Manifest, only, pod_of, value_sets

pytestmark = pytest.mark.helm

Render = Callable[..., list[Manifest]]

# The oldest release that the chart is for (native sidecars are on since), and the newest whose schema there is.
RELEASES = ("1.29", kubernetes_validate.latest_version())


@pytest.mark.parametrize("values", value_sets(), ids=lambda path: path.stem)
def test_lint_finds_nothing(helm: Callable[..., str], values: Path) -> None:
    assert "0 chart(s) failed" in helm("lint", CHART, "--strict", "--values", values)


def test_lint_finds_nothing_without_values(helm: Callable[..., str]) -> None:
    assert "0 chart(s) failed" in helm("lint", CHART)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("values", value_sets(), ids=lambda path: path.stem)
def test_every_manifest_is_what_kubernetes_takes(render: Render, values: Path, release: str) -> None:
    checked = 0
    for manifest in render(values.stem.removesuffix("-values")):
        if manifest["apiVersion"].startswith(("monitoring.coreos.com/", "keda.sh/")):
            continue  # their operators' definitions: test_install
        kubernetes_validate.validate(manifest, release, strict=True)
        checked += 1
    assert checked >= 3


@pytest.mark.parametrize("values", value_sets(), ids=lambda path: path.stem)
def test_the_configuration_is_one_that_the_connector_takes(
    render: Render, values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = only(render(values.stem.removesuffix("-values")), "ConfigMap", "crm-connector")["data"]
    for key, text in data.items():
        path = tmp_path / key.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    given = yaml.safe_load(values.read_text())["config"]
    settings = load(tmp_path / "connector.yaml")
    assert list(settings.sinks) == sorted(given["sinks"])
    assert len(settings.routes) == len(given["routes"])


def test_large_numbers_stay_integers(render: Render) -> None:
    """Helm holds numbers as floats; 10⁷ must not become 1e+07."""
    changes = {
        "config": {
            "delivery": {"max_open_events": 10_000_000},
            "sinks": {"mytracker": {"app_id": 123_456_789_012}},
        }
    }
    text = only(render("minimal", changes), "ConfigMap")["data"]["connector.yaml"]
    assert "max_open_events: 10000000\n" in text
    assert "app_id: 123456789012\n" in text


@pytest.mark.parametrize(
    ("given", "served"),
    [
        (None, "0.0.0.0"),  # noqa: S104 - what a Pod must listen on
        ("127.0.0.1", "0.0.0.0"),  # noqa: S104 - as above
        ("localhost", "0.0.0.0"),  # noqa: S104 - as above
        ("::", "::"),
    ],
)
def test_a_loopback_address_is_widened_for_the_pod(render: Render, given: str | None, served: str) -> None:
    changes = {"config": {"http": {"host": given} if given else {}}}
    text = only(render("minimal", changes), "ConfigMap")["data"]["connector.yaml"]
    assert yaml.safe_load(text)["http"]["host"] == served


@pytest.mark.parametrize(
    ("drain", "grace"), [(None, 30), ("20s", 30), ("500ms", 11), ("1.5m", 100), ("2m", 130), ("10.2s", 21)]
)
def test_the_grace_is_the_drain_and_ten_seconds(render: Render, drain: str | None, grace: int) -> None:
    changes = {"config": {"delivery": {"drain": drain} if drain else {}}}
    assert pod_of(only(render("minimal", changes), "Deployment"))["terminationGracePeriodSeconds"] == grace


@pytest.mark.parametrize("values", ["minimal", "per-sink", "full"])
def test_every_pod_is_restricted(render: Render, values: str) -> None:
    manifests = render(values)
    pods = [pod_of(each) for each in manifests if each["kind"] == "Deployment"]
    pods += [each["spec"] for each in manifests if each["kind"] == "Pod"]
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert [each["securityContext"] for each in pod["containers"]] == [
            {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "runAsGroup": 10001,
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            }
        ]


def test_probes_ask_the_right_paths(render: Render) -> None:
    container = pod_of(only(render("minimal", {"config": {"http": {"port": 9464}}}), "Deployment"))["containers"][0]
    assert container["ports"] == [{"name": "connector", "containerPort": 9464}]
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert asked == {
        "startup": {"path": "/healthz", "port": "connector"},
        "liveness": {"path": "/healthz", "port": "connector"},
        "readiness": {"path": "/readyz", "port": "connector"},
    }


def test_secrets_are_mounted_as_whole_directories(render: Render) -> None:
    """A subPath would keep a rotated secret from arriving."""
    pod = pod_of(only(render("per-sink"), "Deployment", "crm-connector-mytracker"))
    mounts = {each["name"]: each for each in pod["containers"][0]["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert mounts["connector-secrets-0"]["mountPath"] == "/run/secrets"
    assert not any("subPath" in each for each in mounts.values())
    assert [each["secret"] for each in volumes["connector-secrets-0"]["projected"]["sources"]] == [
        {"name": "kafka", "optional": True, "items": [{"key": "password", "path": "kafka-password"}]},
        {"name": "crm", "optional": True, "items": [{"key": "mytracker-token", "path": "mytracker-token"}]},
    ]
    env = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in pod["containers"][0]["env"]}
    assert env["SAILPLAY_PIN"] == {"name": "crm", "key": "sailplay-pin", "optional": True}


def test_the_chart_makes_no_secret(render: Render) -> None:
    for values in ("minimal", "per-sink", "full"):
        assert not [each for each in render(values) if each["kind"] == "Secret"]


def test_another_configuration_rolls_the_pods_and_another_replica_count_does_not(render: Render) -> None:
    def template(changes: Manifest) -> Manifest:
        found: Manifest = only(render("minimal", changes), "Deployment")["spec"]["template"]
        return found

    assert template({}) == template({"replicas": 3})
    changed = template({"config": {"sinks": {"mytracker": {"app_id": 667}}}})
    assert template({})["metadata"]["annotations"] != changed["metadata"]["annotations"]


def test_one_deployment_runs_every_sink(render: Render) -> None:
    deployment = only(render("full"), "Deployment")
    assert pod_of(deployment)["containers"][0]["args"] == ["run", "--config", "/etc/connector/connector.yaml"]


def test_each_sink_has_its_own_deployment_budget_and_scaling(render: Render) -> None:
    manifests = render("per-sink")
    names = {"crm-connector-mytracker": "mytracker", "crm-connector-sailplay-ru": "SailPlay_ru"}
    for name, sink in names.items():
        deployment = only(manifests, "Deployment", name)
        assert pod_of(deployment)["containers"][0]["args"][-2:] == ["--sink", sink]
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert selector["app.kubernetes.io/component"] == sink
        assert selector == deployment["spec"]["template"]["metadata"]["labels"]
        assert only(manifests, "PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"] == selector
    assert "replicas" not in only(manifests, "Deployment", "crm-connector-mytracker")["spec"]
    assert only(manifests, "Deployment", "crm-connector-sailplay-ru")["spec"]["replicas"] == 1
    scaled = only(manifests, "ScaledObject")["spec"]
    assert scaled["scaleTargetRef"] == {"name": "crm-connector-mytracker"}
    assert scaled["triggers"] == [
        {
            "type": "kafka",
            "metadata": {
                "bootstrapServers": "kafka-0:9093,kafka-1:9094",
                "consumerGroup": "crm.mytracker",
                "lagThreshold": "10000",
                "sasl": "scram_sha512",
                "tls": "enable",
            },
            "authenticationRef": {"name": "kafka"},
        }
    ]


def test_one_deployment_scales_on_the_lag_of_every_group(render: Render) -> None:
    triggers = only(render("full"), "ScaledObject")["spec"]["triggers"]
    assert [each["metadata"]["consumerGroup"] for each in triggers] == ["crm.mytracker", "crm.sailplay"]


def test_pods_may_talk_to_brokers_vendors_and_dns_only(render: Render) -> None:
    policy = only(render("per-sink"), "NetworkPolicy")["spec"]
    ports = [[each["port"] for each in rule["ports"]] for rule in policy["egress"]]
    assert ports == [[9093, 9094], [8443, 443], [53, 53]]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (ingress,) = policy["ingress"]
    assert ingress["ports"] == [{"port": "connector", "protocol": "TCP"}]
    assert ingress["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
    assert policy["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/name": "connector",
        "app.kubernetes.io/instance": "crm",
    }


def test_an_image_by_digest_wins_over_the_tag(render: Render) -> None:
    assert pod_of(only(render("minimal"), "Deployment"))["containers"][0]["image"] == "connector:0.1.0"
    image = pod_of(only(render("full"), "Deployment"))["containers"][0]["image"]
    assert image == "images.example/crm/connector@sha256:" + "0" * 64


def test_labels_do_not_touch_the_selector(render: Render) -> None:
    deployment = only(render("full"), "Deployment")
    assert "team" not in deployment["spec"]["selector"]["matchLabels"]
    assert deployment["metadata"]["labels"]["team"] == "crm"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert (labels["team"], labels["cost-centre"]) == ("crm", "42")


def test_the_monitor_finds_the_pods_port(render: Render) -> None:
    manifests = render("full")
    monitor = only(manifests, "PodMonitor")["spec"]
    labels = only(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["podMetricsEndpoints"] == [{"port": "connector", "path": "/metrics", "interval": "30s"}]


def test_nothing_of_operators_that_may_be_absent_is_made_unasked(render: Render) -> None:
    assert {each["kind"] for each in render("minimal")} == {
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
    }


def test_the_memory_is_what_the_page_reckons_for_the_record_that_it_names(render: Render) -> None:
    """Two sinks, records of up to 8 MiB unpacked: the formula and its figures stand in docs/operations.md."""
    page = (ROOT / "docs" / "operations.md").read_text()
    formula = "80 MiB + sinks * (max_open_bytes + 3 * largest record) + 28 * largest record"
    assert formula in page
    assert "512Mi are for two sinks and records of up to 8 MiB" in page
    (container,) = pod_of(only(render("minimal"), "Deployment"))["containers"]
    limit = container["resources"]["limits"]["memory"]
    assert limit == "512Mi"
    sinks, open_bytes, record = 2, 32, 8
    assert 80 + sinks * (open_bytes + 3 * record) + 28 * record <= 512
