"""Times as commands show them."""

from __future__ import annotations

import pytest

from connector.operations.formatting import clock_time, record_time


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (-1, None),
        (0, "1970-01-01T00:00:00Z"),
        (-1000, "1969-12-31T23:59:59Z"),
        (253_402_300_800_000, "253402300800000 ms"),
        (2**63 - 1, "9223372036854775807 ms"),
        (-(2**63), "-9223372036854775808 ms"),
    ],
)
def test_a_records_time_beyond_the_calendar_is_shown_as_its_number(milliseconds: int, shown: str | None) -> None:
    assert record_time(milliseconds) == shown


@pytest.mark.parametrize("milliseconds", [-(2**63), -(10**15), 10**15, 2**63 - 1])
def test_a_time_beyond_the_calendar_is_shown_as_such(milliseconds: int) -> None:
    assert clock_time(milliseconds / 1000).endswith(" s from 1970, beyond the calendar")
