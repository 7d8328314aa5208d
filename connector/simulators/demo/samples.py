"""The demo's events, each with its expected outcomes: made side by side, so that neither is derived from the other."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

import orjson

from connector.model import Headers, Reason

USERS, ORDERS, GAME = "accounts.users", "shop.orders", "game.events"
PARTITIONS: Final[Mapping[str, int]] = {USERS: 3, ORDERS: 4, GAME: 4}
MYTRACKER, SAILPLAY = "mytracker", "sailplay"
READERS: Final[Mapping[str, Sequence[str]]] = {USERS: (MYTRACKER,), ORDERS: (MYTRACKER, SAILPLAY), GAME: (MYTRACKER,)}

# Users whom the simulated vendors refuse on order, though the event obeys every rule in their documents.
REFUSED_BY_MYTRACKER, REFUSED_BY_SAILPLAY = "banned-user-", "unknown-user-"

_EVENT_KEY = "85783d035a716769502775afa287fce17040afe1"
_MAX_BYTES = 10_000
_BEGIN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
_MOSCOW = timezone(timedelta(hours=3))
_PLAY = ("level_up", "boss_defeated", "item_bought", "дракон повержен", "quest_done 🏆")


class ExpectedOutcome(NamedTuple):
    """The expected outcome of an event at a sink: accepted as `item` (`content`), a letter for `reason`, or neither.

    `route` is None if the event fails before routing, and if no route takes it.
    """

    sink: str
    route: str | None = None
    item: bytes | None = None
    reason: Reason | None = None


class SampleEvent(NamedTuple):
    """One record to produce, and its expected outcomes: one for each route that takes it, at each sink."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    fates: tuple[ExpectedOutcome, ...]

    def partition(self, number: int) -> int:
        """Return its partition: the same for one key; without a key, round robin by its number."""
        return (number if self.key is None else zlib.crc32(self.key)) % PARTITIONS[self.topic]


def content(method: str, item: Mapping[str, Any]) -> bytes:
    """Return the identity of an accepted item: the method and every field, in any order of fields."""
    return method.encode() + b" " + orjson.dumps(dict(item), option=orjson.OPT_SORT_KEYS)


def samples(count: int) -> list[SampleEvent]:
    """Return so many events, always the same; each thousand holds every kind."""
    dice = random.Random(20260301)
    kinds = [make for make, share in _PER_THOUSAND for _ in range(share)]
    made: list[SampleEvent] = []
    for number in range(count):
        if number % len(kinds) == 0:
            dice.shuffle(kinds)
        made.append(kinds[number % len(kinds)](number, dice))
        if number % 250 == 249:  # what a producer that retried has written twice is two events
            made[number] = made[number - 100]
    return made


# --- accounts.users ---------------------------------------------------------------------------------------------------


def _registration(number: int, dice: random.Random) -> SampleEvent:
    return _account(number, _user(dice), "user.registered", "registrations", "registration")


def _login(number: int, dice: random.Random) -> SampleEvent:
    return _account(number, _user(dice), "user.logged_in", "logins", "login")


def _account(number: int, user: str, kind: str, route: str, method: str) -> SampleEvent:
    shown, seconds = _time(number)
    event = {"type": kind, "occurred_at": shown, "user": {"id": user, "email": f"{number}@example.com"}}
    item = content(method, {"customUserId": user, "eventTimestamp": seconds})
    return _sample(USERS, user, event, ExpectedOutcome(MYTRACKER, route, item))


def _unrouted_account(number: int, dice: random.Random) -> SampleEvent:
    user = _user(dice)
    event = {"type": "user.email_changed", "occurred_at": _time(number)[0], "user": {"id": user}}
    return _sample(USERS, user, event, ExpectedOutcome(MYTRACKER))


def _tombstone(_: int, dice: random.Random) -> SampleEvent:
    return SampleEvent(USERS, _user(dice).encode(), None, (), (ExpectedOutcome(MYTRACKER),))


def _account_without_user(number: int, _: random.Random) -> SampleEvent:
    event = {"type": "user.registered", "occurred_at": _time(number)[0]}
    return _sample(USERS, "nobody", event, ExpectedOutcome(MYTRACKER, reason=Reason.SCHEMA), headers=_traced(number))


# --- shop.orders ------------------------------------------------------------------------------------------------------


def _order(number: int, dice: random.Random) -> SampleEvent:
    return _paid(number, _user(dice), dice.randrange(100, 10_001) / 100)


