"""A simulated SailPlay v2 API: login, and events/fire, events/list and events/status, by GET or by POST of a form.

Errors are answers of status 200 with `"status": "error"`. Codes that public material names: -1000 (parameters missing
or not what they must be), -4000 (no such user), -4007 (never fired for this user), -7 (token), -2 (login). An event key
that does not exist is an error without a code, since none is documented. More than 50 requests in any second: 429.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from connector.clock import Clock
from connector.simulators.faults import FaultError
from connector.simulators.server import Call, RateLimit, Simulator
from connector.simulators.switches import SailPlaySwitches

Kind = Literal["flag", "counter", "sum"]

NEVER: Final = float("inf")
_KINDS: Final = ("flag", "counter", "sum")
_IDENTITIES: Final = ("user_phone", "email", "origin_user_id")
_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_PATH: Final = re.compile(r"/api/v2/(events/(?:fire|list|status)|login)/")


@dataclass(frozen=True, slots=True)
class SimulatedEvent:
    """An event type that the shop has set up: its key, its kind, its name for people."""

    key: str
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class SimulatedLogin:
    """The credentials, beside the department, for which `login` gives a token."""

    store_department_key: str = "demo-department-key"
    pin_code: str = "demo-pin"


@dataclass(slots=True)
class _Fires:
    """The vendor's record of one user and one event. Times are seconds since the epoch."""

    count: int
    created: float
    updated: float
    total: float


# The keys are those of the document's examples.
DEFAULT_EVENTS: Final[Sequence[SimulatedEvent]] = (
    SimulatedEvent("85783d035a716769502775afa287fce17040afe1", "sum", "Оплата заказа"),
    SimulatedEvent("8bd3ede30c49139a9410daf3c42329d40722b0c5", "flag", "Регистрация на сайте"),
    SimulatedEvent("3d6146b18024fe9681c16e05b6f525acda0c9511", "counter", "Активация Джунглей"),
)


class SailPlayError(Exception):
    """The vendor's error answer; `code` is its status_code, None if it has none."""

    def __init__(self, code: int | None, message: str) -> None:
        super().__init__(message)
        self.code = code


