"""A topic's schema says what is wrong with an event, without its values, and reaches for nothing outside itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ConnectorError
from connector.routing import EventSchema

SCHEMAS = Path(__file__).parents[3] / "schemas" / "events"
SCHEMA = EventSchema(
    {
        "type": "object",
        "required": ["user"],
        "properties": {
            "user": {"type": "object", "properties": {"id": {"type": "integer"}, "tags": {"items": {"maxLength": 2}}}},
            "kind": {"enum": ["a", "b"]},
            "code": {"pattern": "^x"},
            "total": {"maximum": 5},
        },
    }
)


def test_an_event_that_fits_has_no_mistake() -> None:
    assert SCHEMA.violation({"user": {"id": 1}}) is None


@pytest.mark.parametrize(
    ("event", "mistake"),
    [
        ({}, '$: "user" is a required property'),
        ({"user": {"id": "SECRET"}}, '$.user.id: the value is not of type "integer"'),
        ({"user": {"tags": ["a", "SECRET"]}}, "$.user.tags[1]: the value is longer than 2 characters"),
        ({"user": {}, "kind": "SECRET"}, '$.kind: the value is not one of "a" or "b"'),
        ({"user": {}, "code": "SECRET"}, '$.code: the value does not match "^x"'),
        ({"user": {}, "total": 77777}, "$.total: the value is greater than the maximum of 5"),
    ],
)
def test_a_mistake_has_its_path_and_not_the_value(event: dict[str, Any], mistake: str) -> None:
    assert SCHEMA.violation(event) == mistake


def test_a_mistake_is_cut() -> None:
    schema = EventSchema({"properties": {"a": {"enum": ["x" * 1000]}}})
    assert len(str(schema.violation({"a": 1}))) == 300


def test_an_event_as_deep_as_may_be_is_validated() -> None:
    event: dict[str, Any] = {"user": 1}
    for _ in range(199):
        event = {"user": event}
    recursive = EventSchema({"type": "object", "properties": {"user": {"anyOf": [{"$ref": "#"}, {"type": "integer"}]}}})
    assert recursive.violation(event) is None


ALONE = "a schema must stand alone: it refers to "
NONE = "this is not a JSON Schema"
NO_UTF8 = (
    "Failed to get UTF-8 representation: UnicodeEncodeError: "
    "'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed"
)
ANY_OF = "the value is not valid under any of the schemas listed in the 'anyOf' keyword"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"$ref": "http://127.0.0.1:9/schema.json"}, f"{ALONE}http://127.0.0.1:9/schema.json, which is not fetched"),
        ({"$ref": "other.json"}, f"{ALONE}other.json, which is not fetched"),
        ({"$ref": "file:///etc/hostname"}, f"{ALONE}file:///etc/hostname, which is not fetched"),
        ({"$schema": "http://127.0.0.1:9/draft"}, f"{ALONE}http://127.0.0.1:9/draft, which is not fetched"),
        ({"$ref": "#/$defs/absent"}, f"{NONE} at $: Pointer '/$defs/absent' does not exist"),
        ({"$ref": "#" + "x" * 1000}, f"{NONE} at $: Anchor '{'x' * 292}"),
        ({"type": "strnig"}, f"{NONE} at $.type: {ANY_OF}"),
        ({"allOf": [{"type": "strnig"}]}, f"{NONE} at $.allOf[0].type: {ANY_OF}"),
        ({"pattern": "("}, f'{NONE} at $.pattern: the value is not a "regex"'),
        ({"title": "\ud800"}, f"{NONE}: {NO_UTF8}"),
    ],
)
def test_what_is_no_schema_or_not_whole_is_refused(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(ConnectorError) as raised:
        EventSchema(schema)
    assert str(raised.value) == why
    assert raised.value.__cause__ is None


EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    ("user", {"type": "user.registered", "occurred_at": "2026-01-31T12:00:00Z", "user": {"id": 1}}),
    (
        "order",
        {
            "type": "order.paid",
            "occurred_at": 1,
            "user": {"id": "1"},
            "order": {"id": 1, "currency": "USD", "total": 1.5},
        },
    ),
    (
        "game",
        {"event_type": "level", "occurred_at": "2026-01-31T12:00:00.5+03:00", "device": {"instance_id": "0" * 36}},
    ),
]


@pytest.mark.parametrize(("name", "event"), EXAMPLES)
def test_the_schemas_that_come_along_take_their_events(name: str, event: dict[str, Any]) -> None:
    schema = EventSchema(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))
    assert schema.violation(event) is None
    assert schema.violation(event | {"occurred_at": "2026-01-31T12:00:00"}) is not None
    for field in ("occurred_at", "user" if name != "game" else "device"):
        assert schema.violation({key: value for key, value in event.items() if key != field}) is not None


def test_every_schema_that_comes_along_has_an_example() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == {name for name, _ in EXAMPLES}
