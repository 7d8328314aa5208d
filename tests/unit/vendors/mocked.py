"""Both sinks over a transport that a function answers, and what they are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import httpx

from connector.clock import SystemClock
from connector.model import Item, Record
from connector.secrets import Secret
from connector.vendors.catalogue import VENDOR_LIMITS
from connector.vendors.mytracker.sink import MyTrackerSink
from connector.vendors.sailplay.sink import SailPlaySink

Handler = Callable[[httpx.Request], httpx.Response]

RECORD = Record("t", 0, 0, -1, None, b"{}", ())
TOKEN = "s3cret+token/1"  # noqa: S105 - no vendor knows it
OK = {"message": "\u041eK", "status": "ok"}


def item(body: bytes, method: str = "customEvent") -> Item:
    return Item(RECORD, "route", method, body)


def keep(file: Path, text: str | None) -> None:
    """Put a token into its file; None takes the file away."""
    if text is None:
        file.unlink()
    else:
        file.write_text(text)


def mytracker(handler: Handler, token_file: Path) -> MyTrackerSink:
    return MyTrackerSink(
        name="m",
        base_url="https://tracker.test/",
        app_id=666,
        token=Secret.from_file(token_file),
        limits=VENDOR_LIMITS["mytracker"],
        timeout=5,
        transport=httpx.MockTransport(handler),
        clock=SystemClock(),
    )


def sailplay(handler: Handler, token_file: Path, http_method: Literal["post", "get"] = "post") -> SailPlaySink:
    return SailPlaySink(
        name="s",
        base_url="https://sailplay.test",
        store_department_id=11,
        token=Secret.from_file(token_file),
        http_method=http_method,
        timeout=5,
        retry_codes={"-4000": 600.0},
        transport=httpx.MockTransport(handler),
        clock=SystemClock(),
    )
