"""Retries of events that the vendor answered with a code that may heal (`retry_codes`): when, and how many. Pure.

Such an event is waited for, not the vendor's: its retries must not take the sink from new events, however many there
are, and however long they are retried.
"""

from __future__ import annotations

import random

from connector.delivery.gate import Gate
from connector.delivery.unsettled_batches import UnsettledBatch, UnsettledBatches

# Retries take one in so many of the requests, of the places in flight, and of the rate.
PART = 4
# The first retry comes after a part of the code's term, and later ones at most a larger part of it apart.
FIRST_WAIT, LONGEST_WAIT = 1 / 60, 1 / 10


def seconds_before_retry(number: int, term: float, elapsed: float, shortest: float) -> float:
    """Return how long to wait before retry `number` (1 or more) of an event that is retried for `term` seconds.

    `elapsed` is how many of these have passed. The wait doubles from a sixtieth of the term to a tenth of it, but
    begins at `shortest` at least; it is drawn between a half of that and all of it. The last retry comes as the term
    ends.
    """
    first = max(shortest, term * FIRST_WAIT)
    longest = max(first, term * LONGEST_WAIT)
    wait = min(longest, first * 2.0 ** min(number - 1, 64))
    return min(wait * random.uniform(0.5, 1.0), max(0.0, term - elapsed))


class HealingShare:
    """What retries of healing codes may take of a sink: a quarter of its places in flight, requests and rate.

    Times are monotonic seconds. One place is theirs however few there are, but where other events wait, three other
    requests go first.
    """

    def __init__(self, gate: Gate, unsettled: UnsettledBatches) -> None:
        self._gate = gate
        self._unsettled = unsettled
        self._rate_allows_at = 0.0

    def next_at(self) -> float | None:
        """Return when the next retry may be sent, one in the past meaning at once.

        None: there is none to send, or not before one that is in flight has ended.
        """
        due = self._unsettled.next_to_heal()
        if due is None or self._unsettled.healing_in_flight >= max(1, self._gate.window // PART):
            return None
        return max(due, self._rate_allows_at)

    @property
    def is_next(self) -> bool:
        """True if a retry may go before other events that wait."""
        return self._unsettled.requests_since_healing >= PART - 1

    def take(self, now: float) -> UnsettledBatch | None:
        """Return the retry to be sent at `now`, with its part of the rate taken."""
        self._rate_allows_at = now + PART * self._gate.seconds_between_requests
        return self._unsettled.first_to_heal()
