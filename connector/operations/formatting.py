"""Numbers, times and failures in words for people. Pure."""

from __future__ import annotations

from connector.model import OutcomeKind

UNKNOWN = "n/a"
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))

FAULTS: dict[str, str] = {
    OutcomeKind.UNAVAILABLE: "the vendor failed",
    OutcomeKind.MISCONFIGURED: "our credentials or settings",
}


def number(value: float | None) -> str:
    """With thousands apart; one digit behind the point where that tells something."""
    if value is None:
        return UNKNOWN
    return f"{value:,.1f}" if value != int(value) and abs(value) < 100 else f"{value:,.0f}"


def counted(count: int, thing: str) -> str:
    """`1 partition`, `12,000 events`: the number with the thing, which takes a plain s."""
    return f"{number(count)} {thing}{'' if count == 1 else 's'}"


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


def failure_label(kind: str, reason: str) -> str:
    """What a failure was: a dead letter and its reason, or whose fault a failed request was."""
    return f"dead letter: {reason}" if kind == "dead_letter" else FAULTS.get(reason, reason)


def moment(timestamp: str) -> str:
    """A timestamp in UTC as people read it."""
    return timestamp.replace("T", " ").replace("+00:00", " UTC")


def size(octets: float) -> str:
    """In binary units."""
    for unit in ("B", "KiB"):
        if octets < 1024:
            return f"{number(octets)} {unit}"
        octets /= 1024
    return f"{number(round(octets, 1))} MiB"
