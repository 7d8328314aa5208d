"""The flood guard's arithmetic: both marks, a window that moves, a count that starts afresh."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.failure_rate import FailureRate

LETTERS, SHARE, WITHIN = 10, 0.5, 300.0


def guard() -> FailureRate:
    return FailureRate(LETTERS, SHARE, WITHIN)


@pytest.mark.parametrize(
    ("fell", "delivered", "exceeded"),
    [(10, 0, False), (11, 0, True), (11, 10, True), (11, 11, False), (1000, 1000, False), (1001, 1000, True)],
)
def test_more_than_so_many_and_more_than_such_a_share(fell: int, delivered: int, exceeded: bool) -> None:
    of = guard()
    of.add_failed(fell, 0.0)
    of.add_accepted(delivered, 0.0)
    assert of.exceeded(0.0) is exceeded
    assert of.counts(0.0) == (fell, fell + delivered)


def test_what_is_older_than_the_window_does_not_count() -> None:
    of = guard()
    of.add_failed(11, 0.0)
    assert of.exceeded(WITHIN - 0.1)
    assert not of.exceeded(WITHIN)
    assert of.counts(WITHIN) == (0, 0)


def test_a_reset_starts_the_count_afresh() -> None:
    of = guard()
    of.add_failed(11, 0.0)
    of.add_accepted(5, 0.0)
    of.clear_window()
    assert of.counts(0.0) == (0, 0)
    of.add_failed(1, WITHIN - 0.1)
    assert of.counts(WITHIN) == (1, 1)


def test_however_much_comes_no_more_is_kept_than_a_window_of_sixtieths() -> None:
    of = guard()
    for second in range(1000):
        of.add_accepted(1, float(second))
        of.add_failed(1, second + 0.5)
    assert len(of._steps) <= 61
    started = guard()
    started.restore([second / 10 for second in range(5000)], accepted=0, now=1000.0)
    assert len(started._steps) <= 101  # five hundred seconds of slices of five


def test_a_slice_lasts_a_sixtieth_of_the_window() -> None:
    of = guard()
    of.add_failed(1, 0.0)
    of.add_failed(1, 4.9)
    of.add_failed(1, 5.0)
    assert of.counts(WITHIN - 0.1) == (3, 3)
    assert of.counts(WITHIN) == (1, 1)
    assert of.counts(WITHIN + 5.0) == (0, 0)


def test_what_falls_after_much_was_delivered_has_a_time_of_its_own() -> None:
    of = guard()
    of.add_accepted(1000, 0.0)
    of.add_failed(1, 100.0)
    assert of.counts(WITHIN) == (1, 1)


def test_counts_are_whole_numbers() -> None:
    of = guard()
    of.restore([1.0, 2.0], accepted=3, now=10.0)
    assert [type(count) for count in of.counts(10.0)] == [int, int]


@settings(max_examples=100)
@given(st.lists(st.tuples(st.floats(0, 50), st.booleans(), st.integers(1, 20)), min_size=10, max_size=80))
def test_the_window_is_exact_to_a_sixtieth_of_its_length(events: list[tuple[float, bool, int]]) -> None:
    of, now, seen = guard(), 0.0, []
    for pause, fell, count in events:
        now += pause
        (of.add_failed if fell else of.add_accepted)(count, now)
        seen.append((now, fell, count))
        counted, total = of.counts(now)
        surely = [each for each in seen if each[0] > now - WITHIN + WITHIN / 60]
        perhaps = [each for each in seen if each[0] > now - WITHIN - WITHIN / 60]
        assert sum(n for _, _, n in surely) <= total <= sum(n for _, _, n in perhaps)
        assert sum(n for _, bad, n in surely if bad) <= counted <= sum(n for _, bad, n in perhaps if bad)


def test_what_fell_before_the_start_counts_until_it_is_too_old() -> None:
    of = guard()
    of.restore([100.0 + age for age in range(12)], accepted=6, now=1000.0)
    assert of.counts(1000.0) == (12, 18)
    assert of.exceeded(1000.0)
    assert not of.exceeded(1000.0 + 300.0)


def test_what_fell_before_the_start_is_older_than_what_has_fallen_since() -> None:
    of = guard()
    of.add_failed(3, 1000.0)
    of.restore([0.0, 250.0], accepted=0, now=1001.0)
    assert of.counts(1001.0) == (5, 5)
    assert of.counts(1060.0) == (4, 4)
    assert of.counts(1301.0) == (0, 0)


def test_what_was_delivered_among_what_fell_before_the_start_grows_old_with_it() -> None:
    of = guard()
    of.restore([250.0, 0.0, 100.0], accepted=6, now=1000.0)  # in any order
    assert of.counts(1000.0) == (3, 9)
    assert of.counts(1050.0) == (2, 6)
    assert of.counts(1200.0) == (1, 3)
    assert of.counts(1300.0) == (0, 0)


def test_what_fell_a_sixtieth_earlier_grows_old_by_itself() -> None:
    of = guard()
    of.restore([0.0, 5.0], accepted=0, now=100.0)
    assert of.counts(95.0 + WITHIN) == (1, 1)


def test_a_start_without_letters_remembers_nothing() -> None:
    of = guard()
    of.restore([], accepted=0, now=1000.0)
    assert of.counts(1000.0) == (0, 0)
