"""Do the vendors answer, and do they accept our credentials? Asked by calls that change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import httpx

from connector.clock import Clock
from connector.http.client import Client, default_transport
from connector.model import Outcome, OutcomeKind
from connector.service.assembly import build_sink
from connector.service.audit import Audit, audit_events
from connector.service.preflight.findings import Finding, Severity, sink_section
from connector.settings.values import MyTracker, Route, SinkSettings
from connector.vendors.credentials import Token
from connector.vendors.outcome import judge_mytracker
from connector.vendors.sailplay.sink import SailPlaySink

# One attempt, to the last byte; a sink's own timeout if that is shorter.
ASK_SECONDS = 8.0
_SUBJECT = "vendor"
_JSON = httpx.Headers({"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "gzip"})


async def ask_vendor(of: SinkSettings, routes: Sequence[Route], clock: Clock) -> list[Finding]:
    """What a sink's vendor says. `routes` may hold other sinks' too."""
    of = replace(of, timeout=min(of.timeout, ASK_SECONDS))
    sink = build_sink(of, clock)
    try:
        missing = sink.credentials_ready()
        if missing is not None:
            return [
                Finding(
                    sink_section(of.name), _SUBJECT, Severity.FAIL, missing, "without it nothing is sent to this sink"
                )
            ]
        if isinstance(sink, SailPlaySink):
            return await _ask_sailplay(of, sink, routes)
        if isinstance(of, MyTracker):
            return [await _ask_mytracker(of, clock)]
        return [
            Finding(
                sink_section(of.name), _SUBJECT, Severity.WARN, f"{of.base_url} was not asked", "the first event tells"
            )
        ]
    finally:
        await sink.close()


async def _ask_mytracker(of: MyTracker, clock: Clock) -> Finding:
    """`test-app-access`, of the vendor's own PHP client; it stands in no document, and is judged by its status."""
    token = Token(of.token).current()
    url = httpx.URL(f"{of.base_url.rstrip('/')}/v1/test-app-access/?idApp={of.app_id}")
    headers = httpx.Headers(_JSON)
    headers["Authorization"] = token
    client = Client(default_transport(1), of.timeout)
    try:
        answer = await client.attempt("POST", url, headers, b"true")
    finally:
        await client.close()
    if isinstance(answer, Outcome):
        return _no_answer(of, answer)
    if answer.status == 200:
        return _accepted(of, f"app {of.app_id}")
    if answer.status == 404:
        says = f"{of.base_url} answers; credentials not verified: it knows no test-app-access"
        return Finding(sink_section(of.name), _SUBJECT, Severity.WARN, says, "the first batch will tell")
    return _judged(of, judge_mytracker(answer, now=clock.now(), secrets=(token,)), "app_id")


async def _ask_sailplay(of: SinkSettings, sink: SailPlaySink, routes: Sequence[Route]) -> list[Finding]:
    """`events/list`, after a `login` where the token is to come from one."""
    audit = await audit_events(sink, routes)
    if isinstance(audit, Outcome):
        return [_no_answer(of, audit) if audit.status is None else _judged(of, audit, "store_department_id")]
    return [_accepted(of, "the department"), *_events(of, audit)]


def _events(of: SinkSettings, audit: Audit) -> Iterator[Finding]:
    """Whether the events that the routes name are set up as they must be."""
    for mistake in audit.mistakes:
        todo = f"mend {mistake.path}, or set the event up in SailPlay"
        yield Finding(sink_section(of.name), "events", Severity.FAIL, str(mistake), todo)
    if audit.events and not audit.mistakes:
        names = ", ".join(event.name for event in audit.events.values())
        yield Finding(sink_section(of.name), "events", Severity.OK, f"all that the routes name are set up: {names}")


def _accepted(of: SinkSettings, account: str) -> Finding:
    return Finding(sink_section(of.name), _SUBJECT, Severity.OK, f"{of.base_url} accepts our credentials for {account}")


def _no_answer(of: SinkSettings, outcome: Outcome) -> Finding:
    todo = f"look at sinks.{of.name}.base_url, DNS, firewalls and TLS; the service waits an outage out"
    return Finding(sink_section(of.name), _SUBJECT, Severity.FAIL, f"{of.base_url}: {outcome.message}", todo)


def _judged(of: SinkSettings, outcome: Outcome, account: str) -> Finding:
    code = "" if outcome.code is None else f", code {outcome.code}"
    says = f"{of.base_url} answers {outcome.status}{code}: {outcome.message}"
    if outcome.kind is OutcomeKind.UNAVAILABLE:
        todo = "the vendor has trouble: the service would wait it out"
    else:
        secrets = " and ".join(secret.source for _, secret in of.secrets())
        todo = f"look at {secrets}, at sinks.{of.name}.{account} and base_url: the vendor refuses us"
    return Finding(sink_section(of.name), _SUBJECT, Severity.FAIL, says, todo)
