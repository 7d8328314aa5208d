"""SailPlay as one value: its methods, limits, settings, requests, events and rate."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from connector.vendors.sailplay.events import EVENTS, sightings
from connector.vendors.sailplay.exchange import exchange
from connector.vendors.sailplay.fields import LIMITS, METHODS
from connector.vendors.sailplay.settings import SailPlaySettings
from connector.vendors.vendor import MaxRate, Vendor


def _read_form(body: bytes) -> Mapping[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


SAILPLAY = Vendor(
    kind="sailplay",
    title="SailPlay",
    methods=METHODS,
    limits=LIMITS,
    settings=SailPlaySettings,
    exchange=exchange,
    account_key="store_department_id",
    account=lambda _: "the department",
    read_body=_read_form,
    envelope="the account's fields (token, store_department_id)",
    events=EVENTS,
    sightings=sightings,
    # "50 requests a second per partner over the whole API, then 429": public material on SailPlay, not its document.
    max_rate=MaxRate(50.0, "partner"),
)
