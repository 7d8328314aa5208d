"""A client that has met a recreated topic leaves the group in order, and another one joins it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from connector.kafka.log_changes import LogChangeKind
from connector.kafka.offset_committer import LAST_COMMIT_SECONDS
from connector.kafka.source import REPLACE_CLIENT_SECONDS
from connector.kafka.source_interface import LogChange
from tests.unit.kafka.bench import COMMIT, Event
from tests.unit.kafka.clients import REFUSED, Clients, failure
from tests.unit.kafka.test_source_fatal import closed

OLD, NEW, THIRD = "0123456789+/abcdefghij", "AbCdEfGhIjKlMnOpQrStUv", "zyxwvutsrqponmlkjihgfe"
DRAIN = 20.0  # the bench's
EPOCH = 2  # what the first assignment makes of partition 0


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Clients:
    """It reads partition 0 of users under the id of old."""
    bench = Clients(monkeypatch)
    bench.poll_once()
    take(bench)
    tell(bench, OLD)
    bench.poll_once()
    assert bench.listener.identified == [(frozenset({EPOCH}), OLD)]
    return bench


def take(bench: Clients) -> None:
    """The group gives it partition 0, which the client gives back one poll after it was told to."""
    bench.now.edges, bench.now.revokes_after = (5, 50), 1
    bench.assign(0)


def tell(bench: Clients, topic_id: str) -> None:
    bench.settings[-1]["logger"].log(logging.DEBUG, "%s", f"Topic users changed id from x to {topic_id}")


def change(bench: Clients, topic_id: str = NEW) -> None:
    """A poll in which the client reports another topic, and reads from it at the old one's offset."""
    tell(bench, topic_id)
    bench.now.messages.append(Event())
    bench.poll_once()


def test_it_leaves_with_a_commit_of_what_is_settled_and_the_next_client_joins_at_once(bench: Clients) -> None:
    bench.now.revokes_after = 3
    with capture_logs() as logs:
        change(bench)
    old = bench.made[0]
    assert (old.unsubscribed, old.revokes_after) == (True, 0)
    assert bench.listener.revoked == [frozenset({EPOCH})]
    assert old.committed == [(0, 9, False)]
    assert bench.listener.commits[0] == (None, True)
    assert (bench.listener.lost, bench.listener.left_group, dict(bench.source._owned.epochs)) == ([], [frozenset()], {})
    assert not bench.source._member.joined
    assert closed(old)
    assert [entry["event"] for entry in logs] == ["a topic was made anew: the group is joined with a new client"]
    assert (len(bench.made), bench.now.subscribed) == (2, {})
    assert all(not records for records, *_ in bench.listener.polls), "what was read of the other topic is handed over"
    bench.poll_once()
    assert bench.now.subscribed != {}
    assert len(bench.made) == 2


def test_at_its_assignment_the_new_topic_is_read_from_its_beginning_and_reported(bench: Clients) -> None:
    change(bench)
    bench.poll_once()
    take(bench)
    ((assigned,),) = bench.listener.assigned[1:]
    assert (assigned.epoch, assigned.position, assigned.topic_id, assigned.truncated_at) == (EPOCH + 1, 5, NEW, -1)
    assert bench.listener.changes == [LogChange(LogChangeKind.RECREATED, "users", 0, 40, 5)]
    tell(bench, NEW)
    bench.now.messages.append(Event())
    bench.poll_once()
    assert [record.assignment_epoch for record in bench.listener.polls[-1][0]] == [EPOCH + 1]
    assert len(bench.made) == 2


def test_a_client_that_comes_back_to_the_old_id_within_one_poll_is_replaced_all_the_same(bench: Clients) -> None:
    tell(bench, NEW)
    tell(bench, OLD)
    bench.poll_once()
    assert len(bench.made) == 2


def test_partitions_that_are_not_revoked_in_time_are_lost(bench: Clients) -> None:
    def wait() -> None:
        bench.clock.seconds += 1.0

    bench.now.revokes_after, bench.now.while_polling = None, wait
    begun = bench.clock.seconds
    change(bench)
    assert bench.clock.seconds - begun >= DRAIN + LAST_COMMIT_SECONDS
    assert bench.listener.left_group == [frozenset({EPOCH})]
    assert (bench.listener.revoked, bench.made[0].committed, dict(bench.source._owned.epochs)) == ([], [], {})
    assert len(bench.made) == 2
    bench.poll_once()
    assert bench.now.subscribed != {}


