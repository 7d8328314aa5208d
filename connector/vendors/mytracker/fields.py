"""myTracker's field tables: every parameter of its "Import event" document, with the sentence that gives its rule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connector.model import Limits
from connector.vendors.fields.identifiers import Address, DeviceId
from connector.vendors.fields.method import Field, Table, VendorMethod, vendor_method, write_json
from connector.vendors.fields.types import Amount, Choice, Integer, Text, TextMap

# "Array. Maximum size 20", "Limit on the maximum size of imported data - 10Kb"; an item that an array's brackets would
# make too large goes by the method that takes one event.
LIMITS = Limits(max_events=20, max_bytes=10_000, envelope=2, separator=1, bare=True)

_NAMED = "String, minimum length 1, maximum length 255"
_UUID_LIKE = "String, number of symbols 36"
_ZEROS = (
    "The document's example, of zeros only, shows the form. It names no device: systems give it where tracking is off. "
    "It is left out."
)

COMMON = (
    Field(
        "eventTimestamp",
        "Event time",
        Integer(0, 4294967295, is_time=True),
        "eventTimestamp: Number, minimum value 0, maximum value 4294967295. "
        "By default - timestamp of receiving the event",
        "Sent as a JSON integer, taken from the event, so that a retry says the same.",
    ),
    Field(
        "customUserId",
        "User identifier in your app",
        Text(1, 1024),
        "customUserId: String, maximum size 1024",
        "The document gives no minimum; an empty identifier names nobody.",
    ),
    Field("ipv4", "ipv4 address", Address(4), "ipv4: String, maximum size 15"),
    Field(
        "ipv6",
        "ipv6 address",
        Address(6),
        "ipv6: String, maximum size 45",
        "45 symbols is the length of an IPv4 address mapped into IPv6, written in full: those are sent, too.",
    ),
    Field(
        "idGender",
        "Gender",
        Choice({0: "unknown", 1: "man", 2: "woman"}),
        "idGender: Number, possible values: 0 - unknown, 1 - man, 2 - woman",
    ),
    Field(
        "age",
        "Age",
        Integer(0, 128),
        "age: Number, maximum value 128",
        "The document gives no minimum; nobody is younger than 0.",
    ),
    Field(
        "connectionType",
        "Connection type",
        Choice({0: "unknown", 1: "mobile", 2: "wi-fi"}),
        "connectionType: Number, possible values: 0 - unknown, 1 - mobile, 2 - wi-fi. By default 0",
    ),
    Field(
        "bluetoothEnabled",
        "Bluetooth",
        Choice({0: "unknown", 1: "on", 2: "off"}),
        "bluetoothEnabled: Number, possible values: 0 - unknown, 1 - on, 2 - off. By default 0",
    ),
)

MOBILE = (
    Field("instanceId", "S2S device identifier", DeviceId(36), f"instanceId: {_UUID_LIKE}", _ZEROS),
    Field(
        "adTrackingEnabled",
        "Tracking permission",
        Choice({1: "on", 0: "off"}),
        "adTrackingEnabled: Number, possible values: 1 - on, 0 - off. By default 1",
    ),
    Field("idfa", "iOS advertising identifier", DeviceId(36), f"iOS: idfa: {_UUID_LIKE}", _ZEROS),
    Field("iosVendorId", "iOS vendor identifier", DeviceId(36), f"iOS: iosVendorId: {_UUID_LIKE}", _ZEROS),
    Field("gaid", "Android advertising identifier", DeviceId(36), f"Android: gaid: {_UUID_LIKE}", _ZEROS),
    Field("androidId", "Android identifier", DeviceId(16), "Android: androidId: String, number of symbols 16", _ZEROS),
)

WEB = (
    Field("lvid", "S2S device identifier", DeviceId(32), "lvid: String, number of symbols 32", _ZEROS),
    Field(
        "adBlocker",
        "Ad blocker",
        Choice({1: "on", 0: "off"}),
        "adBlocker: Number, possible values: 1 - on, 0 - off. By default 0",
    ),
    Field(
        "userAgent", "User-Agent", Text(1, 2048), "userAgent: String, maximum size 2048", "An empty text is left out."
    ),
)

EVENT = (
    Field("customEventName", "Name of custom event", Text(1, 255), f"customEventName*: {_NAMED}"),
    Field(
        "customEventParams",
        "Parameters of custom event",
        TextMap(255),
        "customEventParams: array paramsName => paramValue. Array size is not limited. "
        "paramsName - string, minimum length 1, maximum length 255; "
        "paramValue - string, minimum length 1, maximum length 255",
        "Nulls and empty texts are left out, and an object that is empty then.",
    ),
)

REVENUE = (
    Field("idTransaction", "Transaction identifier unique in the project", Text(1, 255), f"idTransaction*: {_NAMED}"),
    Field(
        "currency",
        "Currency by ISO 4217",
        Text(3, 3, "[A-Z]{3}", "three upper-case letters"),
        'currency*: The numeric code assigned to a currency by ISO 4217. String, length 3 symbols. "currency": "USD"',
        'The text says numeric, every example says "USD": the letters are sent.',
    ),
    Field(
        "total",
        "Amount of payment",
        Amount(),
        "total*: Nonintegral, minimum value 0",
        "A decimal with at most 4 places and no exponent.",
    ),
)

_ANYONE = ("customUserId", "instanceId", "lvid", "gaid", "androidId", "idfa", "iosVendorId")
_ANYWHERE = (*COMMON, *MOBILE, *WEB)
_USER_OR_DEVICE = (
    "a user identifier customUserId or one of the device identifiers "
    "(instanceId, lvid, gaid, androidId, idfa, iosVendorId)"
)

_TABLES = (
    Table(
        "registration",
        "myTracker registration",
        "Required parameters: customUserId",
        _ANYWHERE,
        (("customUserId",),),
        write_json,
    ),
    Table("login", "myTracker login", "Required parameters: customUserId", _ANYWHERE, (("customUserId",),), write_json),
    Table(
        "customEvent",
        "myTracker customEvent",
        f"Required parameters: {_USER_OR_DEVICE}. * - required parameter",
        (*EVENT, *_ANYWHERE),
        (("customEventName",), _ANYONE),
        write_json,
    ),
    Table(
        "customRevenue",
        "myTracker customRevenue",
        f"Required parameters: eventTimestamp, {_USER_OR_DEVICE}, as well as parameters from the table below",
        (*REVENUE, *_ANYWHERE),
        (("eventTimestamp",), ("idTransaction",), ("currency",), ("total",), _ANYONE),
        write_json,
    ),
)

METHODS: Mapping[str, VendorMethod] = MappingProxyType({table.name: vendor_method(table) for table in _TABLES})
