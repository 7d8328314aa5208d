"""A topic that was deleted and created again while it was read, reported by the client or by the brokers."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, Message

from connector.kafka.topic_recreation import ASK_EVERY_SECONDS
from tests.unit.kafka.recovery_bench import NEW, OLD, USERS, RecoveryBench

THIRD = "zyxwvutsrqponmlkjihgfe"


@pytest.fixture
def reader() -> RecoveryBench:
    reader = RecoveryBench()
    reader.assign(0, leader_epoch=1)
    reader.read(300)
    return reader


def test_what_came_with_the_word_of_another_topic_is_dropped_and_the_client_is_of_no_use_any_more(
    reader: RecoveryBench,
) -> None:
    """Nothing is assigned or reported: the next client's assignment does that (see test_log_recovery_beginnings)."""
    calls = reader.client.calls.copy()
    reader.recovery.recreation.on_topic_id("users", NEW)
    other = Message(topic="orders", partition=0, offset=9)
    assert reader.poll_once(*reader.client.bring(count=2), other) == [9]
    assert reader.recovery.recreation.detected
    assert (reader.listener.calls, reader.client.calls, reader.owned.epochs) == ([], calls, {USERS: 1})
    assert reader.owned.topic_id(USERS) == OLD


def test_nothing_of_the_topic_is_handed_over_from_then_on_nor_of_any_of_its_partitions(reader: RecoveryBench) -> None:
    reader.assign(70, partition=1)
    reader.recovery.recreation.on_topic_id("users", NEW)
    reader.poll_once()
    for _ in range(3):
        assert reader.poll_once(*reader.client.bring(count=2), *reader.client.bring(("users", 1), 2)) == []
    assert reader.recovery.recreation.detected


def test_a_client_that_comes_back_to_the_old_id_within_one_poll_has_read_of_another_topic_all_the_same(
    reader: RecoveryBench,
) -> None:
    reader.recovery.recreation.on_topic_id("users", OLD)
    reader.poll_once()
    reader.recovery.recreation.on_topic_id("users", NEW)
    reader.recovery.recreation.on_topic_id("users", OLD)
    assert reader.read(2) == []
    assert reader.recovery.recreation.detected
    assert (reader.listener.calls, reader.owned.client_topic_ids) == ([], {"users": NEW})


def test_a_client_that_comes_back_to_the_old_id_later_is_not_trusted_again(reader: RecoveryBench) -> None:
    reader.recovery.recreation.on_topic_id("users", NEW)
    reader.poll_once()
    reader.recovery.recreation.on_topic_id("users", OLD)
    assert reader.read(2) == []
    assert reader.recovery.recreation.detected


def test_two_changes_in_one_poll_are_both_noticed(reader: RecoveryBench) -> None:
    reader.recovery.recreation.on_topic_id("users", OLD)
    reader.recovery.recreation.on_topic_id("users", NEW)
    reader.recovery.recreation.on_topic_id("users", THIRD)
    assert reader.read(2) == []
    assert reader.owned.client_topic_ids == {"users": THIRD}
    assert [reader.owned.unless_deleted(each) for each in (OLD, NEW, THIRD)] == ["", "", THIRD]


def test_an_id_of_before_that_is_reported_to_who_reads_the_new_topic_is_of_another_one(reader: RecoveryBench) -> None:
    """A broker that lags behind reports it to the next client, which then reads by what that broker says."""
    reader.owned.client_reads_topic_id("users", NEW, OLD)
    reader.owned.disown([USERS])
    reader.client.fetched.clear()
    reader.assign(0, topic_id=NEW)
    reader.recovery.recreation.on_topic_id("users", OLD)
    assert reader.read(2) == []
    assert reader.recovery.recreation.detected
    assert (reader.owned.topic_ids["users"], reader.owned.client_topic_ids["users"]) == (NEW, NEW)


def test_the_id_that_is_read_already_changes_nothing(reader: RecoveryBench) -> None:
    reader.recovery.recreation.on_topic_id("users", OLD)
    assert reader.read(2) == [300, 301]
    assert (reader.listener.calls, reader.recovery.recreation.detected) == ([], False)


