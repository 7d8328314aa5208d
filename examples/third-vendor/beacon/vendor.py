"""The kind `beacon`: its sinks' part of the configuration file, and the one value that the connector asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from beacon.fields import LIMITS, METHODS
from connector.secrets import Secret
from connector.settings.fields import Duration, SinkModel, optional, required
from connector.settings.model import Model
from connector.settings.references import SecretReference
from connector.settings.values import BatchingSink, BatchSettings, Start
from connector.vendors.vendor import Vendor

if TYPE_CHECKING:
    import httpx

    from beacon.sink import BeaconSink
    from connector.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon(BatchingSink):
    """A Beacon account."""

    kind: str = "beacon"
    token: Secret

    def secrets(self) -> Iterator[tuple[str, Secret]]:
        """The token."""
        yield "token", self.token


class BeaconBatchModel(Model):
    """The limits of one request; lower than Beacon's at most."""

    max_events: int = optional(LIMITS.max_events, "lines in one request", ge=1, le=LIMITS.max_events)
    max_bytes: int = optional(LIMITS.max_bytes, "bytes of one request's body", ge=2, le=LIMITS.max_bytes)
    linger: Duration = optional("200ms", "how long after it was read an event may wait for its batch to fill")


class BeaconModel(SinkModel):
    """A Beacon account."""

    kind: Literal["beacon"] = required("beacon")
    token: SecretReference = required("the account's token: {file: PATH} or {env: NAME}")
    batch: BeaconBatchModel = optional({}, "the limits of one request")

    def settings(self, name: str, start: Start, directory: Path) -> Beacon:
        """The settings of the sink called `name`."""
        batch = BatchSettings(self.batch.max_events, self.batch.max_bytes, self.batch.linger)
        return Beacon(**self.common(name, start), token=self.token.secret(directory), batch=batch)


def _open(of: Beacon, transport: httpx.AsyncBaseTransport, clock: Clock) -> BeaconSink:
    from beacon.sink import BeaconSink  # noqa: PLC0415 - to read a file no HTTP client is loaded

    return BeaconSink(
        name=of.name,
        base_url=of.base_url,
        token=of.token,
        limits=of.lowered(LIMITS),
        timeout=of.timeout,
        transport=transport,
        clock=clock,
    )


BEACON = Vendor(kind="beacon", methods=METHODS, limits=LIMITS, model=BeaconModel, open=_open)
