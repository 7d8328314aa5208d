"""The commit schedule: when positions are committed."""

from __future__ import annotations

from connector.delivery.assignment import Assignment
from connector.delivery.commit_schedule import COMMIT_AFTER, CommitSchedule
from connector.kafka.source_interface import AssignedPartition
from tests.support.records import record


class Committing:
    """A schedule with an interval of ten seconds, for one partition of which records are read and settled."""

    def __init__(self) -> None:
        self.assignment = Assignment("group")
        self.assignment.assign(AssignedPartition(1, "users", 0, 0, None))
        self.schedule = CommitSchedule(self.assignment, 10.0)
        self.schedule.begin_commit(100.0)
        self.schedule.commit_finished(succeeded=True)

    def settle(self, offset: int, events: int) -> None:
        one = record(offset)._replace(assignment_epoch=1)
        offsets = self.assignment.offsets[1]
        offsets.advance(one)
        self.assignment.open(offsets, one)
        self.assignment.settle(one)
        self.schedule.count_settled(events)

    def positions(self, now: float) -> list[int]:
        return [commit.position for commit in self.schedule.begin_commit(now)]


def test_a_commit_waits_for_the_interval() -> None:
    committing = Committing()
    committing.settle(0, 1)
    assert not committing.positions(109.9)
    assert committing.positions(110.0) == [1]


def test_many_settlements_do_not_wait_for_the_interval() -> None:
    committing = Committing()
    committing.settle(0, COMMIT_AFTER)
    assert committing.positions(100.1) == [1]


def test_no_commit_begins_while_one_is_under_way() -> None:
    committing = Committing()
    committing.settle(0, COMMIT_AFTER)
    committing.positions(100.1)
    committing.settle(1, COMMIT_AFTER)
    assert not committing.positions(200.0)
    committing.schedule.commit_finished(succeeded=True)
    assert committing.positions(200.0) == [2]


def test_after_a_failed_commit_many_settlements_wait_for_the_interval() -> None:
    committing = Committing()
    committing.settle(0, COMMIT_AFTER)
    committing.positions(100.1)
    committing.schedule.commit_finished(succeeded=False)
    committing.settle(1, COMMIT_AFTER)
    assert not committing.positions(100.2)
    assert committing.positions(110.1) == [2]


def test_a_client_that_is_replaced_while_no_commit_is_under_way_is_no_failed_commit() -> None:
    committing = Committing()
    committing.schedule.commit_finished(succeeded=False)
    committing.settle(0, COMMIT_AFTER)
    assert committing.positions(100.1) == [1]
