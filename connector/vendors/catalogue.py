"""The vendor kinds: their methods by name, and what one request to each may carry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connector.model import Limits
from connector.vendors.fields.method import VendorMethod
from connector.vendors.mytracker.fields import METHODS as MYTRACKER
from connector.vendors.sailplay.fields import METHODS as SAILPLAY

METHODS: Mapping[str, Mapping[str, VendorMethod]] = MappingProxyType({"mytracker": MYTRACKER, "sailplay": SAILPLAY})

VENDOR_LIMITS: Mapping[str, Limits] = MappingProxyType(
    {
        # "Array. Maximum size 20", "Limit on the maximum size of imported data - 10Kb"; an item that an array's
        # brackets would make too large goes by the method that takes one event.
        "mytracker": Limits(max_events=20, max_bytes=10_000, envelope=2, separator=1, bare=True),
        # One request an event. The document gives no size: this much and the account's fields pass as a URL
        # through any server's usual limit of 8 KiB for a request line.
        "sailplay": Limits(max_events=1, max_bytes=4_000, envelope=0, separator=0),
    }
)
