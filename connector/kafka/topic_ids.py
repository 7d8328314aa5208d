"""Kafka's ids of topics, asked of the brokers: a topic that was deleted and created again has another."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclOperation  # `admin` offers it without exporting it
from confluent_kafka.admin._topic import TopicDescription  # `admin` offers it without exporting it

from connector.kafka.logs import client_logger

# If no broker has ever answered, none is asked again for so long: brokers that do not know the request (librdkafka's
# mock cluster) would delay every assignment.
MUTE_SECONDS = 60.0
# The client itself reports the timeout; it is given so much longer, for all topics together.
GRACE_SECONDS = 0.5
# The id of every topic from brokers older than 2.8, which have none.
NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"

_NO_ANSWER = frozenset({KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})


class TopicIds:
    """The process's admin client for topics' ids and partitions. Its methods may be called from any thread."""

    def __init__(self, conf: Mapping[str, Any]) -> None:
        self._client = AdminClient(
            {**conf, "log_level": 0, "allow.auto.create.topics": False}, logger=client_logger("admin")
        )
        self._answered = False
        self._mute_until = 0.0

    def fetch(self, topics: Collection[str], seconds: float) -> dict[str, str]:
        """Return the ids of these topics, waiting for `seconds` (and GRACE_SECONDS) at most.

        Missing from the result: topics that do not exist or that we may not describe, and all of them where no broker
        answers.
        """
        if not topics or time.monotonic() < self._mute_until:
            return {}
        deadline = time.monotonic() + seconds + GRACE_SECONDS
        try:
            asked = self._client.describe_topics(TopicCollection(list(topics)), request_timeout=seconds)
            answers = {topic: _topic_id(future, deadline) for topic, future in asked.items()}
        except KafkaException:
            return {}
        if any(answer is not None for answer in answers.values()):
            self._answered = True
        elif not self._answered:
            self._mute_until = time.monotonic() + MUTE_SECONDS
        return {topic: answer for topic, answer in answers.items() if answer}

    def partitions(self, topic: str, seconds: float) -> list[int]:
        """Return the numbers of a topic's partitions; none if the brokers do not know it. Raises KafkaException where
        they do not answer within `seconds`.

        For callbacks of a consumer, which must not ask that consumer: `list_topics` within a callback ends the process
        at the next one (it takes the outer call's state away).
        """
        return sorted(self._client.list_topics(topic, timeout=seconds).topics[topic].partitions)

    def may_read(self, topic: str, seconds: float) -> bool | None:
        """Return whether the brokers let us read a topic; None where they do not say, within `seconds`.

        They refuse a description to who may not even know the topic.
        """
        try:
            asked = self._client.describe_topics(
                TopicCollection([topic]), include_authorized_operations=True, request_timeout=seconds
            )
            allowed = asked[topic].result(seconds + GRACE_SECONDS).authorized_operations
        except KafkaException as error:
            return None if error.args[0].code() in _NO_ANSWER else False
        except TimeoutError:
            return None
        return None if allowed is None else bool({AclOperation.READ, AclOperation.ALL} & set(allowed))

    def renew_credentials(self, username: str, password: str) -> None:
        """Log in with these (SASL) from the next connection on."""
        self._client.set_sasl_credentials(username, password)


def _topic_id(future: Future[TopicDescription], deadline: float) -> str | None:
    """Return an id, "" where the brokers refuse it or have none, None where no answer came."""
    try:
        topic_id = str(future.result(max(deadline - time.monotonic(), 0.0)).topic_id)
    except TimeoutError:
        return None
    except KafkaException as error:
        return None if error.args[0].code() in _NO_ANSWER else ""
    return "" if topic_id == NO_ID else topic_id
