"""The dead letter's form: the original byte for byte, headers that say why, and no way to forge them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector.kafka import dead_letter
from connector.kafka.dead_letter import compose_letter, last_header
from connector.model import FailedElements, Failure, Headers, Reason, Record, Stage

NOW = 1_700_000_000.123


def failure(
    *, headers: Headers = (), message: str = "bad", route: str | None = "r", status: int | None = 422
) -> Failure:
    record = Record("users", 3, 99, 1_600_000_000_000, b"\xff\x00key", b"\xfe value", headers)
    return Failure(record, Reason.REFUSED, Stage.SEND, message, route, "login", status, 4)


def headers_of(of: Failure) -> Headers:
    letter = compose_letter(of, group="crm", sink="mytracker", now=NOW)
    assert all(value is None or isinstance(value, bytes) for _, value in letter.headers)
    return tuple(letter.headers)  # type: ignore[arg-type]  # just shown


def test_key_value_and_headers_are_the_originals_byte_for_byte_and_in_their_order() -> None:
    original: Headers = (("trace", b"\x00\xff"), ("none", None), ("trace", b"again"))
    letter = compose_letter(failure(headers=original), group="g", sink="s", now=NOW)
    assert (letter.key, letter.value) == (b"\xff\x00key", b"\xfe value")
    assert tuple(letter.headers[: len(original)]) == original


def test_a_tombstone_without_a_key_stays_one() -> None:
    record = Record("users", 0, 0, -1, None, None, ())
    letter = compose_letter(Failure(record, Reason.UNROUTED, Stage.ROUTE, "x"), group="g", sink="s", now=NOW)
    assert (letter.key, letter.value) == (None, None)


def test_every_header_of_the_contract_is_there() -> None:
    told = dict(headers_of(failure()))
    assert told == {
        "__connect.errors.topic": b"users",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"99",
        "__connect.errors.connector.name": b"crm",
        "__connect.errors.stage": b"send",
        "__connect.errors.exception.message": b"bad",
        "connector.sink": b"mytracker",
        "connector.route": b"r",
        "connector.method": b"login",
        "connector.reason": b"refused",
        "connector.status": b"422",
        "connector.attempts": b"4",
        "connector.failed_at": b"2023-11-14T22:13:20.123+00:00",
        "connector.replays": b"0",
        "connector.timestamp": b"1600000000000",
        "connector.identity": b"2",
    }
    failed_at = told["connector.failed_at"]
    assert failed_at is not None
    assert datetime.fromisoformat(failed_at.decode()).astimezone(UTC).timestamp() == pytest.approx(NOW)


def test_what_is_not_known_has_no_header() -> None:
    names = dict(headers_of(failure(route=None, status=None)))
    assert "connector.route" not in names
    assert "connector.status" not in names


@pytest.mark.parametrize("text", ["x" * 5000, "é" * 5000, "€" * 5000, "😀" * 5000])
def test_the_vendors_text_is_cut_at_a_kilobyte_between_characters(text: str) -> None:
    told = last_header(headers_of(failure(message=text)), dead_letter.MESSAGE)
    assert told is not None
    assert 1020 < len(told.encode()) <= 1024
    assert text.startswith(told)


def test_text_that_is_no_unicode_does_not_raise() -> None:
    assert last_header(headers_of(failure(message="\ud800 half")), dead_letter.MESSAGE) == "? half"


def test_a_header_that_the_event_brought_is_not_taken_for_the_connectors() -> None:
    forged: Headers = (("connector.route", b"forged"), ("connector.sink", b"forged"), ("connector.status", b"200"))
    headers = headers_of(failure(headers=forged, route=None, status=None))
    assert last_header(headers, dead_letter.ROUTE) is None
    assert last_header(headers, dead_letter.STATUS) is None
    assert last_header(headers, dead_letter.SINK) == "mytracker"
    assert last_header(headers, dead_letter.TOPIC) == "users"


def test_no_header_is_no_text() -> None:
    assert last_header((), dead_letter.ROUTE) is None
    assert last_header((("connector.route", None),), dead_letter.ROUTE) is None


def test_the_elements_that_failed_are_never_cut_short() -> None:
    named = ",".join(f"{index}/0123abcd" for index in range(600))
    elements = FailedElements(tuple(range(1, 601)), named)
    told = last_header(headers_of(failure(message="x" * 5000)._replace(elements=elements)), dead_letter.ITEM)
    assert told == named
    assert len(named) > 7_000


def test_an_event_that_failed_as_a_whole_names_no_elements() -> None:
    forged: Headers = (("connector.item", b"0/0123abcd"),)
    assert last_header(headers_of(failure(headers=forged)), dead_letter.ITEM) is None
