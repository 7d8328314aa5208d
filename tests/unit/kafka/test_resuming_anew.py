"""A topic that was deleted and made anew while it was read, told by the client or by the brokers."""

from __future__ import annotations

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, Message

from connector.kafka.handover import LogChange
from connector.kafka.log_changes import Change
from connector.kafka.resuming import ASK_EVERY_SECONDS
from tests.unit.kafka.reading import NEW, OLD, USERS, Reader


@pytest.fixture
def reader() -> Reader:
    reader = Reader()
    reader.assign(0, epoch=1)
    reader.read(300)
    return reader


def test_what_came_with_the_word_of_another_topic_is_dropped_and_all_of_it_read_under_another_claim(
    reader: Reader,
) -> None:
    reader.client.ends[USERS] = (5, 400)
    reader.resuming.on_topic_id("users", NEW)
    other = Message(topic="orders", partition=0, offset=9)
    assert reader.turn(*reader.client.bring(count=2), other) == [9]
    assert reader.client.fetched[USERS] == (5, -1)
    ((assigned,),) = reader.heard.of("on_assigned")
    assert (assigned.claim, assigned.position, assigned.metadata, assigned.topic_id) == (2, 5, None, NEW)
    (change,) = reader.heard.changes
    assert change == LogChange(Change.RECREATED, "users", 0, 302, 5)
    assert reader.read(2) == [5, 6]


def test_all_partitions_of_the_topic_begin_anew_and_those_of_others_go_on(reader: Reader) -> None:
    reader.assign(70, partition=1)
    reader.resuming.on_topic_id("users", NEW)
    reader.turn()
    assert {change.partition for change in reader.heard.changes} == {0, 1}
    assert reader.claims.numbers == {USERS: 3, ("users", 1): 4}


def test_an_id_of_before_that_a_broker_tells_again_is_ignored(reader: Reader) -> None:
    reader.resuming.on_topic_id("users", NEW)
    reader.turn()
    reader.heard.calls.clear()
    reader.resuming.on_topic_id("users", OLD)
    assert reader.read(2) == [0, 1]
    assert (reader.heard.calls, reader.claims.topics["users"]) == ([], NEW)


def test_the_id_that_is_read_already_changes_nothing(reader: Reader) -> None:
    reader.resuming.on_topic_id("users", OLD)
    assert reader.read(2) == [300, 301]
    assert reader.heard.calls == []


def test_the_first_id_of_a_claim_is_told_and_nothing_dropped() -> None:
    reader = Reader()
    claim = reader.assign(10, topic_id="")
    reader.resuming.on_topic_id("users", NEW)
    assert reader.read(2) == [10, 11]
    assert reader.heard.calls == [("on_identified", (frozenset({claim}), NEW))]
    assert reader.claims.topic_id(USERS) == NEW


def test_the_brokers_are_asked_at_times_and_when_they_were_away(reader: Reader) -> None:
    reader.ids.asked.clear()
    reader.resuming.ask(100.0)
    reader.resuming.ask(100.0 + ASK_EVERY_SECONDS - 1)
    assert reader.ids.asked == [{"users"}]
    reader.resuming.ask(100.0 + ASK_EVERY_SECONDS)
    assert len(reader.ids.asked) == 2
    reader.ids.known["users"] = NEW
    reader.resuming.ask_soon()
    reader.resuming.ask(101.0 + ASK_EVERY_SECONDS)
    assert reader.read(2) == []
    assert [change.change for change in reader.heard.changes] == [Change.RECREATED]


def test_where_the_lowest_offset_is_not_told_the_client_finds_the_beginning(reader: Reader) -> None:
    reader.client.refusals["watermarks"] = 1
    reader.resuming.on_topic_id("users", NEW)
    reader.turn()
    assert reader.client.fetched[USERS] == (OFFSET_BEGINNING, -1)
    ((assigned,),) = reader.heard.of("on_assigned")
    assert assigned.position is None
    assert reader.heard.changes == [LogChange(Change.RECREATED, "users", 0, 300, 0)]
    assert reader.resuming.next_offset(USERS) is None


@pytest.mark.parametrize("still_assigned", [True, False])
def test_a_move_that_fails_is_tried_once_a_turn_and_nothing_of_the_topic_is_handed_over_meanwhile(
    reader: Reader, *, still_assigned: bool
) -> None:
    """It is read at the old topic's offsets as long as the client stays there."""
    reader.client.refusals |= {"assign": 4, "unassign": 4 * still_assigned}
    reader.resuming.on_topic_id("users", NEW)
    assert reader.turn(*reader.client.bring(count=2)) == []
    assigns = reader.client.calls["assign"]
    for turn in range(1, 3):
        assert reader.turn(*(reader.client.bring(count=2) if still_assigned else ())) == []
        assert reader.client.calls["assign"] == assigns + turn
        assert reader.heard.changes == []
    reader.turn()
    assert [(change.change, change.resumes_at) for change in reader.heard.changes] == [(Change.RECREATED, 0)]
    assert reader.client.fetched[USERS] == (0, -1)
    assert reader.read(2) == [0, 1]
    assert (len(reader.troubles), reader.troubles[-1]) == (2, "")


def test_a_partition_that_left_before_it_could_begin_anew_is_not_claimed(reader: Reader) -> None:
    reader.client.refusals["assign"] = 2
    reader.resuming.on_topic_id("users", NEW)
    reader.turn()
    reader.resuming.left([USERS])
    reader.claims.remove([USERS])
    calls = reader.client.calls.copy()
    reader.turn()
    assert (reader.heard.calls, reader.client.calls, reader.claims.numbers) == ([], calls, {})


def test_errors_are_heard_of_a_partition_whose_messages_are_dropped(reader: Reader) -> None:
    reader.client.refusals["seek"] = 1
    reader.assign(200, epoch=4, partition=1)
    error = Message(topic="users", partition=1, offset=0, error=KafkaError(KafkaError._AUTO_OFFSET_RESET))
    assert reader.resuming.drop_other_topics([error]) == [error]
