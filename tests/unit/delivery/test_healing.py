"""How long a code that may heal is waited for before each retry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.delivery.healing import seconds_before_retry


@pytest.mark.parametrize(
    ("number", "term", "shortest", "longest_wait"),
    [
        (1, 600.0, 0.2, 10.0),
        (2, 600.0, 0.2, 20.0),
        (3, 600.0, 0.2, 40.0),
        (4, 600.0, 0.2, 60.0),
        (99, 600.0, 0.2, 60.0),
        (1, 6.0, 0.2, 0.2),
        (9, 6.0, 0.2, 0.6),
        (1, 86_400.0, 0.2, 1440.0),
        (1, 600.0, 90.0, 90.0),
        (9, 600.0, 90.0, 90.0),
        (10**6, 1.0, 0.2, 0.2),
    ],
)
def test_the_waits_double_from_a_sixtieth_of_the_term_to_a_tenth(
    number: int, term: float, shortest: float, longest_wait: float
) -> None:
    waits = [seconds_before_retry(number, term, 0.0, shortest) for _ in range(200)]
    assert longest_wait / 2 <= min(waits) < longest_wait * 0.6
    assert longest_wait * 0.9 < max(waits) <= longest_wait


@given(st.integers(1, 1000), st.floats(0.001, 1e6), st.floats(0, 1e6), st.floats(0.001, 60))
def test_the_last_retry_comes_as_the_term_ends(number: int, term: float, elapsed: float, shortest: float) -> None:
    wait = seconds_before_retry(number, term, elapsed, shortest)
    assert 0.0 <= wait <= max(0.0, term - elapsed)
