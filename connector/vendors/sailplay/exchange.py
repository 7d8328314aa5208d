"""SailPlay's requests and answers: one event a request, as a form or in the URL; how its login makes a token."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from connector.model import ACCEPTED, Item, Outcome, OutcomeKind
from connector.vendors.outcome import is_bad_version, json_of, judge_by_status, message_of
from connector.vendors.sailplay.fields import METHODS
from connector.vendors.sailplay.settings import LoginReference, SailPlaySettings
from connector.vendors.vendor import Exchange, Request, Secrets, TokenLogin

if TYPE_CHECKING:
    from connector.http.client import Answer

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", "Accept-Encoding": "gzip"}
_QUERY = {"Accept": "application/json", "Accept-Encoding": "gzip"}

# [P] invalid token, login failure: the account's fault, never the event's.
_INVALID_TOKEN = "-7"  # noqa: S105 - a code
_MISCONFIGURED = frozenset({_INVALID_TOKEN, "-2"})
_CODE = re.compile(r"[\w.-]{1,32}")

# Makes a request of a path below /api/v2/, a form's own fields and the secrets.
MakeRequest = Callable[[str, bytes, Secrets], Request]


def exchange(settings: SailPlaySettings) -> Exchange:
    """Return the two functions of a department, and its login where the token is to come from one."""
    make = request_maker(settings)
    paths = {method: f"events/{method}/" for method in METHODS}
    retry_codes = settings.retry_codes

    def request(method: str, items: Sequence[Item], secrets: Secrets) -> Request:
        (item,) = items
        return make(paths[method], item.body, secrets)

    def judge_fire(answer: Answer, sent: int) -> Outcome:  # noqa: ARG001 - one event a request
        outcome = judge(answer)
        if outcome.code in retry_codes and outcome.kind is OutcomeKind.REJECTED:
            return Outcome(
                OutcomeKind.UNAVAILABLE,
                outcome.status,
                outcome.message,
                code=outcome.code,
                retry_for=retry_codes[outcome.code],
            )
        return outcome

    login = _login(settings) if isinstance(settings.token, LoginReference) else None
    return Exchange(request, judge_fire, _rejects_token, login)


def request_maker(settings: SailPlaySettings) -> MakeRequest:
    """Return the function that makes requests of a department, by its http_method.

    By GET the token is in the query, which no error and no log of the connector ever shows.
    """
    root, by_get = f"{settings.base_url}/api/v2/", settings.http_method == "get"

    @lru_cache(1)  # to make the part of the form that names the account costs more than the rest of a request
    def account(token: str) -> bytes:
        return urlencode({"token": token, "store_department_id": settings.store_department_id}).encode()

    def make(path: str, fields: bytes, secrets: Secrets) -> Request:
        content = account(secrets["token"])
        if fields:
            content = fields + b"&" + content
        if by_get:
            return Request("GET", root + path, _QUERY, query=content)
        return Request("POST", root + path, _FORM, content)

    return make


def judge(answer: Answer) -> Outcome:
    """Return what an answer means; SailPlay's errors come as 200 with `status: error` and a code."""
    content = json_of(answer.body)
    if isinstance(content, dict):
        if answer.status == 200 and content.get("status") == "ok":
            return ACCEPTED
        code = _code(content.get("status_code"))
        is_error = content.get("status") == "error" or code is not None
        if is_error and answer.status in (200, 400, 413, 422):
            return _judge_by_code(answer, content, code)
    return judge_by_status(answer, content, documented=True)  # a bad token has a code of its own


def _judge_by_code(answer: Answer, content: dict[str, Any], code: str | None) -> Outcome:
    kind = OutcomeKind.REJECTED
    if code in _MISCONFIGURED or (answer.status == 400 and is_bad_version(content)):
        kind = OutcomeKind.MISCONFIGURED
    message = message_of(answer, content)
    if code is not None:  # what a person looks up, and what retry_codes names
        message = f"status_code {code}: {message}"
    return Outcome(kind, answer.status, message, code=code)


def _code(value: Any) -> str | None:
    if type(value) is int or type(value) is str:
        text = str(value).strip()
        return text if _CODE.fullmatch(text) else None
    return None


def _rejects_token(outcome: Outcome) -> bool:
    """True if the token was not accepted: [P] -7 is an invalid token; 401 and 403 are HTTP's statuses for it."""
    return outcome.code == _INVALID_TOKEN or outcome.status in (401, 403)


def _login(settings: SailPlaySettings) -> TokenLogin:
    """Return the login: [P] department, key and PIN for a token. Always a form, so that the PIN is in no URL."""

    def call(secrets: Secrets) -> Request:
        wanted = {
            "store_department_id": settings.store_department_id,
            "store_department_key": secrets["token.login.store_department_key"],
            "pin_code": secrets["token.login.pin_code"],
        }
        return Request("POST", f"{settings.base_url}/api/v2/login/", _FORM, urlencode(wanted).encode())

    return TokenLogin(call, judge, lambda answer: json_of(answer.body).get("token"))