def test_the_first_id_of_a_epoch_is_reported_and_nothing_dropped() -> None:
    reader = RecoveryBench()
    epoch = reader.assign(10, topic_id="")
    reader.recovery.recreation.on_topic_id("users", NEW)
    assert reader.read(2) == [10, 11]
    assert reader.listener.calls == [("on_topic_id", (frozenset({epoch}), NEW))]
    assert reader.owned.topic_id(USERS) == NEW
    assert not reader.recovery.recreation.detected


def test_what_is_reported_of_a_topic_of_which_nothing_is_read_drops_nothing(reader: RecoveryBench) -> None:
    reader.recovery.recreation.on_topic_id("orders", OLD)
    reader.recovery.recreation.on_topic_id("orders", NEW)
    assert reader.read(2) == [300, 301]
    assert (reader.listener.calls, reader.recovery.recreation.detected) == ([], False)


def test_a_client_that_reads_the_topic_under_another_id_while_nothing_of_it_is_ours_is_of_no_use_either(
    reader: RecoveryBench,
) -> None:
    """With the consumer protocol the group takes a deleted topic's partitions away and gives the new one's back."""
    reader.recovery.recreation.on_topic_id("users", OLD)
    reader.poll_once()
    reader.owned.disown([USERS])
    reader.recovery.recreation.on_topic_id("users", NEW)
    reader.poll_once()
    assert reader.recovery.recreation.detected


def test_the_brokers_are_asked_at_times_and_when_they_were_away(reader: RecoveryBench) -> None:
    reader.ids.asked.clear()
    reader.recovery.recreation.fetch_topic_ids(100.0)
    reader.recovery.recreation.fetch_topic_ids(100.0 + ASK_EVERY_SECONDS - 1)
    assert reader.ids.asked == [{"users"}]
    reader.recovery.recreation.fetch_topic_ids(100.0 + ASK_EVERY_SECONDS)
    assert len(reader.ids.asked) == 2
    assert reader.read(1) == [300]
    reader.ids.known["users"] = NEW
    reader.recovery.recreation.fetch_topic_ids_soon()
    reader.recovery.recreation.fetch_topic_ids(101.0 + ASK_EVERY_SECONDS)
    assert reader.recovery.recreation.detected
    assert reader.read(2) == []


def test_the_brokers_are_not_asked_about_topics_of_which_the_client_reports_itself(reader: RecoveryBench) -> None:
    """They may lag behind it, and know no better."""
    reader.recovery.recreation.on_topic_id("users", OLD)
    reader.poll_once()
    reader.ids.asked.clear()
    reader.ids.known["users"] = NEW
    reader.recovery.recreation.fetch_topic_ids(100.0)
    assert reader.ids.asked == [set()]
    assert (reader.read(2), reader.recovery.recreation.detected) == ([300, 301], False)


def test_an_id_that_the_brokers_report_of_a_epoch_without_one_goes_with_it() -> None:
    reader = RecoveryBench()
    epoch = reader.assign(10, topic_id="")
    reader.ids.known["users"] = NEW
    reader.recovery.recreation.fetch_topic_ids(100.0)
    assert reader.listener.calls == [("on_topic_id", (frozenset({epoch}), NEW))]
    assert (reader.owned.topic_id(USERS), reader.owned.client_topic_ids) == (NEW, {})
    assert (reader.read(2), reader.recovery.recreation.detected) == ([10, 11], False)


def test_brokers_that_do_not_answer_change_nothing(reader: RecoveryBench) -> None:
    reader.ids.known.clear()
    reader.recovery.recreation.fetch_topic_ids(100.0)
    assert (reader.read(2), reader.recovery.recreation.detected) == ([300, 301], False)


def test_errors_are_reported_of_a_partition_whose_messages_are_dropped(reader: RecoveryBench) -> None:
    reader.client.refusals["seek"] = 1
    reader.assign(200, leader_epoch=4, partition=1)
    error = Message(topic="users", partition=1, offset=0, error=KafkaError(KafkaError._AUTO_OFFSET_RESET))
    assert reader.recovery.drop_stale([error]) == [error]
