"""myTracker's fields: what each takes, what is coerced, what is refused and how that is said."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connector.errors import FieldError
from connector.vendors.mytracker.fields import LIMITS, METHODS

MYTRACKER = METHODS
ID36 = "00000000-0000-0000-0000-000000000001"
ZEROS36 = "00000000-0000-0000-0000-000000000000"
DEVICES = {
    "instanceId": ID36,
    "lvid": "0" * 31 + "1",
    "gaid": ID36,
    "androidId": "0" * 15 + "1",
    "idfa": ID36,
    "iosVendorId": ID36,
}
ANYONE = "customUserId, instanceId, lvid, gaid, androidId, idfa, iosVendorId"
USER = {"customUserId": "1111"}
EVENT = {**USER, "customEventName": "levelUp"}
REVENUE = {**USER, "eventTimestamp": 1577191920, "idTransaction": "order1", "currency": "USD", "total": 1.99}


def sent(method: str, **values: Any) -> Any:
    least: dict[str, dict[str, Any]] = {"customEvent": EVENT, "customRevenue": REVENUE}
    return orjson.loads(MYTRACKER[method].encode({**least.get(method, USER), **values}))


def refusal(method: str, **values: Any) -> str:
    with pytest.raises(FieldError) as refused:
        sent(method, **values)
    return str(refused.value)


def test_the_documents_own_example_is_sent_with_numbers_for_its_numeric_texts() -> None:
    body = MYTRACKER["customEvent"].encode(
        {
            "customUserId": "1",
            "customEventName": "levelUp",
            "customEventParams": {"level": "2"},
            "idGender": "1",
            "age": "25",
            "eventTimestamp": "1580213208",
            "instanceId": ZEROS36,
        }
    )
    assert body == (
        b'{"customUserId":"1","customEventName":"levelUp","customEventParams":{"level":"2"},"idGender":1,"age":25,'
        b'"eventTimestamp":1580213208}'
    )


@pytest.mark.parametrize(
    ("field", "value", "coerced"),
    [
        ("customUserId", 18446744073709551615, "18446744073709551615"),
        ("customUserId", -9223372036854775808, "-9223372036854775808"),
        ("customUserId", "u" * 1024, "u" * 1024),
        ("customUserId", "\U0001f600" * 1024, "\U0001f600" * 1024),
        ("eventTimestamp", 0, 0),
        ("eventTimestamp", 4294967295, 4294967295),
        ("eventTimestamp", 1577191920.0, 1577191920),
        ("ipv4", "125.125.125.125", "125.125.125.125"),
        ("ipv4", "255.0.10.1", "255.0.10.1"),
        ("ipv6", "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"),
        ("ipv6", "2001:DB8::1", "2001:DB8::1"),
        ("ipv6", "::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("ipv6", "0000:0000:0000:0000:0000:ffff:255.255.255.255", "0000:0000:0000:0000:0000:ffff:255.255.255.255"),
        ("idGender", "woman", 2),
        ("idGender", 0, 0),
        ("age", "128", 128),
        ("connectionType", "wi-fi", 2),
        ("connectionType", "1", 1),
        ("bluetoothEnabled", True, 1),
        ("bluetoothEnabled", False, 2),
        ("adTrackingEnabled", False, 0),
        ("adTrackingEnabled", "on", 1),
        ("adBlocker", True, 1),
        ("idfa", ID36, ID36),
        ("iosVendorId", ID36, ID36),
        ("gaid", ID36, ID36),
        ("instanceId", "0" * 35 + "x", "0" * 35 + "x"),
        ("idfa", "-" * 36, "-" * 36),
        ("androidId", 10**15, "1" + "0" * 15),
        ("androidId", DEVICES["androidId"], DEVICES["androidId"]),
        ("lvid", DEVICES["lvid"], DEVICES["lvid"]),
        ("userAgent", " ", " "),
        ("userAgent", "M" * 2048, "M" * 2048),
    ],
)
def test_common_mobile_and_web_fields_are_taken_and_coerced(field: str, value: Any, coerced: Any) -> None:
    for method in MYTRACKER:
        taken = sent(method, **{field: value})[field]
        assert taken == coerced
        assert type(taken) is type(coerced)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("customUserId", "u" * 1025, ": this text has 1025"),
        ("customUserId", True, ", not a boolean"),
        ("customUserId", 12.5, ", or an integer; not a number with a decimal point or an exponent: use text()"),
        ("customUserId", 1.0, ", or an integer; not a number with a decimal point or an exponent: use text()"),
        ("customUserId", 1e19, ": this number is beyond 64 bits"),
        ("customUserId", 2.0**63, ": this number is beyond 64 bits"),
        ("customUserId", -1e19, ": this number is beyond 64 bits"),
        ("customUserId", 2**64, ": this number is beyond 64 bits"),
        ("customUserId", -(2**63) - 1, ": this number is beyond 64 bits"),
        ("customUserId", ["a"], ", not an array"),
        ("eventTimestamp", 1577191920000, ": this number is in milliseconds; map whole seconds"),
        ("eventTimestamp", 10**11, ": this number is in milliseconds; map whole seconds"),
        ("eventTimestamp", 10**14 - 1, ": this number is in milliseconds; map whole seconds"),
        ("eventTimestamp", 10**11 - 1, ": this number is above that"),
        ("eventTimestamp", 10**14, ": this number is above that"),
        ("eventTimestamp", 4294967296, ": this number is above that"),
        ("eventTimestamp", -1, ": this number is below that"),
        ("eventTimestamp", 1.5, ", not a number with a fraction"),
        ("eventTimestamp", float("nan"), ", not a number"),
        ("eventTimestamp", float("inf"), ", not a number"),
        ("eventTimestamp", 2.0**63, ": this number is beyond 64 bits"),
        ("eventTimestamp", -(2.0**63), ": this number is beyond 64 bits"),
        ("eventTimestamp", "2019-12-24T12:52:00Z", ", not a text that is no integer"),
        ("eventTimestamp", "\uff19", ", not a text that is no integer"),
        ("eventTimestamp", "9" * 5000, ", not a text that is no integer"),
        ("eventTimestamp", True, ", not a boolean"),
        ("ipv4", "1" * 16, ": this text is not one"),
        ("ipv4", "256.1.1.1", ": this text is not one"),
        ("ipv4", "192.0.2", ": this text is not one"),
        ("ipv4", "192.0.02.1", ": this text is not one"),
        ("ipv4", " 192.0.2.1", ": this text is not one"),
        ("ipv4", "192.0.2.1, 192.0.2.2", ": this text is not one"),
        ("ipv4", "192.0.2.1:80", ": this text is not one"),
        ("ipv4", "192.0.2.1\0", ": this text is not one"),
        ("ipv4", "\ud800", ": this text is not one"),
        ("ipv4", "2001:db8::1", ": this text is an IPv6 address"),
        ("ipv4", 3221225985, ", not an integer"),
        ("ipv4", ["192.0.2.1"], ", not an array"),
        ("ipv6", "f" * 45, ": this text is not one"),
        ("ipv6", "fe80::1%eth0", ": this text has one"),
        ("ipv6", "[2001:db8::1]", ": this text is not one"),
        ("ipv6", "2001:db8::1::2", ": this text is not one"),
        ("ipv6", "192.0.2.1", ": this text is an IPv4 address"),
        ("idGender", 3, ": this is another number"),
        ("idGender", True, ", not a boolean"),
        ("idGender", "queen", ", not another text"),
        ("age", 129, ": this number is above that"),
        ("age", 10**12, ": this number is above that"),
        ("age", -1, ": this number is below that"),
        ("connectionType", False, ", not a boolean"),
        ("adTrackingEnabled", 2, ": this is another number"),
        ("instanceId", "0" * 35, ": this text has 35"),
        ("androidId", "0" * 17, ": this text has 17"),
        ("lvid", "0" * 36, ": this text has 36"),
        ("userAgent", "M" * 2049, ": this text has 2049"),
        ("userAgent", {"a": 1}, ", not an object"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_field_kind_and_limit(field: str, value: Any, said: str) -> None:
    _, _, takes = MYTRACKER["registration"].fields[field].partition(": ")
    assert refusal("registration", **{field: value}) == f"{field} takes {takes}{said}"


@pytest.mark.parametrize("field", ["customUserId", "userAgent"])
def test_a_text_that_no_encoding_can_write_is_refused_whatever_stands_before_it(field: str) -> None:
    values = {"eventTimestamp": 5, field: "\ud800"}
    assert refusal("registration", **values) == f"{field} holds characters that are not Unicode (a lone surrogate)"


def test_a_refusal_never_shows_the_value() -> None:
    assert "s3cret" not in refusal("registration", idGender="s3cret")
    assert "s3cret" not in refusal("customRevenue", currency="s3cret")
    assert "s3cret" not in refusal("customEvent", customEventParams={"p": ["s3cret"]})


def test_parameters_become_text_and_nulls_are_left_out() -> None:
    params = {
        "i": -5,
        "least": -(2**63),
        "most": 2**64 - 1,
        "n" * 255: "x",
        "f": 1.5,
        "whole": 3.0,
        "small": 1e-7,
        "yes": True,
        "no": False,
        "none": None,
        "nothing": "",
        "": None,
        "space": " ",
        "t": "é" * 255,
    }
    assert sent("customEvent", customEventParams=params)["customEventParams"] == {
        "i": "-5",
        "least": "-9223372036854775808",
        "most": "18446744073709551615",
        "n" * 255: "x",
        "f": "1.5",
        "whole": "3",
        "small": "0.0000001",
        "yes": "true",
        "no": "false",
        "space": " ",
        "t": "é" * 255,
    }


@pytest.mark.parametrize("params", [{}, {"a": None}, {"a": ""}, {"n" * 255: "", "b": None}, "", None])
def test_parameters_that_say_nothing_are_left_out(params: Any) -> None:
    assert "customEventParams" not in sent("customEvent", customEventParams=params)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"a": "x" * 256}, "customEventParams.a takes text of 1 to 255 characters: this text has 256"),
        ({"": "x"}, "a name in customEventParams takes text of 1 to 255 characters: this text has 0"),
        ({"n" * 256: "x"}, "a name in customEventParams takes text of 1 to 255 characters: this text has 256"),
        ({"a": {"b": 1}}, "customEventParams.a takes a text, a number or a boolean, not an object"),
        ({"a": [1]}, "customEventParams.a takes a text, a number or a boolean, not an array"),
        ({"a": 1e20}, "customEventParams.a takes a text, a number or a boolean: this number is beyond 64 bits"),
        ({"a": 2.0**63}, "customEventParams.a takes a text, a number or a boolean: this number is beyond 64 bits"),
        ({"a": -1e20}, "customEventParams.a takes a text, a number or a boolean: this number is beyond 64 bits"),
        ({"a": 2**64}, "customEventParams.a takes a text, a number or a boolean: this number is beyond 64 bits"),
        (
            {"a": -(2**63) - 1},
            "customEventParams.a takes a text, a number or a boolean: this number is beyond 64 bits",
        ),
        ({"a": float("inf")}, "customEventParams.a takes a text, a number or a boolean, not NaN or infinity"),
        ({"a": "\udfff"}, "customEventParams holds characters that are not Unicode (a lone surrogate)"),
        ({"\udfff": "a"}, "customEventParams holds characters that are not Unicode (a lone surrogate)"),
        ("level=1", "customEventParams takes object of names and values of 1 to 255 characters, not a text"),
        ([], "customEventParams takes object of names and values of 1 to 255 characters, not an array"),
        (5, "customEventParams takes object of names and values of 1 to 255 characters, not an integer"),
    ],
)
def test_parameters_that_break_a_rule_are_refused(params: Any, said: str) -> None:
    assert refusal("customEvent", customEventParams=params) == said


@pytest.mark.parametrize(
    ("total", "written"),
    [
        (1.99, b"1.99"),
        ("1.99", b"1.99"),
        (100, b"100"),
        (0, b"0"),
        (-0.0, b"0.0"),
        ("-0", b"0"),
        (1.00005, b"1"),
        (1.00015, b"1.0002"),
        ("1.00005", b"1"),
        (1e-9, b"0"),
        (0.0001, b"0.0001"),
        (1e11, b"100000000000"),
        (1e16, b"10000000000000000"),
        ("0012.50", b"12.5"),
        (123456789012.12345, b"123456789012.1234"),
        (9223372036854774784.0, b"9223372036854775000"),
    ],
)
def test_total_is_rounded_half_even_to_four_decimals_and_never_has_an_exponent(total: Any, written: bytes) -> None:
    body = MYTRACKER["customRevenue"].encode({**REVENUE, "total": total})
    assert body.endswith(b'"total":' + written + b"}")


@pytest.mark.parametrize(
    ("total", "said"),
    [
        (-0.00001, ": this number is below 0"),
        (-0.5, ": this number is below 0"),
        (-1, ": this number is below 0"),
        (float("nan"), ", not NaN or infinity"),
        (float("inf"), ", not NaN or infinity"),
        (2**63, ": this number is beyond 64 bits"),
        (10**40, ": this number is beyond 64 bits"),
        (1e300, ": this number is beyond 64 bits"),
        ("9223372036854775807.99999", ": this number is beyond 64 bits"),
        ("1e3", ", not a text that is no number"),
        (" 1", ", not a text that is no number"),
        (True, ", not a boolean"),
        ([1], ", not an array"),
    ],
)
def test_a_total_that_is_no_amount_is_refused(total: Any, said: str) -> None:
    _, _, takes = MYTRACKER["customRevenue"].fields["total"].partition(": ")
    assert refusal("customRevenue", total=total) == f"total takes {takes}{said}"


@pytest.mark.parametrize("currency", ["usd", "840", "US", "USDT", "US\n", "ÜSD"])
def test_a_currency_is_three_upper_case_letters(currency: str) -> None:
    said = ": this text is not of that form" if len(currency) == 3 else f": this text has {len(currency)}"
    assert refusal("customRevenue", currency=currency) == (
        f"currency takes text of 3 characters, three upper-case letters{said}"
    )


@pytest.mark.parametrize("lacking", ["eventTimestamp", "idTransaction", "currency", "total"])
def test_revenue_requires_each_of_its_fields(lacking: str) -> None:
    for value in ({}, {lacking: None}):
        with pytest.raises(FieldError) as refused:
            MYTRACKER["customRevenue"].encode({k: v for k, v in REVENUE.items() if k != lacking} | value)
        assert str(refused.value) == f"{lacking} is missing or null: customRevenue requires it"


@pytest.mark.parametrize("device", ["instanceId", "lvid", "gaid", "androidId", "idfa", "iosVendorId"])
def test_a_device_stands_for_a_user_in_events_and_revenue_but_not_in_registrations(device: str) -> None:
    values = {device: DEVICES[device]}
    assert orjson.loads(MYTRACKER["customEvent"].encode({"customEventName": "e", **values}))[device]
    for method in ("registration", "login"):
        with pytest.raises(FieldError, match="customUserId is missing"):
            MYTRACKER[method].encode(values)


def test_an_event_of_nobody_is_refused() -> None:
    with pytest.raises(FieldError) as refused:
        MYTRACKER["customEvent"].encode({"customEventName": "e"})
    assert str(refused.value) == f"customEvent requires one of {ANYONE}: all are missing or null"


OPTIONAL = [
    "eventTimestamp", "ipv4", "ipv6", "idGender", "age", "connectionType", "bluetoothEnabled", "instanceId",
    "adTrackingEnabled", "idfa", "iosVendorId", "gaid", "androidId", "lvid", "adBlocker", "userAgent",
]  # fmt: skip


@pytest.mark.parametrize("field", OPTIONAL)
def test_an_empty_text_for_an_optional_field_is_left_out(field: str) -> None:
    for method in MYTRACKER:
        if field != "eventTimestamp" or method != "customRevenue":
            assert sent(method, **{field: ""}) == sent(method)


@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("registration", "customUserId"),
        ("login", "customUserId"),
        ("customEvent", "customEventName"),
        ("customRevenue", "eventTimestamp"),
        ("customRevenue", "idTransaction"),
        ("customRevenue", "currency"),
        ("customRevenue", "total"),
    ],
)
def test_an_empty_text_for_a_required_field_is_refused_and_said(method: str, field: str) -> None:
    assert refusal(method, **{field: ""}) == f"{field} is empty: {method} requires it"


def test_an_empty_identifier_does_no_harm_beside_another_and_is_said_where_there_is_none() -> None:
    assert sent("customEvent", customUserId="", gaid=ID36) == {"customEventName": "levelUp", "gaid": ID36}
    assert refusal("customEvent", customUserId="") == (
        f"customEvent requires one of {ANYONE}: customUserId is empty, all others are missing or null"
    )


@pytest.mark.parametrize(
    ("device", "zeros"),
    [
        *((device, zeros) for device in ("instanceId", "gaid", "idfa", "iosVendorId") for zeros in (ZEROS36, "0" * 36)),
        ("androidId", "0" * 16),
        ("lvid", "0" * 32),
    ],
)
def test_a_device_of_zeros_is_none(device: str, zeros: str) -> None:
    for method in MYTRACKER:
        assert sent(method, **{device: zeros}) == sent(method)
    assert refusal("customEvent", **{"customUserId": None, device: zeros}) == (
        f"customEvent requires one of {ANYONE}: {device} is left out "
        f"(it takes text of {len(zeros)} characters, not zeros only), all others are missing or null"
    )


def test_a_field_the_vendor_does_not_document_is_refused() -> None:
    assert refusal("login", customEventName="x") == "login has no field customEventName"


@pytest.mark.parametrize("method", list(MYTRACKER))
def test_every_documented_field_has_a_line_for_people(method: str) -> None:
    fields = MYTRACKER[method].fields
    assert all(": " in line for line in fields.values())
    assert fields["age"] == "Age: integer from 0 to 128"


def test_the_vendors_limits_are_its_documents() -> None:
    limits = LIMITS
    assert (limits.max_events, limits.max_bytes) == (20, 10_000)
    assert limits.fits_alone(10_000)
    assert not limits.fits_alone(10_001)


@pytest.mark.parametrize("name", ["anna@mail.ru", "+79991234567", "x" * 5000])
def test_a_parameters_name_that_may_be_a_value_is_not_told(name: str) -> None:
    with pytest.raises(FieldError) as refused:
        METHODS["customEvent"].encode({"customEventName": "e", "customUserId": "u", "customEventParams": {name: [1]}})
    assert name not in str(refused.value)
    assert str(refused.value).startswith("a value in customEventParams takes ")
