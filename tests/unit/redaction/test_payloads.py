"""What `redact` names is hidden wherever it appears: in the event, in mapped fields, in texts beside the event."""

from __future__ import annotations

from typing import Any

import pytest

from connector.model import Record
from connector.redaction import MASK
from connector.redaction.payloads import Expressions, Redactor, mask_fields, redact_paths, revealing_fields

RECORD = Record("users", 0, 0, -1, None, b"", ())
EVENT: dict[str, Any] = {"user": {"id": 7, "email": "anna@example.com"}, "tags": [{"name": "vip"}, {"name": "new"}]}


@pytest.mark.parametrize(
    ("path", "masked"),
    [
        ("user.email", {**EVENT, "user": {"id": 7, "email": MASK}}),
        ("user", {**EVENT, "user": MASK}),
        ("tags.name", {**EVENT, "tags": [{"name": MASK}, {"name": MASK}]}),
        ("user.phone", EVENT),
        ("user.id.digits", EVENT),
    ],
)
def test_what_lies_at_a_path_is_masked(path: str, masked: dict[str, Any]) -> None:
    assert redact_paths(EVENT, [path]) == masked


def test_null_is_not_masked() -> None:
    assert redact_paths({"email": None}, ["email"]) == {"email": None}


def test_the_fields_that_depend_on_a_hidden_value_are_found_whatever_an_expression_makes_of_it() -> None:
    fields: dict[str, Expressions] = {
        "customUserId": "user.id",
        "mail": "sha256(user.email)",
        "day": "unix(user.email)",
        "params": {"level": "user.id", "domain": "user.email"},
    }
    event = {"user": {"id": 7, "email": "2026-03-01T00:00:00Z"}}
    revealing = revealing_fields(fields, event, RECORD, ["user.email"])
    assert revealing == {("mail",), ("day",), ("params", "domain")}
    body = {"customUserId": "7", "mail": "ab12", "params": {"level": "7", "domain": "x"}}
    assert mask_fields(body, revealing) == {
        "customUserId": "7",
        "mail": MASK,
        "params": {"level": "7", "domain": MASK},
    }
    assert revealing_fields(fields, event, RECORD, []) == set()


def test_the_fields_of_an_element_that_depend_on_a_hidden_value_are_found() -> None:
    fields: dict[str, Expressions] = {"a": "sku", "b": "owner.email", "c": "$.user.id", "d": "$.user.email", "e": "@"}
    event = {
        "user": {"id": 7, "email": "a@example.com"},
        "lines": [{"sku": "x"}, {"sku": "y", "owner": {"email": "b@example.com"}}],
    }
    paths = ["user.email", "lines.owner.email"]
    assert revealing_fields(fields, event, RECORD, paths, "lines", 1) == {("d",)}
    assert revealing_fields(fields, event, RECORD, paths, "lines", 2) == {("b",), ("d",), ("e", "owner", "email")}
    nested: dict[str, Expressions] = {"params": {"sku": "sku", "mail": "sha256(owner.email)"}}
    assert revealing_fields(nested, event, RECORD, paths, "lines", 2) == {("params", "mail")}


def test_where_the_list_itself_depends_on_a_hidden_value_all_fields_of_its_elements_do() -> None:
    fields: dict[str, Expressions] = {"a": "sku"}
    event = {"lines": [{"sku": "x", "email": "a@example.com"}]}
    each = "lines[?email == 'a@example.com']"
    assert revealing_fields(fields, event, RECORD, ["lines.email"], each, 1) == {("a",)}
    assert revealing_fields(fields, event, RECORD, ["lines.email"], "lines", 1) == set()


def test_hidden_values_are_masked_in_the_texts_beside_the_event() -> None:
    redactor = Redactor(EVENT, ["user"])
    assert redactor.event() == {**EVENT, "user": MASK}
    assert redactor.text("no such user anna@example.com") == f"no such user {MASK}"
    assert redactor.bytes(b"anna@example.com") == MASK
    assert redactor.text("7") == MASK, "a short value is masked where it is the whole text"
    assert redactor.text("17 of 70") == "17 of 70"
    assert redactor.bytes(b"\xff") == "base64:/w=="
    assert redactor.bytes(None) is None


@pytest.mark.parametrize(
    ("event", "paths", "everything"), [(None, ["id"], True), (None, [], False), ({}, ["id"], False)]
)
def test_without_an_event_everything_is_hidden_if_anything_is(event: Any, paths: list[str], everything: bool) -> None:
    assert Redactor(event, paths).hides_everything is everything
