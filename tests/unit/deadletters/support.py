"""Letters as the connector writes them and a consumer brings them back."""

from __future__ import annotations

from typing import NamedTuple

from connector.kafka.letters import compose
from connector.model import Failure, Headers, Reason, Record, Stage

TOPIC = "crm.dead-letters"


class FakeMessage(NamedTuple):
    """What is read of confluent_kafka.Message."""

    place: tuple[int, int]
    letter_key: bytes | None
    letter_value: bytes | None
    letter_headers: list[tuple[str, bytes | None]] | None
    milliseconds: int = 1_800_000_000_000

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self.place[0]

    def offset(self) -> int:
        return self.place[1]

    def key(self) -> bytes | None:
        return self.letter_key

    def value(self) -> bytes | None:
        return self.letter_value

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self.letter_headers

    def timestamp(self) -> tuple[int, int]:
        return (1, self.milliseconds)


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
    of: Record,
    place: tuple[int, int] = (0, 0),
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
) -> FakeMessage:
    """The letter of a record, lying at `place`."""
    failure = Failure(of, reason, stage, text, route, method, status, 0 if status is None else 2)
    letter = compose(failure, group=f"crm.{sink}", sink=sink, now=now, replays=replays)
    headers = [(name, value.encode() if isinstance(value, str) else value) for name, value in letter.headers]
    return FakeMessage(place, letter.key, letter.value, headers)
