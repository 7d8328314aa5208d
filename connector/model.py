"""The types that flow through the connector: Record, Item, Limits, Outcome, Failure, Reason.

A type that is made once for each event is a NamedTuple: immutable like a frozen dataclass and four times cheaper to
make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

Headers = tuple[tuple[str, bytes | None], ...]


class RecordRef(NamedTuple):
    """A record that was read under one assignment epoch: the epoch belongs to one partition."""

    epoch: int
    offset: int


class Record(NamedTuple):
    """One Kafka record as it was read.

    `timestamp` is Kafka's, in milliseconds since the epoch (-1: none). `assignment_epoch` numbers the assignment of the
    partition under which it was read, so that late results of an earlier assignment can be told apart. `read_at` is the
    monotonic time (seconds) of the poll that returned it. `leader_epoch` is the partition leader's epoch when the
    record was written (-1: not reported by the brokers). `damage` says which part of the record cannot be represented,
    such as a header name that is not text; empty if there is none.
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
        """Return `topic/partition/offset`, as commands and log lines name a record."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def ref(self) -> RecordRef:
        """Return the assignment epoch and the offset."""
        return RecordRef(self.assignment_epoch, self.offset)

    @property
    def value_size(self) -> int:
        """Return how many bytes the value has; 0 for a tombstone."""
        return len(self.value or b"")


# An event is a decoded record: one JSON object.
Event = dict[str, Any]

# A compiled expression: event and record (for key(), header() and the like) → value.
Evaluate = Callable[[Event, Record], Any]

# The fields a route mapped, by the vendor's names → the bytes that are sent. Raises errors.FieldError.
Encode = Callable[[dict[str, Any]], bytes]


class Item(NamedTuple):
    """One event, or one element of a list of it, mapped for one vendor method and encoded to its final bytes.

    `element` is 0 where the route makes one item of an event. Where it has `each`, it is the number of the element that
    this item was made of, from 1.
    """

    record: Record
    route: str
    method: str
    body: bytes
    element: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many items and bytes one request may carry.

    The body of several items weighs `envelope` + the items' bytes + `separator` between two. An item that is too heavy
    for an envelope may still be sent without one if the vendor has a form for that (`bare`).
    """

    max_events: int
    max_bytes: int
    envelope: int = 2
    separator: int = 1
    bare: bool = False

    def fits_alone(self, size: int) -> bool:
        """True if an item of `size` bytes can be sent at all."""
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
    """The step at which an event failed."""

    DECODE = "decode"
    ROUTE = "route"
    MAP = "map"
    SEND = "send"
    SKIP = "skip"  # settled by an operator instead of being delivered


class FailedElements(NamedTuple):
    """The elements of one event's list that one route could not deliver, together in one letter.

    `numbers` are their items' `element`; `named` is the header that names them (see kafka.letter_elements).
    """

    numbers: tuple[int, ...]
    named: str


class Failure(NamedTuple):
    """Why one record cannot be delivered to one sink; it becomes a dead letter.

    `route` and `method` are None if the record failed before routing. `status` is the vendor's HTTP status, None if it
    was never sent; `attempts` counts the requests that carried it. `element` is that of the failed item, which gets no
    letter of its own unless it is 0: the elements of one event that failed share one, whose failure has `elements`.
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
    elements: FailedElements | None = None


class OutcomeKind(StrEnum):
    """Who is responsible for a response (the contract's one table); the values are metric labels."""

    ACCEPTED = "nobody"
    REJECTED = "event"  # an event in the request: isolate and dead-letter it
    UNAVAILABLE = "vendor"  # the vendor or the network: pause and try again
    MISCONFIGURED = "ours"  # configuration or credentials: stop this sink and say so


@dataclass(frozen=True, slots=True)
class Outcome:
    """The meaning of the response to one request.

    `status` is None if no status line came. `message` is the vendor's or the transport's, at most 1 KB, without
    secrets. `retry_after` is in seconds, None if absent or invalid. `code` is SailPlay's `status_code`. `retry_for`
    (seconds) is set if a configured retry code came: how long the request may be repeated. `effect_unknown` is set if
    the request may have taken effect although no proper answer came. `by_status` is set if an event is blamed by the
    status alone, as any vendor's, and not by the vendor's own word.
    """

    kind: OutcomeKind
    status: int | None = None
    message: str = ""
    retry_after: float | None = None
    code: str | None = None
    retry_for: float | None = None
    effect_unknown: bool = False
    by_status: bool = False


ACCEPTED = Outcome(OutcomeKind.ACCEPTED, 200)
