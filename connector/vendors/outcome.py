"""Whose fault an answer is: the contract's one table (rule 4), as pure functions of status, headers and body."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from connector.http.client import Answer
from connector.model import ACCEPTED, Outcome, OutcomeKind
from connector.redaction.vendor_messages import clean_vendor_message

LONGEST_RETRY_AFTER = 600.0

# [P] invalid token, login failure: the account's fault, never the event's.
_SAILPLAY_OURS = frozenset({"-7", "-2"})
_CODE = re.compile(r"[\w.-]{1,32}")
_NOT_JSON = object()


def judge_mytracker(answer: Answer, *, now: float, secrets: Sequence[str] = ()) -> Outcome:
    """What myTracker's answer means. The text of its message is never looked at: its OK has a Cyrillic O.

    `now` is in seconds since the epoch; `secrets` are masked where the answer echoes them.
    """
    content = json_of(answer.body)
    if answer.status == 200 and isinstance(content, dict):
        return ACCEPTED
    return judge_by_status(answer, content, now, secrets)


def judge_sailplay(
    answer: Answer, *, now: float, secrets: Sequence[str] = (), retry_codes: Mapping[str, float] | None = None
) -> Outcome:
    """What SailPlay's answer means; its errors come as 200 with `status: error` and a code.

    `retry_codes` gives for a code how long (seconds) the same event may be tried again.
    """
    content = json_of(answer.body)
    if isinstance(content, dict):
        if answer.status == 200 and content.get("status") == "ok":
            return ACCEPTED
        code = _code(content.get("status_code"))
        is_error = content.get("status") == "error" or code is not None
        if is_error and answer.status in (200, 400, 413, 422):
            return _by_code(answer, content, code, now, secrets, retry_codes or {})
    return judge_by_status(answer, content, now, secrets)


def retry_after(value: str | None, now: float) -> float | None:
    """A Retry-After header in seconds from `now`, at most 10 minutes; None if absent, past or nonsense."""
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


def judge_by_status(answer: Answer, content: Any, now: float, secrets: Sequence[str]) -> Outcome:
    """What an answer means that is no acceptance, as any vendor's: by its status. `content` is what `json_of` read."""
    status = answer.status
    if 200 <= status < 300:
        # Some proxy's word, not the vendor's: what the vendor did is not known.
        message = f"HTTP {status} without the JSON object that the vendor answers when it accepts"
        return Outcome(
            OutcomeKind.UNAVAILABLE,
            status,
            message,
            retry_after(answer.headers.get("retry-after"), now),
            None,
            None,
            True,
        )
    return Outcome(
        _blame(status, content),
        status,
        _message(answer, content, secrets),
        retry_after(answer.headers.get("retry-after"), now),
        effect_unknown=_may_have_taken_effect(status),
    )


def _may_have_taken_effect(status: int) -> bool:
    """Whether a request that was answered so may have been carried out all the same.

    500: the vendor failed at some point, before or after the effect. 502 and 504: a gateway lost the vendor's answer or
    gave up waiting for it. Others of the 5xx are proxies' own and say no more. 503 alone is a refusal ("currently
    unable to handle the request", RFC 9110), as are 408, 425 and 429, which come before the request is handled.
    """
    return status < 200 or (status >= 500 and status != 503)


def _blame(status: int, content: Any) -> OutcomeKind:
    if status in (408, 425, 429) or status >= 500 or status < 200:
        return OutcomeKind.UNAVAILABLE
    if status in (413, 422):
        return OutcomeKind.REJECTED
    if status != 400:
        return OutcomeKind.MISCONFIGURED
    if content is _NOT_JSON:
        return OutcomeKind.UNAVAILABLE
    return OutcomeKind.MISCONFIGURED if _is_bad_version(content) else OutcomeKind.REJECTED


def _is_bad_version(content: Any) -> bool:
    return isinstance(content, dict) and str(content.get("error")).strip().lower() == "bad api version"


def _by_code(
    answer: Answer,
    content: dict[str, Any],
    code: str | None,
    now: float,
    secrets: Sequence[str],
    retry_codes: Mapping[str, float],
) -> Outcome:
    blame, heal_for = OutcomeKind.REJECTED, None
    if code in _SAILPLAY_OURS:
        blame = OutcomeKind.MISCONFIGURED
    elif code is not None and code in retry_codes:
        blame, heal_for = OutcomeKind.UNAVAILABLE, retry_codes[code]
    elif answer.status == 400 and _is_bad_version(content):
        blame = OutcomeKind.MISCONFIGURED
    after = retry_after(answer.headers.get("retry-after"), now)
    message = _message(answer, content, secrets)
    if code is not None:  # what a person looks up, and what retry_codes names
        message = f"status_code {code}: {message}"
    return Outcome(blame, answer.status, message, after, code, heal_for)


def _code(value: Any) -> str | None:
    if type(value) is int or type(value) is str:
        text = str(value).strip()
        return text if _CODE.fullmatch(text) else None
    return None


def _message(answer: Answer, content: Any, secrets: Sequence[str]) -> str:
    said = [content.get("error"), content.get("message")] if isinstance(content, dict) else []
    texts = [text for text in said if isinstance(text, str)]
    text = ": ".join(texts) or answer.body.decode(errors="replace")
    return clean_vendor_message(text, secrets) or f"HTTP {answer.status} with an empty body"


def json_of(body: bytes) -> Any:
    """The JSON value of a body; where it is none, an object that is no JSON value."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _NOT_JSON
