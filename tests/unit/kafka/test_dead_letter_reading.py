"""What was written is read back: why it failed, and the record byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.kafka.dead_letter import (
    OFFSET,
    TIMESTAMP,
    Flaw,
    LetterPlace,
    RecentLetter,
    examine,
    failed_record,
    identity,
    read_letter,
    recent_letter,
)
from connector.model import Headers, Reason, Record
from tests.unit.deadletters import foreign
from tests.unit.deadletters.support import WRITTEN, message, record

names = st.sampled_from(
    ["trace", "connector.route", "connector.sink", "__connect.errors.topic", "connector.replays", "x"]
)


def test_a_letter_says_what_failed_where_and_why() -> None:
    letter = read_letter(message(record(), (2, 9), reason=Reason.REFUSED, status=400, replays=3))
    assert letter is not None
    assert letter.place == LetterPlace(2, 9)
    assert (letter.origin, letter.sink, letter.route, letter.method) == (
        "events/3/7",
        "mytracker",
        "mytracker.login",
        "login",
    )
    assert (letter.reason, letter.status, letter.attempts, letter.replays) == (Reason.REFUSED, 400, 2, 3)
    assert letter.failed_at == 1_700_000_100.0


@given(
    st.lists(st.tuples(names, st.none() | st.binary(max_size=8))),
    st.none() | st.binary(max_size=8),
    st.none() | st.binary(max_size=30),
)
def test_the_record_comes_back_whatever_headers_it_brought(
    headers: list[tuple[str, bytes | None]], key: bytes | None, value: bytes | None
) -> None:
    """Even an event that was a dead letter itself once: what it brought is neither lost nor taken for ours."""
    failed = record(key=key, value=value, headers=tuple(headers))
    written = message(failed, route=None, method=None)
    letter = read_letter(written)
    assert letter is not None
    assert (letter.route, letter.method, letter.sink, letter.replays) == (None, None, "mytracker", 0)
    assert failed_record(letter, written) == failed


@given(
    st.none() | st.text(max_size=600),
    st.text(max_size=600),
    st.none() | st.integers(0, 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(0, 4e9),
    st.integers(0, 2**31 - 1),
)
def test_whatever_the_connector_writes_it_reads(
    route: str | None, text: str, status: int | None, timestamp: int, now: float, replays: int
) -> None:
    written = message(
        record(timestamp=timestamp), route=route, method=route, text=text, status=status, now=now, replays=replays
    )
    letter = read_letter(written)
    assert letter is not None
    assert (letter.status, letter.timestamp, letter.replays) == (status, timestamp, replays)


@pytest.mark.parametrize("named", ["", "all", "0/0123abcd", "3/0123abcd,999/ffffffff"])
def test_the_elements_that_failed_are_read(named: str) -> None:
    letter = read_letter(message(record(headers=(("connector.item", b"5/01234567"),)), item=named))
    assert letter is not None
    assert letter.item == named


@pytest.mark.parametrize("named", ["everything", "0", "0/0123abcd,", "0/0123ABCD", "0:0123abcd"])
def test_elements_that_a_later_version_may_have_named_make_it_no_letter(named: str) -> None:
    """What of the event a replay may send is unknown."""
    found = examine(message(record(), item=named))
    assert found == Flaw("connector.item", "names no elements")


def test_a_letter_without_the_records_time_is_taken_at_its_own() -> None:
    written = message(record())
    older = written._replace(headers=tuple(each for each in written.headers if each[0] != TIMESTAMP))
    letter = read_letter(older)
    assert letter is not None
    assert failed_record(letter, older).timestamp == older.timestamp


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("__connect.errors.topic", b"events"),),
        tuple((name, b"?") for name, _ in message(record()).headers),
    ],
)
def test_what_the_connector_did_not_write_is_no_letter(headers: Headers) -> None:
    assert read_letter(record(headers=headers)) is None


def test_no_two_identities_read_the_same() -> None:
    assert identity("t", 1, 2, "s", None) != identity("t", 1, 2, "s", "")
    assert identity("t", 1, 2, "s", "r/x") != identity("t", 1, 2, "s", "r")
    assert identity("t", 1, 22, "s", "r") != identity("t", 12, 2, "s", "r")


def test_a_recent_letter_has_its_sink_reason_and_origin() -> None:
    assert recent_letter(message(record())) == RecentLetter("mytracker", "unmappable", "events", 3, 7, WRITTEN / 1000)


def test_a_letter_that_a_replay_wrote_is_not_counted() -> None:
    assert recent_letter(message(record(), replays=1)) is None


@given(foreign.letters())
def test_whatever_lies_there_raises_nothing_and_has_an_origin_that_exists(written: Record) -> None:
    found = recent_letter(written)
    assert found is None or (0 <= found.partition < 2**31 and 0 <= found.offset < 2**63)


@pytest.mark.parametrize("value", [b"-5", b"99999999999999999999", "٣".encode(), b"1_0", b"", None])
def test_an_offset_that_is_none_is_not_counted(value: bytes | None) -> None:
    """The flood guard takes settled offsets between letters for deliveries: a huge offset would hide a flood."""
    written = message(record())
    wrong = tuple((name, value if name == OFFSET else of) for name, of in written.headers)
    assert recent_letter(written._replace(headers=wrong)) is None
