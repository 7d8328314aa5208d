"""Both sinks over a transport that a function answers, and what they are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import httpx

from connector.model import Item, Record
from connector.vendors.http_sink import HttpSink
from tests.support.sinks import mytracker_settings, opened, sailplay_settings

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


def mytracker(handler: Handler, token_file: Path) -> HttpSink:
    return opened(mytracker_settings("https://tracker.test/", token_file), httpx.MockTransport(handler))


def sailplay(handler: Handler, token_file: Path, http_method: Literal["post", "get"] = "post") -> HttpSink:
    section: dict[str, Any] = {"http_method": http_method, "retry_codes": {"-4000": "10m"}}
    return opened(sailplay_settings("https://sailplay.test", token_file, **section), httpx.MockTransport(handler))
