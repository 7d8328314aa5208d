"""The SailPlay sink: one event a request, as a form or in the URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import urlencode

import httpx

from connector.clock import Clock
from connector.errors import ConnectorError
from connector.model import Blame, Item, Outcome
from connector.secrets import Secret
from connector.sinks.catalogue import VENDOR_LIMITS
from connector.sinks.http import Client
from connector.sinks.outcome import judge_sailplay
from connector.sinks.token import Token

_FORM = httpx.Headers(
    {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", "Accept-Encoding": "gzip"}
)
_QUERY = httpx.Headers({"Accept": "application/json", "Accept-Encoding": "gzip"})


class SailPlaySink:
    """One SailPlay department (connector.sinks.base.Sink).

    `timeout` is in seconds, `retry_codes` gives seconds for a vendor's code; the sink owns the transport. By GET the
    token stands in the URL, which therefore no error and no log of the connector ever shows.
    """

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        store_department_id: int,
        token: Secret,
        http_method: Literal["post", "get"],
        timeout: float,
        retry_codes: Mapping[str, float],
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
    ) -> None:
        self.name = name
        self.limits = VENDOR_LIMITS["sailplay"]
        self._client = Client(transport, timeout)
        self._clock = clock
        self._token = Token(token)
        self._department = store_department_id
        self._by_get = http_method == "get"
        self._retry_codes = retry_codes
        self._events = httpx.URL(f"{base_url.rstrip('/')}/api/v2/events/")

    async def send(self, method: str, items: Sequence[Item]) -> Outcome:
        """Send the one item as one request."""
        try:
            token = self._token.current()
        except ConnectorError as error:
            return Outcome(Blame.OURS, message=str(error))
        (item,) = items
        account = urlencode({"token": token, "store_department_id": self._department}).encode()
        url, fields = self._events.join(f"{method}/"), item.body + b"&" + account
        if self._by_get:
            answer = await self._client.attempt("GET", url.copy_with(query=fields), _QUERY, b"")
        else:
            answer = await self._client.attempt("POST", url, _FORM, fields)
        if isinstance(answer, Outcome):
            return answer
        outcome = judge_sailplay(answer, now=self._clock.now(), secrets=(token,), retry_codes=self._retry_codes)
        if answer.status in (401, 403) or outcome.code == "-7":
            self._token.reject(token)
        return outcome

    def credentials_ready(self) -> str | None:
        """None when the token can be read; else what is missing, for people."""
        return self._token.missing()

    def credentials_renewed(self) -> bool:
        """Whether another token has come since the vendor rejected one; True once."""
        return self._token.renewed()

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()
