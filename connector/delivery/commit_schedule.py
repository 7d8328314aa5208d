"""When one sink's positions are committed: once in each interval, and sooner after many settlements. Pure."""

from __future__ import annotations

from collections.abc import Collection

from connector.delivery.assignment import Assignment
from connector.kafka.source_interface import Commit

# After so many settlements a commit does not wait for the interval: a kill repeats what was settled since the last one.
COMMIT_AFTER = 1_000


class CommitSchedule:
    """Decides when the positions of `assignment` are committed, one commit at a time; `interval` in seconds."""

    def __init__(self, assignment: Assignment, interval: float) -> None:
        self._assignment = assignment
        self._interval = interval
        self._last = 0.0
        self._settled = 0
        self._failing = False  # the last commit failed: only the interval decides then
        self._under_way: dict[int, Commit] = {}

    def count_settled(self, events: int) -> None:
        """Count events that were delivered or dead-lettered. Others do not hurry a commit."""
        self._settled += events

    def begin_commit(self, now: float) -> Collection[Commit]:
        """Return what to commit at `now`, and take it as under way until `commit_finished`.

        It is empty if no commit is due, if nothing has changed, or while a commit is under way.
        """
        many = self._settled >= COMMIT_AFTER and not self._failing
        if self._under_way or (not many and now - self._last < self._interval):
            return ()
        self._last = now
        self._settled = 0
        self._under_way = self._assignment.pending_commits()
        return self._under_way.values()

    def commit_finished(self, *, succeeded: bool) -> None:
        """Note the result of the commit that was under way, if there is one."""
        if not self._under_way:
            return
        self._failing = not succeeded
        if succeeded:
            self._assignment.commits_succeeded(self._under_way)
        self._under_way = {}
