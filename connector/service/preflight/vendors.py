"""Findings of `check --live` on vendors: do they answer, and accept our credentials? By calls that change nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from connector.clock import Clock
from connector.model import Outcome, OutcomeKind
from connector.service.assembly import build_sink
from connector.service.preflight.findings import Finding, Severity, sink_section
from connector.service.vendor_events import Audit, audit_events
from connector.settings.values import Route, SinkSettings
from connector.vendors.http_sink import HttpSink
from connector.vendors.vendor import Unverified, Vendor

# One attempt, to the last byte; a sink's own timeout if that is shorter.
ASK_SECONDS = 8.0
_SUBJECT = "vendor"


async def ask_vendor(settings: SinkSettings, routes: Sequence[Route], clock: Clock) -> list[Finding]:
    """Return the findings on a sink's vendor. `routes` may hold other sinks' too."""
    settings = settings.model_copy(update={"timeout": min(settings.timeout, ASK_SECONDS)})
    sink = build_sink(settings, clock)
    try:
        missing = sink.credentials_ready()
        if missing is not None:
            return [_finding(settings, Severity.FAIL, missing, "without it nothing is sent to this sink")]
        return [finding async for finding in _asked(sink, routes)]
    finally:
        await sink.close()


async def _asked(sink: HttpSink, routes: Sequence[Route]) -> AsyncIterator[Finding]:
    """Yield findings on the credentials, by a probe, and on the routes, by the vendor's list of events.

    Where there is no probe, asking for that list verifies the credentials.
    """
    settings, vendor = sink.settings, sink.vendor
    if vendor.probe is not None:
        yield _verdict(settings, vendor, await vendor.probe(settings, sink.ask))
    if vendor.events is not None:
        audit = await audit_events(sink, vendor.events, routes)
        if vendor.probe is None:
            yield _verdict(settings, vendor, audit)
        if isinstance(audit, Audit):
            for finding in _events(settings, vendor.title, audit):
                yield finding
    if vendor.probe is None and vendor.events is None:
        yield _finding(settings, Severity.WARN, f"{settings.base_url} was not asked", "the first event tells")


def _verdict(settings: SinkSettings, vendor: Vendor[Any], answer: Outcome | Unverified | Audit) -> Finding:
    url = settings.base_url
    if isinstance(answer, Unverified):
        says = f"{url} answers; credentials not verified: {answer.why}"
        return _finding(settings, Severity.WARN, says, "the first batch will tell")
    if isinstance(answer, Audit) or answer.kind is OutcomeKind.ACCEPTED:
        return _finding(settings, Severity.OK, f"{url} accepts our credentials for {vendor.account(settings)}")
    if answer.status is None:
        todo = f"look at sinks.{settings.name}.base_url, DNS, firewalls and TLS; the service waits an outage out"
        return _finding(settings, Severity.FAIL, f"{url}: {answer.message}", todo)
    code = "" if answer.code is None else f", code {answer.code}"
    says = f"{url} answers {answer.status}{code}: {answer.message}"
    return _finding(settings, Severity.FAIL, says, _todo(settings, vendor, answer))


def _todo(settings: SinkSettings, vendor: Vendor[Any], outcome: Outcome) -> str:
    if outcome.kind is OutcomeKind.UNAVAILABLE:
        return "the vendor has trouble: the service would wait it out"
    secrets = " and ".join(secret.source for _, secret in settings.secrets())
    account = "at " if vendor.account_key is None else f"at sinks.{settings.name}.{vendor.account_key} and "
    return f"look at {secrets}, {account}base_url: the vendor refuses us"


def _events(settings: SinkSettings, title: str, audit: Audit) -> Iterator[Finding]:
    """Yield whether the events that the routes name are set up as they must be."""
    section = sink_section(settings.name)
    for mistake in audit.mistakes:
        todo = f"mend {mistake.path}, or set the event up in {title}"
        yield Finding(section, "events", Severity.FAIL, str(mistake), todo)
    if audit.events and not audit.mistakes:
        names = ", ".join(event.name for event in audit.events.values())
        yield Finding(section, "events", Severity.OK, f"all that the routes name are set up: {names}")


def _finding(settings: SinkSettings, severity: Severity, says: str, todo: str = "") -> Finding:
    return Finding(sink_section(settings.name), _SUBJECT, severity, says, todo)
