"""What the flood guard counted before a start is read from a real broker: letters, and what was committed."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, TopicPartition

from connector.kafka import commit_metadata
from connector.kafka.commit_metadata import Metadata, Settled
from connector.kafka.dead_letter import recent_letter
from connector.kafka.recent_records import read_since
from connector.kafka.settled_offsets import SettledOffsets, read_settled_offsets
from tests.support.dead_letters import OLD, Desk, unmappable

pytestmark = pytest.mark.kafka


def test_recent_letters_are_read_to_the_topics_end(desk: Desk) -> None:
    desk.bury(desk.settings(OLD), [unmappable(number) for number in range(30)])
    conf = {"bootstrap.servers": desk.broker.bootstrap}
    read = read_since(conf, desk.letters, 0.0, recent_letter)
    assert (len(read.taken), read.missing) == (30, "")
    assert {(letter.topic, letter.sink) for letter in read.taken} == {(desk.events, "mytracker")}
    assert read_since(conf, f"{desk.letters}.none", 0.0, recent_letter).missing == ""


def test_what_a_group_has_committed_is_read_without_joining_it(desk: Desk) -> None:
    conf, group = {"bootstrap.servers": desk.broker.bootstrap}, f"{desk.letters}.mytracker"
    metadata = commit_metadata.encode(group, desk.events, 1, 5, Metadata(Settled(7, b"101")))
    member = Consumer({**conf, "group.id": group})
    member.commit(offsets=[TopicPartition(desk.events, 1, 5, metadata=metadata)], asynchronous=False)
    member.close()
    places = [(desk.events, 0), (desk.events, 1)]
    assert read_settled_offsets(conf, group, places, 10.0) == {places[1]: SettledOffsets(5, frozenset({6, 8}))}
