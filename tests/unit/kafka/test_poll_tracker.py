"""After a stall the assignment is in doubt, until the thread has polled for a while without a loss."""

from __future__ import annotations

import pytest

from connector.kafka.poll_tracker import PollLimits, PollTracker
from tests.support.clock import TurnedClock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(100.0)


@pytest.fixture
def tracker(clock: TurnedClock) -> PollTracker:
    return PollTracker(clock, PollLimits(45.0, 6.0, 300.0))


def test_polls_in_time_leave_no_doubt(clock: TurnedClock, tracker: PollTracker) -> None:
    for _ in range(3):
        clock.seconds += 45.0
        assert not tracker.stalled
        assert tracker.record_poll() is None
    assert (tracker.last, tracker.confirmed) == (235.0, True)


def test_a_thread_that_stops_polling_is_stalled_before_it_polls_again(clock: TurnedClock, tracker: PollTracker) -> None:
    clock.seconds += 45.1
    assert tracker.stalled
    assert tracker.confirmed, "at its last turn nothing was known of it"


def test_after_a_stall_the_assignment_is_in_doubt_until_it_has_polled_for_a_while(
    clock: TurnedClock, tracker: PollTracker
) -> None:
    clock.seconds += 45.5
    assert tracker.record_poll() == pytest.approx(45.5)
    assert (tracker.confirmed, tracker.stalled) == (False, True)
    clock.seconds += 5.9
    assert tracker.record_poll() is None
    assert (tracker.confirmed, tracker.stalled) == (False, True)
    clock.seconds += 0.1
    assert tracker.record_poll() is None
    assert (tracker.confirmed, tracker.stalled) == (True, False)
