"""myTracker: a section of the file, the request for items of one method, and what its answers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from connector.model import ACCEPTED, Item, Outcome
from connector.settings.fields import Duration, optional, required
from connector.settings.references import SecretReference
from connector.settings.values import BatchingSinkSettings, BatchSettings
from connector.vendors.mytracker.fields import LIMITS, METHODS
from connector.vendors.outcome import json_of, judge_by_status
from connector.vendors.vendor import Ask, Exchange, Request, Secrets, Unverified, Vendor, VendorCall

if TYPE_CHECKING:
    from connector.http.client import Answer


class MyTrackerBatch(BatchSettings):
    """The limits of one request; lower than the vendor's at most."""

    max_events: int = optional(LIMITS.max_events, "events in one request", ge=1, le=LIMITS.max_events)
    max_bytes: int = optional(LIMITS.max_bytes, "bytes of one request's body", ge=2, le=LIMITS.max_bytes)
    linger: Duration = optional("200ms", "how long after it was read an event may wait for its batch to fill")


class MyTrackerSettings(BatchingSinkSettings):
    """A myTracker application."""

    kind: Literal["mytracker"] = required("mytracker or sailplay")
    app_id: int = required("idApp: the application's number", ge=1)
    token: SecretReference = required("the application's token: {file: PATH} or {env: NAME}")
    batch: MyTrackerBatch = optional({}, "the limits of one request")


def exchange(settings: MyTrackerSettings) -> Exchange:
    """Return the two functions of an application: items go as a JSON array to the batch form of their method."""
    limits = settings.lowered(LIMITS)
    batch = {method: _url(settings, f"{method}Batch") for method in METHODS}
    single = {method: _url(settings, method) for method in METHODS}
    headers = lru_cache(1)(_headers)

    def request(method: str, items: Sequence[Item], secrets: Secrets) -> Request:
        url, body = batch[method], b"[" + b",".join([item.body for item in items]) + b"]"
        if len(items) == 1 and len(body) > limits.max_bytes:  # without brackets it fits the form for one event
            url, body = single[method], items[0].body
        return Request("POST", url, headers(secrets["token"]), body)

    return Exchange(request, judge)


def judge(answer: Answer, sent: int = 1) -> Outcome:  # noqa: ARG001 - a batch is accepted or refused as a whole
    """Return what an answer means. The text of its message is never looked at: its OK has a Cyrillic O."""
    content = json_of(answer.body)
    if answer.status == 200 and isinstance(content, dict):
        return ACCEPTED
    return judge_by_status(answer, content, documented=True)  # 400 is the event's, a bad token is 403


async def probe(settings: MyTrackerSettings, ask: Ask) -> Outcome | Unverified:
    """Call `test-app-access`, of the vendor's own PHP client; no document mentions it, so its status alone counts."""
    url = _url(settings, "test-app-access")
    outcome, answer = await ask(
        VendorCall(lambda secrets: Request("POST", url, _headers(secrets["token"]), b"true"), _judge_access)
    )
    if answer is not None and answer.status == 404:
        return Unverified("it knows no test-app-access")
    return outcome


def _judge_access(answer: Answer) -> Outcome:
    return ACCEPTED if answer.status == 200 else judge(answer)


def _url(settings: MyTrackerSettings, method: str) -> str:
    return f"{settings.base_url}/v1/{method}/?idApp={settings.app_id}"


def _headers(token: str) -> Mapping[str, str]:
    return {
        "Authorization": token,
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
    }


MYTRACKER = Vendor(
    kind="mytracker",
    title="myTracker",
    methods=METHODS,
    limits=LIMITS,
    settings=MyTrackerSettings,
    exchange=exchange,
    account_key="app_id",
    account=lambda settings: f"app {settings.app_id}",
    envelope="the brackets of the batch form",
    probe=probe,
)
