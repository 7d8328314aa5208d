"""Beacon's field table: every field of an event, with the sentence of the document that gives its rule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connector.model import Limits
from connector.vendors.fields.method import Field, Table, VendorMethod, vendor_method, write_json
from connector.vendors.fields.types import Amount, Integer, Text, TextMap

# "at most 50 lines and 64,000 bytes, the line ends between them included"
LIMITS = Limits(max_events=50, max_bytes=64_000, envelope=0, separator=1)

_TRACK = Table(
    "track",
    "Beacon track",
    "`user`, `name` and `at` are required",
    (
        Field("user", "The user", Text(1, 128), "user (text of 1 to 128 characters, required)"),
        Field(
            "name",
            "What happened",
            Text(1, 64, "[a-z_.]+", "of a-z, _ and ."),
            "name (1 to 64 of `a-z`, `_` and `.`, required)",
        ),
        Field("at", "When", Integer(0, 4294967295, is_time=True), "at (seconds since the epoch, required)"),
        Field("amount", "How much was paid", Amount(), "amount (a number from 0)"),
        Field("tags", "Anything else", TextMap(100), "tags (an object of texts of at most 100 characters)"),
    ),
    (("user",), ("name",), ("at",)),
    write_json,
)

METHODS: Mapping[str, VendorMethod] = MappingProxyType({"track": vendor_method(_TRACK)})
