"""Addresses, device ids and e-mail: what is one, compared with the library, and how it is said that a text is none."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.errors import FieldError
from connector.vendors.fields.identifiers import Address, DeviceId, Email

V4, V6 = Address(4).check("ip"), Address(6).check("ip")
# What addresses are written with, so that many texts nearly are one.
_NEARLY = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded),
    st.ip_addresses(v=4).map(lambda address: f"::ffff:{address}"),
    st.text("0123456789abcdefF.:%[]/ \0\uff11", max_size=46),
    st.lists(st.text("0123456789", max_size=4), min_size=3, max_size=5).map(".".join),
    st.lists(st.text("0123456789abcdefG", max_size=5), min_size=2, max_size=9).map(":".join),
)


def taken(check: Any, value: str) -> bool:
    try:
        return bool(check(value) == value)
    except FieldError:
        return False


def parsed(of: type[ipaddress.IPv4Address | ipaddress.IPv6Address], value: str) -> bool:
    try:
        of(value)
    except ValueError:
        return False
    return "%" not in value


@given(text=_NEARLY)
@example("127.1")
@example("1.2.3.04")
@example("0x7f.0.0.1")
@example("::")
@example("fe80::1%eth0")
@example("::1.2.3.4.5")
@example("1:2:3:4:5:6:7:8:9")
def test_an_address_is_what_the_library_calls_one(text: str) -> None:
    assert taken(V4, text) == parsed(ipaddress.IPv4Address, text)
    assert taken(V6, text) == parsed(ipaddress.IPv6Address, text)


def test_a_device_of_another_length_has_no_form_with_dashes() -> None:
    check = DeviceId(8).check("device")
    assert check("0" * 8) is None
    assert check("00000001") == "00000001"
    assert check(12345678) == "12345678"
    for value, said in (("0" * 7, ": this text has 7"), (0, ": this text has 1"), (True, ", not a boolean")):
        with pytest.raises(FieldError) as refused:
            check(value)
        assert str(refused.value) == f"device takes text of 8 characters, not zeros only{said}"


def test_an_email_is_any_text_without_the_space_around_it() -> None:
    check = Email().check("email")
    assert check(" a b@c ") == "a b@c"
    assert check(5) == "5"
    assert check("\n") is None
    with pytest.raises(
        FieldError, match=r"^email takes text of at least 1 character, without the white space around it, not an array$"
    ):
        check(["a@b.c"])
