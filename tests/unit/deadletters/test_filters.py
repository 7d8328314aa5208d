"""Filters: each column, all together, and what a letter does not have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.deadletters.cause import event_type, normalise_message
from connector.deadletters.filters import LetterFilters
from connector.kafka.dead_letter import read_letter
from connector.model import Reason
from tests.unit.deadletters.support import message, record

VALUE = b'{"type":"login","event_type":"other"}'
LETTER = read_letter(
    message(record(value=VALUE), reason=Reason.REFUSED, status=400, text='Bad Request: order 17 of "anna" * failed')
)


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (LetterFilters(), True),
        (LetterFilters(sinks=["mytracker"]), True),
        (LetterFilters(sinks=["sailplay"]), False),
        (LetterFilters(sinks=["sailplay", "mytracker"]), True),
        (LetterFilters(methods=["login"], reasons=["refused"], topics=["events"], routes=["mytracker.login"]), True),
        (LetterFilters(methods=["login"], reasons=["poison"]), False),
        (LetterFilters(types=["login"]), True),
        (LetterFilters(types=["other"]), False),
        (LetterFilters(statuses=["400"]), True),
        (LetterFilters(statuses=["-"]), False),
        (LetterFilters(since=1_700_000_100.0), True),
        (LetterFilters(since=1_700_000_100.1), False),
        (LetterFilters(until=1_700_000_100.0), False),
        (LetterFilters(until=1_700_000_100.1), True),
        (LetterFilters(messages=["Bad Request: order <n> of <text> * failed"]), True),
        (LetterFilters(messages=['Bad Request: order 99 of "bob" * failed']), True),
        (LetterFilters(messages=["*order*"]), True),
        (LetterFilters(messages=["order"]), False),
        (LetterFilters(messages=["Bad Request*", "no"]), True),
        (LetterFilters(messages=[""]), False),
    ],
)
def test_a_letter_is_taken_if_every_column_given_has_one_of_the_values(selection: LetterFilters, taken: bool) -> None:
    assert LETTER is not None
    assert selection.match(LETTER, VALUE) is taken


@given(st.text(alphabet="ab12-_.,:'\"<>n@*[( /x", max_size=40))
def test_a_message_is_found_as_it_was_written_and_as_it_is_shown(text: str) -> None:
    letter = read_letter(message(record(), text=text))
    assert letter is not None
    assert LetterFilters(messages=[text]).match(letter, None)
    assert LetterFilters(messages=[normalise_message(text)]).match(letter, None)


def test_a_dash_stands_for_what_a_letter_does_not_have() -> None:
    letter = read_letter(message(record(), route=None, method=None))
    assert letter is not None
    assert LetterFilters(methods=["-"], routes=["-"], statuses=["-"], types=["-"]).match(letter, b"not JSON")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'{"event_type":"level"}', "level"),
        (b'{"type":7,"event_type":"level"}', "level"),
        (b'{"type":7}', None),
        (b"[1]", None),
        (b"{broken", None),
        (None, None),
    ],
)
def test_an_events_type_is_what_it_calls_itself(value: bytes | None, expected: str | None) -> None:
    assert event_type(value) == expected
