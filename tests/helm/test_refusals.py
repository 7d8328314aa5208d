"""What the chart refuses, and whether it says where and what would be right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.helm.charts import Manifest, Refused

pytestmark = pytest.mark.helm

Render = Callable[..., list[Manifest]]


@pytest.mark.parametrize(
    ("values", "changes", "said"),
    [
        (None, {}, ["config: is empty", "connector example"]),
        ("minimal", {"mode": "daemonset"}, ["/mode", "'deployment', 'deployment-per-sink', 'sidecar'"]),
        ("minimal", {"replica": 2}, ["'replica' not allowed"]),
        ("minimal", {"config": {"delivry": {}}}, ["/config", "'delivry' not allowed"]),
        ("minimal", {"config": {"delivery": {"drain": 20}}}, ["/config/delivery/drain", "want string"]),
        ("minimal", {"config": {"http": {"port": 0}}}, ["config.http.port", "8080"]),
        ("minimal", {"perSink": {"mytracker": {"replicas": 2}}}, ["perSink", "deployment-per-sink"]),
        ("per-sink", {"perSink": {"sailplay": {"replicas": 2}}}, ["perSink.sailplay", "it has SailPlay_ru, mytracker"]),
        ("per-sink", {"perSink": {"SailPlay_ru": {"replicas": 2}}}, ["SailPlay_ru.rate", "40/s in each of 2", "50"]),
        ("full", {"autoscaling": {"maxReplicas": 3}}, ["sailplay.rate", "20/s in each of 3", "divide"]),
        ("full", {"autoscaling": {"minReplicas": 5}}, ["autoscaling.minReplicas: 5", "maxReplicas, 2"]),
        ("full", {"podMonitor": {"enabled": False}}, ["alerts.enabled", "podMonitor.enabled"]),
        (
            "minimal",
            {"config": {"topics": {"accounts.users": {"schema": "user.json"}}}},
            ["config.topics.accounts.users.schema", "`schemas` has no user.json"],
        ),
        ("minimal", {"config": {"kafka": {"sasl.password": {"env": "PASSWORD"}}}}, ["{env: PASSWORD}", "secretEnv"]),
        (
            "minimal",
            {"config": {"sinks": {"mytracker": {"token": {"file": "/run/t"}}}}},
            ["{file: /run/t}", "secretFiles", "{secret: NAME, key: KEY}"],
        ),
        ("minimal", {"mode": "sidecar"}, ["secretFiles", "service-account token", "/run/secrets/connector"]),
        ("minimal", {"secretEnv": {"TOKEN": "literal"}}, ["/secretEnv/TOKEN", "want object"]),
        ("minimal", {"config": {"kafka": {"sasl.password": "hunter2"}}}, ["/config/kafka/sasl.password"]),
        ("minimal", {"config": {"sinks": {"mytracker": {"token": "hunter2"}}}}, ["/config/sinks/mytracker/token"]),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_what_would_be_right(
    render: Render, values: str | None, changes: Manifest, said: list[str]
) -> None:
    with pytest.raises(Refused) as refusal:
        render(values, changes)
    for words in said:
        assert words in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_a_drain_that_is_no_duration_is_refused_even_without_the_schema(render: Render) -> None:
    with pytest.raises(Refused, match=r'config\.delivery\.drain: "soon" is no duration: .* such as 20s'):
        render("minimal", {"config": {"delivery": {"drain": "soon"}}}, "--skip-schema-validation")


def test_two_sinks_that_would_share_a_name_are_refused(render: Render) -> None:
    sinks = {"a-b": {"kind": "mytracker"}, "a_b": {"kind": "mytracker"}}
    changes = {"mode": "deployment-per-sink", "config": {"sinks": sinks}}
    with pytest.raises(Refused, match="a-b and a_b would both be the Deployment crm-connector-a-b"):
        render("minimal", changes, "--skip-schema-validation")
