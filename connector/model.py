"""The nouns that flow through the connector: Record, Item, Limits, Outcome, Failure, Reason.

What is made once an event is a NamedTuple: immutable like a frozen dataclass and four times cheaper to make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

Headers = tuple[tuple[str, bytes | None], ...]


class Record(NamedTuple):
    """One Kafka record as it was read.

    `timestamp` is Kafka's, in milliseconds since the epoch (-1: none). `epoch` numbers the assignment of the
    partition under which it was read, so that what arrives late for an earlier assignment can be told apart.
    `read_at` is the monotonic time (seconds) of the poll that returned it. `leader_epoch` counts the changes of the
    partition's leader up to the record's writing (-1: the brokers do not say). `damage` says what of the record
    cannot be represented, such as a header's name that is no text; empty if all of it is here.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    assignment_epoch: int = 0
    read_at: float = 0.0
    leader_epoch: int = -1
    damage: str = ""

    @property
    def address(self) -> str:
        """`topic/partition/offset`, as commands and log lines name a record."""
        return f"{self.topic}/{self.partition}/{self.offset}"


# An event is a decoded record: one JSON object.
Event = dict[str, Any]

# A compiled expression: what an event (and the record it came in, for key() and its like) yields.
Evaluate = Callable[[Event, Record], Any]

# The fields a route mapped, by the vendor's names → the bytes that are sent. Raises errors.FieldError.
Encode = Callable[[dict[str, Any]], bytes]


class Item(NamedTuple):
    """One event mapped for one vendor method and encoded to its final bytes.

    `element` tells the items apart that one route makes of one event.
    """

    record: Record
    route: str
    method: str
    body: bytes
    element: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many items and bytes one request may carry.

    A body of several items weighs `envelope` + the items' bytes + `separator` between two. An item that is too
    heavy for an envelope may still go without one if the vendor has a form for that (`bare`).
    """

    max_events: int
    max_bytes: int
    envelope: int = 2
    separator: int = 1
    bare: bool = False

    def fits_alone(self, size: int) -> bool:
        """Whether an item of `size` bytes can be sent at all."""
        return size + (0 if self.bare else self.envelope) <= self.max_bytes


class Reason(StrEnum):
    """Why an event became a dead letter."""

    UNDECODABLE = "undecodable"
    SCHEMA = "schema"
    UNMAPPABLE = "unmappable"
    OVERSIZE = "oversize"
    REFUSED = "refused"
    POISON = "poison"
    UNROUTED = "unrouted"
    UNKNOWN_OUTCOME = "ambiguous"


class Stage(StrEnum):
    """Where on its way an event failed."""

    DECODE = "decode"
    ROUTE = "route"
    MAP = "map"
    SEND = "send"
    SKIP = "skip"  # settled by an operator, who would not have it delivered


class Failure(NamedTuple):
    """Why one record cannot be delivered to one sink; it becomes a dead letter.

    `route` and `method` are None where the record failed before routing. `status` is the vendor's HTTP status,
    None if it was never sent; `attempts` counts the requests that carried it. `element` is the item's, if it was one.
    """

    record: Record
    reason: Reason
    stage: Stage
    message: str
    route: str | None = None
    method: str | None = None
    status: int | None = None
    attempts: int = 0
    element: int = 0


class OutcomeKind(StrEnum):
    """Whose fault a response is (the contract's one table)."""

    ACCEPTED = "nobody"  # accepted
    REJECTED = "event"  # the events in the request: isolate and dead-letter the culprit
    UNAVAILABLE = "vendor"  # the vendor or the network: hold and try again
    MISCONFIGURED = "ours"  # configuration or credentials: stop this sink and say so


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the response to one request means.

    `status` is None when no status line came. `message` is the vendor's own word or the transport's, at most
    1 KB, without secrets. `retry_after` is in seconds, None if absent or nonsense. `code` is SailPlay's
    `status_code`. `heal_for` (seconds) is set when a configured retry code came: how long it may be tried again.
    `answer_lost` says that the request may have taken effect although no proper answer came.
    """

    kind: OutcomeKind
    status: int | None = None
    message: str = ""
    retry_after: float | None = None
    code: str | None = None
    retry_for: float | None = None
    effect_unknown: bool = False


ACCEPTED = Outcome(OutcomeKind.ACCEPTED, 200)
