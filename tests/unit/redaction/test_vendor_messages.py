"""Values and secrets are masked in a vendor's message; what it says stays readable."""

from __future__ import annotations

import pytest

from connector.model import Item, Outcome, OutcomeKind, Reason, Record
from connector.redaction.vendor_messages import mask_failure_message, mask_vendor_message, redact_outcome, redact_values


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("user 79001234567 is unknown", "user ••• is unknown"),
        ("customUserId anna@example.com: no such user", "customUserId •••: no such user"),
        ("level 12 of castle is wrong", "level 12 of ••• is wrong"),
        ("castles are not castle", "castles are not •••"),
        ("a sandcastle is no castle", "a sandcastle is no •••"),
        ("iOS is not ios", "••• is not ios"),
        ("12.75 is too much", "••• is too much"),
        ("True is not null, None is", "True is not null, None is"),
        ("anna@example.com.ua differs", "•••.ua differs"),
        ("Bad Request", "Bad Request"),
    ],
)
def test_values_of_a_json_item_are_masked_where_they_are_whole_words(message: str, expected: str) -> None:
    body = (
        b'{"customUserId":"anna@example.com","n":79001234567,"total":12.75,"paid":true,"left":null,'
        b'"customEventParams":{"level":"12","zone":"castle","os":["iOS"]}}'
    )
    assert redact_values(message, body) == expected


def test_values_of_a_form_are_masked_as_they_read_decoded() -> None:
    body = b"origin_user_id=Anna%20K&event_key=8578"
    assert redact_values("no user Anna K for event 8578", body) == "no user ••• for event •••"


def test_of_two_values_the_longer_is_masked_first() -> None:
    assert redact_values("order A-17-3 failed", b'{"a":"A-17","b":"A-17-3"}') == "order ••• failed"
    assert redact_values("order A-B-1 failed", b'{"a":"B-1","b":"A-B-1"}') == "order ••• failed"


def test_a_body_that_is_no_text_masks_nothing_and_breaks_nothing() -> None:
    assert redact_values("Bad Request", b"\xff\xfe=\x80") == "Bad Request"


def test_an_outcome_loses_the_values_of_every_item_and_nothing_else() -> None:
    record = Record("users", 0, 0, -1, None, b"", ())
    items = [Item(record, "r", "login", b'{"customUserId":"%b"}' % name) for name in (b"anna", b"boris")]
    refused = Outcome(OutcomeKind.REJECTED, 400, "anna and boris", 5.0, "-4000", 60.0, True)
    assert redact_outcome(refused, items) == Outcome(OutcomeKind.REJECTED, 400, "••• and •••", 5.0, "-4000", 60.0, True)
    plain = Outcome(OutcomeKind.REJECTED, 400, "no such user")
    assert redact_outcome(plain, items) is plain


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Bad api version", "Bad api version"),
        ('{"error": "Forbidden"}', "Forbidden"),
        ('{"status": "error", "status_code": -1000, "message": "Provide required parameters"}',
         "Provide required parameters"),
        ('user "Ann Lee" is unknown', "user ••• is unknown"),
        ("no such 'Ann'", "no such •••"),
        ("ann.lee@example.org is taken", "••• is taken"),
        ("phone +7 (900) 123-45-67 is taken", "phone ••• is taken"),
        ("user 79001234567 is blocked", "user ••• is blocked"),
        ("token 85783d035a716769502775afa287fce17040afe1 expired", "token ••• expired"),
        ("status 503 after 10 s, 5 of 20", "status 503 after 10 s, 5 of 20"),
        ('{"customUserId": "Ann"}', "{•••: •••}"),
        ('{"cut off: "Ann', "{•••Ann"),
        ("[1, 2]", "[1, 2]"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_looks_like_a_value_is_masked_in_a_vendors_message(text: str, seen: str) -> None:
    assert mask_vendor_message(text) == seen


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('$: "email" is a required property', '$: "email" is a required property'),
        ('$.order.currency: the value does not match "^[A-Z]{3}$"',
         '$.order.currency: the value does not match "^[A-Z]{3}$"'),
        ("$.users.ann.lee@example.org: the value is null", "$•••: the value is null"),
        ("$: Additional properties are not allowed ('79001234567' was unexpected)",
         "$: Additional properties are not allowed ('•••' was unexpected)"),
    ],
)  # fmt: skip
def test_a_schemas_message_says_what_it_wants_and_not_whom_it_is_about(text: str, seen: str) -> None:
    assert mask_failure_message(text, status=None, reason=Reason.SCHEMA) == seen
