"""The events of the scenarios: of which kinds, and what must become of each at either sink."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

MYTRACKER: Final = "mytracker"
SAILPLAY: Final = "sailplay"
# The second route of myTracker over the same topic, where a world has pairs. What becomes of an event is told by way:
# a sink's name for its first route, and for what fails before any; a name of its own for another route.
REVENUE: Final = "mytracker/revenue"
EVENT_KEY: Final = "85783d035a716769502775afa287fce17040afe1"
# What the simulated vendor is told to refuse.
REFUSED_MARK: Final = "refuse-me"

End = Literal["accepted", "letter"]
OwnHeaders = tuple[tuple[str, bytes], ...]
Kind = Literal["plain", "points", "pair", "half refused", "refused", "undecodable", "unmappable", "stray", "tombstone"]


# What must become of each kind, by way; of what is named for none, nothing.
ENDS: Final[Mapping[Kind, Mapping[str, End]]] = {
    "plain": {MYTRACKER: "accepted"},
    "points": {MYTRACKER: "accepted", SAILPLAY: "accepted"},
    "pair": {MYTRACKER: "accepted", REVENUE: "accepted"},
    "half refused": {MYTRACKER: "letter", REVENUE: "accepted"},
    "refused": {MYTRACKER: "letter"},
    "undecodable": {MYTRACKER: "letter", SAILPLAY: "letter"},
    "unmappable": {MYTRACKER: "letter"},
    "stray": {},
    "tombstone": {},
}


class Draft(NamedTuple):
    """An event before it is produced; `ends` says what must become of it, by way (absent: it is skipped)."""

    number: int
    key: bytes
    value: bytes | None
    ends: Mapping[str, End]


class Made(NamedTuple):
    """A produced event and where Kafka put it."""

    draft: Draft
    topic: str
    partition: int
    offset: int
    headers: OwnHeaders


def draft(number: int, kind: Kind = "plain", keys: int = 50) -> Draft:
    """An event of a kind, of one of so many users."""
    user = number % keys
    key = f"u{user}".encode()
    event: dict[str, Any] = {"type": "bought", "user": f"u{user}", "n": number, "note": "fine"}
    change: dict[Kind, dict[str, Any]] = {
        "points": {"total": 150},
        "pair": {"paid": number + 1},
        "half refused": {"paid": number + 1, "note": REFUSED_MARK},
        "refused": {"note": REFUSED_MARK},
        "unmappable": {"user": None},
        "stray": {"type": "seen"},
    }
    value = json.dumps(event | change.get(kind, {})).encode()
    if kind == "undecodable":
        value = value[:-1]
    return Draft(number, key, None if kind == "tombstone" else value, ENDS[kind])


def pairs(first: int, count: int, *, keys: int, bad: float = 0.02, seed: int = 0) -> Iterator[Draft]:
    """So many events of so few users, numbered from `first`, most of which two routes take."""
    dice = random.Random(seed)
    for number in range(first, first + count):
        odd: tuple[Kind, ...] = ("half refused", "undecodable", "tombstone")
        yield draft(number, dice.choice(odd) if dice.random() < bad else dice.choice(("pair", "pair", "plain")), keys)


def mixture(first: int, count: int, *, bad: float, points: float = 0.0, seed: int = 0) -> Iterator[Draft]:
    """So many events, numbered from `first`: a share of each bad kind, a share with points, the rest plain."""
    dice = random.Random(seed)
    odd: tuple[Kind, ...] = ("refused", "undecodable", "unmappable", "stray", "tombstone")
    for number in range(first, first + count):
        drawn = dice.random()
        kind: Kind = dice.choice(odd) if drawn < bad else "points" if drawn < bad + points else "plain"
        yield draft(number, kind)


def routes(topic: str, ways: tuple[str, ...]) -> list[dict[str, Any]]:
    """The routes that make of these events what `draft` says."""
    revenue = {
        "name": REVENUE,
        "from": topic,
        "when": "paid",
        "to": "mytracker.customRevenue",
        "fields": {
            "customUserId": "user",
            "idTransaction": "n",
            "currency": "'USD'",
            "total": "paid",
            "eventTimestamp": "timestamp()",
        },
    }
    mytracker = {
        "from": topic,
        "when": "type == 'bought'",
        "to": "mytracker.customEvent",
        "fields": {
            "customUserId": "user",
            "customEventName": "type",
            "customEventParams": {"n": "n", "note": "note"},
            "eventTimestamp": "timestamp()",
        },
    }
    sailplay = {
        "from": topic,
        "when": "total > `100`",
        "to": "sailplay.fire",
        "fields": {
            "origin_user_id": "user",
            "event_key": f"'{EVENT_KEY}'",
            "value": "total",
            "purchase_order_num": "text(n)",
        },
    }
    return [route for name, route in ((MYTRACKER, mytracker), (REVENUE, revenue), (SAILPLAY, sailplay)) if name in ways]


def sink_of(way: str) -> str:
    """The sink that it belongs to."""
    return way.partition("/")[0]


def way_of(sink: str, item: Mapping[str, Any]) -> str:
    """The way by which an accepted item came."""
    return REVENUE if "idTransaction" in item else sink


def number_of(sink: str, item: Mapping[str, Any]) -> int:
    """The number of the event that an accepted item carries."""
    if "idTransaction" in item:
        return int(item["idTransaction"])
    return int(item["customEventParams"]["n"] if sink == MYTRACKER else item["purchase_order_num"])
