"""A client that meets a fatal error is replaced; its partitions are lost, and nobody listens to it any more."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from structlog.testing import capture_logs

from connector.kafka import log_recovery
from connector.kafka.source import REPLACE_CLIENT_SECONDS
from connector.secrets import Secret
from connector.service.kafka_secrets import KafkaSecrets
from tests.unit.kafka.bench import COMMIT, Event, FakeConsumer
from tests.unit.kafka.clients import FENCED, REFUSED, Clients, failure

TOPIC_ID = "AbCdEfGhIjKlMnOpQrStUv"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Clients:
    bench = Clients(monkeypatch)
    bench.poll_once()
    return bench


def closed(client: FakeConsumer) -> bool:
    """Whether it is closed, by the thread that does so."""
    for thread in threading.enumerate():
        if thread.name.startswith("closing "):
            thread.join(20)
    return client.closed


def by_a_message(bench: Clients, said: str) -> None:
    bench.now.messages.append(failure(said))


def by_a_message_with_the_brokers_code(bench: Clients, said: str) -> None:
    error = KafkaError(KafkaError.UNKNOWN_MEMBER_ID, said, fatal=True)
    bench.now.messages.append(Message(topic=None, partition=0, error=error))


def by_a_call_of_the_client(bench: Clients, said: str) -> None:
    bench.settings[-1]["error_cb"](KafkaError(KafkaError.UNKNOWN_MEMBER_ID, said, fatal=True))


def by_an_exception_of_consume(bench: Clients, said: str) -> None:
    bench.now.failures.append(KafkaException(KafkaError(KafkaError._FATAL, said)))


def by_an_exception_with_the_brokers_code(bench: Clients, said: str) -> None:
    bench.now.failures.append(KafkaException(KafkaError(KafkaError.UNKNOWN_MEMBER_ID, said, fatal=True)))


def by_a_commit(bench: Clients, said: str) -> None:
    bench.now.refuses_to_commit = KafkaException(KafkaError(KafkaError._FATAL, said))
    bench.source.commit([COMMIT])


WAYS = [
    by_a_message,
    by_a_message_with_the_brokers_code,
    by_a_call_of_the_client,
    by_an_exception_of_consume,
    by_an_exception_with_the_brokers_code,
    by_a_commit,
]
Way = Callable[[Clients, str], None]


@pytest.mark.parametrize("way", WAYS)
def test_the_client_is_replaced_and_what_was_ours_is_lost(bench: Clients, way: Way) -> None:
    way(bench, REFUSED)
    with capture_logs() as logs:
        bench.poll_once()
    assert len(bench.made) == 2
    assert closed(bench.made[0])
    assert bench.listener.left_group == [frozenset({1})]
    assert (dict(bench.source._owned.epochs), bench.source._member.joined, bench.source.failed) == ({}, False, False)
    assert bench.listener.problems[-1].startswith("the client has failed and is made anew: ")
    (said,) = (entry for entry in logs if entry["log_level"] == "error")
    assert (said["event"], said["seconds"]) == ("Kafka's client has failed: it is made anew", REPLACE_CLIENT_SECONDS[0])


@pytest.mark.parametrize("way", WAYS)
def test_no_demand_is_lost_with_it(bench: Clients, way: Way) -> None:
    """Without one, the next client would read a record now and then, and at last nothing."""
    way(bench, REFUSED)
    bench.poll_once()
    assert sum(poll[2] for poll in bench.listener.polls) + bench.source._requested_chunks == bench.requested


def test_it_subscribes_when_the_delay_is_over_which_doubles_until_partitions_are_assigned(bench: Clients) -> None:
    for delay in (1.0, 2.0, 4.0, 5.0, 5.0):
        bench.fail()
        bench.clock.seconds += delay - 0.1
        bench.poll_once()
        assert bench.now.subscribed == {}, "too soon"
        bench.clock.seconds += 0.2
        bench.poll_once()
        assert bench.now.subscribed != {}
    bench.assign(0)
    assert (bench.listener.problems[-1], bench.source._member.joined) == ("", True)
    bench.fail()
    assert not bench.source._member.joined
    bench.clock.seconds += REPLACE_CLIENT_SECONDS[0] + 0.1
    bench.poll_once()
    assert bench.now.subscribed != {}
    assert len(bench.made) == 7


def test_the_next_client_reads_on_under_epochs_of_its_own(bench: Clients) -> None:
    bench.fail()
    bench.clock.seconds += 1.1
    bench.poll_once()
    bench.assign(0)
    ((assigned,),) = bench.listener.assigned
    assert (assigned.epoch, assigned.position) == (2, 40)
    bench.now.messages.append(Event())
    bench.poll_once()
    assert [record.assignment_epoch for record in bench.listener.polls[-1][0]] == [2]


def test_commands_that_come_before_the_group_has_taken_the_next_one_do_no_harm(bench: Clients) -> None:
    bench.fail()
    old = bench.made[0]
    assert closed(old)
    bench.source.commit([COMMIT])
    bench.source.pause_partition(1, "users", 0)
    bench.source.resume_partition(1, "users", 0)
    bench.source.seek(1, "users", 0, 12)
    bench.source.renew_credentials("name", "word")
    bench.poll_once()
    assert bench.listener.commits == [("the partitions have left meanwhile", False)]
    assert (bench.now.committed, bench.now.paused, bench.now.assigned) == ([], [], [])
    assert (bench.now.credentials, old.credentials) == ([("name", "word")], [])
    assert len(bench.made) == 2


def test_what_was_put_off_and_paused_went_with_the_client(bench: Clients) -> None:
    bench.source.pause_partition(1, "users", 0)
    bench.source._member.recovery.recover(("users", 0), "out of range")
    bench.poll_once()
    asked = bench.now.asked
    bench.fail()
    bench.poll_once()
    assert (bench.now.asked, asked) == (0, 2)
    assert bench.source._member.fetching.nothing_paused


def test_credentials_that_were_renewed_are_those_of_a_client_made_later(
    bench: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "old")
    secret = Secret(env="PASSWORD")
    bench.conf |= {"sasl.username": "name", "sasl.password": "old"}
    secrets = KafkaSecrets({"sasl.password": secret}, bench.conf, [bench.source])
    monkeypatch.setenv("PASSWORD", "new")
    secrets._renew("sasl.password", secret)
    bench.fail()
    assert bench.settings[-1]["sasl.password"] == "new"


def test_a_client_that_is_closed_is_not_listened_to_any_more(bench: Clients) -> None:
    """It goes on calling back meanwhile, on another thread: the partitions that it loses are the next one's by then."""
    old, before = bench.made[0].subscribed, bench.settings[0]
    bench.fail()
    bench.clock.seconds += 1.1
    bench.poll_once()
    bench.assign(0)
    epochs, told = dict(bench.source._owned.epochs), len(bench.listener.problems)
    before["error_cb"](KafkaError(KafkaError._FATAL, REFUSED))
    before["on_commit"](None, [])
    before["logger"].log(logging.DEBUG, "%s", f"Topic users changed id from x to {TOPIC_ID}")
    for callback in ("on_revoke", "on_lost", "on_assign"):
        old[callback](bench.made[0], [TopicPartition("users", 0)])
    bench.poll_once()
    assert (len(bench.made), dict(bench.source._owned.epochs)) == (2, epochs)
    assert (len(bench.listener.problems), bench.listener.commits, bench.listener.lost) == (told, [], [])
    assert bench.source._owned.topic_ids == {"users": ""}