def _large_order(number: int, dice: random.Random) -> SampleEvent:
    return _paid(number, _user(dice), dice.randrange(10_001, 90_000) / 100)


def _order_refused_by_sailplay(number: int, dice: random.Random) -> SampleEvent:
    return _paid(number, f"{REFUSED_BY_SAILPLAY}{number}", dice.randrange(10_001, 90_000) / 100, refused=True)


def _paid(number: int, user: str, total: float, *, refused: bool = False) -> SampleEvent:
    order, (shown, seconds) = f"order-{number}", _time(number)
    event = {
        "type": "order.paid",
        "occurred_at": shown,
        "user": {"id": user},
        "order": {"id": order, "currency": "RUB", "total": total},
    }
    revenue = {
        "customUserId": user,
        "idTransaction": order,
        "currency": "RUB",
        "total": total,
        "eventTimestamp": seconds,
    }
    fire = {
        "store_department_id": "11",
        "origin_user_id": user,
        "event_key": _EVENT_KEY,
        "value": f"{total:.2f}".rstrip("0").rstrip("."),
        "purchase_order_num": order,
    }
    points = ExpectedOutcome(SAILPLAY)
    if refused:
        points = ExpectedOutcome(SAILPLAY, "points", reason=Reason.REFUSED)
    elif total > 100:
        points = ExpectedOutcome(SAILPLAY, "points", content("fire", fire))
    return _sample(
        ORDERS, user, event, ExpectedOutcome(MYTRACKER, "revenue", content("customRevenue", revenue)), points
    )


def _unrouted_order(number: int, dice: random.Random) -> SampleEvent:
    user, order = _user(dice), {"id": number, "currency": "RUB", "total": 250}
    event = {"type": "order.placed", "occurred_at": _time(number)[0], "user": {"id": user}, "order": order}
    return _sample(ORDERS, user, event, ExpectedOutcome(MYTRACKER), ExpectedOutcome(SAILPLAY))


def _order_without_currency(number: int, dice: random.Random) -> SampleEvent:
    user, order = _user(dice), {"id": number, "total": 250}
    event = {"type": "order.paid", "occurred_at": _time(number)[0], "user": {"id": user}, "order": order}
    fates = (ExpectedOutcome(MYTRACKER, reason=Reason.SCHEMA), ExpectedOutcome(SAILPLAY, reason=Reason.SCHEMA))
    return _sample(ORDERS, user, event, *fates, headers=_traced(number))


def _cut_json(number: int, dice: random.Random) -> SampleEvent:
    fates = (
        ExpectedOutcome(MYTRACKER, reason=Reason.UNDECODABLE),
        ExpectedOutcome(SAILPLAY, reason=Reason.UNDECODABLE),
    )
    return SampleEvent(ORDERS, _user(dice).encode(), b'{"type": "order.paid", "us', _traced(number), fates)


# --- game.events ------------------------------------------------------------------------------------------------------


def _play(number: int, dice: random.Random) -> SampleEvent:
    return _played(number, _user(dice), dice)


def _play_refused_by_mytracker(number: int, dice: random.Random) -> SampleEvent:
    return _played(number, f"{REFUSED_BY_MYTRACKER}{number}", dice, refused=True)


def _played(number: int, user: str, dice: random.Random, *, refused: bool = False) -> SampleEvent:
    name, level, points = dice.choice(_PLAY), dice.randrange(1, 60), dice.randrange(1, 4000) / 8
    data = {"level": level, "points": points, "zone": "Тёмный лес", "premium": level % 2 == 0, "guild": None}
    params = {
        "level": str(level),
        "points": f"{points:.3f}".rstrip("0").rstrip("."),
        "zone": "Тёмный лес",
        "premium": "true" if level % 2 == 0 else "false",
    }
    shown, seconds = _time(number)
    event = {"event_type": name, "occurred_at": shown, "user": {"id": user}, "data": data}
    item = {"customUserId": user, "customEventName": name, "customEventParams": params, "eventTimestamp": seconds}
    if refused:
        return _sample(
            GAME, user, event, ExpectedOutcome(MYTRACKER, "play", reason=Reason.REFUSED), headers=_traced(number)
        )
    return _sample(GAME, user, event, ExpectedOutcome(MYTRACKER, "play", content("customEvent", item)))


