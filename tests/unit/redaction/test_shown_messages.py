"""The vendor's word stays readable; what may be a value does not."""

from __future__ import annotations

import pytest

from connector.model import Reason
from connector.redaction.vendor_messages import mask_failure_message, mask_vendor_message


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
def test_values_are_masked_in_the_vendors_word(text: str, seen: str) -> None:
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
