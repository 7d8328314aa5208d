"""`connector preview`: what would be sent for an event, and why not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.redaction import MASK
from connector.service.preflight import connection
from connector.simulators.kafka import MockKafka

ROOT = Path(__file__).parents[3]
CONFIG = """
kafka: {bootstrap.servers: "%s"}
group: crm
dead_letters: crm.dead-letters
redact: [%s]
topics: {users: {}, orders: {}, "^game[.].*": {}}
sinks:
  mytracker:
    kind: mytracker
    base_url: http://127.0.0.1:1
    app_id: 1
    token: {env: NO_SUCH_TOKEN}
  sailplay:
    kind: sailplay
    base_url: http://127.0.0.1:1
    store_department_id: 11
    token: {env: NO_SUCH_TOKEN}
routes:
  - from: users
    when: type == 'user.registered'
    to: mytracker.registration
    fields: {customUserId: user.id, eventTimestamp: unix(at)}
  - name: revenue
    from: orders
    when: type == 'order.paid'
    to: mytracker.customRevenue
    fields: {customUserId: user.id, idTransaction: order, currency: "'RUB'", total: total, eventTimestamp: unix(at)}
  - from: orders
    when: type == 'order.paid' && total > `100`
    to: sailplay.fire
    fields: {origin_user_id: user.id, event_key: "'k'", value: total}
  - name: play
    from: "^game[.].*"
    to: mytracker.customEvent
    fields:
      customUserId: user.id
      customEventName: name
      customEventParams: {level: data.level, mail: sha256(data.email), key: key(), trace: header('trace')}
"""
ORDER: dict[str, Any] = {
    "type": "order.paid",
    "at": "2026-03-01T12:00:00+03:00",
    "user": {"id": "Аня"},
    "order": "o1",
    "total": 250.5,
}


def configuration(directory: Path, *, brokers: str = "127.0.0.1:1", redact: str = "") -> str:
    path = directory / "connector.yaml"
    path.write_text(CONFIG % (brokers, redact), encoding="utf-8")
    return str(path)


def preview(config: str, event: Any, *arguments: str) -> Result:
    value = event if isinstance(event, bytes) else json.dumps(event).encode()
    return CliRunner().invoke(app, ["preview", "--config", config, "--event", "-", *arguments], input=value)


def routes(config: str, event: Any, *arguments: str) -> dict[str, dict[str, Any]]:
    """What is said of each route, by its name (or its sink's, where it failed before routing)."""
    content = json.loads(preview(config, event, "--json", *arguments).stdout)
    return {shown["route"] or shown["sink"]: shown for shown in content["routes"]}


@pytest.fixture
def config(tmp_path: Path) -> str:
    return configuration(tmp_path)


def test_an_event_for_two_sinks_is_shown_as_each_would_get_it(config: str) -> None:
    result = preview(config, ORDER, "--topic", "orders")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"standard input as a record of orders, {len(json.dumps(ORDER))} bytes",
        "",
        "mytracker.customRevenue (revenue): would be sent, 105 bytes of at most 10,000",
        "{",
        '  "customUserId": "Аня",',
        '  "idTransaction": "o1",',
        '  "currency": "RUB",',
        '  "total": 250.5,',
        '  "eventTimestamp": 1772355600 (2026-03-01 09:00:00 UTC)',
        "}",
        "",
        "sailplay.fire: would be sent, 57 bytes of at most 4,000",
        "{",
        '  "origin_user_id": "Аня",',
        '  "event_key": "k",',
        '  "value": "250.5"',
        "}",
    ]


def test_the_size_is_that_of_the_bytes_that_would_be_sent(config: str) -> None:
    shown = routes(config, ORDER, "--topic", "orders")["revenue"]
    assert shown["size"] == len(json.dumps(shown["body"], ensure_ascii=False, separators=(",", ":")).encode())


def test_a_condition_that_does_not_hold_is_shown_and_no_failure(config: str) -> None:
    result = preview(config, {**ORDER, "total": 10}, "--topic", "orders")
    assert result.exit_code == 0
    assert result.stdout.endswith(
        "sailplay.fire: skipped\n  not taken: type == 'order.paid' && total > `100` does not hold [not-taken]\n"
    )


def test_what_cannot_be_mapped_is_a_dead_letter_of_that_route_alone(config: str) -> None:
    event = {**ORDER, "at": "2026-03-01T12:00:00"}
    shown = routes(config, event, "--topic", "orders")
    assert (shown["revenue"]["outcome"], shown["revenue"]["reason"]) == ("dead_letter", "unmappable")
    assert "zone" in shown["revenue"]["why"]
    assert shown["sailplay.fire"]["outcome"] == "sent"
    assert preview(config, event, "--topic", "orders").exit_code == 1


def test_what_is_too_large_says_how_large(config: str) -> None:
    large = {"name": "n", "user": {"id": "u"}, "data": {f"p{number}": "x" * 255 for number in range(40)}}
    text = re.sub("customEventParams: .*", "customEventParams: data", Path(config).read_text(encoding="utf-8"))
    Path(config).write_text(text, encoding="utf-8")
    shown = routes(config, large, "--topic", "game.a")["play"]
    assert (shown["outcome"], shown["reason"]) == ("dead_letter", "oversize")
    assert "10000 bytes" in shown["why"]


def test_what_is_not_json_is_a_dead_letter_of_every_sink_that_reads_the_topic(config: str) -> None:
    result = preview(config, b'{"cut', "--topic", "orders")
    assert result.exit_code == 1
    assert result.stdout.count("a dead letter, undecodable") == 2
    assert "cut" not in result.stdout


