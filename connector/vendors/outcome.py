"""Whose fault an answer is: the table that all vendors share (rule 4), as pure functions of status and body."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import orjson

from connector.model import Outcome, OutcomeKind
from connector.redaction.vendor_messages import clean_vendor_message

if TYPE_CHECKING:
    from connector.http.client import Answer

LONGEST_RETRY_AFTER = 600.0

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Stands for a body that is no JSON; equal to no JSON value.
NOT_JSON = object()


def retry_after(value: str | None, now: float) -> float | None:
    """Return a Retry-After header in seconds from `now`, at most 10 minutes; None if absent, past or nonsense."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_RETRY_AFTER)  # thousands of digits are infinity, where int() would refuse them
    try:
        date = parsedate_to_datetime(value)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(seconds, LONGEST_RETRY_AFTER) if seconds >= 0 else None


def judge_by_status(answer: Answer, content: Any, *, documented: bool = False) -> Outcome:
    """Judge an answer that is no acceptance by its status, as any vendor's. `content` is what `json_of` returned.

    `documented`: the vendor's document says how it refuses an event, and how otherwise a bad key. Without that, the
    first refusals since the start count for ours if they all say the same (see connector.delivery.alike_refusals).
    """
    status = answer.status
    if 200 <= status < 300:
        # A proxy's answer, not the vendor's: what the vendor did is not known.
        message = f"HTTP {status} without the JSON object that the vendor answers when it accepts"
        return Outcome(OutcomeKind.UNAVAILABLE, status, message, effect_unknown=True)
    kind, message = _kind(status, content), message_of(answer, content)
    by_status = kind is OutcomeKind.REJECTED and not documented
    return Outcome(kind, status, message, effect_unknown=_may_have_taken_effect(status), by_status=by_status)


def judge_unreadable(answer: Answer, judge: Callable[[Answer], Outcome]) -> Outcome:
    """Judge an answer without a readable body by its status, which says as much as it can say alone:

    - 1xx and 2xx: the body says whether it was accepted, so it is the vendor's, and what it did is not known.
    - 400: whose fault it is stands in the body, so it is nobody's event; but it is a refusal: known, not done.
    - All others say it by themselves: `judge`, with an empty body, tells. Only an acceptance is not believed.
    """
    status = answer.status
    message = f"HTTP {status} with a body that cannot be read: {answer.unreadable}"
    if status < 300 or status == 400:
        return Outcome(OutcomeKind.UNAVAILABLE, status, message, effect_unknown=status < 300)
    outcome = judge(answer)
    if outcome.kind is OutcomeKind.ACCEPTED:
        return Outcome(OutcomeKind.UNAVAILABLE, status, message, effect_unknown=True)
    return replace(outcome, message=message)


def presentable(outcome: Outcome, answer: Answer, secrets: Iterable[str], now: float) -> Outcome:
    """Return what a vendor's `judge` said with the answer's Retry-After, and with a message that people may see.

    `secrets` are masked in it. `now` is in seconds since the epoch. A Retry-After that `judge` gave itself stays.
    """
    after = outcome.retry_after
    return replace(
        outcome,
        message=clean_vendor_message(outcome.message, secrets) or f"HTTP {answer.status} with an empty body",
        retry_after=retry_after(answer.headers.get("retry-after"), now) if after is None else after,
    )


def _may_have_taken_effect(status: int) -> bool:
    """True if a request that was answered with this status may have been carried out all the same.

    500: the vendor failed at some point, before or after the effect. 502 and 504: a gateway lost the vendor's answer or
    gave up waiting for it. Others of the 5xx are proxies' own and say no more. 503 alone is a refusal ("currently
    unable to handle the request", RFC 9110), as are 408, 425 and 429, which come before the request is handled.
    """
    return status < 200 or (status >= 500 and status != 503)


def _kind(status: int, content: Any) -> OutcomeKind:
    if status in (408, 425, 429) or status >= 500 or status < 200:
        return OutcomeKind.UNAVAILABLE
    if status in (413, 422):
        return OutcomeKind.REJECTED
    if status != 400:
        return OutcomeKind.MISCONFIGURED
    if content is NOT_JSON:
        return OutcomeKind.UNAVAILABLE
    return OutcomeKind.MISCONFIGURED if is_bad_version(content) else OutcomeKind.REJECTED


def is_bad_version(content: Any) -> bool:
    """True if an answer's JSON says `Bad api version`: our base_url's fault, though it comes with status 400."""
    return isinstance(content, dict) and str(content.get("error")).strip().lower() == "bad api version"


def message_of(answer: Answer, content: Any) -> str:
    """Return the texts of `error` and `message` in an answer's JSON, else its body; see `presentable`."""
    said = [content.get("error"), content.get("message")] if isinstance(content, dict) else []
    texts = [text for text in said if isinstance(text, str)]
    return ": ".join(texts) or answer.body.decode(errors="replace")


def json_of(body: bytes) -> Any:
    """Return the JSON value of a body; NOT_JSON where it is none. A byte order mark is passed over (RFC 8259, 8.1)."""
    try:
        return orjson.loads(body.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        return NOT_JSON
