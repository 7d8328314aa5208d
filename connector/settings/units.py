"""Readers of durations, sizes, shares, rates, times and addresses as they are written in the file.

Every function takes a value as YAML gave it, and raises SettingError with a message that says what would be right.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from connector.errors import SettingError

DURATION_PATTERN = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$"
SIZE_PATTERN = r"^[0-9]+(B|KiB|MiB|GiB)$"
SHARE_PATTERN = r"^[0-9]+(\.[0-9]+)?%$"
RATE_PATTERN = r"^[0-9]+(\.[0-9]+)?/s$"

LONGEST_SECONDS = 86_400.0
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def shown(value: Any) -> str:
    """Return a value as messages show it, at most 80 characters."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None:
        return "an empty value"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def duration(value: Any) -> float:
    """Return `200ms`, `10s`, `5m` or `1h` in seconds."""
    match = re.fullmatch(DURATION_PATTERN, value) if isinstance(value, str) else None
    if match is None:
        hint = f"{value}s or {value}ms" if isinstance(value, int | float) and not isinstance(value, bool) else "10s"
        raise SettingError(f"{shown(value)} is no duration: a number with ms, s, m or h, such as {hint}", "wrong-unit")
    unit = match[2]
    seconds = float(value.removesuffix(unit)) * _SECONDS[unit]
    if seconds > LONGEST_SECONDS:
        raise SettingError(f"{shown(value)} is too long: at most 24h", "out-of-range")
    return seconds


def positive_duration(value: Any) -> float:
    """Return a `duration` of more than 0, in seconds."""
    seconds = duration(value)
    if seconds == 0:
        raise SettingError(f"must be more than 0, not {shown(value)}", "out-of-range")
    return seconds


def size(value: Any) -> int:
    """Return `32MiB`, `64KiB` or a plain number in bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        count = value
    else:
        match = re.fullmatch(SIZE_PATTERN, value) if isinstance(value, str) else None
        if match is None:
            message = f"{shown(value)} is no size: a number of bytes, or one with KiB, MiB or GiB, such as 32MiB"
            raise SettingError(message, "wrong-unit")
        count = int(value.removesuffix(match[1])) * _BYTES[match[1]]
    if count < 1:
        raise SettingError(f"must be at least 1 byte, not {shown(value)}", "out-of-range")
    return count


def share(value: Any) -> float:
    """Return `50%` as 0.5."""
    if not isinstance(value, str) or re.fullmatch(SHARE_PATTERN, value) is None or float(value[:-1]) > 100:
        raise SettingError(f"{shown(value)} is no share: a percentage from 0% to 100%, such as 50%", "wrong-unit")
    return float(value[:-1]) / 100


def rate(value: Any) -> float:
    """Return `40/s` as 40.0 requests a second."""
    if not isinstance(value, str) or re.fullmatch(RATE_PATTERN, value) is None or float(value[:-2]) == 0:
        hint = f"{value}/s" if type(value) is int and value > 0 else "40/s"
        raise SettingError(f"{shown(value)} is no rate: requests a second, more than 0, such as {hint}", "wrong-unit")
    return float(value[:-2])


def start(value: Any) -> Literal["earliest", "latest"] | datetime:
    """Return `earliest`, `latest`, or an ISO 8601 time with a zone."""
    if value == "earliest":
        return "earliest"
    if value == "latest":
        return "latest"
    return moment(value, "start: earliest, latest, or a time")


def moment(value: Any, wanted: str) -> datetime:
    """Return an ISO 8601 time with a zone; `wanted` is how a message describes the right value."""
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        message = f"{shown(value)} is no {wanted} with a zone, such as 2025-01-31T00:00:00Z"
        raise SettingError(message, "no-start") from None
    if time.tzinfo is None:
        right = f"{value if 'T' in value else value + 'T00:00:00'}Z"
        raise SettingError(f"{shown(value)} has no time zone: write {right}", "no-start")
    return time


def base_url(value: Any) -> str:
    """Return an https address without query or credentials, and without a slash at its end; http for this machine."""
    if not isinstance(value, str):
        raise SettingError(f"{shown(value)} is no address: such as https://vendor.example", "no-address")
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise SettingError("this is no address: such as https://vendor.example", "no-address") from None
    # Neither is repeated in a message: either may hold a secret.
    if parts.username is not None or parts.password is not None:
        message = "credentials do not belong in the address: leave out what stands before the @"
        raise SettingError(message, "secret-in-address")
    if parts.query or parts.fragment:
        message = "an address ends with its path: leave out what follows the ? or #"
        raise SettingError(message, "secret-in-address")
    if not parts.hostname or parts.scheme not in {"http", "https"} or re.search(r"\s", value):
        raise SettingError(f"{shown(value)} is no address: such as https://vendor.example", "no-address")
    if parts.scheme == "http" and not _on_this_machine(parts):
        message = f"{shown(value)} would send the token in the clear: write https://{value[7:]}"
        raise SettingError(message, "address-in-clear")
    return value.rstrip("/")


def _on_this_machine(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
