"""The letters of the last minutes: what others wrote to the topic is not counted, and ends nothing."""

from __future__ import annotations

import pytest
from hypothesis import given

from connector.kafka import dead_letter
from connector.kafka.recent_dead_letters import RecentLetter, _letter
from connector.model import Record
from tests.unit.deadletters import foreign
from tests.unit.deadletters.support import WRITTEN, message, record


def test_a_letter_tells_its_sink_reason_and_origin() -> None:
    assert _letter(message(record())) == RecentLetter("mytracker", "unmappable", "events", 3, 7, WRITTEN / 1000)


def test_a_letter_that_a_replay_wrote_is_not_counted() -> None:
    assert _letter(message(record(), replays=1)) is None


@given(foreign.letters())
def test_whatever_lies_there_raises_nothing_and_has_an_origin_that_exists(written: Record) -> None:
    found = _letter(written)
    assert found is None or (0 <= found.partition < 2**31 and 0 <= found.offset < 2**63)


@pytest.mark.parametrize("value", [b"-5", b"99999999999999999999", "٣".encode(), b"1_0", b"", None])
def test_an_offset_that_is_none_is_not_counted(value: bytes | None) -> None:
    """The flood guard estimates by the offsets between letters what was delivered: a huge one would hide a flood."""
    written = message(record())
    wrong = tuple((name, value if name == dead_letter.OFFSET else of) for name, of in written.headers)
    assert _letter(written._replace(headers=wrong)) is None
