"""The gate of one sink: when, and how many requests may be sent. Pure; times are arguments, in monotonic seconds.

Breaker, backoff, Retry-After, rate and recovery are its states, not controllers of their own:

SENDING         up to `window` requests in flight; after a pause the window begins at 1 and grows with each success
DOWN            five vendor faults in a row: only a probe is sent, after a random wait whose maximum doubles
MISCONFIGURED   the vendor refuses our credentials or address: only a probe is sent, after a random wait, which grows to
                a minute at most
FLOODED         too many events failed: one event a minute is sent as a probe (see flood_guard)
SECRET_MISSING  a secret cannot be read: nothing is sent

A probe is sent only when nothing else is in flight. So a response that arrives while no probe is out belongs to a
request from before the gate changed its state: it does not double the backoff, and it does not end a flood or a
misconfiguration.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum

from connector.clock import Clock
from connector.delivery.backoff import Backoff

FAULTS_TO_GO_DOWN = 5
MISCONFIGURED_BACKOFF = (1.0, 60.0)  # seconds: the longest wait at first, and at most
FLOOD_PROBE_SECONDS = 60.0
MAX_RETRY_AFTER_SECONDS = 600.0
NEVER = float("inf")
# Each 429 halves the pace, each success gives a hundredth back.
MIN_PACE, PACE_RECOVERY = 0.05, 0.01


class SinkState(StrEnum):
    """The states of a sink's sending: the gate's, and UNCONFIRMED, which the dispatcher adds.

    UNCONFIRMED: after a stall the polling thread has not confirmed that the partitions are still ours. The values are
    the words of metrics and /status, where "closed" means that nothing passes.
    """

    SENDING = "open"
    DOWN = "closed"
    MISCONFIGURED = "misconfigured"
    FLOODED = "flooded"
    SECRET_MISSING = "held"  # noqa: S105 - a state, no secret
    UNCONFIRMED = "unconfirmed"


class Gate:
    """Decides when one sink may send. It must be told of every request that starts or ends, and of its outcome.

    `rate` is in requests per second (None: unlimited), `backoff` in seconds.
    """

    def __init__(self, *, max_in_flight: int, backoff: Backoff, rate: float | None = None) -> None:
        self.in_flight = 0
        self.successes = 0
        self.consecutive_faults = 0  # of the vendor
        self._http_500s = 0  # how many of these, the latest ones, were status 500
        self.window = max_in_flight
        self.max_in_flight = max_in_flight
        self._backoff = backoff
        self._misconfigured_backoff = Backoff(*MISCONFIGURED_BACKOFF)
        self._interval = 1 / rate if rate else 0.0
        self._pace = 1.0
        self._rate_allows_at = 0.0
        self._retry_after_until = 0.0
        self._probe_at = 0.0
        self._probing = False  # the last request sent was a probe
        self._failed_probes = 0  # in a row, since the gate took its present state
        self._state = SinkState.SENDING  # SENDING, DOWN or MISCONFIGURED
        self._reason = ""
        self._flood_reason = ""
        self._missing_secret = ""

    @property
    def state(self) -> SinkState:
        """The one state shown: a missing secret, else a vendor fault or misconfiguration, else a flood, or SENDING."""
        if self._missing_secret:
            return SinkState.SECRET_MISSING
        return SinkState.FLOODED if self._flood_reason and self._state is SinkState.SENDING else self._state

    @property
    def reason(self) -> str:
        """The message of the fault or the flood that limits sending to probes; empty if nothing does."""
        return self._reason or self._flood_reason

    @property
    def is_sending(self) -> bool:
        """True if more than probes may be sent: no vendor fault, no misconfiguration, no flood."""
        return self._state is SinkState.SENDING and not self._flood_reason

    @property
    def flooded(self) -> bool:
        """True while the flood guard limits sending to one event a minute."""
        return bool(self._flood_reason)

    @property
    def is_down(self) -> bool:
        """True if the vendor's faults limit sending to probes."""
        return self._state is SinkState.DOWN

    @property
    def fails_with_500s_alone(self) -> bool:
        """True if the vendor's faults limit sending to probes, and at least the last five were status 500.

        Then one event may be the cause. Any other fault says that the vendor fails for all.
        """
        return self.is_down and not self._flood_reason and self._http_500s >= FAULTS_TO_GO_DOWN

    @property
    def seconds_between_requests(self) -> float:
        """How many seconds the rate puts between two requests now; 0 without a rate."""
        return self._interval / self._pace

    @property
    def rate_limited(self) -> bool:
        """True if requests are spaced out by a rate."""
        return self._interval > 0

    def next_send_at(self) -> float:
        """Return the monotonic time at which the next request may be sent; one in the past means at once.

        NEVER: not before something else happens here, so ask again after any other call.
        """
        if self._missing_secret:
            return NEVER
        if self.is_sending:
            if self.in_flight >= self.window:
                return NEVER
            return max(self._retry_after_until, self._rate_allows_at)
        if self.in_flight:
            return NEVER
        return max(self._retry_after_until, self._rate_allows_at, self._probe_at)

    def retry_after_left(self, now: float) -> float:
        """Return for how many seconds a Retry-After still forbids requests; 0 if none does."""
        return max(0.0, self._retry_after_until - now)

    def rate_allows_in(self, now: float) -> float:
        """Return in how many seconds the rate allows the next request."""
        return max(0.0, self._rate_allows_at - now)

    def request_started(self, now: float) -> None:
        """Count a request that is sent at `now`."""
        self.in_flight += 1
        self._probing = not self.is_sending
        self.reserve_request(now)

    def reserve_request(self, now: float) -> float:
        """Reserve the next request that the rate allows, and return when it may be sent; a login is one, too."""
        at = max(now, self._rate_allows_at, self._retry_after_until)
        if self._interval:
            self._rate_allows_at = at + self._interval / self._pace
        return at

    def request_finished(self) -> None:
        """Count a response, or the end of a request without one."""
        self.in_flight -= 1

    def record_acceptance(self) -> bool:
        """Record an accepted request. Return True if the gate goes back to sending."""
        self.successes += 1
        self.consecutive_faults = 0
        self._pace = min(1.0, self._pace + PACE_RECOVERY)
        if self.is_sending:
            self.window = min(self.window + 1, self.max_in_flight)
            return False
        if self._is_outdated():
            return False
        self._flood_reason = ""
        self._resume()
        return True

    def record_fault(
        self, now: float, reason: str, *, retry_after: float | None, throttled: bool, http_500: bool = False
    ) -> float:
        """Record a vendor fault and return when its batch may be tried again. The fifth in a row takes the gate down.

        `retry_after` (seconds) forbids all requests for so long, at most ten minutes. `throttled` (a 429) halves the
        pace and the window.
        """
        self._http_500s = (self._http_500s if self.consecutive_faults else 0) + 1 if http_500 else 0
        self.consecutive_faults += 1
        if throttled:
            self._pace = max(MIN_PACE, self._pace / 2)
            self.window = max(1, self.window // 2)
        if retry_after is not None:
            self._retry_after_until = max(self._retry_after_until, now + min(retry_after, MAX_RETRY_AFTER_SECONDS))
        goes_down = self.consecutive_faults >= FAULTS_TO_GO_DOWN if self.is_sending else self._probing
        if goes_down:
            self._only_probe(SinkState.DOWN, now, reason, self._backoff)
        return now + self._backoff.seconds_before_retry(self.consecutive_faults)

    def record_misconfiguration(self, now: float, reason: str) -> bool:
        """Record that the vendor refused our credentials or address. Return True if that is new."""
        self._http_500s = 0
        is_new = self._state is not SinkState.MISCONFIGURED
        if is_new or self._probing:
            self._only_probe(SinkState.MISCONFIGURED, now, reason, self._misconfigured_backoff)
        return is_new

    def start_flood(self, now: float, reason: str, probe_in: float = FLOOD_PROBE_SECONDS) -> None:
        """Send one event a minute only, the first after `probe_in` seconds, until one of them is accepted."""
        if not self._flood_reason:
            self._flood_reason = reason
            self._probing = False
            self._probe_at = now + probe_in

    def record_answer(self, now: float) -> bool:
        """Record an answer that is no acceptance but shows that the vendor is up: a rejection, or a retry code.

        Returns True if the gate goes back to sending.
        A flood goes on; its next probe is sent after a minute.
        """
        self.consecutive_faults = 0
        if self.is_sending or self._is_outdated():
            return False
        if self._flood_reason:
            self._probe_at = now + FLOOD_PROBE_SECONDS
        self._resume()
        return self.is_sending

    def probe_now(self) -> None:
        """Send the next probe of a misconfigured sink at once: other credentials can be read."""
        if self._state is SinkState.MISCONFIGURED:
            self._probe_at = 0.0

    def set_missing_secret(self, reason: str) -> bool:
        """Set which secret is missing, so that nothing is sent (empty: none). Return True if that is new."""
        changed = self._missing_secret != reason
        self._missing_secret = reason
        return changed

    @property
    def missing_secret(self) -> str:
        """The missing secret for which nothing is sent; empty if none is missing."""
        return self._missing_secret

    def _is_outdated(self) -> bool:
        """True if the response's request was sent before a flood or a misconfiguration, so that it proves nothing."""
        return not self._probing and (self.flooded or self._state is SinkState.MISCONFIGURED)

    def _resume(self) -> None:
        self._state, self._reason, self.window = SinkState.SENDING, "", 1

    def _only_probe(self, state: SinkState, now: float, reason: str, backoff: Backoff) -> None:
        """Limit sending to probes, the next one after a wait whose maximum doubles with each probe that failed."""
        self._failed_probes = self._failed_probes + 1 if self._state is state else 0
        self._state, self._reason = state, reason
        self._probe_at = now + (
            FLOOD_PROBE_SECONDS if self._flood_reason else backoff.seconds_before_retry(self._failed_probes + 1)
        )


async def wait_for_rate(gate: Gate, clock: Clock) -> None:
    """Wait until the rate allows a call to the vendor that carries no event (a login, a look-up), and count it."""
    now = clock.monotonic()
    await asyncio.sleep(gate.reserve_request(now) - now)
