"""`dlq show`: what today's configuration makes of a letter, with every mistake at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.cli.dlq_show import print_letter
from connector.config.load import load
from connector.deadletters.letter_history import RequestedReceipts, history_of
from connector.kafka.dead_letter import failed_record, read_letter
from connector.model import Headers, Record, Stage
from connector.service.command_input import OpenConfig
from connector.service.letter_report import report_letter
from tests.unit.deadletters.support import message, record

CONFIG = """
kafka: {bootstrap.servers: "127.0.0.1:9"}
group: crm
dead_letters: dead
redact: [user.mail]
topics: {events: {}}
sinks: {mytracker: {kind: mytracker, base_url: "http://127.0.0.1:9", app_id: 1, token: {env: TOKEN}}}
routes:
  - name: revenue
    from: events
    to: mytracker.customRevenue
    fields:
      customUserId: user.id
      idTransaction: order
      currency: RUB
      total: total
      eventTimestamp: unix(at)
      userAgent: agnet
  - name: login
    from: events
    when: kind == 'login'
    to: mytracker.login
    fields: {customUserId: user.id}
  - name: event
    from: events
    to: mytracker.customEvent
    fields: {customUserId: user.id, customEventName: header('name'), eventTimestamp: unix(at), gaid: user.mail.x}
"""
EVENT: dict[str, Any] = {"user": {"id": "u"}, "order": "o", "total": -1, "at": "2026-03-01T09:00:00Z", "agent": "a"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> OpenConfig:
    file = tmp_path_factory.mktemp("configuration") / "connector.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return OpenConfig(load(file), {}, Path("connector.yaml"))


def report(
    opened: OpenConfig, route: str | None, event: dict[str, Any] = EVENT, headers: Headers = (), **changed: Any
) -> dict[str, Any]:
    failed: Record = record(value=orjson.dumps(event), headers=headers)
    written = message(failed, route=route, method=None if route is None else "customRevenue", **changed)
    letter = read_letter(written)
    assert letter is not None
    history = history_of([(letter, failed_record(letter, written))], RequestedReceipts())
    return report_letter(opened, history, lambda *_: None)


def printed(shown: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    print_letter(shown)
    return capsys.readouterr().out.partition("today's configuration\n")[2]


def test_all_that_is_wrong_today_is_said_at_once(opened: OpenConfig, capsys: pytest.CaptureFixture[str]) -> None:
    shown = report(opened, "revenue")
    today = shown["today"]
    assert [(problem["route"], problem["field"]) for problem in today["problems"]] == [
        ("revenue", "total"),
        ("revenue", "currency"),
    ]
    said = printed(shown, capsys).splitlines()
    assert said[0].startswith(f"  still fails: {today['obstacle']} [")
    assert said[1:3] == [
        "  also: currency is missing or null: customRevenue requires it [required-null]",
        "    currency: the expression RUB is a path and gave null; a text stands in quotes: 'RUB'",
    ]
    left_out = "the expression agnet is a path and gave null; did you mean agent?; a text stands in quotes: 'agnet'"
    assert said[3:5] == ["  left out:", f"    userAgent: {left_out} [null-field]"]


def test_what_would_be_sent_has_dates_and_says_what_is_left_out(
    opened: OpenConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = report(opened, "event", headers=(("name", b"n"),))
    (item,) = shown["today"]["items"]
    assert item["times"] == {"eventTimestamp": "2026-03-01T09:00:00Z"}
    assert [left["field"] for left in item["left_out"]] == ["gaid"]
    said = printed(shown, capsys)
    assert '      "eventTimestamp": 1772355600 (2026-03-01 09:00:00 UTC)\n    }\n    left out:\n      gaid: ' in said
    assert "passes" in said


def test_a_route_that_takes_it_no_more_says_why(opened: OpenConfig, capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(report(opened, "login"), capsys)
    assert "  still fails: no route login takes it\n" in said
    assert "  not taken: kind == 'login' does not hold [not-taken]\n" in said
    assert "    the event has no kind; it has user, order, total, at, agent\n" in said


def test_a_letter_from_before_routing_shows_the_routes_that_fail_and_not_those_that_take_it_not(
    opened: OpenConfig,
) -> None:
    today = report(opened, None, stage=Stage.DECODE)["today"]
    assert {problem["route"] for problem in today["problems"]} == {"revenue", "event"}


def test_a_letter_that_no_replay_takes_has_no_problems(opened: OpenConfig) -> None:
    assert report(opened, "revenue", stage=Stage.SKIP)["today"]["problems"] == []
