"""SailPlay's fields: what fire takes, what is coerced, what is refused and how that is said."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from connector.errors import FieldError
from connector.vendors.sailplay.fields import LIMITS, METHODS

FIRE = METHODS["fire"]
LEAST = {"event_key": "85783d035a716769502775afa287fce17040afe1", "origin_user_id": "dsf212k2hg1j311fff"}


NOBODY = "fire requires one of user_phone, email, origin_user_id"
UNCONFIRMED = "left out, the points would be given without a confirmation"


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(FieldError) as refused:
        FIRE.encode(values)
    return str(refused.value)


def takes(field: str) -> str:
    _, _, takes = FIRE.fields[field].partition(": ")
    return f"{field} takes {takes}"


def form(values: dict[str, Any]) -> dict[str, str]:
    return {name: texts[0] for name, texts in parse_qs(FIRE.encode(values).decode(), strict_parsing=True).items()}


def test_the_documents_own_example_is_sent_without_the_accounts_fields() -> None:
    assert FIRE.encode({**LEAST, "value": 300}) == (
        b"event_key=85783d035a716769502775afa287fce17040afe1&origin_user_id=dsf212k2hg1j311fff&value=300"
    )


@pytest.mark.parametrize("text", ["a&b=c", "a+b c%20", "Ёлка\U0001f384", "line\nbreak"])
def test_any_text_survives_the_form(text: str) -> None:
    assert form({**LEAST, "purchase_order_num": text})["purchase_order_num"] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (300, "300"),
        (300.0, "300"),
        ("300", "300"),
        ("12.50", "12.50"),
        (12.5, "12.5"),
        (1e-7, "0.0000001"),
        (1e16, "10000000000000000"),
        (-3, "-3"),
        (18446744073709551615, "18446744073709551615"),
        (-9223372036854775808, "-9223372036854775808"),
        (-2.5, "-2.5"),
    ],
)
def test_value_is_a_number_as_text_without_an_exponent(value: Any, text: str) -> None:
    assert form({**LEAST, "value": value})["value"] == text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("many", ", not a text that is no number"),
        ("1e3", ", not a text that is no number"),
        (" ", ", not a text that is no number"),
        ("1.5 ", ", not a text that is no number"),
        (True, ", not a boolean"),
        ([1], ", not an array"),
        ({"a": 1}, ", not an object"),
        (1e19, ": this number is beyond 64 bits"),
        (2.0**63, ": this number is beyond 64 bits"),
        (-1e19, ": this number is beyond 64 bits"),
        (2**64, ": this number is beyond 64 bits"),
        (-(2**63) - 1, ": this number is beyond 64 bits"),
        (float("nan"), ", not NaN or infinity"),
        (float("inf"), ", not NaN or infinity"),
    ],
)
def test_a_value_that_is_no_number_is_refused(value: Any, said: str) -> None:
    assert refusal({**LEAST, "value": value}) == takes("value") + said


def test_a_value_with_more_decimals_than_a_number_has_is_refused_not_rounded() -> None:
    assert form({**LEAST, "value": 1e-40})["value"] == "0." + "0" * 39 + "1"
    assert refusal({**LEAST, "value": 1e-41}) == takes("value") + ": this number has more than 40 decimals"


@pytest.mark.parametrize("identity", [{"user_phone": 79001234567}, {"email": "a+b@c.d"}, {"origin_user_id": 7}])
def test_each_identity_will_do(identity: dict[str, Any]) -> None:
    sent = form({"event_key": "k", **identity})
    assert sent == {"event_key": "k", **{name: str(value) for name, value in identity.items()}}


@pytest.mark.parametrize("phone", ["1234567", "79001234567", 79001234567, "7" * 15])
def test_a_telephone_number_has_7_to_15_digits(phone: Any) -> None:
    assert form({"event_key": "k", "user_phone": phone})["user_phone"] == str(phone)


@pytest.mark.parametrize(
    ("phone", "said"),
    [
        ("+79001234567", ": this text is not of that form"),
        ("7 900 00", ": this text is not of that form"),
        ("٣٤٥٣٤٥٣", ": this text is not of that form"),
        ("7900000\n", ": this text is not of that form"),
        (" ", ": this text has 1"),
        (-700000000, ": this text is not of that form"),
        ("123456", ": this text has 6"),
        ("7900000112274950000000", ": this text has 22"),
        ("7" * 16, ": this text has 16"),
    ],
)
def test_a_telephone_number_is_digits_only(phone: Any, said: str) -> None:
    cure = "; phone(x, '7') writes the international form, digits(x) leaves out all but digits"
    assert refusal({"event_key": "k", "user_phone": phone}) == takes("user_phone") + said + cure


@pytest.mark.parametrize("email", [" a@b.c", "a@b.c\r\n", "\t a@b.c\u00a0"])
def test_an_email_loses_the_white_space_around_it(email: str) -> None:
    assert form({"event_key": "k", "email": email})["email"] == "a@b.c"


def test_an_empty_text_for_an_optional_field_is_left_out() -> None:
    assert form({**LEAST, "value": "", "user_phone": "", "email": " "}) == LEAST


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({**LEAST, "event_key": ""}, "event_key is empty: fire requires it"),
        (
            {"event_key": "k", "email": ""},
            f"{NOBODY}: email is empty, all others are missing or null",
        ),
        (
            {"event_key": "k", "user_phone": "", "email": "", "origin_user_id": ""},
            f"{NOBODY}: user_phone is empty, email is empty, origin_user_id is empty",
        ),
        (
            {"event_key": "k", "email": " ", "user_phone": ""},
            f"{NOBODY}: user_phone is empty, email is left out (it {takes('email')[6:]}), the other is missing or null",
        ),
        (
            {**LEAST, "purchase_order_num": ""},
            f"purchase_order_num is empty: {UNCONFIRMED}; map null where there is no order",
        ),
    ],
)
def test_an_empty_text_that_would_change_what_is_done_is_refused_and_said(values: dict[str, Any], said: str) -> None:
    assert refusal(values) == said


def test_an_order_that_is_null_is_left_out() -> None:
    assert form({**LEAST, "purchase_order_num": None}) == LEAST


def test_exactly_one_identity_is_taken() -> None:
    identities = "user_phone, email, origin_user_id"
    several = f"fire takes exactly one of {identities}: here are several"
    assert refusal({**LEAST, "email": "a@b.c"}) == several
    nobody = f"fire requires one of {identities}: all are missing or null"
    assert refusal({"event_key": "k", "email": None}) == nobody


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"origin_user_id": "u"}, "event_key is missing or null: fire requires it"),
        ({**LEAST, "token": "t"}, "fire has no field token"),
        (
            {**LEAST, "purchase_order_num": "\ud800"},
            "purchase_order_num holds characters that are not Unicode (a lone surrogate)",
        ),
        ({**LEAST, "purchase_order_num": True}, takes("purchase_order_num") + ", not a boolean"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_field(values: dict[str, Any], said: str) -> None:
    assert refusal(values) == said


def test_one_event_goes_in_one_request() -> None:
    assert LIMITS.max_events == 1
