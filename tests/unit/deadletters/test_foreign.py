"""Whatever lies in the dead-letter and receipts topics, reading it raises nothing and closes nothing it should not."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.deadletters.filters import LetterFilters
from connector.deadletters.index import LetterIndex
from connector.deadletters.letter_history import RequestedReceipts, history_of
from connector.deadletters.ordered_letters import EventOrder
from connector.deadletters.receipts import LetterState, Receipt, Receipts, decode_receipt
from connector.deadletters.remap import remap
from connector.deadletters.summary import LetterGroups
from connector.kafka import dead_letter as headers
from connector.kafka.dead_letter import Flaw, LetterPlace, digest, examine, failed_record, read_letter
from connector.model import Failure, Item, Record
from tests.unit.deadletters import foreign
from tests.unit.deadletters.support import message, record


class NoRoutes:
    def route(self, record: Record, only: str | None = None) -> Sequence[Item | Failure]:
        return ()

    def list_elements(self, record: Record, route: str) -> None:
        return None


@given(st.lists(foreign.letters(), max_size=6), st.lists(foreign.receipts(), max_size=3))
def test_nothing_that_lies_in_the_topics_raises(records: list[Record], values: list[bytes]) -> None:
    """The way of `dlq summary`, `show` and `replay`, as far as it is pure."""
    found = [(letter, each) for each in records if (letter := read_letter(each)) is not None]
    receipts, known, groups = Receipts(), RequestedReceipts(), LetterGroups()
    for letter, _ in found:
        for source, value in enumerate(values):
            receipts.apply_record(letter.identity, value, source)
            known.apply_record(letter.identity, value, source)
    index = LetterIndex(receipts)
    for letter, each in found:
        taken = LetterFilters(statuses=["400"], since=0.0, messages=["*"]).match(letter, each.value)
        index.add_letter(letter, each.key, selected=taken, group=groups.number_of(letter, each.value))
        assert index.row_at(letter) is None or index.newest_location(index.row_at(letter) or 0) == letter.place
        assert 0 <= failed_record(letter, each).offset < 2**63
        assert remap(letter, failed_record(letter, each), {"mytracker": NoRoutes()}, receipts).obstacle
        history_of([(letter, failed_record(letter, each))], known)
    groups.count_letters(index)
    rows = list(index.rows())
    ordering: EventOrder[int] = EventOrder(index, rows)
    went = [row for row in rows for row, _ in ordering.release(row, row)] + [row for row, _ in ordering.flush()]
    assert sorted(went) == rows
    for row in rows:
        closes = receipts.offsets_to_close(b"?", index.highest_offsets(row))
        assert decode_receipt(Receipt(LetterState.REPLAYED, 0.0, "", closes).encode()) == (
            LetterState.REPLAYED,
            0,
            "",
            closes,
            None,
        )


@given(st.binary(max_size=20), st.lists(foreign.receipts(), min_size=1, max_size=4))
def test_receipts_of_any_bytes_close_only_what_they_name(key: bytes, values: list[bytes]) -> None:
    receipts = Receipts()
    decoded = [receipt for value in values if (receipt := receipts.apply_record(key, value, 0)) is not None]
    highest: dict[int, int] = {}
    for receipt in decoded:
        for partition, offset in receipt.closes.items():
            highest[partition] = max(offset, highest.get(partition, -1))
    assert receipts.offsets_to_close(digest(key), {}) == highest
    for partition, offset in highest.items():
        assert receipts.state_at(digest(key), LetterPlace(partition, offset)) is not LetterState.OPEN
        assert receipts.state_at(digest(key), LetterPlace(partition, offset + 1)) is LetterState.OPEN


@pytest.mark.parametrize(
    ("header", "value", "what"),
    [
        (headers.OFFSET, b"-5", "is no whole number from 0 to 9223372036854775807"),
        (headers.OFFSET, b"9223372036854775808", "is no whole number from 0 to 9223372036854775807"),
        (headers.OFFSET, b"1_000", "is no whole number from 0 to 9223372036854775807"),
        (headers.PARTITION, b"2147483648", "is no whole number from 0 to 2147483647"),
        (headers.PARTITION, "٣".encode(), "is no whole number from 0 to 2147483647"),
        (headers.PARTITION, None, "is missing"),
        (headers.REPLAYS, b"99999999999", "is no whole number from 0 to 2147483647"),
        (headers.ATTEMPTS, b"1.5", "is no whole number from 0 to 2147483647"),
        (headers.STATUS, b" 400", "is no whole number from 0 to 2147483647"),
        (headers.FAILED_AT, b"10000-01-01T00:00:00+00:00", "is no ISO 8601 time with a zone"),
        (headers.FAILED_AT, b"0001-01-01T00:00:00+14:00", "is no ISO 8601 time with a zone"),
        (headers.FAILED_AT, b"0001-01-01T00:00:00", "is no ISO 8601 time with a zone"),
        (headers.TIMESTAMP, "²".encode(), "is no whole number of 64 bits"),
        (headers.TIMESTAMP, b"--5", "is no whole number of 64 bits"),
        (headers.TOPIC, b"a/b", "is no name: letters, digits, dots, - and _"),
        (headers.SINK, b"", "is no name: letters, digits, dots, - and _"),
        (headers.ROUTE, b"\xff", "is not UTF-8"),
        (headers.REASON, b"\xff", "is not UTF-8"),
        (headers.REASON, b"not a reason", "is no reason"),
        (headers.IDENTITY, b"3", "is of a later version"),
    ],
)
def test_a_letter_gone_wrong_is_none_of_ours_and_the_header_is_named(
    header: str, value: bytes | None, what: str
) -> None:
    written = message(record(), status=400)
    headers = tuple((name, value if name == header else right) for name, right in written.headers)
    wrong = written._replace(headers=headers)
    assert examine(wrong) == Flaw(header, what)
    assert read_letter(wrong) is None


@pytest.mark.parametrize("timestamp", [-(2**63), -1, 0, 2**63 - 1])
def test_an_events_own_time_may_lie_beyond_the_calendar(timestamp: int) -> None:
    """A producer chooses it: such an event fails like any other, and its letter is no stranger for that."""
    written = message(record(timestamp=timestamp))
    letter = read_letter(written)
    assert letter is not None
    assert failed_record(letter, written).timestamp == timestamp


def test_a_letter_for_a_reason_of_a_later_version_is_shown_and_left_to_that_one() -> None:
    """After a roll-back: what such a reason means for a replay, this version cannot know."""
    written = message(record())
    later = tuple((name, b"expired" if name == headers.REASON else value) for name, value in written.headers)
    letter = read_letter(written._replace(headers=later))
    assert letter is not None
    assert letter.reason == "expired"
    groups, index = LetterGroups(), LetterIndex(Receipts())
    index.add_letter(letter, b"k", selected=True, group=groups.number_of(letter, b""))
    (group,) = groups.count_letters(index)
    assert (group.cause.reason, group.open, group.cause.replayable) == ("expired", 1, False)
    today = remap(letter, record(), {"mytracker": NoRoutes()}, Receipts())
    assert (today.items, today.complete) == ((), False)
    assert "reason expired is of a later version" in today.obstacle


@pytest.mark.parametrize(
    "wrong",
    [
        {"closes": {"-1": 5}}, {"closes": {"0": -1}}, {"closes": {"2147483648": 5}}, {"closes": {"0": 2**63}},
        {"closes": {"0": 1.0}}, {"closes": {"0": True}}, {"closes": {"²": 5}}, {"closes": {"1_0": 5}}, {"closes": [0]},
        {"what": "open"}, {"what": 1}, {"what": "sent"}, {"at": "2026-01-01T00:00:00"}, {"at": "10000-01-01T00:00:00Z"},
        {"at": "0001-01-01T00:00:00+14:00"}, {"at": 5}, {"letter": 5}, {"why": ["x"]},
    ],
)  # fmt: skip
def test_a_receipt_gone_wrong_closes_nothing_and_takes_nothing_back(wrong: dict[str, object]) -> None:
    right = {
        "what": "replayed",
        "why": None,
        "at": "2026-01-01T00:00:00+00:00",
        "letter": "dead/0/5",
        "closes": {"0": 5},
    }
    assert decode_receipt(orjson.dumps(right)) is not None
    receipts = Receipts()
    receipts.apply_record(b"k", orjson.dumps(right | wrong), 0)
    assert receipts.state_at(digest(b"k"), LetterPlace(0, 0)) is LetterState.OPEN
    receipts.apply_record(b"k", orjson.dumps(right), 0)
    receipts.apply_record(b"k", orjson.dumps(right | wrong), 0)
    assert receipts.state_at(digest(b"k"), LetterPlace(0, 5)) is LetterState.REPLAYED


def test_a_receipt_may_close_letters_in_a_million_partitions() -> None:
    closes = {partition: partition for partition in range(1_000_000)}
    receipts = Receipts()
    receipts.apply_record(b"k", Receipt(LetterState.REPLAYED, 0.0, "dead/0/5", closes).encode(), 0)
    assert receipts.state_at(digest(b"k"), LetterPlace(999_999, 999_999)) is LetterState.REPLAYED
    assert receipts.state_at(digest(b"k"), LetterPlace(999_999, 1_000_000)) is LetterState.OPEN


def test_a_place_of_any_size_closes_no_other() -> None:
    """Partition 65,536 once ran into the offsets' bits."""
    receipts = Receipts()
    receipts.add_receipt(b"k", Receipt(LetterState.REPLAYED, 0.0, "", {65_536: 0, 2**31 - 1: 2**63 - 1}))
    assert receipts.state_at(digest(b"k"), LetterPlace(0, 0)) is LetterState.OPEN
    assert receipts.offsets_to_close(digest(b"k"), {}) == {65_536: 0, 2**31 - 1: 2**63 - 1}
