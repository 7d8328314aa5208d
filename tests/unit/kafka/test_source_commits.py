"""What the source commits, and what it no longer may: commands wait in a queue while partitions leave."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from connector.kafka.positions import StartingPoint
from connector.kafka.source_interface import Commit
from tests.unit.kafka.bench import COMMIT, STALL, Bench


def partition() -> list[TopicPartition]:
    return [TopicPartition("users", 0)]


def test_a_commit_of_what_is_ours_goes_out(bench: Bench) -> None:
    bench.source.commit([COMMIT])
    bench.run_commands()
    assert bench.client.committed == [(0, 7, True)]


def test_a_commit_that_waited_while_its_partition_left_is_dropped(bench: Bench) -> None:
    """It would move the group's offset back from what the revocation committed, or from the next owner's."""
    bench.source.commit([COMMIT])
    bench.source._member.on_revoke(bench.client, partition())  # type: ignore[arg-type]  # the recorder
    bench.run_commands()
    assert bench.client.committed == [(0, 9, False)]
    assert bench.client.unassigned == [0]
    assert bench.listener.commits == [(None, True), ("the partitions have left meanwhile", False)]


def test_of_a_commit_only_what_is_still_ours_goes_out(bench: Bench) -> None:
    bench.source.commit([COMMIT, Commit(1, "users", 1, 3, "")])
    bench.run_commands()
    assert bench.client.committed == [(0, 7, True)]


def test_after_a_stall_no_commit_that_waited_goes_out(bench: Bench) -> None:
    bench.source.commit([COMMIT])
    bench.clock.seconds += STALL + 0.1
    bench.run_commands()
    assert bench.client.committed == []
    assert bench.listener.commits == [("the partitions have left meanwhile", False)]


def test_a_revocation_after_a_stall_commits_nothing(bench: Bench) -> None:
    bench.clock.seconds += STALL + 0.1
    bench.source._member.on_revoke(bench.client, partition())  # type: ignore[arg-type]  # the recorder
    assert bench.client.committed == []
    assert bench.client.unassigned == [0]


def test_a_stop_after_a_stall_says_that_its_last_commit_was_not_made(bench: Bench) -> None:
    bench.source.stop([COMMIT])
    bench.clock.seconds += STALL + 0.1
    bench.run_commands()
    assert bench.client.committed == []
    assert bench.client.closed
    assert bench.listener.commits == [("the partitions have left meanwhile", True)]


@pytest.mark.parametrize("callback", ["on_revoke", "on_lost"])
def test_a_callback_does_not_raise_though_the_client_does(bench: Bench, callback: str) -> None:
    bench.client.refuses_to_unassign = True
    getattr(bench.source._member, callback)(bench.client, partition())
    assert bench.source._owned.epochs == {}


def test_a_commit_that_waited_while_its_partition_left_and_came_back_is_dropped(bench: Bench) -> None:
    """It would move the group's offset back behind what the revocation committed."""
    bench.source._owned._last_epoch = 1
    bench.source.commit([COMMIT])
    bench.source._member.on_revoke(bench.client, partition())  # type: ignore[arg-type]  # the recorder
    bench.source._owned.assign(StartingPoint("users", 0, 9, ""), "")
    bench.run_commands()
    assert bench.client.committed == [(0, 9, False)]


def test_a_commit_that_waited_while_its_topic_was_recreated_is_dropped(bench: Bench) -> None:
    """In the new log it would be ahead of the work."""
    bench.source._owned._last_epoch = 1
    bench.source.commit([COMMIT])
    bench.source._owned.assign(StartingPoint("users", 0, 0, None), "")
    bench.run_commands()
    assert bench.client.committed == []


def test_a_pause_that_waited_while_its_partition_was_assigned_again_is_dropped(bench: Bench) -> None:
    """Nobody would resume it."""
    bench.source._owned._last_epoch = 1
    bench.source.pause_partition(1, "users", 0)
    bench.source._owned.assign(StartingPoint("users", 0, 0, None), "")
    bench.run_commands()
    assert (bench.client.paused, bench.source._member.fetching.nothing_paused) == ([], True)
    bench.source.pause_partition(2, "users", 0)
    bench.run_commands()
    assert (bench.client.paused, bench.source._member.fetching.nothing_paused) == ([0], False)
    bench.source.resume_partition(1, "users", 0)
    bench.run_commands()
    assert not bench.source._member.fetching.nothing_paused
    bench.source.resume_partition(2, "users", 0)
    bench.run_commands()
    assert bench.source._member.fetching.nothing_paused


