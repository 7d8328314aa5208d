"""The ledger of a simulated vendor: the events it accepted, stored per request, and counts of all requests."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

_REFUSALS_KEPT = 20


class AcceptedRequest(NamedTuple):
    """One accepted request; its events are parsed only when they are read.

    `first` is the arrival number of its first event, from 1. `items` is JSON: an object, or an array of objects. `size`
    is the bytes of the request's body (of its query, for a GET). `times` says for each event how often it has been
    accepted by now; empty if each was new.
    """

    first: int
    request: int
    time: float
    method: str
    batch: int
    size: int
    items: bytes
    times: tuple[int, ...]
    notes: Mapping[str, Any] | None


class Entry(NamedTuple):
    """One accepted event.

    `number`: arrival number, from 1. `request`: number of the request that carried it. `time`: seconds since the epoch.
    `batch`: events in that request. `bytes`: size of its body. `times`: 1, or more if the same event had been accepted
    before. `notes`: what a vendor counts in addition (SailPlay: `fire_count`).
    """

    number: int
    request: int
    time: float
    method: str
    batch: int
    bytes: int
    times: int
    item: dict[str, Any]
    notes: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the entry as `GET /_ledger` shows it."""
        shown: dict[str, Any] = self._asdict()
        del shown["notes"]
        return shown | dict(self.notes)


class Ledger:
    """Accepted events in the order of their arrival, and counts of all requests."""

    def __init__(self) -> None:
        self.events = 0
        self.duplicates = 0
        self.in_flight = 0
        self.requests = 0
        self._max_in_flight = 0
        self._max_items = 0
        self._max_bytes = 0
        self._accepted: list[AcceptedRequest] = []
        self._seen: dict[int, int] = {}
        self._by_status: Counter[str] = Counter()
        self._by_method: Counter[str] = Counter()
        self._by_fault: Counter[str] = Counter()
        self._refusals: deque[dict[str, Any]] = deque(maxlen=_REFUSALS_KEPT)

    def __len__(self) -> int:
        return self.events

    def __iter__(self) -> Iterator[Entry]:
        return self.entries_after(0)

    def request_started(self) -> int:
        """Count a request that has arrived; return its number, from 1."""
        self.requests += 1
        self.in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self.in_flight)
        return self.requests

    def request_finished(self) -> None:
        """Count a request as no longer in flight, however it ended."""
        self.in_flight -= 1

    def record_accepted(
        self,
        method: str,
        identities: Sequence[bytes],
        items: bytes,
        *,
        request: int,
        time: float,
        size: int,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """Enter the events of one request.

        `identities` holds, for each event, the bytes by which it is recognised when it comes again; `items` is the
        events' JSON. The other arguments are those of `AcceptedRequest`.
        """
        count = len(identities)
        seen = self._seen
        times = []
        for identity in identities:
            key = hash(identity)  # 64 bits: a million events collide with a probability of 1 in 30 million
            seen[key] = so_often = seen.get(key, 0) + 1
            times.append(so_often)
        repeated = sum(1 for so_often in times if so_often > 1)
        self.duplicates += repeated
        self._accepted.append(
            AcceptedRequest(
                self.events + 1, request, time, method, count, size, items, tuple(times) if repeated else (), notes
            )
        )
        self.events += count
        self._by_method[method] += count
        self._max_items = max(self._max_items, count)
        self._max_bytes = max(self._max_bytes, size)

    def record_refused(self, method: str, reason: str, *, request: int, time: float) -> None:
        """Enter why a request was refused; `reason` names the rule, never a value."""
        self._refusals.append({"request": request, "time": time, "method": method, "reason": reason})

    def count_answer(self, status: int) -> None:
        """Count a proper answer."""
        self._by_status[str(status)] += 1

    def count_fault(self, kind: str) -> None:
        """Count a fault that replaced or delayed a proper answer."""
        self._by_fault[kind] += 1

    def entries_after(self, number: int, limit: int | None = None) -> Iterator[Entry]:
        """Yield the events that arrived after the one with this number, at most `limit`."""
        last = self.events if limit is None else min(self.events, number + limit)
        for accepted in self._accepted[self._request_index(number + 1) :]:
            if accepted.first > last:
                return
            for entry in _entries(accepted):
                if number < entry.number <= last:
                    yield entry

    def summary(self) -> dict[str, Any]:
        """Return the counts over all requests."""
        accepted = len(self._accepted)
        return {
            "events": self.events,
            "duplicates": self.duplicates,
            "requests": self.requests,
            "accepted_requests": accepted,
            "mean_items": round(self.events / accepted, 3) if accepted else 0.0,
            "max_items": self._max_items,
            "max_bytes": self._max_bytes,
            "in_flight": self.in_flight,
            "max_in_flight": self._max_in_flight,
            "by_status": dict(self._by_status),
            "by_method": dict(self._by_method),
            "by_fault": dict(self._by_fault),
            "last_refusals": list(self._refusals),
        }

    def _request_index(self, number: int) -> int:
        """Return the index of the request that holds the event with this number (binary search)."""
        low, high = 0, len(self._accepted)
        while low < high:
            middle = (low + high) // 2
            accepted = self._accepted[middle]
            if accepted.first + accepted.batch <= number:
                low = middle + 1
            else:
                high = middle
        return low


def _entries(accepted: AcceptedRequest) -> Iterator[Entry]:
    items = orjson.loads(accepted.items)
    for index, item in enumerate(items if isinstance(items, list) else [items]):
        yield Entry(
            number=accepted.first + index,
            request=accepted.request,
            time=accepted.time,
            method=accepted.method,
            batch=accepted.batch,
            bytes=accepted.size,
            times=accepted.times[index] if accepted.times else 1,
            item=item,
            notes=accepted.notes or {},
        )