def test_what_no_route_takes_is_skipped_or_a_dead_letter_of_the_first_sink_that_reads_it(config: str) -> None:
    event = {**ORDER, "type": "order.placed"}
    assert {shown["outcome"] for shown in routes(config, event, "--topic", "orders").values()} == {"skipped"}
    path = Path(config)
    path.write_text("delivery: {unrouted: dead_letter}\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    shown = routes(config, event, "--topic", "orders")
    assert (shown["mytracker"]["outcome"], shown["mytracker"]["reason"]) == ("dead_letter", "unrouted")
    assert shown["sailplay.fire"]["outcome"] == "skipped"
    assert "sailplay" not in shown


def test_a_sink_that_does_not_read_the_topic_says_so(config: str) -> None:
    event = {**ORDER, "type": "user.registered"}
    assert routes(config, event, "--topic", "users")["sailplay"]["why"] == "no route of this sink reads the topic"


def test_the_topic_may_be_left_out_where_one_fits(config: str) -> None:
    assert preview(config, ORDER).stdout.startswith("standard input as a record of orders")


@pytest.mark.parametrize(
    ("event", "arguments", "mistake"),
    [
        ({}, [], "--topic: no route would send the event; say which topic it is from: users, orders, ^game[.].*"),
        (ORDER, ["--topic", "other"], "--topic: no route reads other: the routes read users, orders, ^game[.].*"),
        (ORDER, ["--from", "orders/0/1"], "--event: give the event: --event FILE, --event - or --from"),
    ],
)
def test_arguments_that_say_too_little_or_too_much_are_refused(
    config: str, event: Any, arguments: list[str], mistake: str
) -> None:
    assert mistake in str(preview(config, event, *arguments).exception)


def test_what_redact_names_is_hidden_with_every_field_that_depends_on_it(tmp_path: Path) -> None:
    event = {"name": "n", "user": {"id": "u"}, "data": {"level": 7, "email": "a@example.com"}}
    shown = routes(configuration(tmp_path, redact="user, data.email"), event, "--topic", "game.a")["play"]
    assert shown["body"] == {
        "customUserId": MASK,
        "customEventName": "n",
        "customEventParams": {"level": "7", "mail": MASK},
    }


def test_a_hidden_time_hides_the_seconds_made_of_it(tmp_path: Path) -> None:
    shown = routes(configuration(tmp_path, redact="at"), ORDER, "--topic", "orders")["revenue"]
    assert shown["body"]["eventTimestamp"] == MASK
    assert shown["body"]["customUserId"] == "Аня"


# --- what the documents show ------------------------------------------------------------------------------------------


def test_the_readme_shows_what_the_command_prints(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w*)\n(.*?)```", readme, re.DOTALL)
    (configured,) = [text for language, text in blocks if language == "yaml"]
    (printed,) = [text for _, text in blocks if text.startswith("$ connector check")]
    path = tmp_path / "connector.yaml"
    path.write_text(configured.replace("schemas/events", str(ROOT / "schemas" / "events")), encoding="utf-8")
    event = str(ROOT / "examples" / "events" / "order-paid.json")
    result = CliRunner().invoke(app, ["preview", "--config", str(path), "--event", event])
    assert result.exit_code == 0
    shown = result.stdout.replace(f"{ROOT}/", "")
    assert printed.endswith(f"--event examples/events/order-paid.json\n{shown}")


# --- from Kafka -------------------------------------------------------------------------------------------------------


@pytest.fixture
def kafka() -> Iterator[MockKafka]:
    with MockKafka() as cluster:
        cluster.create_topic("game.a", 2)
        producer = Producer({"bootstrap.servers": cluster.bootstrap})
        event = json.dumps({"name": "n", "user": {"id": "u"}}).encode()
        for value in (b"before", event, None):
            producer.produce("game.a", value, b"k", partition=1, headers=[("trace", b"t")])
        assert producer.flush(20) == 0
        yield cluster


def from_kafka(directory: Path, kafka: MockKafka, address: str) -> Result:
    config = configuration(directory, brokers=kafka.bootstrap)
    return CliRunner().invoke(app, ["preview", "--config", config, "--from", address])


def test_a_record_of_kafka_comes_with_its_key_and_headers(tmp_path: Path, kafka: MockKafka) -> None:
    result = from_kafka(tmp_path, kafka, "game.a/1/1")
    assert result.exit_code == 0
    assert result.stdout.startswith("game.a/1/1, 34 bytes\n")
    assert '"key": "k",\n    "trace": "t"' in result.stdout


def test_a_tombstone_is_skipped(tmp_path: Path, kafka: MockKafka) -> None:
    result = from_kafka(tmp_path, kafka, "game.a/1/2")
    assert (result.exit_code, "a tombstone (no value) is skipped" in result.stdout) == (0, True)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("game.a/1/3", "game.a/1 has no offset 3: its offsets are 0 to 2"),
        ("game.a/0/0", "game.a/0 has no offset 0: it is empty"),
        ("game.a/7/0", "topic game.a has no partition 7: it has 2, from 0"),
    ],
)
def test_a_record_that_is_not_there_is_named_with_what_is(
    tmp_path: Path, kafka: MockKafka, address: str, message: str
) -> None:
    assert str(from_kafka(tmp_path, kafka, address).exception) == message


def test_brokers_that_cannot_be_reached_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1.0)
    config = configuration(tmp_path)
    result = CliRunner().invoke(app, ["preview", "--config", config, "--from", "game.a/0/0"])
    assert str(result.exception) == (
        "Kafka cannot be used: 127.0.0.1:1: no connection (Connect to ipv4#127.0.0.1:1 failed: Connection refused)\n"
        "→ look at kafka.bootstrap.servers, at the brokers and at firewalls between"
    )
    assert "FAIL" not in capfd.readouterr().err