def test_a_reset_that_fails_is_tried_once_a_poll_so_that_polling_goes_on(bench: Bench) -> None:
    bench.source._member.recovery.recover(("users", 0), "out of range")
    for turns in range(1, 4):
        bench.source._poll_once()
        assert bench.client.asked == 1 + turns


@pytest.mark.parametrize("callback", ["on_revoke", "on_lost"])
def test_a_seek_that_was_put_off_is_not_made_of_a_partition_that_has_left(bench: Bench, callback: str) -> None:
    """It would be read though it is another's."""
    bench.client.refuses_to_assign = KafkaException(KafkaError(KafkaError._STATE))
    bench.source.seek(1, "users", 0, 12)
    bench.run_commands()
    getattr(bench.source._member, callback)(bench.client, partition())
    bench.client.refuses_to_assign = None
    bench.source._poll_once()
    assert bench.client.assigned == []


def test_nothing_is_asked_of_a_client_that_is_closed(bench: Bench) -> None:
    bench.source.stop([])
    bench.source.renew_credentials("name", "word")
    bench.source._poll_once()
    assert bench.client.closed


def test_a_stop_does_not_wait_for_a_reset_that_fails(bench: Bench) -> None:
    bench.source._member.recovery.recover(("users", 0), "out of range")
    asked = bench.client.asked
    bench.source.stop([])
    bench.source._poll_once()
    assert bench.source._stopping.is_set()
    assert bench.client.asked == asked


def test_a_revocation_that_meets_a_stall_reports_that_its_commit_was_not_made(bench: Bench) -> None:
    """Else the stop, which leaves out what revocations took, would count it as committed."""
    bench.clock.seconds += STALL + 0.1
    bench.source._member.on_revoke(bench.client, partition())  # type: ignore[arg-type]  # the recorder
    ((error, last),) = bench.listener.commits
    assert error is not None
    assert last


def test_a_revocation_that_the_pipeline_does_not_answer_reports_that_nothing_was_committed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(bench.source._member, "_ask_what_to_commit", fail)
    bench.source._member.on_revoke(bench.client, partition())  # type: ignore[arg-type]  # the recorder
    assert bench.listener.commits == [("revoking failed: TimeoutError", True)]
    assert bench.client.unassigned == [0]


def by_an_exception(bench: Bench) -> None:
    bench.client.failures.append(KafkaException(KafkaError(KafkaError._FATAL, "fenced")))


def by_a_message(bench: Bench) -> None:
    bench.client.messages.append(Message(topic="users", partition=0, error=KafkaError(KafkaError._FATAL, "fenced")))


@pytest.mark.parametrize("way", [by_an_exception, by_a_message])
def test_a_client_that_fails_while_its_last_commit_is_tried_again_reports_that_it_was_not_made(
    bench: Bench, way: Callable[[Bench], None]
) -> None:
    bench.client.refuses_to_commit = KafkaException(KafkaError(KafkaError.REBALANCE_IN_PROGRESS))
    way(bench)
    bench.source.stop([COMMIT])
    bench.run_commands()
    assert bench.listener.commits == [("fenced", True)]
    assert bench.client.closed


def test_polls_between_the_tries_of_a_last_commit_are_no_stall(bench: Bench) -> None:
    bench.client.refuses_to_commit = KafkaException(KafkaError(KafkaError.REBALANCE_IN_PROGRESS))

    def let_time_pass() -> None:
        bench.clock.seconds += STALL * 0.6
        bench.client.refuses_to_commit = None

    bench.client.while_polling = let_time_pass
    bench.clock.seconds += STALL * 0.6
    bench.source.stop([COMMIT])
    bench.run_commands()
    assert bench.client.committed == [(0, 7, False)]


def test_an_assignment_that_cannot_begin_anywhere_fails_the_source_though_it_is_stopping(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("users")

    monkeypatch.setattr(bench.source._member.recovery, "start_positions", fail)
    bench.source._member.on_assign(bench.client, partition())  # type: ignore[arg-type]  # the recorder
    assert bench.source._stopping.is_set()
    assert bench.source.failed


def test_a_stop_ends_the_wait_for_where_an_assignment_begins(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    def refuse(*_: object) -> None:
        nonlocal tries
        tries += 1
        bench.source.stop([])
        assert tries < 3, "the stop is not heard"
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    monkeypatch.setattr(bench.source._member.recovery, "start_positions", refuse)
    bench.source._member.on_assign(bench.client, partition())  # type: ignore[arg-type]  # the recorder
    assert (tries, bench.source.failed, bench.listener.assigned) == (1, False, [])
    bench.run_commands()
    assert bench.client.closed
