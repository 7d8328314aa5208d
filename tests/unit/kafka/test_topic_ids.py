"""Topics' ids, as brokers report them, refuse them, or do not answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicCollection

from connector.kafka import topic_ids
from connector.kafka.topic_ids import GRACE_SECONDS, MUTE_SECONDS, NO_ID, TopicIds
from connector.simulators.kafka import MockKafka

ID, OTHER = "AbCdEfGhIjKlMnOpQrStUv", "0123456789+/abcdefghij"
NOBODY = KafkaException(KafkaError(KafkaError._TIMED_OUT))


class Admin:
    """An admin client whose brokers answer for each topic with an id or an error; None: not at all."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.answers: dict[str, str | KafkaException | None] = {}
        self.refuses: KafkaException | None = None
        self.asked: list[set[str]] = []
        self.credentials: list[tuple[str, str]] = []

    def describe_topics(self, topics: TopicCollection, request_timeout: float) -> Mapping[str, Future[Any]]:
        if self.refuses is not None:
            raise self.refuses
        names = set(topics.topic_names)
        self.asked.append(names)
        return {topic: self._answer(topic) for topic in names}

    def _answer(self, topic: str) -> Future[Any]:
        future: Future[Any] = Future()
        answer = self.answers.get(topic, KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)))
        if isinstance(answer, KafkaException):
            future.set_exception(answer)
        elif answer is not None:
            future.set_result(SimpleNamespace(topic_id=answer))
        return future

    def set_sasl_credentials(self, username: str, password: str) -> None:
        self.credentials.append((username, password))


class Time:
    """The module's time."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    made = Admin()
    monkeypatch.setattr(topic_ids, "AdminClient", lambda *_, **__: made)
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(topic_ids, "time", clock)
    return clock


def test_ids_are_reported_of_the_topics_that_have_one_and_are_ours_to_see(admin: Admin) -> None:
    admin.answers = {
        "users": ID,
        "orders": OTHER,
        "old": NO_ID,
        "secret": KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)),
    }
    ids = TopicIds({})
    assert ids.fetch(["users", "orders", "old", "secret", "nowhere"], 1.0) == {"users": ID, "orders": OTHER}


def test_of_no_topics_nothing_is_asked(admin: Admin) -> None:
    assert TopicIds({}).fetch(set(), 1.0) == {}
    assert admin.asked == []


def test_a_request_that_the_client_refuses_is_no_answer(admin: Admin) -> None:
    admin.refuses = KafkaException(KafkaError(KafkaError._INVALID_ARG))
    assert TopicIds({}).fetch(["users"], 1.0) == {}


def test_brokers_that_never_answered_are_asked_once_a_minute(admin: Admin, clock: Time) -> None:
    admin.answers = {"users": NOBODY, "orders": NOBODY}
    ids = TopicIds({})
    for _ in range(10):
        assert ids.fetch(["users", "orders"], 1.0) == {}
        clock.seconds += MUTE_SECONDS / 20
    assert len(admin.asked) == 1
    clock.seconds += MUTE_SECONDS / 2
    admin.answers = {"users": ID}
    assert ids.fetch(["users"], 1.0) == {"users": ID}


@pytest.mark.parametrize("answer", [ID, KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))])
def test_brokers_that_answered_once_whatever_they_said_are_asked_each_time(
    admin: Admin, clock: Time, answer: str | KafkaException
) -> None:
    admin.answers = {"users": answer}
    ids = TopicIds({})
    ids.fetch(["users"], 1.0)
    admin.answers = {"users": NOBODY}
    for _ in range(5):
        assert ids.fetch(["users"], 1.0) == {}
    assert len(admin.asked) == 6


@pytest.mark.parametrize("code", [KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN])
def test_what_is_no_answer(admin: Admin, clock: Time, code: int) -> None:
    admin.answers = {"users": KafkaException(KafkaError(code))}
    ids = TopicIds({})
    ids.fetch(["users"], 1.0)
    ids.fetch(["users"], 1.0)
    assert len(admin.asked) == 1


def test_answers_that_never_come_are_waited_for_together_not_one_after_the_other(
    admin: Admin, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Endless(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:
            assert timeout is not None
            clock.seconds += timeout
            raise TimeoutError

    monkeypatch.setattr(admin, "_answer", lambda _: Endless())
    assert TopicIds({}).fetch([f"topic{number}" for number in range(20)], 1.0) == {}
    assert clock.seconds == pytest.approx(1_000.0 + 1.0 + GRACE_SECONDS)


def test_renewed_credentials_reach_the_client(admin: Admin) -> None:
    TopicIds({}).renew_credentials("name", "word")
    assert admin.credentials == [("name", "word")]


def test_a_cluster_that_does_not_know_the_request_delays_one_assignment_and_no_second() -> None:
    with MockKafka() as kafka:
        kafka.create_topic("users", 1)
        ids = TopicIds({"bootstrap.servers": kafka.bootstrap})
        assert ids.fetch(["users"], 0.3) == {}
        muted_until = ids._mute_until
        assert muted_until > time.monotonic()
        assert ids.fetch(["users"], 0.3) == {}
        assert ids._mute_until == muted_until, "they were asked again"
