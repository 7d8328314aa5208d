"""The Beacon sink: items as lines of JSON, and what Beacon's answers mean."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from connector.clock import Clock
from connector.errors import ConnectorError
from connector.http.client import Answer, Client
from connector.model import ACCEPTED, Item, Limits, Outcome, OutcomeKind
from connector.secrets import Secret
from connector.vendors.credentials import Token
from connector.vendors.outcome import json_of, judge_by_status


class BeaconSink:
    """One Beacon account (connector.vendors.base.Sink). `timeout` is in seconds; the sink owns the transport."""

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
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
        self._root = f"{base_url.rstrip('/')}/v1"

    async def send(self, method: str, items: Sequence[Item]) -> Outcome:
        """Send the items as one request."""
        try:
            token = self._token.current()
        except ConnectorError as error:
            return Outcome(OutcomeKind.MISCONFIGURED, message=str(error))
        headers = httpx.Headers({"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"})
        body = b"\n".join([item.body for item in items])
        answer = await self._client.attempt("POST", httpx.URL(f"{self._root}/{method}"), headers, body)
        if isinstance(answer, Outcome):
            return answer
        if answer.status == 401:
            self._token.reject(token)
        return _judge(answer, len(items), self._clock.now(), token)

    def credentials_ready(self) -> str | None:
        """None when the token can be read; else what is missing, for people."""
        return self._token.missing()

    def credentials_renewed(self) -> bool:
        """Whether another token has come since Beacon rejected one; True once."""
        return self._token.renewed()

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


def _judge(answer: Answer, sent: int, now: float, token: str) -> Outcome:
    """Accepted is 202 with the count of all lines; everything else is judged as any vendor's status."""
    content = json_of(answer.body)
    if answer.status == 202 and isinstance(content, dict) and content.get("accepted") == sent:
        return ACCEPTED
    return judge_by_status(answer, content, now, (token,))
