"""The faults that a simulated vendor can be ordered to have: their JSON form, its checks, and their selection."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

# kind → what the client sees.
KINDS: Final[Mapping[str, str]] = {
    "status": "the answer of `status`, `headers` and `body` (text or JSON)",
    "latency": "the proper answer, `latency_ms` late",
    "outage": "the connection is reset before the request is read; connections open already are reset, too",
    "reset": "the request is read, then the connection is reset (RST)",
    "close": "the request is read, then the connection is closed (FIN)",
    "half_header": "half a header, then the connection is closed",
    "half_body": "a header, half of the body it announces, then the connection is closed",
    "hang": "no answer; the connection stays open",
    "drip": "a whole answer, a byte every `latency_ms` (default 1000)",
    "html_200": "status 200 with a page of HTML",
    "truncated_json": "status 200 with JSON that ends too early",
    "gzip_bomb": "status 200 with 100 KB of gzip that unpack to 100 MB",
    "bad_gzip": "status 200 with a body that is said to be gzip and is not",
}
_KEYS: Final = frozenset(
    {"kind", "times", "match", "apply", "status", "headers", "body", "latency_ms", "probability", "seed"}
)
_DRIP_MS: Final = 1000.0


class FaultError(ValueError):
    """A fault, or another order to a simulator, is not valid; the message says where and how."""


@dataclass(slots=True)
class Fault:
    """One fault; `left` counts the answers it will still spoil (None: until it is removed)."""

    kind: str
    left: int | None
    method: str | None
    contains: str | None
    after: bool
    status: int
    headers: dict[str, str]
    body: bytes
    latency: float  # seconds
    probability: float
    dice: random.Random

    def matches(self, method: str, content: str) -> bool:
        """True if this fault is meant for a request for `method` that carries `content`."""
        return (self.method is None or self.method == method) and (self.contains is None or self.contains in content)

    def as_json(self) -> dict[str, Any]:
        """Return the fault as `GET /_faults` shows it."""
        return {
            "kind": self.kind,
            "times": "until_reset" if self.left is None else self.left,
            "match": {"method": self.method, "contains": self.contains},
            "apply": "after" if self.after else "before",
        }


class Faults:
    """The faults that are due; the first in order that matches a request spoils its answer."""

    def __init__(self) -> None:
        self._due: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self._due)

    def schedule(self, faults: list[Fault]) -> None:
        """Append faults to those that are due."""
        self._due.extend(faults)

    def clear(self) -> None:
        """Remove all faults."""
        self._due.clear()

    def next_outage(self, method: str) -> Fault | None:
        """Return the outage for a request for `method`, counting it down; None if none is due."""
        return self._next(lambda fault: fault.kind == "outage" and fault.matches(method, ""))

    def next_fault(self, method: str, content: str) -> Fault | None:
        """Return the fault, outages aside, for a request, counting it down; None if none is due."""
        return self._next(lambda fault: fault.kind != "outage" and fault.matches(method, content))

    def _next(self, wanted: Callable[[Fault], bool]) -> Fault | None:
        for fault in self._due:
            if wanted(fault) and (fault.probability >= 1 or fault.dice.random() < fault.probability):
                if fault.left is not None:
                    fault.left -= 1
                    if fault.left == 0:
                        self._due.remove(fault)
                return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """Return the faults that are due."""
        return [fault.as_json() for fault in self._due]


def parse_fault(value: Mapping[str, Any], where: str) -> Fault:
    """Return one fault from JSON; `where` names its path in messages. Raises FaultError."""
    for key in value:
        _expect(key in _KEYS, f"{where}.{key}", f"is unknown; known are {', '.join(sorted(_KEYS))}")
    kind = value.get("kind")
    _expect(kind in KINDS, f"{where}.kind", f"must be one of {', '.join(KINDS)}")
    after = _applies_after(value, where)
    method, contains = _match(value.get("match", {}), f"{where}.match")
    if kind == "outage":
        _expect(not after, f"{where}.apply", "must be before: an outage hits before the request is read")
        _expect(contains is None, f"{where}.match.contains", "belongs to other kinds: an outage reads no request")
    for key in ("status", "headers", "body"):
        _expect(kind == "status" or key not in value, f"{where}.{key}", "belongs to the kind status")
    _expect(kind != "latency" or "latency_ms" in value, f"{where}.latency_ms", "is missing: milliseconds from 0")
    return Fault(
        kind=str(kind),
        left=_times(value.get("times", 1), f"{where}.times"),
        method=method,
        contains=contains,
        after=after,
        status=_status(value, where) if kind == "status" else 200,
        headers=_headers(value.get("headers", {}), f"{where}.headers"),
        body=_body(value.get("body", "")),
        latency=number_from(value.get("latency_ms", _DRIP_MS if kind == "drip" else 0), f"{where}.latency_ms") / 1000,
        probability=_probability(value.get("probability", 1), f"{where}.probability"),
        dice=random.Random(_seed(value.get("seed", 0), f"{where}.seed")),
    )


def number_from(value: Any, where: str) -> float:
    """Return a number from 0; raise FaultError otherwise."""
    _expect(_is_number(value) and value >= 0, where, "must be a number from 0")
    return float(value)


def _expect(holds: bool, where: str, otherwise: str) -> None:
    if not holds:
        raise FaultError(f"{where} {otherwise}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _applies_after(value: Mapping[str, Any], where: str) -> bool:
    apply = value.get("apply", "before")
    _expect(apply in ("before", "after"), f"{where}.apply", "must be before or after (the request took effect)")
    return bool(apply == "after")


def _match(value: Any, where: str) -> tuple[str | None, str | None]:
    _expect(isinstance(value, dict), where, "must be an object")
    for key, wanted in value.items():
        _expect(key in ("method", "contains"), f"{where}.{key}", "is unknown; known are contains, method")
        _expect(isinstance(wanted, str) and wanted != "", f"{where}.{key}", "must be a text")
    return value.get("method"), value.get("contains")


def _times(value: Any, where: str) -> int | None:
    if value == "until_reset":
        return None
    _expect(type(value) is int and value >= 1, where, "must be a whole number from 1, or until_reset")
    return int(value)


def _status(value: Mapping[str, Any], where: str) -> int:
    status = value.get("status")
    _expect(type(status) is int and 200 <= status <= 599, f"{where}.status", "must be an HTTP status, 200 to 599")
    return int(value["status"])


def _headers(value: Any, where: str) -> dict[str, str]:
    _expect(isinstance(value, dict), where, "must be an object of name and text")
    for name, text in value.items():
        one_line = isinstance(text, str) and not set("\r\n") & set(name + text)
        _expect(one_line, f"{where}.{name}", "must be one line of text")
    return dict(value)


def _body(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else orjson.dumps(value)


def _probability(value: Any, where: str) -> float:
    _expect(_is_number(value) and 0 < value <= 1, where, "must be a number above 0, at most 1")
    return float(value)


def _seed(value: Any, where: str) -> int:
    _expect(type(value) is int, where, "must be a whole number")
    return int(value)
