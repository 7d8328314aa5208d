"""What the source commits, and what it no longer may: commands wait in a queue while partitions leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connector.kafka import source
from connector.kafka.handover import Commit
from connector.kafka.positions import StartingPoint
from connector.kafka.source import Source
from tests.support.clock import TurnedClock

STALL = 45.0
COMMIT = Commit(1, "users", 0, 7, "")


class Recorder:
    """A client that notes what is asked of it; the real one needs a broker to assign partitions."""

    def __init__(self) -> None:
        self.committed: list[tuple[int, int, bool]] = []
        self.unassigned: list[int] = []
        self.paused: list[int] = []
        self.asked = 0
        self.refuses_to_unassign = False
        self.closed = False

    def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        self.committed += [(each.partition, each.offset, asynchronous) for each in offsets]

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        if self.refuses_to_unassign:
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG))
        self.unassigned += [each.partition for each in partitions]

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused += [each.partition for each in partitions]

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        return

    def offsets_for_times(self, partitions: Sequence[TopicPartition], timeout: float) -> None:
        return

    def get_watermark_offsets(
        self, partition: TopicPartition, timeout: float = 0.0, *, cached: bool = False
    ) -> tuple[int, int]:
        if cached:
            return (0, -1)
        self.asked += 1
        raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))

    def set_sasl_credentials(self, username: str, password: str) -> None:
        assert not self.closed

    def unsubscribe(self) -> None:
        return

    def consume(self, most: int, timeout: float) -> list[Any]:
        return []

    def close(self) -> None:
        self.closed = True


class Told:
    """A listener that notes how commits ended, and answers a revocation at once."""

    def __init__(self) -> None:
        self.ends: list[tuple[str | None, bool]] = []
        self.lost: list[frozenset[int]] = []

    def on_committed(self, error: str | None, last: bool) -> None:
        self.ends.append((error, last))

    def on_revoked(self, claims: frozenset[int], done: Any) -> None:
        done.set_result([COMMIT._replace(position=9)])

    def on_lost(self, claims: frozenset[int]) -> None:
        self.lost.append(claims)

    def on_turn(self, *turn: Any) -> None:
        return

    def on_trouble(self, trouble: str) -> None:
        return


class Inline:
    """A loop that calls at once, as if it turned between any two steps of the thread."""

    def call_soon_threadsafe(self, call: Any, *arguments: Any) -> None:
        call(*arguments)


class Bench:
    """A source that holds partition 0 of users, its thread not started."""

    def __init__(self, client: Recorder) -> None:
        self.told, self.clock, self.client = Told(), TurnedClock(), client
        loop: Any = Inline()
        listener: Any = self.told
        self.source = Source(
            {"bootstrap.servers": "localhost:9092"},
            ["users"],
            group="crm.mytracker",
            start="earliest",
            listener=listener,
            loop=loop,
            clock=self.clock,
            drain=20.0,
            stall=STALL,
            confirm_after=6.0,
        )
        self.source._claims["users", 0] = 1

    def run_commands(self) -> None:
        while not self.source._commands.empty():
            self.source._commands.get()()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    client = Recorder()
    monkeypatch.setattr(source, "Consumer", lambda _: client)
    return Bench(client)


def partition() -> list[TopicPartition]:
    return [TopicPartition("users", 0)]


def test_a_commit_of_what_is_ours_goes_out(bench: Bench) -> None:
    bench.source.commit([COMMIT])
    bench.run_commands()
    assert bench.client.committed == [(0, 7, True)]


def test_a_commit_that_waited_while_its_partition_left_is_dropped(bench: Bench) -> None:
    """It would move the group's offset back from what the revocation committed, or from the next owner's."""
    bench.source.commit([COMMIT])
    bench.source._on_revoke(bench.client, partition())  # type: ignore[arg-type]  # the recorder
    bench.run_commands()
    assert bench.client.committed == [(0, 9, False)]
    assert bench.client.unassigned == [0]
    assert bench.told.ends == [(None, True), ("the partitions have left meanwhile", False)]


def test_of_a_commit_only_what_is_still_ours_goes_out(bench: Bench) -> None:
    bench.source.commit([COMMIT, Commit(1, "users", 1, 3, "")])
    bench.run_commands()
    assert bench.client.committed == [(0, 7, True)]


def test_after_a_stall_no_commit_that_waited_goes_out(bench: Bench) -> None:
    bench.source.commit([COMMIT])
    bench.clock.seconds += STALL + 0.1
    bench.run_commands()
    assert bench.client.committed == []
    assert bench.told.ends == [("the partitions have left meanwhile", False)]


def test_a_revocation_after_a_stall_commits_nothing(bench: Bench) -> None:
    bench.clock.seconds += STALL + 0.1
    bench.source._on_revoke(bench.client, partition())  # type: ignore[arg-type]  # the recorder
    assert bench.client.committed == []
    assert bench.client.unassigned == [0]


def test_a_stop_after_a_stall_says_that_its_last_commit_was_not_made(bench: Bench) -> None:
    bench.source.stop([COMMIT])
    bench.clock.seconds += STALL + 0.1
    bench.run_commands()
    assert bench.client.committed == []
    assert bench.client.closed
    assert bench.told.ends == [("the partitions have left meanwhile", True)]


@pytest.mark.parametrize("callback", ["_on_revoke", "_on_lost"])
def test_a_callback_does_not_raise_though_the_client_does(bench: Bench, callback: str) -> None:
    bench.client.refuses_to_unassign = True
    getattr(bench.source, callback)(bench.client, partition())
    assert bench.source._claims == {}


def test_a_commit_that_waited_while_its_partition_left_and_came_back_is_dropped(bench: Bench) -> None:
    """It would move the group's offset back behind what the revocation committed."""
    bench.source._claimed = 1
    bench.source.commit([COMMIT])
    bench.source._on_revoke(bench.client, partition())  # type: ignore[arg-type]  # the recorder
    bench.source._claim(StartingPoint("users", 0, 9, ""))
    bench.run_commands()
    assert bench.client.committed == [(0, 9, False)]


