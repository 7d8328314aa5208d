"""What a vendor repeats of an event does not get into a dead letter's headers."""

from __future__ import annotations

import pytest

from connector.model import Item, Outcome, OutcomeKind, Record
from connector.redaction.vendor_messages import redact_outcome, redact_values


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
