"""myTracker's rules for one event of each method, as its document "Import event" states them.

Written from the document alone. A check takes a value and returns None, or what it must be. Texts are counted in
characters. Numbers may be JSON integers or texts of digits: the document's own example has "age": "25". Where it gives
no minimum (`age`), none is asked for. `total` is a JSON number, as in its examples, with at most 4 decimals.

Left open by the document: a field it does not list refuses the event unless a switch says otherwise, and a switch may
refuse texts of digits, too. Decided strictly: a required text that is empty counts as missing; an address must be one.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final

from connector.simulators.switches import MyTrackerSwitches

Check = Callable[[Any], str | None]

_DIGITS: Final = re.compile(r"-?[0-9]{1,19}")
# "The numeric code assigned to a currency by ISO 4217": the text says 840, the example says USD.
_CURRENCY: Final = re.compile(r"[A-Z]{3}|[0-9]{3}")


def _text(least: int, most: int) -> Check:
    otherwise = f"must be a text of {least if least == most else f'{least} to {most}'} characters"

    def check(value: Any) -> str | None:
        return None if isinstance(value, str) and least <= len(value) <= most else otherwise

    return check


def _number(least: int | None, most: int, texts: bool) -> Check:
    otherwise = f"must be a whole number {'' if least is None else f'from {least} '}up to {most}"

    def check(value: Any) -> str | None:
        if texts and type(value) is str and _DIGITS.fullmatch(value):
            value = int(value)
        if type(value) is int and (least is None or value >= least) and value <= most:
            return None
        return otherwise

    return check


def _address(family: int, name: str) -> Check:
    otherwise = f"must be an {name} address"

    def check(value: Any) -> str | None:
        try:
            socket.inet_pton(family, value)
        except (OSError, TypeError, ValueError):
            return otherwise
        return None

    return check


def _event_params(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object of names and values"
    for name, parameter in value.items():
        if not 1 <= len(name) <= 255:
            return "must have names of 1 to 255 characters"
        if not isinstance(parameter, str) or not 1 <= len(parameter) <= 255:
            return "must have values that are texts of 1 to 255 characters"
    return None


def _total(value: Any) -> str | None:
    if type(value) not in (int, float) or value < 0 or round(value, 4) != value:
        return "must be a number from 0, with at most 4 decimals"
    return None


def _currency(value: Any) -> str | None:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        return "must be a currency code of 3 symbols by ISO 4217"
    return None


_DEVICE_IDS: Final = ("instanceId", "lvid", "gaid", "androidId", "idfa", "iosVendorId")
_ANY_ID: Final = ("customUserId", *_DEVICE_IDS)


def _common(texts: bool) -> Mapping[str, Check]:
    return {
        "eventTimestamp": _number(0, 4294967295, texts),
        "customUserId": _text(0, 1024),
        "ipv4": _address(socket.AF_INET, "IPv4"),
        "ipv6": _address(socket.AF_INET6, "IPv6"),
        "idGender": _number(0, 2, texts),
        "age": _number(None, 128, texts),
        "connectionType": _number(0, 2, texts),
        "bluetoothEnabled": _number(0, 2, texts),
        "instanceId": _text(36, 36),
        "adTrackingEnabled": _number(0, 1, texts),
        "idfa": _text(36, 36),
        "iosVendorId": _text(36, 36),
        "gaid": _text(36, 36),
        "androidId": _text(16, 16),  # the document's own example has 15
        "lvid": _text(32, 32),
        "adBlocker": _number(0, 1, texts),
        "userAgent": _text(0, 2048),
    }


class EventRules:
    """The rules for one method's events."""

    def __init__(
        self, checks: Mapping[str, Check], required: tuple[str, ...], identifiers: tuple[str, ...], *, strange: bool
    ) -> None:
        self._checks = checks
        self._required = required
        self._identifiers = identifiers
        self._allow_unknown = strange

    def first_broken(self, event: Any) -> str | None:
        """Return the first rule that an event breaks, with the field's name and without its value; None if none."""
        if type(event) is not dict:
            return "must be an object"
        checks = self._checks
        for field, value in event.items():
            check = checks.get(field)
            if check is None:
                if self._allow_unknown:
                    continue
                return "has a field that the method does not know"
            if otherwise := check(value):
                return f"{field} {otherwise}"
        for field in self._required:
            if field not in event:
                return f"{field} is missing"
        for field in self._identifiers:
            if event.get(field):
                return None
        return f"{' or '.join(self._identifiers)} is missing"


def event_rules(switches: MyTrackerSwitches) -> Mapping[str, EventRules]:
    """Return the rules of each method for one event, by the method's name."""
    common = _common(switches.numeric_texts == "accept")
    strange = switches.unknown_fields == "accept"
    registration = EventRules(common, (), ("customUserId",), strange=strange)
    event = {"customEventName": _text(1, 255), "customEventParams": _event_params}
    payment = {"idTransaction": _text(1, 255), "currency": _currency, "total": _total}
    return {
        "registration": registration,
        "login": registration,
        "customEvent": EventRules({**common, **event}, ("customEventName",), _ANY_ID, strange=strange),
        "customRevenue": EventRules(
            {**common, **payment}, ("eventTimestamp", "idTransaction", "currency", "total"), _ANY_ID, strange=strange
        ),
    }
