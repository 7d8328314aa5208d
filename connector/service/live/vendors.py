"""Do the vendors answer, and do they accept our credentials? Asked by calls that change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import httpx
import orjson

from connector.clock import Clock
from connector.config.settings import Login, MyTracker, SailPlay
from connector.errors import ConnectorError
from connector.model import Blame, Outcome
from connector.secrets import Secret
from connector.service.live.findings import Finding, Mark, of_sink
from connector.sinks.http import Client
from connector.sinks.outcome import Answer, judge_mytracker, judge_sailplay
from connector.sinks.token import Token

# One attempt, to the last byte; a sink's own timeout if that is shorter.
ASK_SECONDS = 8.0
_SUBJECT = "vendor"
_JSON = httpx.Headers({"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "gzip"})
_FORM = httpx.Headers(_JSON, encoding="ascii")
_FORM["Content-Type"] = "application/x-www-form-urlencoded"


async def ask_vendor(of: MyTracker | SailPlay, transport: httpx.AsyncBaseTransport, clock: Clock) -> Finding:
    """One finding on a sink's vendor. Closes the transport."""
    client = Client(transport, min(of.timeout, ASK_SECONDS))
    try:
        if isinstance(of, MyTracker):
            return await _ask_mytracker(of, client, clock)
        return await _ask_sailplay(of, client, clock)
    except ConnectorError as error:
        return Finding(of_sink(of.name), _SUBJECT, Mark.FAIL, str(error), "without it nothing is sent to this sink")
    finally:
        await client.close()


async def _ask_mytracker(of: MyTracker, client: Client, clock: Clock) -> Finding:
    """`test-app-access`, of the vendor's own PHP client; it stands in no document, and is judged by its status."""
    token = Token(of.token).current()
    url = httpx.URL(f"{of.base_url.rstrip('/')}/v1/test-app-access/?idApp={of.app_id}")
    headers = httpx.Headers(_JSON)
    headers["Authorization"] = token
    answer = await client.attempt("POST", url, headers, b"true")
    if isinstance(answer, Outcome):
        return _no_answer(of, answer)
    if answer.status == 200:
        return _accepted(of, f"app {of.app_id}")
    if answer.status == 404:
        says = f"{of.base_url} answers; credentials not verified: it knows no test-app-access"
        return Finding(of_sink(of.name), _SUBJECT, Mark.WARN, says, "the first batch will tell")
    return _judged(of, judge_mytracker(answer, now=clock.now(), secrets=(token,)), of.token, f"app_id {of.app_id}")


async def _ask_sailplay(of: SailPlay, client: Client, clock: Clock) -> Finding:
    """`events/list`, after a `login` where the token is to come from one."""
    secret = of.token
    if isinstance(secret, Login):
        return await _log_in(of, secret, client, clock)
    return await _list_events(of, Token(secret).current(), secret, client, clock)


async def _log_in(of: SailPlay, login: Login, client: Client, clock: Clock) -> Finding:
    key, pin = login.store_department_key.read(), login.pin_code.read()
    given = {"store_department_id": str(of.store_department_id), "store_department_key": key, "pin_code": pin}
    answer = await _call(of, client, "login/", given)
    if isinstance(answer, Outcome):
        return _no_answer(of, answer)
    outcome = judge_sailplay(answer, now=clock.now(), secrets=(key, pin))
    if outcome.blame is not Blame.NOBODY:
        return _judged(of, outcome, login.store_department_key, f"store_department_id {of.store_department_id}")
    token = orjson.loads(answer.body).get("token")
    if not isinstance(token, str):
        says = "login succeeds and gives no token"
        return Finding(of_sink(of.name), _SUBJECT, Mark.FAIL, says, "ask SailPlay")
    return await _list_events(of, token, login.store_department_key, client, clock)


async def _list_events(of: SailPlay, token: str, secret: Secret, client: Client, clock: Clock) -> Finding:
    given = {"token": token, "store_department_id": str(of.store_department_id)}
    answer = await _call(of, client, "events/list/", given)
    if isinstance(answer, Outcome):
        return _no_answer(of, answer)
    outcome = judge_sailplay(answer, now=clock.now(), secrets=(token,))
    if outcome.blame is Blame.NOBODY:
        return _accepted(of, f"department {of.store_department_id}")
    return _judged(of, outcome, secret, f"store_department_id {of.store_department_id}")


async def _call(of: SailPlay, client: Client, path: str, given: Mapping[str, str]) -> Answer | Outcome:
    url, fields = httpx.URL(f"{of.base_url.rstrip('/')}/api/v2/{path}"), urlencode(given).encode()
    if of.http_method == "get":
        return await client.attempt("GET", url.copy_with(query=fields), _JSON, b"")
    return await client.attempt("POST", url, _FORM, fields)


def _accepted(of: MyTracker | SailPlay, account: str) -> Finding:
    return Finding(of_sink(of.name), _SUBJECT, Mark.OK, f"{of.base_url} accepts our credentials for {account}")


def _no_answer(of: MyTracker | SailPlay, outcome: Outcome) -> Finding:
    todo = f"look at sinks.{of.name}.base_url, DNS, firewalls and TLS; the service waits an outage out"
    return Finding(of_sink(of.name), _SUBJECT, Mark.FAIL, f"{of.base_url}: {outcome.message}", todo)


def _judged(of: MyTracker | SailPlay, outcome: Outcome, secret: Secret, account: str) -> Finding:
    code = "" if outcome.code is None else f", code {outcome.code}"
    says = f"{of.base_url} answers {outcome.status}{code}: {outcome.message}"
    if outcome.blame is Blame.VENDOR:
        todo = "the vendor has trouble: the service would wait it out"
    else:
        todo = f"look at the {secret.source}, {account} and base_url: the vendor refuses us"
    return Finding(of_sink(of.name), _SUBJECT, Mark.FAIL, says, todo)
