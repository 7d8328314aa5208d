"""`connector preview` of a file with an event a line: what becomes of them all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.deadletters.cause import OTHER_MESSAGES
from connector.service import preview_summary

CONFIG = """
kafka: {bootstrap.servers: "127.0.0.1:1"}
group: crm
dead_letters: crm.dead-letters
redact: [user.name]
topics: {orders: {}, reviews: {}}
sinks:
  mytracker: {kind: mytracker, base_url: "http://127.0.0.1:1", app_id: 1, token: {env: NO_SUCH_TOKEN}}
  sailplay: {kind: sailplay, base_url: "http://127.0.0.1:1", store_department_id: 11, token: {env: NO_SUCH_TOKEN}}
routes:
  - name: revenue
    from: orders
    when: type == 'paid'
    to: mytracker.customRevenue
    fields:
      {customUserId: user.id, idTransaction: order, currency: "'RUB'", total: total, eventTimestamp: unix(at), ipv4: ip}
  - name: points
    from: orders
    when: typ == 'paid'
    to: sailplay.fire
    fields: {origin_user_id: user.id, event_key: "'k'"}
  - name: reviews
    from: reviews
    when: stars
    to: mytracker.login
    fields: {customUserId: user.id, eventTimestamp: timestamp()}
"""
GOOD = {"type": "paid", "user": {"id": "u", "name": "Secret"}, "order": "o", "total": 1, "at": "2026-03-01T09:00:00Z"}
NO_ZONE = {**GOOD, "at": "2026-03-01T09:00:00", "ip": ""}
TWO_FAULTS = {**GOOD, "at": "2026-03-01T09:00:00", "total": -5}
OTHER = {**GOOD, "type": "placed"}
NO_USER = {**GOOD, "user": {"name": "Secret"}, "ip": "10.0.0.1"}
EVENTS: Sequence[Any] = (GOOD, NO_ZONE, b"{broken", TWO_FAULTS, b"", OTHER, NO_USER, [1])


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "connector.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return str(path)


def preview(config: str, events: Sequence[Any], *arguments: str) -> Result:
    lines = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    command = ["preview", "--config", config, "--event", "-", *arguments]
    return CliRunner().invoke(app, command, input=b"\n".join(lines) + b"\n")


def summary(config: str, events: Sequence[Any] = EVENTS, *arguments: str) -> dict[str, dict[str, Any]]:
    content = json.loads(preview(config, events, "--json", *arguments).stdout)
    return {entry["route"] or entry["sink"]: entry for entry in content["routes"]}


def test_each_event_is_counted_once_for_each_route(config: str) -> None:
    found = summary(config)
    revenue = found["revenue"]
    assert (revenue["sent"], revenue["skipped"], revenue["dead_letters"]) == (1, 1, 3)
    assert (found["points"]["sent"], found["points"]["skipped"]) == (0, 5)
    assert found["mytracker"]["reasons"] == found["sailplay"]["reasons"] == {"undecodable": 2}
    assert "reviews" not in found
    assert revenue["reasons"] == {"unmappable": 3}


def test_dead_letters_are_grouped_by_their_problems_with_the_first_lines(config: str) -> None:
    problems = summary(config)["revenue"]["problems"]
    assert [(problem["message"].partition(" ")[0], problem["count"], problem["lines"]) for problem in problems] == [
        ("eventTimestamp:", 2, [2, 4]),
        ("total", 1, [4]),
        ("customRevenue", 1, [7]),
    ]
    assert problems[2]["name"] == "required-null"
    assert problems[2]["details"] == ["customUserId: user.id: user has no id; it has name"]


def test_fields_that_are_null_or_empty_are_counted_of_the_events_that_are_taken(config: str) -> None:
    (user, ip) = sorted(summary(config)["revenue"]["null_fields"], key=lambda found: found["count"])
    assert (user["field"], user["count"], user["of"], user["lines"]) == ("customUserId", 1, 4, [7])
    assert (ip["field"], ip["count"], ip["lines"]) == ("ipv4", 3, [1, 2, 4])
    assert ip["cause"] == "the expression ip is a path and gave null; a text stands in quotes: 'ip'"


def test_the_screen(config: str) -> None:
    result = preview(config, EVENTS)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("standard input as records of orders: 7 events, ")
    said = "\n".join(lines)
    assert "mytracker.customRevenue (revenue): 1 would be sent, 1 skipped, 3 dead letters (unmappable 3)\n" in said
    assert "  2 events: eventTimestamp: unix() takes a time with a zone" in said
    assert "    lines 2, 4\n" in said
    assert "    ipv4, in 3 of 4; line 1: the expression ip is a path and gave null" in said
    assert "mytracker, before any route: 2 dead letters (undecodable 2)\n" in said
    assert said.index("mytracker, before any route") < said.index("sailplay.fire")
    assert (
        "sailplay.fire (points): 0 would be sent, 5 skipped, 0 dead letters\n"
        "  not taken: typ == 'paid' does not hold [not-taken]\n"
        "    the event has no typ; it has type, user, order, total, at — did you mean type?\n"
    ) in said
    assert "Secret" not in said


def test_without_a_dead_letter_it_ends_with_0(config: str) -> None:
    assert preview(config, [GOOD, OTHER]).exit_code == 0


def test_messages_that_differ_in_values_alone_are_one_group(config: str) -> None:
    events = [{**GOOD, "user": {"id": "u" * length}} for length in (1025, 2000, 2000)]
    (problem,) = summary(config, events)["revenue"]["problems"]
    assert (problem["count"], problem["message"]) == (
        3,
        "customUserId takes text of <n> to <n> characters: this text has <n>",
    )
    (alike,) = summary(config, events[1:])["revenue"]["problems"]
    assert alike["message"] == "customUserId takes text of 1 to 1024 characters: this text has 2000"


def test_however_many_messages_there_are_the_groups_are_bounded(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_summary, "_MOST_GROUPS", 1)
    problems = summary(config)["revenue"]["problems"]
    assert [problem["message"] for problem in problems][1:] == [OTHER_MESSAGES]
    assert sum(problem["count"] for problem in problems) == 4


def test_the_topic_may_be_left_out_where_one_fits_the_first_events(config: str) -> None:
    review = {"stars": 5, "user": {"id": "u"}}
    assert json.loads(preview(config, [OTHER, review], "--json").stdout)["topic"] == "reviews"
    assert "no route would send any of the first 2 events" in str(preview(config, [{}, {}]).exception)
    said = str(preview(config, [GOOD, review]).exception)
    assert said == "--topic: the events would be sent from orders and from reviews: say which it is"
    assert "no route reads other" in str(preview(config, [GOOD, GOOD], "--topic", "other").exception)


def test_what_a_file_lacks_is_said_once(config: str) -> None:
    events = [{"stars": 1, "user": {"id": "u"}}] * 3
    (note,) = summary(config, events, "--topic", "reviews")["reviews"]["notes"]
    assert note["message"].startswith("timestamp() is the time of this preview")
    given = summary(config, events, "--topic", "reviews", "--timestamp", "2026-03-01T09:00:00Z")
    assert given["reviews"]["notes"] == []


def test_a_file_of_one_line_is_one_event(config: str) -> None:
    assert "body" in json.loads(preview(config, [GOOD], "--topic", "orders", "--json").stdout)["routes"][0]


def test_names_of_vendors_events_are_asked_for_one_event(config: str) -> None:
    said = str(preview(config, [GOOD, GOOD], "--topic", "orders", "--live").exception)
    assert said == "--live: the names are asked for one event, not for a file of many"
