"""A correct file becomes settings in plain units."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.config.kafka_settings import resolve_kafka
from connector.config.load import load
from connector.errors import ConfigError, ConnectorError
from connector.secrets import Secret
from connector.settings.values import (
    Delivery,
    FloodGuardSettings,
    Http,
    Topic,
)
from connector.vendors.mytracker.vendor import MyTrackerSettings
from connector.vendors.sailplay.settings import SailPlaySettings

CORRECT = (Path(__file__).parent / "correct.yaml").read_text(encoding="utf-8")


def written(directory: Path, text: str) -> Path:
    path = directory / "connector.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_left_out_takes_the_defaults_of_the_contract(tmp_path: Path) -> None:
    settings = load(written(tmp_path, CORRECT))
    assert settings.http == Http("127.0.0.1", 8080)
    assert settings.delivery == Delivery(1.0, 20.0, 20000, 32 << 20, "skip", FloodGuardSettings(1000, 0.5, 300.0))
    assert settings.redact == ()
    assert settings.topics == {"orders": Topic("orders", False, None)}
    common: dict[str, Any] = {"max_in_flight": 32, "timeout": 10.0, "order": "key", "start": "earliest"}
    for sink in settings.sinks.values():
        assert (sink.retry.initial, sink.retry.max) == (0.2, 30.0)
    tracker, shop = settings.sinks["mt"], settings.sinks["sp"]
    assert isinstance(tracker, MyTrackerSettings)
    assert (tracker.batch.max_events, tracker.batch.max_bytes, tracker.batch.linger) == (20, 10000, 0.2)
    assert dict(tracker) == common | {
        "kind": "mytracker",
        "name": "mt",
        "base_url": "https://tracker.example",
        "retry": tracker.retry,
        "rate": None,
        "app_id": 1,
        "token": Secret.from_env("MT_TOKEN"),
        "batch": tracker.batch,
    }
    assert dict(shop) == common | {
        "kind": "sailplay",
        "name": "sp",
        "base_url": "https://loyalty.example",
        "retry": shop.retry,
        "rate": 40.0,
        "store_department_id": 11,
        "token": Secret.from_env("SP_TOKEN"),
        "http_method": "post",
        "on_unknown_outcome": "retry",
        "retry_codes": {},
    }
    assert settings.receipts == "crm.dead-letters.receipts"


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = load(written(tmp_path, CORRECT))
    with pytest.raises(FrozenInstanceError):
        settings.group = "other"  # type: ignore[misc]  # that it is refused is the point


def test_routes_without_a_name_are_named_by_where_they_go(tmp_path: Path) -> None:
    text = CORRECT + (
        "  - {from: [orders], to: mt.registration, fields: {customUserId: a}}\n"
        "  - {from: orders, name: own, to: mt.registration, when: x, fields: {customUserId: a}}\n"
        "  - {from: orders, to: mt.registration, fields: {customUserId: a}}\n"
    )
    routes = load(written(tmp_path, text)).routes
    assert [route.name for route in routes] == [
        "mt.registration",
        "sp.fire",
        "mt.registration#2",
        "own",
        "mt.registration#3",
    ]
    assert [route.index for route in routes] == [0, 1, 2, 3, 4]
    assert (routes[3].sink, routes[3].method, routes[3].topics, routes[3].when) == (
        "mt",
        "registration",
        ("orders",),
        "x",
    )


@pytest.mark.parametrize(
    ("reset", "start"),
    [("latest", "latest"), ("largest", "latest"), ("earliest", "earliest"), ("beginning", "earliest")],
)
def test_auto_offset_reset_is_the_default_of_start_and_nothing_else(tmp_path: Path, reset: str, start: str) -> None:
    text = CORRECT.replace("localhost:9092", f"localhost:9092, auto.offset.reset: {reset}").replace(
        "app_id: 1", "app_id: 1, start: 2025-01-31T00:00:00Z"
    )
    settings = load(written(tmp_path, text))
    assert settings.kafka == {"bootstrap.servers": "localhost:9092"}
    assert settings.sinks["sp"].start == start
    assert settings.sinks["mt"].start == datetime(2025, 1, 31, tzinfo=UTC)


def test_kafka_settings_that_repeat_what_the_connector_does_are_accepted(tmp_path: Path) -> None:
    extra = "enable.auto.commit: false, acks: -1, partition.assignment.strategy: cooperative-sticky"
    settings = load(written(tmp_path, CORRECT.replace("localhost:9092", f"localhost:9092, {extra}")))
    assert settings.kafka["enable.auto.commit"] is False


def test_a_secret_of_kafka_is_read_when_the_client_is_made(tmp_path: Path) -> None:
    extra = (
        "security.protocol: sasl_plaintext, sasl.mechanism: PLAIN, sasl.username: u, sasl.password: {file: password}"
    )
    settings = load(written(tmp_path, CORRECT.replace("localhost:9092", f"localhost:9092, {extra}")))
    assert settings.kafka["sasl.password"] == Secret.from_file(tmp_path.resolve() / "password")
    with pytest.raises(ConnectorError, match="password cannot be read: No such file"):
        resolve_kafka(settings)
    (tmp_path / "password").write_text("hunter2\n")
    assert resolve_kafka(settings)["sasl.password"] == "hunter2"


def test_a_login_is_made_of_two_secrets(tmp_path: Path) -> None:
    login = "{login: {store_department_key: {env: KEY}, pin_code: {file: /run/pin}}}"
    sink = load(written(tmp_path, CORRECT.replace("{env: SP_TOKEN}", login))).sinks["sp"]
    assert dict(sink.secrets()) == {
        "token.login.store_department_key": Secret.from_env("KEY"),
        "token.login.pin_code": Secret.from_file("/run/pin"),
    }


def test_retry_codes_may_be_written_as_numbers_or_text(tmp_path: Path) -> None:
    codes = "retry_codes: {-4000: 10m, '-5': 30s}, token:"
    sink = load(written(tmp_path, CORRECT.replace("11, token:", f"11, {codes}"))).sinks["sp"]
    assert isinstance(sink, SailPlaySettings)
    assert sink.retry_codes == {"-4000": 600.0, "-5": 30.0}


@pytest.mark.parametrize(
    ("topic", "schema"),
    [
        ("orders", "schemas/events/order.json"),
        ("orders", "schemas/events/user.json"),
        ("orders", "schemas/mytracker/login.json"),
        ("orders", "schemas/config.schema.json"),
        ("accounts.users", "schemas/events/order.json"),
        ("accounts.users", "./schemas/events/user.json"),
        ("accounts.users", "schemas/user.json"),
        ("orders", "/nowhere/order.json"),
    ],
)
def test_a_schema_that_is_not_there_is_a_mistake_though_the_package_has_one_of_its_name(
    tmp_path: Path, topic: str, schema: str
) -> None:
    text = CORRECT.replace("orders: {}", f"{topic}: {{schema: {schema}}}").replace("orders]", f"{topic}]")
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, text.replace("from: orders", f"from: {topic}")))
    (mistake,) = [each for each in refused.value.mistakes if each.name == "unusable-schema"]
    assert mistake.path == f"topics.{topic}.schema"
    assert mistake.message == f"{tmp_path.resolve() / schema} cannot be read: No such file or directory"


def test_schema_paths_start_where_the_file_lies(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text('{"type": "object"}')
    settings = load(written(tmp_path, CORRECT.replace("orders: {}", "orders: {schema: order.json}")))
    assert settings.topics["orders"].schema == tmp_path.resolve() / "order.json"


def test_patterns_are_topics(tmp_path: Path) -> None:
    text = CORRECT.replace("orders: {}", "'^shop[.].*': {}").replace("from: orders", "from: '^shop[.].*'")
    settings = load(written(tmp_path, text))
    assert settings.topics["^shop[.].*"].pattern
    assert settings.routes[0].topics == ("^shop[.].*",)


def test_what_contradicts_itself_only_in_librdkafkas_eyes_is_a_mistake(tmp_path: Path) -> None:
    extra = "group.protocol: consumer, session.timeout.ms: 6000"
    with pytest.raises(
        ConfigError, match=r"kafka: librdkafka refuses these settings: `session\.timeout\.ms` is not supported"
    ):
        load(written(tmp_path, CORRECT.replace("localhost:9092", f"localhost:9092, {extra}")))
