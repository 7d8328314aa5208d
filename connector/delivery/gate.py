"""The one gate of a sink: when, and how many requests may be sent. Pure; the time is an argument.

Breaker, backoff, Retry-After, rate and recovery are its states, not controllers of their own:

OPEN           up to `window` requests in flight; the window grows by one with each success after a closing
CLOSED         five faults of the vendor's in a row: only a probe goes, after a backoff that doubles
MISCONFIGURED  the vendor refuses our credentials or address: only a probe goes, now and then
FLOODED        too many events fell to their own fault: one held event a minute goes
HELD           a secret is missing: nothing goes
UNCONFIRMED    the polling thread has not confirmed the assignment after a stall: nothing goes

A probe goes only when nothing else is in flight. So what comes back while the gate is shut and no probe went was sent
before it shut: it does not double the backoff, and it does not end a flood or a misconfiguration.
"""

from __future__ import annotations

from enum import StrEnum

from connector.delivery.backoff import Backoff

FAULTS_TO_STOP = 5
MISCONFIGURED_PROBE = (1.0, 60.0)
FLOOD_PROBE_EVERY = 60.0
MAX_RETRY_AFTER = 600.0
NEVER = float("inf")
# 429 halves the pace and each success gives a hundredth back.
MIN_PACE, PACE_RECOVERY = 0.05, 0.01


class GateState(StrEnum):
    """What the gate lets through, and why."""

    SENDING = "open"
    DOWN = "closed"
    MISCONFIGURED = "misconfigured"
    FLOODED = "flooded"
    HELD = "held"
    UNCONFIRMED = "unconfirmed"


