"""What was written is read back: why it failed, and the record byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.deadletters.letter import LetterPlace, failed_record, identity, read_letter
from connector.kafka.dead_letter import TIMESTAMP
from connector.model import Headers, Reason
from tests.unit.deadletters.support import message, record

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
