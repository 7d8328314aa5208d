"""The switches of the simulated vendors: choices that their documents leave open, written `mytracker.oversize=413`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args, get_type_hints


@dataclass(frozen=True, slots=True)
class MyTrackerSwitches:
    """Choices that myTracker's document leaves open; by default its own limits and the strict reading."""

    oversize: Literal["400", "413"] = "400"  # the status for a body that is too large
    max_bytes: int = 10_000  # what "10Kb" is
    unknown_fields: Literal["refuse", "accept"] = "refuse"  # fields that the document does not list
    numeric_texts: Literal["accept", "refuse"] = "accept"  # numbers as texts, as in its example "age": "25"
    refused_batch: Literal["none", "partial"] = "none"  # what of it takes effect: nothing, or its good events
    id_transaction: Literal["again", "once"] = "again"  # how a payment counts whose idTransaction came before
    rate: int = 0  # requests a second, past which it answers 429; 0: any number
    probes: Literal["answer", "absent"] = "answer"  # version and test-app-access: the document does not have them


@dataclass(frozen=True, slots=True)
class SailPlaySwitches:
    """Choices that SailPlay's document leaves open; by default what public material says."""

    rate: int = 50  # requests a second, past which it answers 429; 0: any number
    token_seconds: int = 0  # how long a token from login is valid; 0: until it is revoked
    status_code: Literal["number", "text", "absent"] = "number"  # how an error names its code
    client_after: int = 0  # seconds for which a client that is new to it is unknown (-4000)


_VENDORS: Final[Mapping[str, type[Any]]] = {"mytracker": MyTrackerSwitches, "sailplay": SailPlaySwitches}


class SwitchError(ValueError):
    """A switch is unknown or has another value than allowed; the message says what would be right."""


def parse_switches(orders: Sequence[str]) -> tuple[MyTrackerSwitches, SailPlaySwitches]:
    """Return both vendors' switches from `VENDOR.NAME=VALUE`; the last of one name counts. Raises SwitchError."""
    given: dict[str, dict[str, Any]] = {vendor: {} for vendor in _VENDORS}
    for order in orders:
        name, separator, value = order.partition("=")
        vendor, _, switch = name.partition(".")
        takes = get_type_hints(_VENDORS[vendor]) if vendor in _VENDORS else {}
        if not separator or switch not in takes:
            known = ", ".join(f"{each}.{name}" for each, kind in _VENDORS.items() for name in get_type_hints(kind))
            raise SwitchError(f"{order} is not a switch; write NAME=VALUE, where NAME is one of {known}")
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
