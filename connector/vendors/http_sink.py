"""The one sink: sends what a vendor's Exchange makes, over HTTP, with the account's secrets and in its time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import httpx

from connector.clock import Clock
from connector.http.client import Answer, Client
from connector.model import Item, Outcome, OutcomeKind
from connector.settings.values import SinkSettings
from connector.vendors.credentials import Credentials, GivenSecrets, LoginToken, is_token
from connector.vendors.outcome import judge_unreadable, presentable
from connector.vendors.registry import VENDORS
from connector.vendors.vendor import Reply, Request, Secrets, TokenLogin, Vendor, VendorCall

# URLs remembered, parsed: to parse one costs as much as the rest of a request.
_URLS = 64

Judge = Callable[[Answer], Outcome]
# Waits until the rate of the sink allows one more call.
WaitForRate = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """Return at once: for a sink that nothing else sends to."""


class HttpSink:
    """One account of a vendor (connector.vendors.base.Sink), which also makes calls that carry no items.

    `timeout` of the settings (seconds) bounds each attempt, and every attempt has all of it: one that had to wait for a
    login first is begun with its whole time or not at all. `drain` (seconds, None: no such limit) bounds a call with
    all its attempts and logins, which takes twice the timeout at most: what is in flight when the service stops ends in
    time. The sink owns the transport.

    Whoever calls `send` paces it by the rate. `wait_for_rate` is awaited before every other call: a login, a second
    try with a new token, and what `ask` sends.
    """

    def __init__(
        self,
        settings: SinkSettings,
        vendor: Vendor[SinkSettings],
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
        wait_for_rate: WaitForRate,
        drain: float | None = None,
    ) -> None:
        self.settings = settings
        self.vendor = vendor
        self.name = settings.name
        self.limits = settings.lowered(vendor.limits)
        self._timeout = timeout = settings.timeout
        # How long after a call began an attempt may still begin, and have its whole time.
        self._may_begin_within = timeout if drain is None else max(0.0, min(timeout, drain - timeout))
        self._client = Client(transport, settings.timeout)
        self._clock = clock
        self._wait_for_rate = wait_for_rate
        self._exchange = exchange = vendor.exchange(settings)
        self._credentials = self._credentials_of(settings, exchange.login)
        self._url = lru_cache(_URLS)(httpx.URL)
        self._headers = httpx.Headers()
        self._headers_of: Mapping[str, str] | None = None

    async def send(self, method: str, items: Sequence[Item]) -> Outcome:
        """Send the items as one request; a second time only if the first was refused for a token that is renewed."""
        request, judge, _, _ = self._exchange
        outcome, _ = await self._call(partial(request, method, items), lambda answer: judge(answer, len(items)))
        return outcome

    async def ask(self, call: VendorCall) -> Reply:
        """Make a call that carries no items, as soon as the rate allows."""
        await self._wait_for_rate()
        return await self._call(*call)

    def credentials_ready(self) -> str | None:
        """Return what is missing of the secrets, for people; None if all can be read. Reads changed files again."""
        return self._credentials.missing()

    def credentials_renewed(self) -> bool:
        """True, once, if other secrets have come since the vendor rejected some."""
        return self._credentials.renewed()

    async def close(self) -> None:
        """Close connections."""
        self._credentials.close()
        await self._client.close()

    def _credentials_of(self, settings: SinkSettings, login: TokenLogin | None) -> Credentials:
        secrets = dict(settings.secrets())
        if login is None:
            return GivenSecrets(secrets)
        return LoginToken(secrets, partial(self._log_in, login), login.provides)

    async def _call(self, build: Callable[[Secrets], Request], judge: Judge) -> Reply:
        begin_by = asyncio.get_running_loop().time() + self._may_begin_within
        secrets = self._credentials.current()
        if secrets is None:
            secrets = await self._fetch(begin_by, None)
        if isinstance(secrets, Outcome):
            return secrets, None
        reply = await self._attempt(build(secrets), judge, secrets)
        if reply[0].kind is OutcomeKind.ACCEPTED or not self._renew_rejected(reply[0], secrets):
            return reply
        renewed = await self._fetch(begin_by, secrets)
        if isinstance(renewed, Outcome):
            return renewed, None
        reply = await self._attempt(build(renewed), judge, renewed)
        self._renew_rejected(reply[0], renewed)  # a third try is for the caller to decide
        return reply

    def _renew_rejected(self, outcome: Outcome, secrets: Secrets) -> bool:
        """True if the secrets were rejected, and others can be fetched at once."""
        if outcome.by_status:  # it may be our key that was refused, with a status of the event's
            self._credentials.doubt(secrets)
        return self._exchange.rejects_credentials(outcome) and self._credentials.reject(secrets)

    async def _fetch(self, begin_by: float, rejected: Secrets | None) -> Secrets | Outcome:
        """Fetch a token, then wait for the rate again: the slot that this call had has passed meanwhile.

        Returns an outcome if that takes until after `begin_by` (the loop's time). A login goes on all the same, and the
        next request has its token.
        """
        try:
            async with asyncio.timeout_at(begin_by):
                secrets = await self._credentials.fetch(rejected)
                if not isinstance(secrets, Outcome):
                    await self._wait_for_rate()
        except TimeoutError:
            return self._not_begun()
        late = asyncio.get_running_loop().time() > begin_by
        return self._not_begun() if late and not isinstance(secrets, Outcome) else secrets

    def _not_begun(self) -> Outcome:
        message = f"login: the token came too late for a request of up to {self._timeout:g} s, which was not sent"
        return Outcome(OutcomeKind.UNAVAILABLE, message=message)

    async def _attempt(self, request: Request, judge: Judge, secrets: Secrets) -> Reply:
        answer = await self._client.attempt(*self._prepared(request))
        if isinstance(answer, Outcome):
            return answer, None
        return self._judged(judge, answer, secrets), answer

    def _prepared(self, request: Request) -> tuple[str, httpx.URL, httpx.Headers, bytes]:
        method, path, fields, body, query = request
        url = self._url(path)
        if query:
            url = url.copy_with(query=query)
        if fields is not self._headers_of:
            self._headers, self._headers_of = httpx.Headers(fields), fields
        return method, url, self._headers, body

    def _judged(self, judge: Judge, answer: Answer, secrets: Secrets) -> Outcome:
        outcome = judge_unreadable(answer, judge) if answer.unreadable else judge(answer)
        if outcome.kind is OutcomeKind.ACCEPTED:
            return outcome
        return presentable(outcome, answer, secrets.values(), self._clock.now())

    async def _log_in(self, login: TokenLogin, secrets: Secrets) -> str | Outcome:
        """Exchange the section's secrets for a token. Events wait for it; whatever fails here is never their fault."""
        await self._wait_for_rate()
        outcome, answer = await self._attempt(login.call(secrets), login.judge, secrets)
        if outcome.kind is OutcomeKind.ACCEPTED and answer is not None:
            token = login.token(answer)
            if isinstance(token, str) and is_token(token):
                return token
            return Outcome(OutcomeKind.UNAVAILABLE, outcome.status, "login: answered without a token")
        kind = OutcomeKind.MISCONFIGURED if outcome.kind is OutcomeKind.REJECTED else outcome.kind
        return replace(outcome, kind=kind, message=f"login: {outcome.message}", effect_unknown=False)


def open_sink(
    settings: SinkSettings,
    transport: httpx.AsyncBaseTransport,
    clock: Clock,
    wait_for_rate: WaitForRate = at_once,
    drain: float | None = None,
) -> HttpSink:
    """Return the sink of these settings, by the vendor that their kind names. It owns the transport."""
    return HttpSink(settings, VENDORS[settings.kind], transport, clock, wait_for_rate, drain)
