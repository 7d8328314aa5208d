"""Routes against the schemas of their topics: what is said, and above all what is not said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.config.load import load
from connector.config.schema_findings import schema_findings
from connector.mistakes.catalogue import MISTAKES

Said = list[tuple[str, str]]
ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["type", "at", "user", "order"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["order.paid", "order.refunded"]},
        "at": {"type": "string"},
        "vip": {"type": "boolean"},
        "status": {"enum": [1, 2]},
        "user": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "string"}, "mail": {"type": "string"}},
        },
        "order": {
            "type": "object",
            "required": ["total", "items"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string"},
                "total": {"type": "number", "minimum": 0},
                "total_text": {"type": "string"},
                "currency": {"type": ["string", "null"]},
                "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
            },
        },
    },
    "$defs": {"item": {"type": "object", "required": ["price"], "properties": {"price": {"type": "number"}}}},
}
WHO = {"customUserId": "user.id", "customEventName": "type"}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("T", "token")
    return tmp_path


def found(directory: Path, schemas: dict[str, Any], *routes: dict[str, Any]) -> Said:
    """The findings as (path, message [name]), of routes that by default read every topic; None is no schema."""
    topics = {}
    for index, (topic, schema) in enumerate(schemas.items()):
        (directory / f"{index}.json").write_text(json.dumps(schema))
        topics[topic] = {} if schema is None else {"schema": f"{index}.json"}
    base = {"from": list(schemas), "to": "mt.customEvent", "fields": WHO}
    sinks = {"mt": {"kind": "mytracker", "base_url": "https://t.example", "app_id": 1, "token": {"env": "T"}}}
    tree = {
        "kafka": {"bootstrap.servers": "localhost:1"},
        "group": "g",
        "dead_letters": "dead",
        "topics": topics,
        "sinks": sinks,
        "routes": [base | route for route in routes],
    }
    path = directory / "connector.yaml"
    path.write_text(yaml.safe_dump(tree))
    said = schema_findings(load(path))
    assert {mistake.name for mistake in said} <= MISTAKES.keys()
    return [(mistake.path, f"{mistake.message} [{mistake.name}]") for mistake in said]


def names(directory: Path, schema: Any, **route: Any) -> list[str]:
    return [message.rpartition("[")[2][:-1] for _, message in found(directory, {"orders": schema}, route)]


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (
            "order.totl > 5",
            (
                "order.totl is null for every event: the schema of orders has no totl there; did you mean order.total? "
                "[unlisted-field]"
            ),
        ),
        ("user.phone", "the schema of orders does not list user.phone [unlisted-field]"),
        (
            "total > 5",
            (
                "total is null for every event: the schema of orders has no total there; did you mean order.total? "
                "[unlisted-field]"
            ),
        ),
        (
            "order.items[*].prise",
            (
                "the schema of orders does not list order.items[].prise; did you mean "
                "order.items[].price? [unlisted-field]"
            ),
        ),
        (
            "user.id.x",
            "user.id is a text by the schema of orders: user.id.x is null for every event [schema-type]",
        ),
        ("order[0]", "order is an object by the schema of orders: order[0] is null for every event [schema-type]"),
        ("user[*].id", "user is an object by the schema of orders: user[] is null for every event [schema-type]"),
        (
            "order.total_text > 100",
            (
                "order.total_text is a text by the schema of orders, and 100 is a number: > cannot order them; "
                "number(order.total_text) reads a number from a text [schema-type]"
            ),
        ),
        (
            "order.total == '5'",
            (
                "order.total is a number by the schema of orders, and '5' is a text: == is never true; a number has no "
                "quotes [schema-type]"
            ),
        ),
        ("vip > 1", "vip is a boolean by the schema of orders: > orders numbers, or texts [schema-type]"),
        (
            "order.total_text * 2 > 1",
            (
                "order.total_text is a text by the schema of orders, and * takes numbers: number(order.total_text) "
                "reads a number from a text [schema-type]"
            ),
        ),
        (
            "unix(vip) > 1",
            "vip is a boolean by the schema of orders, and unix() takes a text or a number [schema-type]",
        ),
        (
            "sum(order.total) > 1",
            "order.total is a number by the schema of orders, and sum() takes an array of numbers [schema-type]",
        ),
        (
            "sum(order.items) > 1",
            (
                "each element of order.items is an object by the schema of orders, and sum() takes an array of numbers "
                "[schema-type]"
            ),
        ),
        (
            "lower(order.total) == 'a'",
            (
                "order.total is a number by the schema of orders, and lower() takes a text: text(order.total) makes a "
                "text of it [schema-type]"
            ),
        ),
        (
            "type == 'order.payed'",
            "type is never 'order.payed' by the schema of orders; did you mean 'order.paid'? [not-in-enum]",
        ),
        ("status == 3", "status is never 3 by the schema of orders; it is 1 or 2 [not-in-enum]"),
        ("order.total == -1", "order.total is never -1 by the schema of orders [not-in-enum]"),
        (
            "contains(['order.paid', 'order.plaid'], type)",
            "type is never 'order.plaid' by the schema of orders; did you mean 'order.paid'? [not-in-enum]",
        ),
        (
            "starts_with(type, 'ordr.')",
            (
                "type never begins with 'ordr.' by the schema of orders; it is 'order.paid' or 'order.refunded' "
                "[not-in-enum]"
            ),
        ),
        (
            "upper(type) == 'order.paid'",
            ("upper(…) is never 'order.paid' by the schema of orders; did you mean 'ORDER.PAID'? [not-in-enum]"),
        ),
    ],
)
def test_what_can_never_be_right_is_said_once(directory: Path, when: str, said: str) -> None:
    assert found(directory, {"orders": ORDER}, {"when": when}) == [("routes[0].when", said)]


@pytest.mark.parametrize(
    "when",
    [
        "type == 'order.paid' && order.total > 100",
        "type == 'order.paid' || type == 'order.refunded'",
        "user.id != `null` && order.currency == 'RUB'",
        "order.currency == `null`",
        "number(order.total_text) > 100",
        "order.items[?price > 5]",
        "sum(order.items[*].price) > 5",
        "json(order.total_text).a.b.c == 'x'",
        "get({a: 1}, type)",
        "header('vip') == 'yes' && key() != 'x'",
        "order.items[0].price > 5 && starts_with(type, 'order.')",
        "let $o = order in $o.total > 5",
    ],
)
def test_what_is_right_is_passed_over_in_silence(directory: Path, when: str) -> None:
    assert found(directory, {"orders": ORDER}, {"when": when}) == []


def test_what_is_wrong_for_any_event_is_not_the_schemas_to_say(directory: Path) -> None:
    assert names(directory, ORDER, when="length(type) == '3'") == []


@pytest.mark.parametrize(
    ("fields", "when", "said"),
    [
        ({"customUserId": "user.mail"}, None, "user.mail is optional in the schema of orders"),
        ({"customUserId": "order.currency"}, None, "order.currency may be null in the schema of orders"),
        ({"customUserId": "order.currency"}, "order.currency", None),
        ({"customUserId": "order.currency"}, "order.currency != `null` && order.total > 5", None),
        ({"customUserId": "order.currency"}, "order.currency == 'RUB' || order.currency == 'KZT'", None),
        ({"customUserId": "order.currency"}, "contains(['RUB', 'KZT'], order.currency)", None),
        ({"customUserId": "order.currency"}, "starts_with(order.currency, 'R')", None),
        ({"customUserId": "order.currency"}, "type(order.currency) == 'string'", None),
        ({"customUserId": "order.currency"}, "!(order.currency == `null`)", None),
        ({"customUserId": "order.currency"}, "lower(order.currency) == 'rub'", None),
        ({"customUserId": "order.currency"}, "length(order.currency) == 3", None),
        ({"customUserId": "order.currency"}, "order.total > 5 || order.currency", "order.currency may be null"),
        ({"customUserId": "order.currency || 'none'"}, None, None),
        ({"customUserId": "not_null(order.currency, user.mail, user.id)"}, None, None),
        ({"customUserId": "order.currency || user.mail"}, None, "user.mail is optional in the schema of orders"),
        ({"customUserId": "order.currency || user.mail"}, "order.currency || user.mail", None),
        ({"customUserId": "lower(order.currency)"}, None, "order.currency may be null in the schema of orders"),
        ({"customUserId": "order.items[0].id"}, None, "does not list order.items[].id"),
        ({"customUserId": "order.currency", "lvid": "user.mail"}, None, "user.mail is optional"),
        ({"customUserId": "order.currency", "lvid": "user.id"}, None, None),
        ({"gaid": "user.mail"}, None, "requires one of customUserId, instanceId, lvid"),
        ({"age": "status"}, None, None),
    ],
)
def test_a_required_field_that_an_event_may_leave_null_is_said(
    directory: Path, fields: dict[str, str], when: str | None, said: str | None
) -> None:
    who = {} if {"customUserId", "gaid"} & fields.keys() else {"customUserId": "user.id"}
    route = {"fields": {"customEventName": "type", **who, **fields}} | ({"when": when} if when else {})
    messages = [message for _, message in found(directory, {"orders": ORDER}, route)]
    if said is None:
        assert messages == []
    else:
        assert len(messages) == 1
        assert said in messages[0].replace("order.items[0].id", "order.items[].id")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"customUserId": "user"}, "customUserId takes text of 1 to 1024 characters, and this is an object"),
        ({"age": "vip"}, "age takes integer from 0 to 128, and this is a boolean"),
        ({"bluetoothEnabled": "vip"}, None),
        ({"customEventParams": "user.id"}, "customEventParams takes object of names"),
        ({"customEventParams": {"items": "order.items"}}, "customEventParams.items takes a boolean or a number or a"),
        ({"customEventParams": {"vip": "vip", "total": "order.total"}}, None),
        ({"customUserId": "text(order.total)"}, None),
    ],
)
def test_a_value_that_a_field_never_takes_is_said(directory: Path, fields: dict[str, Any], said: str | None) -> None:
    messages = [message for _, message in found(directory, {"orders": ORDER}, {"fields": WHO | fields})]
    assert len(messages) == (said is not None)
    assert said is None or (said in messages[0] and messages[0].endswith("[wrong-field-type]"))


def events(keyword: str) -> dict[str, Any]:
    """Two types of events in one schema, each with its own part; both may name a user in two ways."""
    paid = {
        "type": {"const": "paid"},
        "order": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    }
    login = {"type": {"const": "login"}, "device": {"type": "string"}}
    user = {
        "anyOf": [{"required": ["id"]}, {"required": ["mail"]}],
        "properties": {"id": {"type": "string"}, "mail": {"type": "string"}},
    }
    return {
        "type": "object",
        "required": ["type", "user"],
        "properties": {"user": {"type": "object", **user}},
        keyword: [
            {"properties": paid, "required": ["order"]},
            {"properties": login, "required": ["device"]},
        ],
    }


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
@pytest.mark.parametrize(
    ("when", "user", "said"),
    [
        ("type == 'paid'", "order.id", []),
        ("type == 'login'", "device", []),
        ("type == 'login' && device", "order.id", ["unlisted-field"]),
        ("type == 'logout'", "user.id || user.mail", ["not-in-enum"]),
        ("type == 'paid'", "user.id || user.mail", []),
        ("type == 'paid'", "not_null(user.mail, user.id)", []),
        ("type == 'paid'", "user.id", ["may-be-null"]),
    ],
)
def test_alternatives_are_told_apart(directory: Path, keyword: str, when: str, user: str, said: list[str]) -> None:
    assert names(directory, events(keyword), when=when, fields=WHO | {"customUserId": user}) == said


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "object"},
        {"additionalProperties": {"type": ["string", "object"]}},
        {"properties": {"order": {}}, "patternProperties": {"^u": {}}},
        {"properties": {"x": {}}, "additionalProperties": True},
        {"allOf": [{"properties": {"x": {}}}, {"additionalProperties": {}}]},
        {"properties": {"x": {}}, "if": {}, "then": {"properties": {"user": {}, "type": {}}}},
        {"properties": {"user": {"properties": {"id": {}}}, "type": {}}, "not": {"required": ["x"]}},
        {"properties": {"user": {"properties": {"id": {}}}, "type": {}}, "dependentRequired": {"type": ["user"]}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {}]}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "additionalProperties": False,
         "definitions": {"a": {}}},
        {"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"type": {"const": "x"}, "user": {}},
         "required": ["type", "user"]},
    ],
)  # fmt: skip
def test_a_schema_that_says_nothing_of_it_is_no_reason_for_a_word(directory: Path, schema: Any) -> None:
    assert names(directory, schema, when="type == 'y'") == []


@pytest.mark.parametrize("listing", [{"additionalProperties": True}, {"additionalProperties": {}}])
def test_where_other_names_are_welcome_only_a_misspelt_one_is_said(directory: Path, listing: dict[str, Any]) -> None:
    schema = {"properties": {"occurred_at": {}}, **listing}
    assert names(directory, schema, when="occuredAt") == ["unlisted-field"]
    assert names(directory, schema, when="total") == []


def test_schemas_that_contain_themselves_are_followed_as_far_as_the_path_goes(directory: Path) -> None:
    node = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"next": {"$ref": "#"}, "id": {"type": "string"}},
    }
    fields = WHO | {"customUserId": "next.next.next.id || 'x'", "customEventName": "id || 'x'"}
    assert names(directory, node, fields=fields) == []
    assert names(directory, node, fields=fields, when="next.next.idd") == ["unlisted-field"]


def test_of_several_topics_the_one_is_named_that_is_meant(directory: Path) -> None:
    other = {**ORDER, "properties": ORDER["properties"] | {"user": {"type": "object", "properties": {"uid": {}}}}}
    ((path, message),) = found(directory, {"orders": ORDER, "others": other, "free": None}, {})
    assert path == "routes[0].fields.customUserId"
    assert message.startswith("the schema of others does not list user.id; did you mean user.uid?")


def test_a_route_may_take_nothing_of_one_of_its_topics(directory: Path) -> None:
    other = {"properties": {"type": {"const": "refund"}}, "required": ["type"], "additionalProperties": False}
    assert found(directory, {"orders": ORDER, "others": other}, {"when": "type == 'order.paid'"}) == []
    said = found(directory, {"orders": ORDER, "others": other}, {"when": "type == 'order.payed'"})
    of_when = [message for path, message in said if path == "routes[0].when"]
    assert [("orders" in message, "others" in message) for message in of_when] == [(True, False), (False, True)]


def test_a_pattern_is_held_against_its_own_schema_and_those_of_topics_that_it_matches(directory: Path) -> None:
    schemas = {"^shop[.]": ORDER, "shop.refunds": {"properties": {"type": {}}, "additionalProperties": False}}
    said = found(
        directory, schemas, {"from": "^shop[.]"}, {"from": "shop.refunds", "fields": WHO | {"customUserId": "type"}}
    )
    assert [(path, "shop.refunds has no user" in message) for path, message in said if "routes[0]" in path] == [
        ("routes[0].fields.customUserId", True)
    ]


def test_a_route_may_accept_what_is_said(directory: Path) -> None:
    assert names(directory, ORDER, when="user.phone", accept=["unlisted-field"]) == []
    assert names(directory, ORDER, when="user.phone", accept=["schema-type"]) == ["unlisted-field"]


def test_a_large_schema_and_many_routes_are_one_pass(directory: Path) -> None:
    """Nothing is read but what a path leads to: the tree behind 30 levels of 20 properties has no end."""
    wide = {f"p{n}": {"$ref": "#/$defs/n0"} for n in range(500)}
    levels = {}
    for n in range(30):
        below = {"$ref": f"#/$defs/n{min(n + 1, 29)}"}
        levels[f"n{n}"] = {"type": "object", "properties": {f"q{m}": below for m in range(20)}}
    schema = {"properties": wide, "required": list(wide), "$defs": levels}
    fields = {f"x{n}": f"p{n}.q1.q2.q3 || p{n}.q4" for n in range(5)}
    each = {"fields": WHO | {"customEventParams": fields}}
    routes = [{"name": f"r{n}", "when": f"p{n}.q1 == 'x'", **each} for n in range(50)]
    said = found(directory, {"orders": schema}, *routes)
    assert {message.rpartition("[")[2] for _, message in said} == {
        "unlisted-field]",
        "schema-type]",
        "wrong-field-type]",
    }
