"""Where an assignment begins: what was committed is held against the topic that has its name today."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaException

from connector.kafka.handover import LogChange
from connector.kafka.log_changes import Change
from tests.unit.kafka.reading import NEW, OLD, USERS, Reader


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_a_topic_that_was_made_anew_since_the_commit_is_read_from_its_beginning(reader: Reader) -> None:
    reader.commit(300, topic_id=OLD, epoch=2)
    reader.client.ends[USERS] = (5, 400)
    reader.ids.known["users"] = NEW
    (begins,) = reader.begin(0)
    assert begins.change == LogChange(Change.RECREATED, "users", 0, 300, 5)
    assert (begins.point.offset, begins.point.metadata, begins.topic_id) == (5, None, NEW)
    assert reader.client.fetched[USERS] == (5, -1)
    assert reader.claims.current(OLD) == ""


def test_the_topic_that_was_committed_in_is_read_on(reader: Reader) -> None:
    reader.commit(300, topic_id=OLD, epoch=2)
    reader.ids.known["users"] = OLD
    (begins,) = reader.begin(0)
    assert (begins.change, begins.point.offset, begins.point.leader_epoch, begins.topic_id) == (None, 300, 2, OLD)
    assert reader.client.sought == [(300, 2)]


def test_an_id_that_no_broker_tells_is_taken_from_the_commit(reader: Reader) -> None:
    reader.commit(300, topic_id=OLD, epoch=2)
    (begins,) = reader.begin(0)
    assert (begins.change, begins.topic_id) == (None, OLD)


def test_a_commit_of_an_older_version_is_believed(reader: Reader) -> None:
    reader.client.commits[USERS] = 300, "", -1
    reader.ids.known["users"] = NEW
    (begins,) = reader.begin(0)
    assert (begins.change, begins.point.offset, begins.topic_id) == (None, 300, NEW)


def test_a_topic_that_comes_back_without_its_commits_is_known_by_what_was_read_of_it(reader: Reader) -> None:
    reader.assign(200, topic_id=OLD)
    reader.claims.remove([USERS])
    reader.client.fetched.clear()
    reader.client.ends[USERS] = (3, 50)
    reader.ids.known["users"] = NEW
    (begins,) = reader.begin(0)
    assert begins.change is not None
    assert (begins.change.change, begins.point.offset) == (Change.RECREATED, 3)


def test_a_broker_that_lags_behind_and_tells_the_id_of_before_changes_nothing(reader: Reader) -> None:
    reader.claims.forsake(OLD)
    reader.commit(300, topic_id=NEW)
    reader.ids.known["users"] = OLD
    (begins,) = reader.begin(0)
    assert (begins.change, begins.point.offset, begins.topic_id) == (None, 300, NEW)
    assert reader.claims.current(NEW) == NEW


@pytest.mark.parametrize("step", ["committed", "watermarks"])
def test_where_the_brokers_do_not_answer_at_an_assignment_it_says_so(reader: Reader, step: str) -> None:
    reader.commit(300, topic_id=OLD)
    reader.client.ends[USERS] = (5, 400)
    reader.ids.known["users"] = NEW
    reader.client.refusals[step] = 1
    with pytest.raises(KafkaException):
        reader.begin(0)
    (begins,) = reader.begin(0)
    assert begins.point.offset == 5
