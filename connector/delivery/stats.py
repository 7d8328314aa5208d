"""The counters of one sink since its start: plain integers, which metrics, status and the demo read when asked."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from connector.kafka.source_interface import LogChange
from connector.routing.route_counts import RouteCounts

# Upper bounds in seconds of the request-duration histogram.
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# How many of the latest failures of each kind are kept for people to see.
RECENT = 50

# A vendor invents its codes, and each becomes a metric's label: only so many, of such a length, are counted apart.
MAX_CODES = 32
MAX_CODE_LENGTH = 32
OTHER_CODES = "other"


class RecentFailure(NamedTuple):
    """One failure as it is shown to people: without payload. `at` in monotonic seconds; `message` may be the vendor's.

    `reason` is a dead letter's reason or a failed request's outcome kind; `record` is a dead letter's address.
    """

    at: float
    reason: str
    method: str | None
    status: int | None
    message: str
    record: str | None = None


class Histogram:
    """Counts of values by upper bound, as Prometheus needs them."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # not cumulative; the last is +Inf
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class CodeCounter(Counter[str]):
    """Counts by the vendor's codes: the first `MAX_CODES` of them each, all later ones together as `other`."""

    def __getitem__(self, code: str) -> int:
        return super().__getitem__(self._counted_as(code))

    def __setitem__(self, code: str, count: int) -> None:
        super().__setitem__(self._counted_as(code), count)

    def _counted_as(self, code: str) -> str:
        code = code[:MAX_CODE_LENGTH]
        return code if code in self or len(self) < MAX_CODES else OTHER_CODES


@dataclass(slots=True)
class Stats:
    """Counters of one sink; `routes` is what each of its routes counts.

    Events are counted in (event, route) pairs, so that
    read + late = delivered + dead-lettered + skipped + given back + open.
    A pair of a route with `each` is delivered once all its items are, and dead-lettered if one of them failed. Items
    are counted beside that: items read + late = items delivered + dead-lettered + given back + open. A route without
    `each` makes one item of an event, and what is skipped none.
    """

    read: int = 0  # pairs
    records: int = 0
    delivered: int = 0
    skipped: int = 0
    more_items: int = 0  # items read, beyond the first of each pair
    items_delivered: int = 0
    items_dead_lettered: int = 0
    items_given_back: int = 0
    items_late: int = 0
    given_back: int = (
        0  # pairs that were open when their partition was revoked or lost; its next owner reads them again
    )
    # Pairs delivered or dead-lettered after they were given back: the next owner makes them come twice. Of a pair that
    # is not delivered as a whole, only its items are counted as late.
    late: int = 0
    settled_before: int = 0  # records that an earlier owner had settled, says the commit's metadata
    parts_settled_before: int = 0  # items that it had settled of half-settled records
    not_in_metadata: int = 0  # settled records and parts for which a last commit's metadata had no room
    dead_lettered: Counter[str] = field(default_factory=Counter)  # by reason
    requests: Counter[str] = field(default_factory=Counter)  # by status class: 2xx … 5xx, error
    batches_closed: Counter[str] = field(default_factory=Counter)  # by what closed them: see ClosedBy
    batch_events: int = 0
    batch_bytes: int = 0
    retries: int = 0  # requests that carried something sent before
    outcomes: Counter[str] = field(default_factory=Counter)  # by outcome kind
    commits: int = 0
    commit_failures: int = 0
    rebalances: Counter[str] = field(default_factory=Counter)  # assigned, revoked, lost
    lost_to_retention: int = 0
    log_changes: Counter[str] = field(default_factory=Counter)  # truncated, overwritten, recreated
    vendor_outages: int = 0
    codes: CodeCounter = field(default_factory=CodeCounter)  # the vendor's own error codes
    recent_letters: deque[RecentFailure] = field(default_factory=lambda: deque(maxlen=RECENT))
    recent_log_changes: deque[tuple[float, LogChange]] = field(default_factory=lambda: deque(maxlen=RECENT))
    recent_faults: deque[RecentFailure] = field(default_factory=lambda: deque(maxlen=RECENT))
    routes: Sequence[RouteCounts] = ()
    request_seconds: Histogram = field(default_factory=lambda: Histogram(DURATION_BUCKETS))

    @property
    def items_read(self) -> int:
        """How many items were read. Of a pair that fails as a whole one is counted."""
        return self.read - self.skipped + self.more_items

    @property
    def items_open(self) -> int:
        """How many items are read and not settled."""
        ended = self.items_delivered + self.items_dead_lettered + self.items_given_back
        return self.items_read + self.items_late - ended

    @property
    def settled(self) -> int:
        """How many pairs are delivered, dead-lettered or skipped."""
        return self.delivered + self.dead_lettered.total() + self.skipped
