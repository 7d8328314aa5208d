"""Formats numbers, times and failures as text for people. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.model import OutcomeKind

UNKNOWN = "n/a"
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))

FAULTS: dict[str, str] = {
    OutcomeKind.UNAVAILABLE: "the vendor failed",
    OutcomeKind.MISCONFIGURED: "our credentials or settings",
}


def number(value: float | None) -> str:
    """Return a number with thousands separators, and with one decimal if it is small and not whole."""
    if value is None:
        return UNKNOWN
    return f"{value:,.1f}" if value != int(value) and abs(value) < 100 else f"{value:,.0f}"


def counted(count: int, thing: str) -> str:
    """Return the number with its noun: `1 partition`, `12,000 events`."""
    return f"{number(count)} {thing}{'' if count == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Return a duration in its two largest units: `3 h 12 min`, `48 s`."""
    if seconds is None:
        return UNKNOWN
    if seconds < 0:
        return "overdue"
    left, parts = round(seconds), []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def failure_label(kind: str, reason: str) -> str:
    """Return a failure's label: a dead letter with its reason, or who is responsible for a failed request."""
    return f"dead letter: {reason}" if kind == "dead_letter" else FAULTS.get(reason, reason)


def moment(timestamp: str) -> str:
    """Return an ISO timestamp in UTC as people write it."""
    return timestamp.replace("T", " ").replace("+00:00", " UTC")


def size(octets: float) -> str:
    """Return a size in binary units."""
    for unit in ("B", "KiB"):
        if octets < 1024:
            return f"{number(octets)} {unit}"
        octets /= 1024
    return f"{number(round(octets, 1))} MiB"


def clock_time(seconds: float) -> str:
    """Return a time as commands show it and as --since takes it: ISO 8601 in UTC, to the second."""
    return _calendar_time(seconds) or f"{seconds:.0f} s from 1970, beyond the calendar"


def record_time(milliseconds: int) -> str | None:
    """Return a record's timestamp as commands show it, None for -1 (no timestamp).

    Producers may choose one beyond the calendar: that is shown as its number.
    """
    return None if milliseconds == -1 else _calendar_time(milliseconds / 1000) or f"{milliseconds} ms"


def _calendar_time(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None
