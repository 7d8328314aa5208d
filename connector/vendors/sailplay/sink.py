"""The SailPlay sink: one event a request, as a form or in the URL; and what else SailPlay can be asked of events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode

import httpx
import orjson

from connector.clock import Clock
from connector.http.client import Client
from connector.model import Item, Outcome, OutcomeKind
from connector.secrets import Secret
from connector.vendors.catalogue import VENDOR_LIMITS
from connector.vendors.credentials import is_token
from connector.vendors.outcome import judge_sailplay
from connector.vendors.sailplay.login import Credentials, GivenToken, Login, LoginToken

_FORM = httpx.Headers(
    {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", "Accept-Encoding": "gzip"}
)
_QUERY = httpx.Headers({"Accept": "application/json", "Accept-Encoding": "gzip"})

_NOTHING: Mapping[str, Any] = {}
# "Event for user not found": of events/status, no mistake.
_NEVER_FIRED = "-4007"
_ASKED_BY_STATUS = frozenset({"user_phone", "email", "origin_user_id", "event_key"})


class EventType(NamedTuple):
    """An event as the shop has set it up. `kind` is flag, counter or sum; `name` is for people."""

    key: str
    kind: str
    name: str


class Fires(NamedTuple):
    """How often one event was fired for one client, by anyone, and when last (SailPlay's time, without a zone)."""

    times: int
    last: str | None


class SailPlaySink:
    """One SailPlay department (connector.vendors.base.Sink).

    `timeout` is in seconds and bounds each call, the login before it included; `retry_codes` gives seconds for a
    vendor's code; the sink owns the transport. By GET the token stands in the URL, which therefore no error and no log
    of the connector ever shows.

    `pace` waits until the rate allows one more call: whoever paces `send` sets it, since a send's own request is paced
    before it, while a login, a second try with a new token and every other call ask for their turn themselves.
    """

    pace: Callable[[], Awaitable[None]]

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        store_department_id: int,
        token: Secret | Login,
        http_method: Literal["post", "get"],
        timeout: float,
        retry_codes: Mapping[str, float],
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
    ) -> None:
        self.name = name
        self.limits = VENDOR_LIMITS["sailplay"]
        self.pace = _at_once
        self._client = Client(transport, timeout)
        self._timeout = timeout
        self._clock = clock
        self._credentials: Credentials = (
            GivenToken(token) if isinstance(token, Secret) else LoginToken(token, self._log_in)
        )
        self._department = store_department_id
        self._by_get = http_method == "get"
        self._retry_codes = retry_codes
        # Made once: to make the form's part that names us and a path's URL costs more than the rest of a call.
        self._account, self._account_token = b"", ""
        self._urls: dict[str, httpx.URL] = {}
        self._root = httpx.URL(f"{base_url.rstrip('/')}/api/v2/")

    async def send(self, method: str, items: Sequence[Item]) -> Outcome:
        """Send the one item as one request; once more only where the first was refused for its token."""
        (item,) = items
        outcome, _ = await self._call(f"events/{method}/", item.body, self._retry_codes)
        return outcome

    async def events(self) -> Mapping[str, EventType] | Outcome:
        """Every event of the department by its key (events/list), or the outcome of not having got them."""
        await self.pace()
        outcome, content = await self._call("events/list/", b"")
        if outcome.kind is not OutcomeKind.ACCEPTED:
            return outcome
        listed = content.get("events")
        types = [_event_type(each) for each in listed] if isinstance(listed, list) else [None]
        if None in types:
            return Outcome(
                OutcomeKind.UNAVAILABLE, outcome.status, "events/list answered something else than a list of events"
            )
        return {each.key: each for each in types if each is not None}

    async def fires(self, body: bytes) -> Fires | Outcome:
        """How often the event that this item's body fires was fired for its client (events/status).

        A hint, no proof: a till may have fired the same event for the same client.
        """
        await self.pace()
        asked = [(name, value) for name, value in parse_qsl(body.decode()) if name in _ASKED_BY_STATUS]
        outcome, content = await self._call("events/status/", urlencode(asked).encode())
        if outcome.code == _NEVER_FIRED:
            return Fires(0, None)
        if outcome.kind is not OutcomeKind.ACCEPTED:
            return outcome
        event = content.get("event")
        times = event.get("fire_count") if isinstance(event, dict) else None
        if not isinstance(event, dict) or type(times) is not int:
            return Outcome(OutcomeKind.UNAVAILABLE, outcome.status, "events/status answered without a fire_count")
        last = event.get("update_date")
        return Fires(times, last if isinstance(last, str) else None)

    def credentials_ready(self) -> str | None:
        """None when the token, or what `login` wants, can be read; else what is missing, for people."""
        return self._credentials.missing()

    def credentials_renewed(self) -> bool:
        """Whether other secrets have come since the vendor rejected some; True once."""
        return self._credentials.renewed()

    async def close(self) -> None:
        """Close connections."""
        self._credentials.close()
        await self._client.close()

    async def _call(
        self, path: str, fields: bytes, retry_codes: Mapping[str, float] = _NOTHING
    ) -> tuple[Outcome, Mapping[str, Any]]:
        """One call, and what it means; the content is the answer's object where it was accepted."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        token = self._credentials.at_hand()
        if token is None:
            token = await self._fetch(deadline, None)
        if isinstance(token, Outcome):
            return token, _NOTHING
        outcome, content = await self._attempt(path, fields, token, deadline, retry_codes)
        if _rejects_token(outcome) and self._credentials.reject(token):
            another = await self._fetch(deadline, token)
            if isinstance(another, Outcome):
                return another, _NOTHING
            outcome, content = await self._attempt(path, fields, another, deadline, retry_codes)
            if _rejects_token(outcome):  # no third try here: whoever decides on retries decides
                self._credentials.reject(another)
        return outcome, content

    async def _fetch(self, deadline: float, rejected: str | None) -> str | Outcome:
        """The token from a login, and the turn to use it: meanwhile the turn that this call had has passed."""
        try:
            async with asyncio.timeout_at(deadline):
                token = await self._credentials.fetch(rejected)
                if isinstance(token, str):
                    await self.pace()
                return token
        except TimeoutError:
            return Outcome(OutcomeKind.UNAVAILABLE, message=f"login: no token within {self._timeout:g} s")

    async def _attempt(
        self, path: str, fields: bytes, token: str, deadline: float, retry_codes: Mapping[str, float]
    ) -> tuple[Outcome, Mapping[str, Any]]:
        if token != self._account_token:
            self._account = urlencode({"token": token, "store_department_id": self._department}).encode()
            self._account_token = token
        account = self._account
        content = fields + b"&" + account if fields else account
        return await self._ask(path, content, deadline, (token,), retry_codes, by_get=self._by_get)

    async def _ask(
        self,
        path: str,
        fields: bytes,
        deadline: float,
        secrets: Sequence[str],
        retry_codes: Mapping[str, float],
        *,
        by_get: bool,
    ) -> tuple[Outcome, Mapping[str, Any]]:
        url = self._url(path)
        if by_get:
            answer = await self._client.attempt("GET", url.copy_with(query=fields), _QUERY, b"", deadline)
        else:
            answer = await self._client.attempt("POST", url, _FORM, fields, deadline)
        if isinstance(answer, Outcome):
            return answer, _NOTHING
        outcome = judge_sailplay(answer, now=self._clock.now(), secrets=secrets, retry_codes=retry_codes)
        return outcome, orjson.loads(answer.body) if outcome.kind is OutcomeKind.ACCEPTED else _NOTHING

    def _url(self, path: str) -> httpx.URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = self._root.join(path)
        return url

    async def _log_in(self, key: str, pin: str) -> str | Outcome:
        """[P] login: department, key and PIN for a token. The event waits; whatever fails here is never its fault.

        Always a form, so that the PIN stands in no URL.
        """
        await self.pace()
        wanted = {"store_department_id": self._department, "store_department_key": key, "pin_code": pin}
        deadline = asyncio.get_running_loop().time() + self._timeout
        form = urlencode(wanted).encode()
        outcome, content = await self._ask("login/", form, deadline, (key, pin), _NOTHING, by_get=False)
        if outcome.kind is OutcomeKind.ACCEPTED:
            token = content.get("token")
            if isinstance(token, str) and is_token(token):
                return token
            return Outcome(OutcomeKind.UNAVAILABLE, outcome.status, "login: answered without a token")
        blame = OutcomeKind.MISCONFIGURED if outcome.kind is OutcomeKind.REJECTED else outcome.kind
        return replace(outcome, kind=blame, message=f"login: {outcome.message}", effect_unknown=False)


def _rejects_token(outcome: Outcome) -> bool:
    """[P] -7 is an invalid token; 401 and 403 say the same in HTTP's words."""
    return outcome.code == "-7" or outcome.status in (401, 403)


def _event_type(value: Any) -> EventType | None:
    if not isinstance(value, dict) or not isinstance(value.get("key"), str):
        return None
    return EventType(value["key"], str(value.get("kind", "")), str(value.get("name", "")))


async def _at_once() -> None:
    """Where nobody sends besides, nobody waits."""
