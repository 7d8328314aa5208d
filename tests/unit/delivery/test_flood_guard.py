"""The flood guard's arithmetic: both marks, a window that moves, a count that starts afresh."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.flood_guard import FloodGuard

LETTERS, SHARE, WITHIN = 10, 0.5, 300.0


def guard() -> FloodGuard:
    return FloodGuard(LETTERS, SHARE, WITHIN)


@pytest.mark.parametrize(
    ("fell", "delivered", "exceeded"),
    [(10, 0, False), (11, 0, True), (11, 10, True), (11, 11, False), (1000, 1000, False), (1001, 1000, True)],
)
def test_more_than_so_many_and_more_than_such_a_share(fell: int, delivered: int, exceeded: bool) -> None:
    of = guard()
    of.fell(fell, 0.0)
    of.delivered(delivered, 0.0)
    assert of.exceeded(0.0) is exceeded
    assert of.counts(0.0) == (fell, fell + delivered)


def test_what_is_older_than_the_window_does_not_count() -> None:
    of = guard()
    of.fell(11, 0.0)
    assert of.exceeded(WITHIN - 0.1)
    assert not of.exceeded(WITHIN)
    assert of.counts(WITHIN) == (0, 0)


def test_a_reset_starts_the_count_afresh() -> None:
    of = guard()
    of.fell(11, 0.0)
    of.reset()
    assert of.counts(0.0) == (0, 0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 50), st.booleans(), st.integers(1, 20)), max_size=80))
def test_the_window_is_exact_to_a_sixtieth_of_its_length(events: list[tuple[float, bool, int]]) -> None:
    of, now, seen = guard(), 0.0, []
    for pause, fell, count in events:
        now += pause
        (of.fell if fell else of.delivered)(count, now)
        seen.append((now, fell, count))
        counted, total = of.counts(now)
        surely = [each for each in seen if each[0] > now - WITHIN + WITHIN / 60]
        perhaps = [each for each in seen if each[0] > now - WITHIN - WITHIN / 60]
        assert sum(n for _, _, n in surely) <= total <= sum(n for _, _, n in perhaps)
        assert sum(n for _, bad, n in surely if bad) <= counted <= sum(n for _, bad, n in perhaps if bad)


def test_what_fell_before_the_start_counts_until_it_is_too_old() -> None:
    guard = FloodGuard(letters=10, share=0.5, within=300.0)
    guard.remember([100.0 + age for age in range(12)], delivered=6, now=1000.0)
    assert guard.counts(1000.0) == (12, 18)
    assert guard.exceeded(1000.0)
    assert not guard.exceeded(1000.0 + 300.0)


def test_what_fell_before_the_start_is_older_than_what_has_fallen_since() -> None:
    guard = FloodGuard(letters=10, share=0.5, within=300.0)
    guard.fell(3, 1000.0)
    guard.remember([0.0, 250.0], delivered=0, now=1001.0)
    assert guard.counts(1001.0) == (5, 5)
    assert guard.counts(1060.0) == (4, 4)
    assert guard.counts(1301.0) == (0, 0)
