"""The vendor kinds: the connector's own, and those that installed packages offer."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from connector.errors import ConnectorError
from connector.vendors.mytracker.vendor import MYTRACKER
from connector.vendors.registry import ENTRY_POINTS, VENDORS, with_installed

OTHER = replace(MYTRACKER, kind="other")


def offering(value: str) -> EntryPoint:
    return EntryPoint("offer", value, ENTRY_POINTS)


def test_the_connectors_own_kinds_are_there() -> None:
    assert {"mytracker", "sailplay"} <= VENDORS.keys()
    assert all(vendor.kind == kind for kind, vendor in VENDORS.items())


def test_no_two_kinds_share_the_key_that_tells_them_apart() -> None:
    accounts = {kind: vendor.account_key for kind, vendor in VENDORS.items() if vendor.account_key}
    for kind, account in accounts.items():
        having = {other for other, vendor in VENDORS.items() if account in vendor.settings.model_fields}
        assert having == {kind}


def test_a_package_offers_a_kind_by_an_entry_point() -> None:
    vendors = with_installed([OTHER], [offering("connector.vendors.mytracker.vendor:MYTRACKER")])
    assert dict(vendors) == {"other": OTHER, "mytracker": MYTRACKER}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no_such_package:VENDOR", "cannot be loaded: ModuleNotFoundError"),
        ("connector.vendors.mytracker.vendor:NONE", "cannot be loaded: AttributeError"),
        ("connector.vendors.mytracker.vendor:MyTrackerSettings", "is no Vendor"),
        ("connector.vendors.mytracker.vendor:MYTRACKER", "kind mytracker, which is there already"),
    ],
)
def test_an_offer_that_cannot_be_taken_is_named(value: str, said: str) -> None:
    with pytest.raises(ConnectorError, match=said) as caught:
        with_installed([MYTRACKER], [offering(value)])
    assert f"offer = {value}" in str(caught.value)
