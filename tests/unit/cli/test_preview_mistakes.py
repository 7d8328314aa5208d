"""`connector preview` of events that do not fit their routes: every mistake at once, why fields are null, dates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.redaction import MASK

CONFIG = """
kafka: {bootstrap.servers: "127.0.0.1:1"}
group: crm
dead_letters: crm.dead-letters
redact: [%s]
topics: {events: {}}
sinks:
  mytracker:
    kind: mytracker
    base_url: http://127.0.0.1:1
    app_id: 1
    token: {env: NO_SUCH_TOKEN}
    batch: {max_bytes: %d}
  sailplay: {kind: sailplay, base_url: "http://127.0.0.1:1", store_department_id: 11, token: {env: NO_SUCH_TOKEN}}
routes:
  - {name: r, from: events, %s}
"""
NO_TOTAL = "the expression total is a path and gave null; a text stands in quotes: 'total'"
NO_AMOUNT = "total takes number from 0, below 2^63; rounded half-even to 4 decimals, not a text that is no number"
ORDINARY = "{customUserId: user.id, eventTimestamp: unix(at), customEventName: type}"
PAID: dict[str, Any] = {
    "type": "order.paid",
    "user": {"id": "user-1", "name": "n"},
    "order": {"id": "o-1", "total": 10},
    "at": "2026-03-01T09:00:00Z",
}


class Previewed:
    """One configuration of one route, and what preview says of events under it."""

    def __init__(self, directory: Path, route: str, *, redact: str = "", max_bytes: int = 10_000) -> None:
        self._directory = directory
        self._config = directory / "connector.yaml"
        self._config.write_text(CONFIG % (redact, max_bytes, route), encoding="utf-8")

    def run(self, event: Any, *arguments: str) -> Result:
        file = self._directory / "event.json"
        file.write_text(event if isinstance(event, str) else json.dumps(event), encoding="utf-8")
        command = ["preview", "--config", str(self._config), "--event", str(file), *arguments]
        return CliRunner().invoke(app, command)

    def text(self, event: Any, *arguments: str) -> list[str]:
        """What is printed of the route, without the heading."""
        return self.run(event, *arguments).stdout.splitlines()[2:]

    def json(self, event: Any, *arguments: str) -> dict[str, Any]:
        """The route's entry of --json."""
        (route,) = json.loads(self.run(event, "--json", *arguments).stdout)["routes"][:1]
        return dict(route)


def test_a_constant_without_quotes_and_a_misspelt_path_are_named(tmp_path: Path) -> None:
    route = (
        "to: mytracker.customRevenue, fields: {customUserId: user.id, idTransaction: order.id, currency: RUB, "
        "total: order.total, eventTimestamp: unix(at), userAgent: user.nmae}"
    )
    previewed = Previewed(tmp_path, route)
    assert previewed.run(PAID).exit_code == 1
    assert previewed.text(PAID)[:5] == [
        "mytracker.customRevenue (r): a dead letter, unmappable",
        "  currency is missing or null: customRevenue requires it [required-null]",
        "    currency: the expression RUB is a path and gave null; a text stands in quotes: 'RUB'",
        "  left out:",
        "    userAgent: user.nmae: user has no nmae; it has id, name — did you mean name? [null-field]",
    ]
    assert previewed.json(PAID)["why"] == "currency is missing or null: customRevenue requires it"


def test_every_mistake_is_said_at_once_the_letters_own_among_them(tmp_path: Path) -> None:
    route = (
        "when: order.total / count > 1, to: mytracker.customRevenue, fields: {customUserId: user.id, "
        "idTransaction: order, currency: order.id, total: user.name, eventTimestamp: unix(type), ipv4: at, "
        "age: number(at)}"
    )
    event = {**PAID, "count": 0}
    shown = Previewed(tmp_path, route).json(event)
    assert [(problem["field"], problem["message"].split(":")[0]) for problem in shown["problems"]] == [
        ("when", "when"),
        ("eventTimestamp", "eventTimestamp"),
        ("age", "age"),
        ("idTransaction", "idTransaction takes text of 1 to 255 characters, not an object"),
        ("currency", "currency takes text of 3 characters, three upper-case letters"),
        (
            "total",
            "total takes number from 0, below 2^63; rounded half-even to 4 decimals, not a text that is no number",
        ),
        ("ipv4", "ipv4 takes text that is an IPv4 address"),
    ]
    assert shown["why"] == shown["problems"][0]["message"]
    assert all(problem["name"] for problem in shown["problems"])