class SailPlaySimulator(Simulator):
    """SailPlay on 127.0.0.1.

    `store_department_id` is the one for which the tokens are valid; None: any whole number. The ledger's `times` counts
    equal fires, its `fire_count` every fire of that event for that user. A fault's `contains` is searched in
    `name=value&name=value`, decoded, the token included. `switches` decide what the document leaves open.
    """

    vendor: ClassVar[str] = "SailPlay"

    def __init__(
        self,
        port: int = 0,
        *,
        token: str = "demo-token",  # noqa: S107 - it guards nothing
        store_department_id: int | None = None,
        events: Iterable[SimulatedEvent] = DEFAULT_EVENTS,
        login: SimulatedLogin | None = None,
        switches: SailPlaySwitches | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(port, [token], clock)
        self.login = login or SimulatedLogin()
        self._department = None if store_department_id is None else str(store_department_id)
        self._first_events = tuple(events)
        self._events = {event.key: event for event in self._first_events}
        self._fires: dict[tuple[str, str, str], _Fires] = {}
        self._switches = switches or SailPlaySwitches()
        self._limit = RateLimit(self._switches.rate)
        self._expiries: dict[str, float] = {}  # tokens from login → when they end (monotonic)
        self._first_seen: dict[tuple[str, str], float] = {}  # clients → when they first came (monotonic)
        self._started = self._clock.now()
        self._handlers: dict[str, Callable[[Call, dict[str, str]], dict[str, Any]]] = {
            "events/fire": self._fire,
            "events/list": self._list,
            "events/status": self._status,
            "login": self._log_in,
        }

    def fires_of_users(self) -> Counter[tuple[str, str, str]]:
        """Return (name of the identifier, user, event key) → number of fires: 2 means points given twice."""
        return Counter({key: fires.count for key, fires in self._fires.items()})

    def reset_options(self) -> Iterable[str]:
        """Return `events`: a list of {"key", "kind": flag, counter or sum, "name"}."""
        return ("events",)

    def reset_state(self, options: Mapping[str, Any]) -> None:
        """Take the events from the reset's options, or the initial ones; forget all fires."""
        events = _simulated_events(options["events"]) if "events" in options else self._first_events
        self._events = {event.key: event for event in events}
        self._fires.clear()
        self._limit.clear()
        self._first_seen.clear()

    def configuration_hints(self) -> Iterable[str]:
        """Yield department, login and events."""
        yield f"store_department_id: {self._department or 'any'}"
        yield f"login: store_department_key {self.login.store_department_key}, pin_code {self.login.pin_code}"
        for event in self._events.values():
            yield f"event_key: {event.key} ({event.kind}, {event.name})"

    def method_of(self, path: str) -> str:
        """Return `events/fire` for `/api/v2/events/fire/`."""
        named = _PATH.fullmatch(path)
        return named[1] if named else ""

    def content_of(self, call: Call) -> str:
        """Return the parameters, decoded."""
        return "&".join(f"{name}={value}" for name, value in _parameters(call).items())

    def apply_rules(self, call: Call) -> web.Response:
        """Check the rate, then path, token and parameters; enter a fire in the ledger."""
        if self._limit.exceeded(self._clock.monotonic()):
            self._refused(call, f"more than {self._switches.rate} requests in a second")
            return _response({"status": "error", "message": "Too many requests"}, status=429)
        handler = self._handlers.get(call.method)
        if handler is None or call.request.method not in ("GET", "POST"):
            self._refused(call, "no such path, or neither GET nor POST")
            return _response({"status": "error", "message": "Not found"}, status=404)
        try:
            return _response({"status": "ok", **handler(call, _parameters(call))})
        except SailPlayError as error:
            self._refused(call, str(error))
            return _response({"status": "error", **self._code(error), "message": str(error)})

    def _code(self, error: SailPlayError) -> dict[str, Any]:
        if error.code is None or self._switches.status_code == "absent":
            return {}
        return {"status_code": str(error.code) if self._switches.status_code == "text" else error.code}

    def _refused(self, call: Call, reason: str) -> None:
        self.ledger.record_refused(call.method, reason, request=call.number, time=self._clock.now())

    # Methods: parameters in; out comes the content beside "status": "ok".

    def _fire(self, call: Call, given: dict[str, str]) -> dict[str, Any]:
        self._authorize(given)
        event, fires_key = self._event_of_user(given)
        value = given.get("value", "")
        if event.kind == "sum" and not value:
            raise SailPlayError(-1000, "Provide required parameters")
        if value and not _DECIMAL.fullmatch(value):
            raise SailPlayError(-1000, "value must be a number")
        now = self._clock.now()
        fires = self._fires.setdefault(fires_key, _Fires(0, now, now, 0.0))
        fires.count += 1
        fires.updated = now
        fires.total += float(value or 0)
        shown = {name: text for name, text in given.items() if name != "token"}
        item = orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)
        self.ledger.record_accepted(
            call.method,
            [item],
            item,
            request=call.number,
            time=now,
            size=len(call.body) if call.request.method == "POST" else len(call.request.query_string),
            notes={"fire_count": fires.count},
        )
        return {}

    def _list(self, _call: Call, given: dict[str, str]) -> dict[str, Any]:
        self._authorize(given)
        dates = {"create_date": _datetime(self._started), "update_date": _datetime(self._started)}
        return {"events": [dates | asdict(event) for event in self._events.values()]}

    def _status(self, _call: Call, given: dict[str, str]) -> dict[str, Any]:
        self._authorize(given)
        event, fires_key = self._event_of_user(given)
        fires = self._fires.get(fires_key)
        if fires is None:
            raise SailPlayError(-4007, "Event for user not found")
        shown = {
            "update_date": _datetime(fires.updated),
            "fire_count": fires.count,
            "create_date": _datetime(fires.created),
        }
        return {"event": shown | ({"calculated_value": fires.total} if event.kind == "sum" else {})}

    def _log_in(self, _call: Call, given: dict[str, str]) -> dict[str, Any]:
        wanted = ("store_department_id", "store_department_key", "pin_code")
        if not all(given.get(name) for name in wanted):
            raise SailPlayError(-1000, "Provide required parameters")
        login = SimulatedLogin(given["store_department_key"], given["pin_code"])
        if login != self.login or not self._department_fits(given["store_department_id"]):
            raise SailPlayError(-2, "Login failure")
        token = secrets.token_hex(20)
        self.tokens.add(token)
        if self._switches.token_seconds:
            self._expiries[token] = self._clock.monotonic() + self._switches.token_seconds
        return {"token": token}

    def _authorize(self, given: dict[str, str]) -> None:
        if not given.get("token") or not given.get("store_department_id"):
            raise SailPlayError(-1000, "Provide required parameters")
        if self._expiries.get(given["token"], NEVER) <= self._clock.monotonic():
            raise SailPlayError(-7, "Token expired")
        if given["token"] not in self.tokens or not self._department_fits(given["store_department_id"]):
            raise SailPlayError(-7, "Invalid token")

    def _department_fits(self, department: str) -> bool:
        return department == self._department if self._department else department.isascii() and department.isdigit()

    def _event_of_user(self, given: dict[str, str]) -> tuple[SimulatedEvent, tuple[str, str, str]]:
        identities = [name for name in _IDENTITIES if given.get(name)]
        if not identities or not given.get("event_key"):
            raise SailPlayError(-1000, "Provide required parameters")
        if len(identities) > 1:
            raise SailPlayError(-1000, "Provide one of user_phone, email, origin_user_id")
        identity = identities[0]
        user = given[identity]
        if identity == "user_phone" and not (user.isascii() and user.isdigit()):
            raise SailPlayError(-1000, "user_phone must be digits")
        event = self._events.get(given["event_key"])
        if event is None:
            raise SailPlayError(None, "Event not found")
        now = self._clock.monotonic()
        if now < self._first_seen.setdefault((identity, user), now) + self._switches.client_after:
            raise SailPlayError(-4000, "User not found")
        return event, (identity, user, event.key)


def _parameters(call: Call) -> dict[str, str]:
    """Return the parameters of the query (GET) or of the form (POST); a POST with other content has none."""
    request = call.request
    if request.method == "GET":
        return dict(request.query)
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))


def _simulated_events(value: Any) -> list[SimulatedEvent]:
    if not isinstance(value, list):
        raise FaultError("events must be a list of objects of key, kind and name")
    events = []
    for index, event in enumerate(value):
        if not isinstance(event, dict) or set(event) != {"key", "kind", "name"}:
            raise FaultError(f"events[{index}] must be an object of key, kind and name")
        if event["kind"] not in _KINDS:
            raise FaultError(f"events[{index}].kind must be one of {', '.join(_KINDS)}")
        if not all(isinstance(event[name], str) and event[name] for name in ("key", "name")):
            raise FaultError(f"events[{index}]: key and name must be texts")
        events.append(SimulatedEvent(event["key"], event["kind"], event["name"]))
    return events


def _datetime(seconds: float) -> str:
    """Return a time as in the document: without a time zone."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _response(content: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