@pytest.mark.parametrize("topic_id", [OLD, THIRD])
def test_while_brokers_do_not_agree_the_next_client_waits_before_it_joins(bench: Clients, topic_id: str) -> None:
    change(bench)
    bench.poll_once()
    take(bench)
    bench.clock.seconds += REPLACE_CLIENT_SECONDS[1] - 0.1
    change(bench, topic_id)
    assert len(bench.made) == 3
    bench.clock.seconds += REPLACE_CLIENT_SECONDS[1] - 0.1
    bench.poll_once()
    assert bench.now.subscribed == {}, "too soon"
    bench.clock.seconds += 0.2
    bench.poll_once()
    assert bench.now.subscribed != {}


def test_a_topic_that_is_recreated_long_after_another_was_is_joined_at_once(bench: Clients) -> None:
    change(bench)
    bench.poll_once()
    take(bench)
    bench.clock.seconds += REPLACE_CLIENT_SECONDS[1] + 0.1
    change(bench, THIRD)
    bench.poll_once()
    assert len(bench.made) == 3
    assert bench.now.subscribed != {}


def test_no_demand_is_lost_with_the_client(bench: Clients) -> None:
    change(bench)
    bench.poll_once()
    assert sum(poll[2] for poll in bench.listener.polls) + bench.source._requested_chunks == bench.requested


def test_a_commit_that_the_old_client_has_under_way_ends_with_it(bench: Clients) -> None:
    """Nobody is told of its end, and the next commit waits until it has ended or we are out of the group."""
    bench.source.commit([COMMIT._replace(epoch=EPOCH)])
    change(bench)
    assert bench.made[0].committed[0] == (0, 7, True)
    bench.settings[0]["on_commit"](None, [])
    assert bench.listener.commits == [(None, True)]
    assert bench.listener.left_group == [frozenset()]


def test_a_stop_meanwhile_leaves_what_the_revocation_committed_and_never_joins_again(bench: Clients) -> None:
    bench.now.while_polling = lambda: bench.source.stop([COMMIT._replace(epoch=EPOCH)])
    bench.now.revokes_after = 1
    change(bench)
    bench.source.start()
    assert bench.source.join(20)
    assert bench.made[0].committed == [(0, 9, False)]
    assert (bench.now.committed, bench.now.subscribed, bench.now.closed) == ([], {}, True)
    assert (bench.source.failed, len(bench.made)) == (False, 2)
    assert [end for end in bench.listener.commits if end[1]] == [(None, True)]


def by_a_message(bench: Clients) -> None:
    bench.now.messages.append(failure(REFUSED))


def by_an_exception(bench: Clients) -> None:
    bench.now.failures.append(KafkaException(KafkaError(KafkaError._FATAL, REFUSED)))


def by_a_call(bench: Clients) -> None:
    bench.settings[-1]["error_cb"](KafkaError(KafkaError.UNKNOWN_MEMBER_ID, REFUSED, fatal=True))


@pytest.mark.parametrize("way", [by_a_message, by_an_exception, by_a_call])
def test_a_fatal_error_meanwhile_costs_the_assignment_and_one_client(
    bench: Clients, way: Callable[[Clients], None]
) -> None:
    """It is not waited for a revocation that never comes, and not replaced twice."""
    client = bench.now

    def fail() -> None:
        bench.clock.seconds += 0.1
        if client.unsubscribed:
            client.while_polling = lambda: None
            way(bench)

    client.revokes_after, client.while_polling = None, fail
    begun = bench.clock.seconds
    change(bench)
    assert bench.clock.seconds - begun < 1.0
    assert len(bench.made) == 2
    assert (bench.listener.left_group, bench.listener.lost) == ([frozenset({EPOCH})], [])
    bench.poll_once()
    assert bench.now.subscribed == {}
    bench.clock.seconds += REPLACE_CLIENT_SECONDS[0] + 0.1
    bench.poll_once()
    assert bench.now.subscribed != {}
    assert len(bench.made) == 2


def test_a_client_that_fails_as_it_reports_another_topic_is_replaced_and_does_not_leave(bench: Clients) -> None:
    tell(bench, NEW)
    bench.fail()
    assert len(bench.made) == 2
    assert not bench.made[0].unsubscribed
    assert bench.listener.left_group == [frozenset({EPOCH})]


def test_polls_on_leaving_are_polls_so_that_a_long_drain_is_no_stall(bench: Clients) -> None:
    def wait() -> None:
        bench.clock.seconds += 1.0

    bench.now.revokes_after, bench.now.while_polling = 10, wait
    begun = bench.clock.seconds
    change(bench)
    assert bench.source.last_poll - begun >= 10.0