def test_empty_optional_texts_are_left_out_and_the_rest_is_said(tmp_path: Path) -> None:
    route = (
        "to: mytracker.customEvent, fields: {customUserId: userId, customEventName: event, age: traits.age, "
        "idfa: device.id, userAgent: agent, customEventParams: {coupon: coupon, total: total}}"
    )
    event = {
        "event": "e",
        "userId": "u",
        "traits": {"age": ""},
        "device": {"id": ""},
        "agent": "M" * 3000,
        "coupon": "",
    }
    said = Previewed(tmp_path, route).text(event)
    assert said[1].startswith("  userAgent takes text of 1 to 2048 characters: this text has 3000 [")
    assert said[2:] == [
        "  left out:",
        f"    customEventParams.total: {NO_TOTAL} [null-field]",
        "    age: traits.age is empty",
        "    idfa: device.id is empty",
        "    customEventParams.coupon: coupon is empty",
    ]


def test_json_in_a_text_is_named_with_what_reads_it(tmp_path: Path) -> None:
    route = "to: mytracker.customEvent, fields: {customUserId: payload.user.id, customEventName: type}"
    event = {"type": "OrderPaid", "payload": '{"user": {"id": "user-1"}}'}
    (problem,) = Previewed(tmp_path, route).json(event)["problems"]
    assert problem["name"] == "required-null"
    assert problem["details"] == [
        "customUserId: payload.user.id: payload is a text, not an object: json(payload) reads it"
    ]


def test_of_fields_of_which_one_is_required_each_says_what_it_came_to(tmp_path: Path) -> None:
    route = "to: mytracker.customEvent, fields: {customUserId: user.id, gaid: device.gaid, customEventName: type}"
    (problem,) = Previewed(tmp_path, route).json({"type": "t", "user": {"id": ""}, "device": {}})["problems"]
    assert problem["details"] == [
        "customUserId: user.id is empty",
        "gaid: device.gaid: device has no gaid",
    ]


def test_parameters_that_an_object_brings_are_left_out_by_name(tmp_path: Path) -> None:
    route = "to: mytracker.customEvent, fields: {customUserId: user.id, customEventName: type, customEventParams: data}"
    event = {**PAID, "data": {"a": 1, "b": None, "c": "", "anna@example.com": None}}
    previewed = Previewed(tmp_path, route)
    (left_out,) = previewed.json(event)["left_out"]
    assert left_out["message"] == (
        "3 parameters are null or empty: customEventParams.b, customEventParams.c, a value in customEventParams"
    )
    (hidden,) = Previewed(tmp_path, route, redact="data").json(event)["left_out"]
    assert hidden["message"] == "3 parameters are null or empty"


def test_times_have_their_dates_in_the_text_and_in_a_map_of_their_own(tmp_path: Path) -> None:
    route = (
        "to: mytracker.customEvent, fields: {customUserId: user.id, eventTimestamp: unix(at), customEventName: type}"
    )
    previewed = Previewed(tmp_path, route)
    assert '  "eventTimestamp": 1772355600 (2026-03-01 09:00:00 UTC),' in previewed.text(PAID)
    shown = previewed.json(PAID)
    assert (shown["outcome"], shown["body"]["eventTimestamp"]) == ("sent", 1772355600)
    assert shown["times"] == {"eventTimestamp": "2026-03-01T09:00:00Z"}
    assert Previewed(tmp_path, route, redact="at").json(PAID)["times"] == {}


def test_an_event_that_is_too_large_has_its_envelope_and_longest_fields_named(tmp_path: Path) -> None:
    route = "to: mytracker.customEvent, fields: {customUserId: user.id, customEventName: type, customEventParams: data}"
    event = {**PAID, "data": {f"p{length}": "x" * length for length in (50, 200, 100)}}
    said = Previewed(tmp_path, route, max_bytes=300).text(event)
    longest = "customEventParams.p200 209 bytes, customEventParams.p100 109 bytes, customEventParams.p50 58 bytes"
    assert said[2:] == [
        "    an event that is sent alone goes without the brackets of the batch form: its own bytes alone count",
        "    batch.max_bytes lowers the limit: the vendor takes 10,000 bytes",
        f"    the longest fields: {longest}",
    ]
    fire = "to: sailplay.fire, fields: {origin_user_id: user.id, event_key: key}"
    said = Previewed(tmp_path, fire).text({**PAID, "key": "ж" * 1000})
    assert said[2:] == [
        "    the account's fields (token, store_department_id) are added at sending and do not count",
        "    the longest fields: event_key 6,010 bytes, origin_user_id 21 bytes",
    ]


HEADERS = (
    "when: header('ce_type') == 'order.paid', to: mytracker.customEvent, "
    "fields: {customUserId: header('ce_subject') || key(), customEventName: header('ce_type'), "
    "eventTimestamp: timestamp()}"
)


