"""Letters as the connector writes them and a consumer brings them back."""

from __future__ import annotations

from connector.kafka.dead_letter import IDENTITY, compose_letter
from connector.model import FailedElements, Failure, Headers, Reason, Record, Stage

TOPIC = "crm.dead-letters"
WRITTEN = 1_800_000_000_000  # milliseconds since the epoch


def record(
    offset: int = 7,
    *,
    key: bytes | None = b"k",
    value: bytes | None = b'{"type":"login","id":1}',
    headers: Headers = (),
    timestamp: int = 1_700_000_000_123,
) -> Record:
    return Record("events", 3, offset, timestamp, key, value, headers)


def message(
    failed: Record,
    location: tuple[int, int] = (0, 0),
    *,
    route: str | None = "mytracker.login",
    method: str | None = "login",
    reason: Reason = Reason.UNMAPPABLE,
    text: str = "customUserId is missing",
    status: int | None = None,
    sink: str = "mytracker",
    now: float = 1_700_000_100.0,
    replays: int = 0,
    stage: Stage = Stage.MAP,
    identity: int = 2,
    item: str = "",
) -> Record:
    """Return the letter of a record, at a location; with `identity` 1 as older versions wrote it.

    `item` names the elements that failed, where these were not the event as a whole.
    """
    elements = FailedElements((), item) if item else None
    failure = Failure(failed, reason, stage, text, route, method, status, 0 if status is None else 2, elements=elements)
    letter = compose_letter(failure, group=f"crm.{sink}", sink=sink, now=now, replays=replays)
    headers = tuple((name, value.encode() if isinstance(value, str) else value) for name, value in letter.headers)
    if identity == 1:
        headers = tuple(header for header in headers if header[0] != IDENTITY)
    return Record(TOPIC, *location, WRITTEN, letter.key, letter.value, headers)
