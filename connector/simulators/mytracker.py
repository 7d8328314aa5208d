"""A simulated myTracker S2S API: strict to the letter of its document "Import event".

`POST /v1/<method>/?idApp=N`, with or without the slash, for registration, login, customEvent, customRevenue and their
Batch forms; besides, as the vendor's own client has them, `version` and `test-app-access`. One broken rule of one event
refuses the whole request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

import orjson
from aiohttp import web

from connector.clock import Clock
from connector.simulators.mytracker_rules import event_rules
from connector.simulators.server import Call, RateLimit, Simulator
from connector.simulators.switches import MyTrackerSwitches

MAX_EVENTS: Final = 20  # "Array. Maximum size 20"

_VERSIONED: Final = re.compile(r"/v([0-9]+)/([A-Za-z-]+)/?")
_PROBES: Final = frozenset({"version", "test-app-access"})
_EVENTS: Final = ("registration", "login", "customEvent", "customRevenue")
_IMPORTS: Final = frozenset({*_EVENTS, *(f"{name}Batch" for name in _EVENTS)})

_OK: Final = '{"message": "ОK"}'.encode()  # noqa: RUF001 - the document's first letter is Cyrillic
_BAD_REQUEST: Final = b'{"error": "Bad Request"}'
_FORBIDDEN: Final = b'{"error": "Forbidden"}'
_EMPTY: Final = b'{"error": "Empty post data"}'
_BAD_JSON: Final = b'{"error": "Bad json"}'
_BAD_VERSION: Final = b'{"error": "Bad api version"}'
_NO_METHOD: Final = b'{"error": "Method not found"}'
_TOO_FAST: Final = b'{"error": "Too many requests"}'


class MyTrackerSimulator(Simulator):
    """myTracker on 127.0.0.1.

    `app_id` is the one app for which the tokens are valid; None: any whole number. A fault's `contains` is searched in
    the body as it was sent. `switches` decide what the document leaves open.
    """

    vendor: ClassVar[str] = "myTracker"

    def __init__(
        self,
        port: int = 0,
        *,
        token: str = "demo-token",  # noqa: S107 - it guards nothing
        app_id: int | None = None,
        switches: MyTrackerSwitches | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(port, [token], clock)
        self._app_id = None if app_id is None else str(app_id)
        self._switches = switches or MyTrackerSwitches()
        self._rules = event_rules(self._switches)
        self._limit = RateLimit(self._switches.rate)
        self._payments: set[str] = set()
        self._methods = _IMPORTS if self._switches.probes == "absent" else _IMPORTS | _PROBES

    def configuration_hints(self) -> Iterable[str]:
        """Yield the app."""
        return (f"app_id: {self._app_id or 'any'}",)

    def reset_state(self, options: Mapping[str, Any]) -> None:  # noqa: ARG002 - it knows no options of its own
        """Forget the payments received."""
        self._payments.clear()

    def method_of(self, path: str) -> str:
        """Return `loginBatch` for `/v1/loginBatch/`."""
        named = _VERSIONED.fullmatch(path)
        return named[2] if named else ""

    def apply_rules(self, call: Call) -> web.Response:
        """Check the rate, version, method, token and app, then the body; enter the events in the ledger."""
        request = call.request
        if self._limit.exceeded(self._clock.monotonic()):
            return self._refuse(call, 429, _TOO_FAST, f"more than {self._switches.rate} requests in a second")
        if call.method and not request.path.startswith("/v1/"):
            return self._refuse(call, 400, _BAD_VERSION, "only version 1 exists")
        if call.method not in self._methods:
            return self._refuse(call, 404, _NO_METHOD, "no such method")
        if reason := self._forbidden(request):
            return self._refuse(call, 403, _FORBIDDEN, reason)
        return _response(200, _OK) if call.method in _PROBES else self._import(call)

    def _forbidden(self, request: web.BaseRequest) -> str | None:
        if request.headers.get("Authorization") not in self.tokens:
            return "Authorization is not a valid token, without a scheme"
        if not self._app_fits(request.query.get("idApp", "")):
            return "idApp is missing or another app's"
        return None

    def _app_fits(self, app_id: str) -> bool:
        return app_id == self._app_id if self._app_id is not None else app_id.isascii() and app_id.isdigit()

    def _import(self, call: Call) -> web.Response:
        if not call.body or call.request.method != "POST":
            return self._refuse(call, 400, _EMPTY, "no POST, or an empty one")
        if len(call.body) > self._switches.max_bytes:
            status = int(self._switches.oversize)
            return self._refuse(call, status, _BAD_REQUEST, f"the body is over {self._switches.max_bytes} bytes")
        try:
            content = orjson.loads(call.body)
        except orjson.JSONDecodeError:
            return self._refuse(call, 400, _BAD_JSON, "the body is not JSON")
        if reason := self._broken_rule(call.method, content):
            if self._switches.refused_batch == "partial" and isinstance(content, list) and len(content) <= MAX_EVENTS:
                rules = self._rules[call.method.removesuffix("Batch")]
                self._accept(call, [event for event in content if rules.first_broken(event) is None], None)
            return self._refuse(call, 400, _BAD_REQUEST, reason)
        self._accept(call, content if isinstance(content, list) else [content], call.body)
        return _response(200, _OK)

    def _accept(self, call: Call, events: Sequence[Any], written: bytes | None) -> None:
        """Enter the events in the ledger; if payments count once, without those received before.

        `written` is the JSON of exactly these events, if it is at hand.
        """
        if self._switches.id_transaction == "once":
            events, written = [event for event in events if self._is_new(event)], None
        if not events:
            return
        self.ledger.record_accepted(
            call.method,
            # The same event is the same whether it came in a batch or alone.
            [orjson.dumps(event) + call.method.removesuffix("Batch").encode() for event in events],
            orjson.dumps(events) if written is None else written,
            request=call.number,
            time=self._clock.now(),
            size=len(call.body),
        )

    def _is_new(self, event: Any) -> bool:
        payment = event.get("idTransaction")
        if payment is None:
            return True
        new = payment not in self._payments
        self._payments.add(payment)
        return new

    def _refuse(self, call: Call, status: int, body: bytes, reason: str) -> web.Response:
        self.ledger.record_refused(call.method, reason, request=call.number, time=self._clock.now())
        return _response(status, body)

    def _broken_rule(self, method: str, content: Any) -> str | None:
        rules = self._rules[method.removesuffix("Batch")]
        if not method.endswith("Batch"):
            reason = rules.first_broken(content)
            return f"the event {reason}" if reason else None
        if not isinstance(content, list) or not 1 <= len(content) <= MAX_EVENTS:
            return f"the batch must be an array of 1 to {MAX_EVENTS} events"
        for index, event in enumerate(content):
            if reason := rules.first_broken(event):
                return f"[{index}] {reason}"
        return None


def _response(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")