def _play_on_device(number: int, _: random.Random) -> SampleEvent:
    shown, seconds = _time(number)
    device = f"{number:08x}-0000-4000-8000-000000000000"
    event = {"event_type": "app_opened", "occurred_at": shown, "device": {"instance_id": device}}
    item = {"customEventName": "app_opened", "instanceId": device, "eventTimestamp": seconds}
    return _sample(GAME, None, event, ExpectedOutcome(MYTRACKER, "play", content("customEvent", item)))


def _play_of_nobody(number: int, _: random.Random) -> SampleEvent:
    event = {"event_type": "app_opened", "occurred_at": _time(number)[0]}
    return _sample(
        GAME, None, event, ExpectedOutcome(MYTRACKER, "play", reason=Reason.UNMAPPABLE), headers=_traced(number)
    )


def _play_in_milliseconds(number: int, dice: random.Random) -> SampleEvent:
    user = _user(dice)
    event = {"event_type": "level_up", "occurred_at": _time(number)[1] * 1000, "user": {"id": user}}
    return _sample(
        GAME, user, event, ExpectedOutcome(MYTRACKER, "play", reason=Reason.UNMAPPABLE), headers=_traced(number)
    )


def _play_as_array(number: int, dice: random.Random) -> SampleEvent:
    fate = ExpectedOutcome(MYTRACKER, reason=Reason.UNDECODABLE)
    return _sample(GAME, _user(dice), [{"event_type": "level_up"}], fate, headers=_traced(number))


def _exactly_fitting(number: int, dice: random.Random) -> SampleEvent:
    return _filled(number, _user(dice), _MAX_BYTES)


def _a_byte_too_large(number: int, dice: random.Random) -> SampleEvent:
    return _filled(number, _user(dice), _MAX_BYTES + 1)


def _filled(number: int, user: str, size: int) -> SampleEvent:
    """Return an event whose item has exactly so many bytes, most of them in characters of two."""
    shown, seconds = _time(number)
    params = {f"chapter {index:02}": "ж" * 120 for index in range(38)} | {"rest": ""}
    item = {"customUserId": user, "customEventName": "saga", "customEventParams": params, "eventTimestamp": seconds}
    params["rest"] = "x" * (size - len(orjson.dumps(item)))
    event = {"event_type": "saga", "occurred_at": shown, "user": {"id": user}, "data": params}
    if size > _MAX_BYTES:
        return _sample(GAME, user, event, ExpectedOutcome(MYTRACKER, "play", reason=Reason.OVERSIZE))
    return _sample(GAME, user, event, ExpectedOutcome(MYTRACKER, "play", content("customEvent", item)))


# --- what all have ----------------------------------------------------------------------------------------------------


def _sample(topic: str, key: str | None, event: Any, *fates: ExpectedOutcome, headers: Headers = ()) -> SampleEvent:
    return SampleEvent(topic, None if key is None else key.encode(), orjson.dumps(event), headers, fates)


def _user(dice: random.Random) -> str:
    number = dice.randrange(300)
    return f"игрок-{number}" if number % 10 == 0 else f"user-{number}"


def _time(number: int) -> tuple[str, int]:
    """Return a moment as the event writes it, in one of two zones, and in seconds since the epoch."""
    moment = _BEGIN + timedelta(seconds=number)
    return (moment.astimezone(_MOSCOW) if number % 3 else moment).isoformat(), int(moment.timestamp())


def _traced(number: int) -> Headers:
    """Return headers as producers have them: one twice, one without a value, one that is not text."""
    return (("trace", b"%d" % number), ("trace", b"again"), ("empty", None), ("raw", b"\xff\x00\xfe"))


_PER_THOUSAND: Sequence[tuple[Callable[[int, random.Random], SampleEvent], int]] = (
    (_play, 519),
    (_play_on_device, 40),
    (_registration, 120),
    (_login, 120),
    (_order, 80),
    (_large_order, 60),
    (_unrouted_order, 20),
    (_unrouted_account, 10),
    (_tombstone, 6),
    (_play_refused_by_mytracker, 2),
    (_order_refused_by_sailplay, 2),
    (_account_without_user, 3),
    (_order_without_currency, 3),
    (_cut_json, 3),
    (_play_as_array, 2),
    (_play_of_nobody, 3),
    (_play_in_milliseconds, 2),
    (_exactly_fitting, 3),
    (_a_byte_too_large, 2),
)
