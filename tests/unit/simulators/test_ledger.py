"""The ledger numbers, pages and counts what was accepted."""

from __future__ import annotations

import orjson
import pytest

from connector.simulators.ledger import Ledger


def filled(*sizes: int) -> Ledger:
    """A ledger with a request of so many events for each size; every event is new."""
    ledger = Ledger()
    for size in sizes:
        items = [{"event": ledger.events + index} for index in range(size)]
        ledger.record_accepted(
            "m",
            [orjson.dumps(item) for item in items],
            orjson.dumps(items),
            request=ledger.request_started(),
            time=1.0,
            size=100 * size,
        )
        ledger.request_finished()
    return ledger


@pytest.mark.parametrize("after", range(8))
@pytest.mark.parametrize("limit", [0, 1, 2, 5, 100, None])
def test_a_page_is_a_slice_of_all_events(after: int, limit: int | None) -> None:
    ledger = filled(1, 3, 2, 1)
    everything = [entry.item["event"] for entry in ledger]
    assert everything == list(range(7))
    end = None if limit is None else after + limit
    assert [entry.item["event"] for entry in ledger.entries_after(after, limit)] == everything[after:end]


def test_an_entry_tells_of_its_request() -> None:
    entry = list(filled(1, 3))[2]
    assert (entry.number, entry.request, entry.batch, entry.bytes, entry.times) == (3, 2, 3, 300, 1)
    assert entry.as_json()["item"] == {"event": 2}


def test_equal_events_are_counted_one_by_one() -> None:
    ledger = Ledger()
    for request, identities in enumerate(([b"a", b"b", b"a"], [b"c"], [b"a"]), 1):
        items = b"[" + b",".join([b"{}"] * len(identities)) + b"]"
        ledger.record_accepted("m", identities, items, request=request, time=1.0, size=1)
    assert [entry.times for entry in ledger] == [1, 1, 2, 1, 3]
    assert ledger.duplicates == 2


def test_the_summary_has_the_largest_and_the_mean() -> None:
    summary = filled(20, 10).summary()
    assert (summary["events"], summary["accepted_requests"], summary["mean_items"]) == (30, 2, 15.0)
    assert (summary["max_items"], summary["max_bytes"], summary["max_in_flight"]) == (20, 2000, 1)


def test_only_the_last_refusals_are_kept() -> None:
    ledger = Ledger()
    for number in range(100):
        ledger.record_refused("m", "rule", request=number, time=0.0)
    assert [refusal["request"] for refusal in ledger.summary()["last_refusals"]] == list(range(80, 100))
