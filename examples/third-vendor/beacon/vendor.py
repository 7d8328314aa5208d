"""The kind `beacon`: its section of the file, its requests, what its answers mean, and the one value that offers it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from beacon.fields import LIMITS, METHODS
from connector.model import ACCEPTED, Item, Outcome
from connector.settings.fields import Duration, optional, required
from connector.settings.references import SecretReference
from connector.settings.values import BatchingSinkSettings, BatchSettings
from connector.vendors.outcome import json_of, judge_by_status
from connector.vendors.vendor import Ask, Exchange, Request, Secrets, Vendor, VendorCall

if TYPE_CHECKING:
    from connector.http.client import Answer


class BeaconBatch(BatchSettings):
    """The limits of one request; lower than Beacon's at most."""

    max_events: int = optional(LIMITS.max_events, "lines in one request", ge=1, le=LIMITS.max_events)
    max_bytes: int = optional(LIMITS.max_bytes, "bytes of one request's body", ge=2, le=LIMITS.max_bytes)
    linger: Duration = optional("200ms", "how long after it was read an event may wait for its batch to fill")


class BeaconSettings(BatchingSinkSettings):
    """A Beacon account."""

    kind: Literal["beacon"] = required("beacon")
    token: SecretReference = required("the account's token: {file: PATH} or {env: NAME}")
    batch: BeaconBatch = optional({}, "the limits of one request")


def exchange(settings: BeaconSettings) -> Exchange:
    """Return the two functions of an account: items go as lines of JSON."""
    headers = lru_cache(1)(_headers)

    def request(method: str, items: Sequence[Item], secrets: Secrets) -> Request:
        body = b"\n".join([item.body for item in items])
        return Request("POST", f"{settings.base_url}/v1/{method}", headers(secrets["token"]), body)

    return Exchange(request, judge)


def judge(answer: Answer, sent: int) -> Outcome:
    """Judge 202 with the count of all lines as accepted, everything else as any vendor's status."""
    content = json_of(answer.body)
    if answer.status == 202 and isinstance(content, dict) and content.get("accepted") == sent:
        return ACCEPTED
    return judge_by_status(answer, content)


async def probe(settings: BeaconSettings, ask: Ask) -> Outcome:
    """Ask for the account that the token belongs to, which changes nothing."""

    def request(secrets: Secrets) -> Request:
        return Request("GET", f"{settings.base_url}/v1/account", _headers(secrets["token"]))

    def judge_account(answer: Answer) -> Outcome:
        return ACCEPTED if answer.status == 200 else judge(answer, 0)

    outcome, _ = await ask(VendorCall(request, judge_account))
    return outcome


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}


BEACON = Vendor(
    kind="beacon",
    title="Beacon",
    methods=METHODS,
    limits=LIMITS,
    settings=BeaconSettings,
    exchange=exchange,
    probe=probe,
)
