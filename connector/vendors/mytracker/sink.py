"""The myTracker sink: items of one method as a JSON array, sent to the batch form of the method."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from connector.clock import Clock
from connector.errors import ConnectorError
from connector.http.client import Client
from connector.model import Item, Limits, Outcome, OutcomeKind
from connector.secrets import Secret
from connector.vendors.credentials import Token
from connector.vendors.mytracker.fields import METHODS
from connector.vendors.outcome import judge_mytracker

_TOKEN_REJECTED = frozenset({401, 403})


class MyTrackerSink:
    """One myTracker app (connector.vendors.base.Sink). `timeout` is in seconds; the sink owns the transport."""

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        app_id: int,
        token: Secret,
        limits: Limits,
        timeout: float,
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
    ) -> None:
        self.name = name
        self.limits = limits
        self._client = Client(transport, timeout)
        self._clock = clock
        self._token = Token(token)
        self._headers = _headers("")
        self._headers_token = ""
        root = f"{base_url.rstrip('/')}/v1"
        self._batch = {method: httpx.URL(f"{root}/{method}Batch/?idApp={app_id}") for method in METHODS}
        self._single = {method: httpx.URL(f"{root}/{method}/?idApp={app_id}") for method in METHODS}

    async def send(self, method: str, items: Sequence[Item]) -> Outcome:
        """Send the items as one request; a lone one too large for an array goes to the form for one event."""
        try:
            token = self._token.current()
        except ConnectorError as error:
            return Outcome(OutcomeKind.MISCONFIGURED, message=str(error))
        if token != self._headers_token:
            self._headers, self._headers_token = _headers(token), token
        url, body = self._request(method, items)
        answer = await self._client.attempt("POST", url, self._headers, body)
        if isinstance(answer, Outcome):
            return answer
        if answer.status in _TOKEN_REJECTED:
            self._token.reject(token)
        return judge_mytracker(answer, now=self._clock.now(), secrets=(token,))

    def credentials_ready(self) -> str | None:
        """None when the token can be read; else what is missing, for people."""
        return self._token.missing()

    def credentials_renewed(self) -> bool:
        """Whether another token has come since the vendor rejected one; True once."""
        return self._token.renewed()

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()

    def _request(self, method: str, items: Sequence[Item]) -> tuple[httpx.URL, bytes]:
        body = b"[" + b",".join([item.body for item in items]) + b"]"
        if len(items) == 1 and len(body) > self.limits.max_bytes:
            return self._single[method], items[0].body
        return self._batch[method], body


def _headers(token: str) -> httpx.Headers:
    return httpx.Headers(
        {
            "Authorization": token,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
    )
