"""A myTracker application as the file has it, and how it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from connector.settings.fields import Duration, SinkModel, optional, required
from connector.settings.model import Model
from connector.settings.references import SecretReference
from connector.settings.values import BatchSettings, MyTracker, Start
from connector.vendors.catalogue import METHODS, VENDOR_LIMITS
from connector.vendors.vendor import Vendor

if TYPE_CHECKING:
    import httpx

    from connector.clock import Clock
    from connector.vendors.base import Sink

_LIMITS = VENDOR_LIMITS["mytracker"]


class BatchModel(Model):
    """The limits of one request; lower than the vendor's at most."""

    max_events: int = optional(_LIMITS.max_events, "events in one request", ge=1, le=_LIMITS.max_events)
    max_bytes: int = optional(_LIMITS.max_bytes, "bytes of one request's body", ge=2, le=_LIMITS.max_bytes)
    linger: Duration = optional("200ms", "how long after it was read an event may wait for its batch to fill")


class MyTrackerModel(SinkModel):
    """A myTracker application."""

    kind: Literal["mytracker"] = required("mytracker or sailplay")
    app_id: int = required("idApp: the application's number", ge=1)
    token: SecretReference = required("the application's token: {file: PATH} or {env: NAME}")
    batch: BatchModel = optional({}, "the limits of one request")

    def settings(self, name: str, start: Start, directory: Path) -> MyTracker:
        """The settings of the sink called `name`."""
        return MyTracker(
            **self.common(name, start),
            app_id=self.app_id,
            token=self.token.secret(directory),
            batch=BatchSettings(self.batch.max_events, self.batch.max_bytes, self.batch.linger),
        )


def _open(of: MyTracker, transport: httpx.AsyncBaseTransport, clock: Clock) -> Sink:
    from connector.vendors.mytracker.sink import MyTrackerSink  # noqa: PLC0415 - to read a file no HTTP client is loaded

    return MyTrackerSink(
        name=of.name,
        base_url=of.base_url,
        app_id=of.app_id,
        token=of.token,
        limits=of.lowered(_LIMITS),
        timeout=of.timeout,
        transport=transport,
        clock=clock,
    )


MYTRACKER = Vendor(
    kind="mytracker",
    account="app_id",
    methods=METHODS["mytracker"],
    limits=_LIMITS,
    model=MyTrackerModel,
    open=_open,
)
