"""How the vendors' switches are written: `mytracker.oversize=413`, a field of the vendor's class of switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args, get_type_hints

from connector.simulators.mytracker_switches import MyTrackerSwitches
from connector.simulators.sailplay_switches import SailPlaySwitches

_VENDORS: Final[Mapping[str, type[Any]]] = {"mytracker": MyTrackerSwitches, "sailplay": SailPlaySwitches}


class SwitchError(ValueError):
    """A switch is unknown or takes another value; the message says what would be right."""


def parse_switches(orders: Sequence[str]) -> tuple[MyTrackerSwitches, SailPlaySwitches]:
    """Both vendors' switches from `VENDOR.NAME=VALUE`; the last of one name counts. Raises SwitchError."""
    given: dict[str, dict[str, Any]] = {vendor: {} for vendor in _VENDORS}
    for order in orders:
        name, separator, value = order.partition("=")
        vendor, _, switch = name.partition(".")
        takes = get_type_hints(_VENDORS[vendor]) if vendor in _VENDORS else {}
        if not separator or switch not in takes:
            known = ", ".join(f"{each}.{name}" for each, kind in _VENDORS.items() for name in get_type_hints(kind))
            raise SwitchError(f"{order} is no switch; write NAME=VALUE, where NAME is one of {known}")
        given[vendor][switch] = _value(name, takes[switch], value)
    return MyTrackerSwitches(**given["mytracker"]), SailPlaySwitches(**given["sailplay"])


def _value(name: str, takes: Any, value: str) -> str | int:
    words = get_args(takes)
    if words:
        if value not in words:
            raise SwitchError(f"{name} takes {' or '.join(words)}, not {value}")
        return value
    if not (value.isascii() and value.isdigit()):
        raise SwitchError(f"{name} takes a whole number from 0, not {value}")
    return int(value)
