"""What a vendor repeats of an event does not get into a dead letter's headers."""

from __future__ import annotations

import pytest

from connector.delivery.echo import without_values


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("user 79001234567 is unknown", "user ••• is unknown"),
        ("customUserId anna@example.com: no such user", "customUserId •••: no such user"),
        ("level 12 of castle is wrong", "level 12 of ••• is wrong"),
        ("castles are not castle", "castles are not •••"),
        ("anna@example.com.ua differs", "•••.ua differs"),
        ("Bad Request", "Bad Request"),
    ],
)
def test_values_of_a_json_item_are_masked_where_they_are_whole_words(message: str, expected: str) -> None:
    body = b'{"customUserId":"anna@example.com","n":79001234567,"customEventParams":{"level":"12","zone":"castle"}}'
    assert without_values(message, body) == expected


def test_values_of_a_form_are_masked_as_they_read_decoded() -> None:
    body = b"origin_user_id=Anna%20K&event_key=8578"
    assert without_values("no user Anna K for event 8578", body) == "no user ••• for event •••"


def test_of_two_values_the_longer_is_masked_first() -> None:
    assert without_values("order A-17-3 failed", b'{"a":"A-17","b":"A-17-3"}') == "order ••• failed"
