"""How far one request has come: what is still known of it when nobody waits for it any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Head(NamedTuple):
    """The status and the header fields of an answer."""

    status: int
    headers: Mapping[str, str]


class Progress:
    """Noted by the transport in `request.extensions["progress"]` while it works on the request.

    `sent` is False while not one byte of the request was written; true of a transport that does not say. `head` is that
    of the answer, once it was read whole, whatever came of the body.
    """

    __slots__ = ("head", "sent")

    def __init__(self) -> None:
        self.sent = True
        self.head: Head | None = None
