"""Gates whose backoff is certain, and what happens to them."""

from __future__ import annotations

from connector.delivery.backoff import Backoff
from connector.delivery.gate import FAULTS_TO_GO_DOWN, Gate

INITIAL, MAXIMUM, IN_FLIGHT = 0.2, 30.0, 32


class Certain(Backoff):
    """The backoff without its jitter: the longest it may be."""

    def seconds_before_retry(self, number: int) -> float:
        return min(MAXIMUM, INITIAL * 2.0 ** (number - 1))


def gate(*, rate: float | None = None, max_in_flight: int = IN_FLIGHT) -> Gate:
    return Gate(max_in_flight=max_in_flight, backoff=Certain(INITIAL, MAXIMUM), rate=rate)


def fault(of: Gate, now: float = 0.0, *, retry_after: float | None = None, throttled: bool = False) -> float:
    """One request that the vendor fails."""
    of.request_started(now)
    of.request_finished()
    return of.record_fault(now, "503", retry_after=retry_after, throttled=throttled)


def success(of: Gate, now: float = 0.0) -> bool:
    of.request_started(now)
    of.request_finished()
    return of.record_acceptance()


def closed() -> Gate:
    of = gate()
    for _ in range(FAULTS_TO_GO_DOWN):
        fault(of)
    return of


def may_go(of: Gate, now: float) -> int:
    """How many requests the gate lets out at `now`."""
    went = 0
    while of.next_send_at() <= now and went < 1000:
        of.request_started(now)
        went += 1
    return went
