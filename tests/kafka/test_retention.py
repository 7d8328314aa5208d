"""What the brokers say about how long topics keep their events."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pytest

from connector.errors import ConnectorError
from connector.kafka.topic_configs import topic_retention
from tests.support.server import Broker
from tests.support.topics import TopicFactory

pytestmark = pytest.mark.kafka


def ask_until_known(conf: Mapping[str, str], topics: Sequence[str]) -> Mapping[str, float]:
    """A broker may deny for a moment that a topic just created exists."""
    while True:
        try:
            return topic_retention(conf, topics)
        except ConnectorError as error:
            if "Unknown topic" not in str(error):
                raise
            time.sleep(0.1)


def test_it_is_said_in_seconds_for_topics_that_delete_by_age(broker: Broker, topic_factory: TopicFactory) -> None:
    limited = topic_factory(config={"retention.ms": "90000"})
    endless = topic_factory(config={"retention.ms": "-1"})
    compacted = topic_factory(config={"cleanup.policy": "compact"})
    both = topic_factory(config={"cleanup.policy": "compact,delete", "retention.ms": "5000"})
    topics = [limited, endless, compacted, both]
    assert ask_until_known({"bootstrap.servers": broker.bootstrap}, topics) == {limited: 90.0, both: 5.0}


def test_no_topics_ask_nobody() -> None:
    assert topic_retention({"bootstrap.servers": "127.0.0.1:1"}, []) == {}


def test_a_topic_that_does_not_exist_is_named(broker: Broker) -> None:
    with pytest.raises(ConnectorError, match=r"topic no\.such\.topic: "):
        topic_retention({"bootstrap.servers": broker.bootstrap}, ["no.such.topic"])
