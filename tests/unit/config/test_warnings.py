"""Warnings about a valid configuration: secrets and files missing on this machine, and settings rarely meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.config.load import load
from connector.config.warnings import refusals, warnings
from connector.errors import Mistake
from connector.mistakes.catalogue import MISTAKES

CORRECT = (Path(__file__).parent / "correct.yaml").read_text(encoding="utf-8")
REVENUE = (
    "  - {from: orders, to: mt.customRevenue, fields: {customUserId: user.id, idTransaction: ID, "
    "currency: c, total: t, eventTimestamp: unix(at)}}\n"
)


@pytest.fixture(autouse=True)
def _tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MT_TOKEN", "a")
    monkeypatch.setenv("SP_TOKEN", "b")


def warned(directory: Path, text: str) -> list[Mistake]:
    path = directory / "connector.yaml"
    path.write_text(text, encoding="utf-8")
    found = warnings(load(path))
    assert [warning for warning in found if warning.name not in MISTAKES] == []
    return found


def test_a_file_with_all_its_secrets_has_none(tmp_path: Path) -> None:
    assert warned(tmp_path, CORRECT) == []


def test_each_missing_secret_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MT_TOKEN")
    monkeypatch.setenv("KEY", "")
    text = CORRECT.replace(
        "{env: SP_TOKEN}", "{login: {store_department_key: {env: KEY}, pin_code: {file: pin}}}"
    ).replace("localhost:9092", "localhost:9092, sasl.password: {env: PASSWORD}")
    assert warned(tmp_path, text) == [
        Mistake("kafka.sasl.password", "environment variable PASSWORD is not set", "missing-secret"),
        Mistake("sinks.mt.token", "environment variable MT_TOKEN is not set", "missing-secret"),
        Mistake("sinks.sp.token.login.store_department_key", "environment variable KEY is empty", "missing-secret"),
        Mistake(
            "sinks.sp.token.login.pin_code",
            f"file {tmp_path.resolve() / 'pin'} cannot be read: No such file or directory",
            "missing-secret",
        ),
    ]


@pytest.mark.parametrize(
    ("extra", "path"),
    [
        ("ssl.ca.location: /nowhere/ca.pem", "kafka.ssl.ca.location"),
        ("isolation.level: read_uncommitted", "kafka.isolation.level"),
        ("group.instance.id: pod-0", "kafka.group.instance.id"),
    ],
)
def test_kafka_settings_that_are_rarely_meant_are_named(tmp_path: Path, extra: str, path: str) -> None:
    found = warned(tmp_path, CORRECT.replace("localhost:9092", f"localhost:9092, {extra}"))
    assert [warning.path for warning in found] == [path]


@pytest.mark.parametrize(
    ("extra", "refused"),
    [
        ("group.instance.id: pod-0, group.protocol: consumer", True),
        ("group.instance.id: pod-0, group.protocol: CONSUMER", True),
        ("group.instance.id: pod-0, group.protocol: classic", False),
        ("group.instance.id: pod-0", False),
        ("group.protocol: consumer", False),
    ],
)
def test_an_instance_id_in_the_newer_protocol_is_refused_and_loads_all_the_same(
    tmp_path: Path, extra: str, *, refused: bool
) -> None:
    """Older versions started with it: `run` still does."""
    path = tmp_path / "connector.yaml"
    path.write_text(CORRECT.replace("localhost:9092", f"localhost:9092, {extra}"))
    settings = load(path)
    found = refusals(settings)
    assert [mistake.path for mistake in found] == ["kafka.group.instance.id"] * refused
    assert all("does not go with group.protocol: consumer" in mistake.message for mistake in found)


def test_a_rate_above_what_sailplay_is_known_to_take_is_one(tmp_path: Path) -> None:
    assert warned(tmp_path, CORRECT.replace("11, token:", "11, rate: 51/s, token:")) == [
        Mistake("sinks.sp.rate", "SailPlay is said to refuse more than 50/s per partner", "rate-too-high")
    ]


def test_a_sink_that_no_route_uses_is_one(tmp_path: Path) -> None:
    text = CORRECT.replace(
        "routes:", "  idle: {kind: mytracker, base_url: https://t.example, app_id: 2, token: {env: MT_TOKEN}}\nroutes:"
    )
    assert warned(tmp_path, text) == [Mistake("sinks.idle", "no route leads here: it will send nothing", "idle-sink")]


@pytest.mark.parametrize("expression", ["'order1'", "`1`", "timestamp()", "join('-', ['a', topic()])", "'abc'[0:2]"])
def test_a_transaction_id_that_is_not_the_events_own_is_one(tmp_path: Path, expression: str) -> None:
    """Two payments with one idTransaction are one to the vendor."""
    (warning,) = warned(tmp_path, CORRECT + REVENUE.replace("ID", f'"{expression}"'))
    assert warning.path == "routes[2].fields.idTransaction"


@pytest.mark.parametrize("expression", ["order.id", "key()", "header('id')", "text(order.id)", "a || 'x'", "@.id"])
def test_a_transaction_id_of_the_event_or_its_record_is_none(tmp_path: Path, expression: str) -> None:
    assert warned(tmp_path, CORRECT + REVENUE.replace("ID", f'"{expression}"')) == []


EACH_REVENUE = REVENUE.replace("to: mt", "each: lines, to: mt").replace("user.id", "$.user.id").replace("at)", "$.at)")


@pytest.mark.parametrize("expression", ["$.order.id", "key()", "join('-', [$.order.id, 'x'])", "$.order.lines[0].id"])
def test_a_transaction_id_that_all_items_of_an_event_share_is_one(tmp_path: Path, expression: str) -> None:
    (warning,) = warned(tmp_path, CORRECT + EACH_REVENUE.replace("ID", f'"{expression}"'))
    assert (warning.path, warning.name) == ("routes[2].fields.idTransaction", "shared-transaction-id")


@pytest.mark.parametrize("expression", ["id", "@", "join('-', [$.order.id, sku])", "text(@)", "line.id"])
def test_a_transaction_id_of_the_element_is_none(tmp_path: Path, expression: str) -> None:
    assert warned(tmp_path, CORRECT + EACH_REVENUE.replace("ID", f'"{expression}"')) == []


def test_a_transaction_id_of_neither_is_warned_of_once(tmp_path: Path) -> None:
    (warning,) = warned(tmp_path, CORRECT + EACH_REVENUE.replace("ID", "\"'x'\""))
    assert "does not come from the event" in warning.message


def test_a_schema_that_does_not_bound_every_event_is_one(tmp_path: Path) -> None:
    alternatives = [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}, "minProperties": 1}]
    (tmp_path / "tried.json").write_text(json.dumps({"anyOf": alternatives}))
    (tmp_path / "told.json").write_text(json.dumps({"properties": {"a": {"$ref": "#"}}}))

    def of_topics(schema: str) -> list[str]:
        found = warned(tmp_path, CORRECT.replace("orders: {}", f"orders: {{schema: {schema}}}"))
        return [warning.path for warning in found if warning.path.startswith("topics")]

    assert of_topics("tried.json") == ["topics.orders.schema"]
    assert of_topics("told.json") == []