def test_what_a_file_lacks_is_named_with_the_option_that_gives_it(tmp_path: Path) -> None:
    previewed = Previewed(tmp_path, HEADERS)
    assert previewed.run(PAID).exit_code == 0
    lack = "header('ce_type') is null: the event comes from a file without headers; give --header ce_type=…"
    assert previewed.text(PAID) == [
        "mytracker.customEvent (r): skipped",
        "  not taken: header('ce_type') == 'order.paid' does not hold [not-taken]",
        f"  {lack} [no-headers]",
    ]
    notes = previewed.json(PAID, "--header", "ce_type=order.paid")["notes"]
    assert [note["message"].partition(" ")[0] for note in notes] == ["header('ce_subject')", "key()", "timestamp()"]


def test_key_headers_and_time_may_be_given(tmp_path: Path) -> None:
    previewed = Previewed(tmp_path, HEADERS)
    given = ["--header", "ce_type=no", "--header", "ce_type=order.paid", "--key", "user=7"]
    shown = previewed.json(PAID, *given, "--header", "ce_subject=", "--timestamp", "2026-03-01T12:00:00+03:00")
    assert (shown["notes"], shown["problems"]) == ([], [])
    assert shown["body"] == {
        "customUserId": "user=7",
        "customEventName": "order.paid",
        "eventTimestamp": 1772355600,
    }


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        (["--header", "ce_type"], "--header: 'ce_type' is no header: NAME=VALUE, such as ce_type=order.paid"),
        (["--header", "=x"], "--header: '' is no header: NAME=VALUE, such as ce_type=order.paid"),
        (["--timestamp", "now"], "--timestamp: 'now' is no time with a zone, such as 2025-01-31T00:00:00Z"),
    ],
)
def test_what_is_given_wrongly_is_refused(tmp_path: Path, arguments: list[str], mistake: str) -> None:
    assert str(Previewed(tmp_path, HEADERS).run(PAID, *arguments).exception) == mistake


@pytest.mark.parametrize(
    "given", [["--key", "k"], ["--header", "a=b"], ["--timestamp", "2026-03-01T12:00:00Z"], ["--key", ""]]
)
def test_a_record_of_kafka_has_its_own_key_headers_and_time(tmp_path: Path, given: list[str]) -> None:
    Previewed(tmp_path, HEADERS)
    command = ["preview", "--config", str(tmp_path / "connector.yaml"), "--from", "events/0/0", *given]
    said = str(CliRunner().invoke(app, command).exception)
    assert said == f"{given[0]}: --from names a record of Kafka, which has its own"


def test_a_condition_says_what_in_it_is_null(tmp_path: Path) -> None:
    route = "when: usr.vip == `true`, to: mytracker.login, fields: {customUserId: user.id}"
    assert Previewed(tmp_path, route).text(PAID)[1:] == [
        "  not taken: usr.vip == `true` does not hold [not-taken]",
        "    the event has no usr; it has type, user, order, at — did you mean user?",
    ]


def test_what_redact_names_is_in_no_message(tmp_path: Path) -> None:
    route = (
        "to: mytracker.customEvent, fields: {customUserId: user.mail, customEventName: type, age: user.secret.x, "
        "customEventParams: user}"
    )
    event = {**PAID, "user": {"secret": "5ECRET", "deep": {"5ECRET": [1]}}}
    said = Previewed(tmp_path, route, redact="user").run(event).stdout
    assert "5ECRET" not in said
    assert "it has" not in said
    assert "customUserId: user.mail: user has no mail" in said


def test_text_from_outside_cannot_drive_the_terminal(tmp_path: Path) -> None:
    route = "to: mytracker.customEvent, fields: {customUserId: user.id, customEventName: user.x, userAgent: agent}"
    event = {"user": {"id": "u\u202e\x9b", "\x1b[2J": 1}, "agent": "\x1b[2J"}
    previewed = Previewed(tmp_path, route)
    said = previewed.run(event).stdout + previewed.run({**event, "user": {"id": "\u202e", "x": "\x9b"}}).stdout
    assert not {"\x1b", "\x9b", "\u202e"} & set(said)


def test_an_ordinary_event_stays_on_one_screen(tmp_path: Path) -> None:
    route = (
        "to: mytracker.customEvent, fields: {customUserId: user.id, customEventName: type, eventTimestamp: unix(at)}"
    )
    assert len(Previewed(tmp_path, route).text(PAID)) == 6
    assert MASK not in "".join(Previewed(tmp_path, route).text(PAID))
