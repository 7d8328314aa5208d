"""The vendor kinds: the connector's own, and those of packages that are installed beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from connector.errors import ConnectorError
from connector.settings.suggestions import nearest
from connector.vendors.mytracker.vendor import MYTRACKER
from connector.vendors.sailplay.vendor import SAILPLAY
from connector.vendors.vendor import Vendor

# The group of entry points by which a package offers a Vendor.
ENTRY_POINTS = "connector.vendors"


def with_installed(own: Iterable[Vendor[Any]], points: Iterable[EntryPoint]) -> Mapping[str, Vendor[Any]]:
    """Return the vendors by kind.

    Raises ConnectorError naming the entry point that offers none, or a kind that is taken.
    """
    vendors = {vendor.kind: vendor for vendor in own}
    for point in points:
        offer = f"entry point {point.name} = {point.value} of group {ENTRY_POINTS}"
        try:
            vendor = point.load()
        except Exception as error:  # whatever a package raises when it is imported
            raise ConnectorError(f"{offer} cannot be loaded: {type(error).__name__}: {error}") from error
        if not isinstance(vendor, Vendor):
            raise ConnectorError(f"{offer} is no Vendor (connector.vendors.vendor)")
        if vendor.kind in vendors:
            raise ConnectorError(f"{offer} offers kind {vendor.kind}, which is there already: uninstall one of them")
        vendors[vendor.kind] = vendor
    return MappingProxyType(vendors)


OWN: tuple[Vendor[Any], ...] = (MYTRACKER, SAILPLAY)
VENDORS = with_installed(OWN, entry_points(group=ENTRY_POINTS))


def kind_of(sink: Any) -> str | None:
    """Return the kind nearest to what a section's `kind` says, else the one whose account key it has, else None.

    A slip in `kind` then hides none of the section's other mistakes.
    """
    if not isinstance(sink, dict):
        return None
    named = nearest(str(sink.get("kind", "")), VENDORS)
    if named is not None:
        return named
    return next((vendor.kind for vendor in VENDORS.values() if vendor.account_key in sink), None)