class Gate:
    """Decides for one sink; told of every request sent and of what came of it.

    `rate` is in requests a second (None: unlimited). `backoff` counts in seconds. Past `stall` seconds without
    `confirm` nothing goes.
    """

    def __init__(
        self, *, max_in_flight: int, backoff: Backoff, rate: float | None = None, stall: float = NEVER
    ) -> None:
        self.in_flight = 0
        self.successes = 0
        self.consecutive_faults = 0  # of the vendor's, in a row
        self.window = max_in_flight
        self.max_in_flight = max_in_flight
        self._backoff = backoff
        self._ours_backoff = Backoff(*MISCONFIGURED_PROBE)
        self._interval = 1 / rate if rate else 0.0
        self._pace = 1.0
        self._next_slot = 0.0
        self._shut_until = 0.0
        self._probe_at = 0.0
        self._probing = False  # whether the last request sent was a probe
        self._failed_probes = 0  # in a row, since the gate took the state it has
        self._state = GateState.SENDING  # OPEN, CLOSED or MISCONFIGURED
        self._reason = ""
        self._flood = ""
        self._held = ""
        self._stall = stall
        self._confirmed_at = NEVER

    def state(self, now: float) -> GateState:
        """The state that decides at `now`; what forbids everything comes first."""
        if not self.confirmed(now):
            return GateState.UNCONFIRMED
        if self._held:
            return GateState.HELD
        return GateState.FLOODED if self._flood and self._state is GateState.SENDING else self._state

    @property
    def reason(self) -> str:
        """Why it is closed, misconfigured or flooded; empty if it is not."""
        return self._reason or self._flood

    @property
    def is_sending(self) -> bool:
        """Whether neither the vendor nor our settings nor a flood of bad events shuts it."""
        return self._state is GateState.SENDING and not self._flood

    @property
    def flooded(self) -> bool:
        """Whether the flood guard holds."""
        return bool(self._flood)

    @property
    def is_down(self) -> bool:
        """Whether the vendor's faults closed it."""
        return self._state is GateState.DOWN

    @property
    def rate_limited(self) -> bool:
        """Whether a rate spaces the requests out."""
        return self._interval > 0

    def next_send_at(self, now: float) -> float:
        """When the next request may go: `now` or earlier means at once, NEVER means after a call of ours."""
        if self._held or not self.confirmed(now):
            return NEVER
        if self.is_sending:
            if self.in_flight >= self.window:
                return NEVER
            return max(self._shut_until, self._next_slot)
        if self.in_flight:
            return NEVER
        return max(self._shut_until, self._next_slot, self._probe_at)

    def retry_after_left(self, now: float) -> float:
        """Seconds for which Retry-After keeps the gate shut; 0 if it does not."""
        return max(0.0, self._shut_until - now)

    def next_slot_in(self, now: float) -> float:
        """Seconds until the rate allows the next request."""
        return max(0.0, self._next_slot - now)

    def request_started(self, now: float) -> None:
        """A request goes out."""
        self.in_flight += 1
        self._probing = not self.is_sending
        self.reserve_slot(now)

    def reserve_slot(self, now: float) -> float:
        """A call to the vendor that carries no event counts against the rate as well; returns when it may go."""
        at = max(now, self._next_slot, self._shut_until)
        if self._interval:
            self._next_slot = at + self._interval / self._pace
        return at

    def request_finished(self) -> None:
        """A request came back, whatever it said."""
        self.in_flight -= 1

    def accepted(self) -> bool:
        """The vendor accepted something. True if that opened the gate."""
        self.successes += 1
        self.consecutive_faults = 0
        self._pace = min(1.0, self._pace + PACE_RECOVERY)
        if self.is_sending:
            self.window = min(self.window + 1, self.max_in_flight)
            return False
        if self._says_nothing():
            return False
        self._flood = ""
        self._open()
        return True

    def unavailable(self, now: float, reason: str, *, retry_after: float | None, throttled: bool) -> float:
        """The vendor failed; returns when the batch may be tried again. The fifth fault in a row closes the gate.

        `retry_after` in seconds shuts the gate for all, for ten minutes at most. `throttled` (429) halves the pace.
        """
        self.consecutive_faults += 1
        if throttled:
            self._pace = max(MIN_PACE, self._pace / 2)
            self.window = max(1, self.window // 2)
        if retry_after is not None:
            self._shut_until = max(self._shut_until, now + min(retry_after, MAX_RETRY_AFTER))
        if self.consecutive_faults >= FAULTS_TO_STOP if self.is_sending else self._probing:
            self._shut(GateState.DOWN, now, reason, self._backoff)
        return now + self._backoff.after(self.consecutive_faults)

    def misconfigured(self, now: float, reason: str) -> bool:
        """The vendor refused credentials or address. True if that is news."""
        news = self._state is not GateState.MISCONFIGURED
        if news or self._probing:
            self._shut(GateState.MISCONFIGURED, now, reason, self._ours_backoff)
        return news

    def flood(self, now: float, reason: str, probe_in: float = FLOOD_PROBE_EVERY) -> None:
        """Too many events fell: only one held event a minute goes, the first after `probe_in`, until one passes."""
        if not self._flood:
            self._flood = reason
            self._probing = False
            self._probe_at = now + probe_in

    def rejected(self, now: float) -> bool:
        """The vendor answered and refused the events: it is up. True if that opened the gate; a flood goes on."""
        self.consecutive_faults = 0
        if self.is_sending or self._says_nothing():
            return False
        if self._flood:
            self._probe_at = now + FLOOD_PROBE_EVERY
        self._open()
        return self.is_sending

    def _says_nothing(self) -> bool:
        """Whether what came back was sent before the gate shut, and so says nothing about why it is shut."""
        return not self._probing and (self.flooded or self._state is GateState.MISCONFIGURED)

    def _open(self) -> None:
        self._state, self._reason, self.window = GateState.SENDING, "", 1

    def _shut(self, state: GateState, now: float, reason: str, backoff: Backoff) -> None:
        """Let only a probe through, after a backoff that doubles with each probe that failed."""
        self._failed_probes = self._failed_probes + 1 if self._state is state else 0
        self._state, self._reason = state, reason
        self._probe_at = now + (FLOOD_PROBE_EVERY if self._flood else backoff.after(self._failed_probes + 1))

    def probe_now(self) -> None:
        """Other credentials have come: do not wait with the next probe."""
        if self._state is GateState.MISCONFIGURED:
            self._probe_at = 0.0

    def hold(self, reason: str) -> bool:
        """Let nothing through while `reason` (a missing secret) stands; an empty one lets go. True if it changed."""
        changed = self._held != reason
        self._held = reason
        return changed

    @property
    def hold_reason(self) -> str:
        """Why the gate is held; empty if it is not."""
        return self._held

    def confirm(self, at: float) -> None:
        """The polling thread said at that time that our partitions are still ours, whenever it is heard."""
        self._confirmed_at = at

    def doubt(self) -> None:
        """The polling thread has stalled: nothing goes until it confirms the assignment."""
        self._confirmed_at = -NEVER

    def confirmed(self, now: float) -> bool:
        """Whether our partitions are known to be ours."""
        return now - self._confirmed_at <= self._stall
