"""Numbers and states in words for people. Pure."""

from __future__ import annotations

from connector.model import Blame
from connector.operations.waiting import Cause

UNKNOWN = "n/a"
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))

# The state of a sink as a word, and how grave it is: good, warn or bad.
STATES = {
    Cause.KAFKA: ("Kafka unreachable", "bad"),
    Cause.ASSIGNMENT: ("Joining", "warn"),
    Cause.UNCONFIRMED: ("Assignment in doubt", "warn"),
    Cause.HELD: ("Secret missing", "bad"),
    Cause.MISCONFIGURED: ("Misconfigured", "bad"),
    Cause.FLOODED: ("Held by the flood guard", "bad"),
    Cause.GATE_CLOSED: ("Vendor down", "bad"),
    Cause.RETRY_AFTER: ("Paused by the vendor", "warn"),
    Cause.DEAD_LETTER_TOPIC: ("Dead letters blocked", "bad"),
    Cause.RETRYING: ("Retrying", "warn"),
    Cause.NOTHING_TO_READ: ("Up to date", "good"),
}
DELIVERING = ("Delivering", "good")
FAULTS: dict[str, str] = {Blame.VENDOR: "the vendor failed", Blame.OURS: "our credentials or settings"}


def state(cause: Cause) -> tuple[str, str]:
    """The word for a sink whose main wait is this, and how grave that is."""
    return STATES.get(cause, DELIVERING)


def number(value: float | None) -> str:
    """With thousands apart; one digit behind the point where that tells something."""
    if value is None:
        return UNKNOWN
    return f"{value:,.1f}" if value != int(value) and abs(value) < 100 else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """In its two largest units: `3 h 12 min`, `48 s`."""
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


def failed(kind: str, reason: str) -> str:
    """What a failure was: a dead letter and its reason, or whose fault a failed request was."""
    return f"dead letter: {reason}" if kind == "dead_letter" else FAULTS.get(reason, reason)


def moment(timestamp: str) -> str:
    """A timestamp in UTC as people read it."""
    return timestamp.replace("T", " ").replace("+00:00", " UTC")


def size(octets: float | None) -> str:
    """In binary units."""
    if octets is None:
        return UNKNOWN
    for unit in ("B", "KiB"):
        if octets < 1024:
            return f"{number(octets)} {unit}"
        octets /= 1024
    return f"{number(round(octets, 1))} MiB"