def test_a_commit_that_waited_while_its_topic_was_made_anew_is_dropped(bench: Bench) -> None:
    """In the new log it would be ahead of the work."""
    bench.source._claimed = 1
    bench.source.commit([COMMIT])
    bench.source._claim(StartingPoint("users", 0, 0, None))
    bench.run_commands()
    assert bench.client.committed == []


def test_a_halt_that_waited_while_its_partition_came_anew_is_dropped(bench: Bench) -> None:
    """Nobody would resume it."""
    bench.source._claimed = 1
    bench.source.halt(1, "users", 0)
    bench.source._claim(StartingPoint("users", 0, 0, None))
    bench.run_commands()
    assert (bench.client.paused, bench.source._fetching.whole) == ([], True)
    bench.source.halt(2, "users", 0)
    bench.run_commands()
    assert (bench.client.paused, bench.source._fetching.whole) == ([0], False)
    bench.source.resume(1, "users", 0)
    bench.run_commands()
    assert not bench.source._fetching.whole
    bench.source.resume(2, "users", 0)
    bench.run_commands()
    assert bench.source._fetching.whole


def test_a_reset_that_fails_is_tried_once_a_turn_so_that_polling_goes_on(bench: Bench) -> None:
    bench.source._reset("users", 0)
    for turns in range(1, 4):
        bench.source._turn()
        assert bench.client.asked == 1 + turns


def test_nothing_is_asked_of_a_client_that_is_closed(bench: Bench) -> None:
    bench.source.stop([])
    bench.source.renew_credentials("name", "word")
    bench.source._turn()
    assert bench.client.closed


def test_a_stop_does_not_wait_for_a_reset_that_fails(bench: Bench) -> None:
    bench.source._reset("users", 0)
    asked = bench.client.asked
    bench.source.stop([])
    bench.source._turn()
    assert bench.source._stopping
    assert bench.client.asked == asked
