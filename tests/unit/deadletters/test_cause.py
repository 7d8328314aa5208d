"""Messages that differ in values alone are one message."""

from __future__ import annotations

import pytest

from connector.deadletters.cause import normalise_message


@pytest.mark.parametrize(
    ("message", "normalised"),
    [
        ("order 18446744073709551615 failed", "order <n> failed"),
        ("total -12.50 of A-00012345", "total <n> of A-<n>"),
        ("user 6f9619ff-8b86-d011-b42d-00cf4fc964ff", "user <uuid>"),
        ("hash 85783d035a716769502775afa287fce17040afe1", "hash <hex>"),
        ("token ab12cd34ef56gh78ij", "token <id>"),
        ('the value "anna \\"k\\"" is wrong', "the value <text> is wrong"),
        ("the value 'a b' isn't right, it's wrong", "the value <text> isn't right, it's wrong"),
        ("mail anna@example.com", "mail <address>"),
        ("at 2025-01-31T10:00:00.5+03:00", "at <time>"),
        ("see https://vendor.example/a?b=1 for more", "see <url> for more"),
        ("$.items[3].price", "$.items[<n>].price"),
        ("myTracker2 and sha256 are names", "myTracker2 and sha256 are names"),
        ("", ""),
    ],
)
def test_what_varies_is_replaced_by_placeholders(message: str, normalised: str) -> None:
    assert normalise_message(message) == normalised