def test_a_client_that_refuses_to_be_closed_is_left_to_itself(bench: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    bench.now.refuses_to_close = KafkaException(KafkaError(KafkaError._FATAL))
    bench.fail()
    assert closed(bench.made[0])
    assert raised == []


def test_a_failure_in_the_middle_of_an_assignment_is_no_reason_to_end(bench: Clients) -> None:
    bench.now.refuses_to_assign = KafkaException(KafkaError(KafkaError._FATAL, REFUSED))
    with capture_logs() as logs:
        bench.assign(3)
        bench.poll_once()
    assert len(bench.made) == 2
    assert not bench.source._stopping.is_set()
    assert bench.listener.left_group == [frozenset({1, 2})]
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "Kafka's client has failed: it is made anew"
    ]


def test_a_failure_while_it_is_learned_where_to_begin_is_not_asked_about_for_ever(
    bench: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise KafkaException(KafkaError(KafkaError._FATAL, REFUSED))

    monkeypatch.setattr(log_recovery, "starting_points", fails)
    bench.assign(0)
    bench.poll_once()
    assert (len(bench.made), bench.source._stopping.is_set()) == (2, False)


def test_an_error_that_is_not_fatal_is_none_of_this(bench: Clients) -> None:
    bench.settings[-1]["error_cb"](KafkaError(KafkaError._TRANSPORT))
    bench.poll_once()
    assert len(bench.made) == 1
    bench.now.failures.append(KafkaException(KafkaError(KafkaError._STATE)))
    with capture_logs() as logs:
        bench.source._run()
    assert bench.source.failed
    assert [entry["event"] for entry in logs] == ["the polling thread has died"]


@pytest.mark.parametrize("way", WAYS)
def test_where_another_has_our_instance_id_the_thread_ends_and_says_why(bench: Clients, way: Way) -> None:
    """What is ours is the other's: nothing of it is sent any more."""
    way(bench, FENCED)
    with capture_logs() as logs:
        bench.source.start()
        assert bench.source.join(20)
    assert (bench.source.failed, bench.source.alive, len(bench.made)) == (True, False, 1)
    assert bench.listener.left_group == [frozenset({1})]
    assert bench.listener.problems[-1] == "another process has our group.instance.id"
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "another process has our group.instance.id: each needs its own"
    ]


def test_a_stop_before_the_delay_is_over_ends_at_once_and_cleanly(bench: Clients) -> None:
    """The clock of this test stands still: the delay never ends."""
    bench.fail()
    bench.source.start()
    bench.source.stop([])
    with capture_logs() as logs:
        assert bench.source.join(20)
    assert (bench.source.failed, bench.now.closed, bench.now.subscribed) == (False, True, {})
    assert (bench.listener.commits, logs) == ([], [])


def test_a_stop_that_meets_the_failure_says_that_its_last_commit_was_not_made(bench: Clients) -> None:
    bench.now.refuses_to_commit = KafkaException(KafkaError(KafkaError._FATAL, REFUSED))
    bench.source.stop([COMMIT])
    bench.poll_once()
    assert (len(bench.made), bench.now.closed) == (1, True)
    assert bench.listener.commits == [(REFUSED, True)]


def test_however_often_the_client_fails_the_next_one_comes_after_the_longest_delay(bench: Clients) -> None:
    bench.source._client_failures = 5_000  # a group that has refused us for hours
    bench.fail()
    bench.clock.seconds += REPLACE_CLIENT_SECONDS[1] + 0.1
    bench.poll_once()
    assert bench.now.subscribed != {}
