"""What is said of an event under a route whose vendor's methods have an encoder and nothing for people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from connector.config.load import load
from connector.errors import FieldError
from connector.model import Failure, Item, Reason, Record, Stage
from connector.service import route_inspector
from connector.service.route_inspector import RouteInspector, view_of
from connector.vendors.mytracker.vendor import MYTRACKER

CONFIG = """
kafka: {bootstrap.servers: "127.0.0.1:9"}
group: crm
dead_letters: dead
topics: {events: {}}
sinks: {mytracker: {kind: mytracker, base_url: "http://127.0.0.1:9", app_id: 1, token: {env: TOKEN}}}
routes:
  - {name: r, from: events, to: mytracker.login, fields: {customUserId: id, age: age, eventTimestamp: at}}
"""
RECORD = Record("events", 0, 0, -1, None, b"", ())


def encode(values: dict[str, Any]) -> bytes:
    if "customUserId" not in values:
        raise FieldError("customUserId: is required")
    return orjson.dumps(values)


@pytest.fixture
def inspector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RouteInspector:
    file = tmp_path / "connector.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    settings = load(file)
    foreign: Any = {"login": SimpleNamespace(name="login", encode=encode)}
    monkeypatch.setattr(route_inspector, "VENDORS", {"mytracker": replace(MYTRACKER, methods=foreign)})
    return RouteInspector(settings, settings.routes[0])


def test_the_first_mistake_is_all_that_it_can_say(inspector: RouteInspector) -> None:
    failure = Failure(RECORD, Reason.UNMAPPABLE, Stage.MAP, "customUserId: is required", "r", "login")
    details = inspector.details(failure, view_of({"age": 5, "at": 1}, RECORD, ()))
    assert [problem.message for problem in details.problems] == ["customUserId: is required"]
    assert [left.field for left in details.left_out] == ["customUserId"]


def test_what_is_sent_is_shown_without_dates(inspector: RouteInspector) -> None:
    view = view_of({"id": "u", "at": 1772355600}, RECORD, ())
    item = Item(RECORD, "r", "login", encode({"customUserId": "u", "eventTimestamp": 1772355600}))
    body = inspector.body(item, view)
    assert body["eventTimestamp"] == 1772355600
    assert inspector.times(body) == {}
    assert [left.field for left in inspector.details(item, view).left_out] == ["age"]


def test_a_failure_that_no_rule_explains_is_said_in_its_own_words(inspector: RouteInspector) -> None:
    failure = Failure(RECORD, Reason.UNMAPPABLE, Stage.MAP, "of an older version", "r", "login")
    details = inspector.details(failure, view_of({"id": "u"}, RECORD, ()))
    assert [problem.message for problem in details.problems] == ["of an older version"]
