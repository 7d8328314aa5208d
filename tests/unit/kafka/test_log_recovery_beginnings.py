"""Where an assignment begins: what was committed is compared with the topic that has its name today."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaException

from connector.kafka.log_changes import LogChangeKind
from connector.kafka.source_interface import LogChange
from tests.unit.kafka.recovery_bench import NEW, OLD, USERS, RecoveryBench


@pytest.fixture
def reader() -> RecoveryBench:
    return RecoveryBench()


def test_a_topic_that_was_recreated_since_the_commit_is_read_from_its_beginning(reader: RecoveryBench) -> None:
    reader.commit(300, topic_id=OLD, leader_epoch=2)
    reader.client.ends[USERS] = (5, 400)
    reader.ids.known["users"] = NEW
    (begins,) = reader.begin(0)
    assert begins.change == LogChange(LogChangeKind.RECREATED, "users", 0, 300, 5)
    assert (begins.point.offset, begins.point.metadata, begins.topic_id) == (5, None, NEW)
    assert reader.client.fetched[USERS] == (5, -1)
    assert not reader.recovery.recreation.detected, "this client has met the new topic alone"


def test_the_topic_that_was_committed_in_is_read_on(reader: RecoveryBench) -> None:
    reader.commit(300, topic_id=OLD, leader_epoch=2)
    reader.ids.known["users"] = OLD
    (begins,) = reader.begin(0)
    assert (begins.change, begins.point.offset, begins.point.leader_epoch, begins.topic_id) == (None, 300, 2, OLD)
    assert reader.client.sought == [(300, 2)]


def test_an_id_that_no_broker_reports_is_taken_from_the_commit(reader: RecoveryBench) -> None:
    reader.commit(300, topic_id=OLD, leader_epoch=2)
    (begins,) = reader.begin(0)
    assert (begins.change, begins.topic_id) == (None, OLD)


def test_a_commit_of_an_older_version_is_believed(reader: RecoveryBench) -> None:
    reader.client.commits[USERS] = 300, "", -1
    reader.ids.known["users"] = NEW
    (begins,) = reader.begin(0)
    assert (begins.change, begins.point.offset, begins.topic_id) == (None, 300, NEW)


def test_a_topic_that_comes_back_without_its_commits_is_known_by_what_was_read_of_it(reader: RecoveryBench) -> None:
    reader.assign(200, topic_id=OLD)
    reader.owned.disown([USERS])
    reader.client.fetched.clear()
    reader.client.ends[USERS] = (3, 50)
    reader.ids.known["users"] = NEW
    (begins,) = reader.begin(0)
    assert begins.change is not None
    assert (begins.change.change, begins.point.offset) == (LogChangeKind.RECREATED, 3)


def test_a_broker_that_lags_behind_and_reports_the_id_of_before_changes_nothing(reader: RecoveryBench) -> None:
    reader.owned.client_reads_topic_id("users", OLD)
    reader.owned.client_reads_topic_id("users", NEW)
    reader.commit(300, topic_id=NEW)
    reader.ids.known["users"] = OLD
    (begins,) = reader.begin(0)
    assert (begins.change, begins.point.offset, begins.topic_id) == (None, 300, NEW)
    assert reader.owned.unless_deleted(NEW) == NEW


@pytest.mark.parametrize("asked", ["", OLD, NEW])
def test_what_the_last_client_reported_counts_whatever_the_brokers_say(reader: RecoveryBench, asked: str) -> None:
    """It left the group because of it: what was committed is the old topic's."""
    reader.assign(200, topic_id=OLD)
    reader.owned.client_reads_topic_id("users", NEW, OLD)
    reader.owned.disown([USERS])
    reader.client.fetched.clear()
    reader.commit(200, topic_id=OLD, leader_epoch=1)
    reader.client.ends[USERS] = (5, 400)
    reader.ids.known = {"users": asked} if asked else {}
    (begins,) = reader.begin(0)
    assert begins.change == LogChange(LogChangeKind.RECREATED, "users", 0, 200, 5)
    assert (begins.point.offset, begins.point.leader_epoch, begins.topic_id) == (5, -1, NEW)


def test_what_was_committed_in_the_topic_that_the_client_reported_is_read_on(reader: RecoveryBench) -> None:
    reader.owned.client_reads_topic_id("users", NEW)
    reader.commit(300, topic_id=NEW)
    (begins,) = reader.begin(0)
    assert (begins.change, begins.point.offset, begins.topic_id) == (None, 300, NEW)


@pytest.mark.parametrize("committed", [OLD, NEW])
def test_where_the_client_and_the_brokers_report_two_ids_the_committed_one_decides(
    reader: RecoveryBench, committed: str
) -> None:
    """One of the two lags behind, and who committed has met the topic: the client reports the right one before it
    reads."""
    reader.owned.client_reads_topic_id("users", OLD)
    reader.commit(300, topic_id=committed)
    reader.ids.known["users"] = NEW
    (begins,) = reader.begin(0)
    assert (begins.change, begins.point.offset, begins.topic_id) == (None, 300, committed)


def test_where_what_was_committed_is_of_neither_the_clients_word_counts(reader: RecoveryBench) -> None:
    reader.owned.client_reads_topic_id("users", NEW)
    reader.commit(300, topic_id="zyxwvutsrqponmlkjihgfe")
    reader.client.ends[USERS] = (5, 400)
    reader.ids.known["users"] = OLD
    (begins,) = reader.begin(0)
    assert begins.change == LogChange(LogChangeKind.RECREATED, "users", 0, 300, 5)
    assert begins.topic_id == NEW


def test_a_partition_that_nothing_is_known_of_begins_with_the_clients_word(reader: RecoveryBench) -> None:
    reader.owned.client_reads_topic_id("users", NEW)
    reader.client.ends[USERS] = (5, 400)
    reader.ids.known["users"] = OLD
    (begins,) = reader.begin(0)
    assert (begins.change, begins.point.offset, begins.topic_id) == (None, 5, NEW)


def test_the_partitions_of_a_new_topic_are_not_asked_of_the_client_within_its_callback(reader: RecoveryBench) -> None:
    """`list_topics` there ends the process; this client has none."""
    reader.client.ends = {("users", each): (5, 400) for each in range(2)}
    reader.ids.numbers["users"] = [0, 1]
    (begins,) = reader.begin(0, start="latest")
    assert begins.point.offset == 400
    assert set(reader.client.commits) == {("users", 0), ("users", 1)}


@pytest.mark.parametrize("step", ["committed", "watermarks"])
def test_where_the_brokers_do_not_answer_at_an_assignment_it_says_so(reader: RecoveryBench, step: str) -> None:
    reader.commit(300, topic_id=OLD)
    reader.client.ends[USERS] = (5, 400)
    reader.ids.known["users"] = NEW
    reader.client.refusals[step] = 1
    with pytest.raises(KafkaException):
        reader.begin(0)
    (begins,) = reader.begin(0)
    assert begins.point.offset == 5
