"""The producer of dead letters: when its client is replaced, and what was in flight then."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from connector.kafka import dead_letter_producer
from connector.kafka.dead_letter import ProducedLetter
from connector.kafka.dead_letter_producer import DeadLetterProducer

OLD, NEW = "0123456789+/abcdefghij", "AbCdEfGhIjKlMnOpQrStUv"
LETTER = ProducedLetter(b"key", b"{}", [])


class Client:
    """A producer whose letters stay under way until it is purged; `lines` are what its next poll logs."""

    def __init__(self, conf: dict[str, Any]) -> None:
        self.conf = dict(conf)
        self.lines: list[str] = []
        self.fatal = False
        self.polled: Callable[[], None] = lambda: None
        self.reports: list[Callable[[KafkaError | None, Any], None]] = []
        self.purged = False

    def produce(self, topic: str, *, on_delivery: Callable[[KafkaError | None, Any], None], **_: Any) -> None:
        self.reports.append(on_delivery)

    def poll(self, _: float) -> None:
        self.polled()
        lines, self.lines = self.lines, []
        for line in lines:
            self.conf["logger"].log(logging.DEBUG, "%s", line)
        if self.fatal:
            raise KafkaException(KafkaError(KafkaError._FATAL, "fenced"))

    def purge(self) -> None:
        self.purged = True

    def flush(self, _: float) -> int:
        reports, self.reports = self.reports, []
        for report in reports:
            report(KafkaError(KafkaError._PURGE_QUEUE) if self.purged else None, None)
        return 0

    def set_sasl_credentials(self, username: str, password: str) -> None:
        return


class PolledProducer:
    """A producer of letters whose thread is not started: a test polls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Client] = []
        monkeypatch.setattr(dead_letter_producer, "Producer", self._make)
        monkeypatch.setattr(threading.Thread, "start", lambda _: None)
        monkeypatch.setattr(threading.Thread, "join", lambda *_: None)
        loop: Any = Inline()
        self.letters = DeadLetterProducer({"bootstrap.servers": "127.0.0.1:1"}, "letters", loop)

    def _make(self, conf: dict[str, Any]) -> Client:
        self.made.append(Client(conf))
        return self.made[-1]

    def poll_once(self, *lines: str) -> None:
        """One poll, which logs these lines."""
        client = self.made[-1]
        client.lines += lines
        client.polled = self.letters._stopping.set
        self.letters._stopping.clear()
        self.letters._poll()


class Inline:
    """A loop that calls at once."""

    def __init__(self) -> None:
        self.failures: list[dict[str, Any]] = []

    def call_soon_threadsafe(self, call: Any, *arguments: Any) -> None:
        call(*arguments)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(context)


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> PolledProducer:
    return PolledProducer(monkeypatch)


def id_line(topic_id: str, topic: str = "letters") -> str:
    return f"Topic {topic} changed id from x to {topic_id}"


def test_it_writes_on_with_another_client_where_the_topic_was_recreated(producer: PolledProducer) -> None:
    producer.poll_once(id_line(OLD))
    reports: list[str | None] = []
    producer.letters.write(LETTER, reports.append)
    with capture_logs() as logs:
        producer.poll_once(id_line(NEW))
    old, new = producer.made
    assert old.purged
    (refused,) = reports
    assert refused is not None, "what was under way is to be written again"
    assert [(entry["topic"], entry["why"]) for entry in logs] == [("letters", "the topic was made anew")]
    producer.letters.write(LETTER, reports.append)
    assert (len(old.reports), len(new.reports)) == (0, 1)
    producer.letters.close(1.0)
    assert reports[1:] == [None]


@pytest.mark.parametrize(
    "lines",
    [
        [id_line(OLD)],
        [id_line(OLD), id_line(OLD)],
        [id_line(OLD), id_line(NEW, "other"), id_line(OLD, "other")],
    ],
)
def test_the_first_id_and_the_same_again_and_those_of_other_topics_change_nothing(
    producer: PolledProducer, lines: list[str]
) -> None:
    producer.poll_once(*lines)
    producer.poll_once()
    assert len(producer.made) == 1


def test_a_client_that_comes_back_to_the_old_id_within_one_poll_has_met_another_topic_all_the_same(
    producer: PolledProducer,
) -> None:
    producer.poll_once(id_line(OLD))
    producer.poll_once(id_line(NEW), id_line(OLD))
    assert len(producer.made) == 2


def test_it_is_replaced_once_for_one_change(producer: PolledProducer) -> None:
    producer.poll_once(id_line(OLD))
    producer.poll_once(id_line(NEW))
    producer.poll_once(id_line(NEW))
    producer.poll_once()
    assert len(producer.made) == 2


def test_a_client_that_fails_as_it_reports_another_topic_is_replaced_once(producer: PolledProducer) -> None:
    producer.poll_once(id_line(OLD))
    producer.made[0].fatal = True
    producer.poll_once(id_line(NEW))
    assert len(producer.made) == 2
    producer.poll_once()
    assert len(producer.made) == 2


def test_the_next_client_is_made_with_the_credentials_that_were_renewed_and_listens_too(
    producer: PolledProducer,
) -> None:
    producer.letters.renew_credentials("name", "word")
    producer.poll_once(id_line(OLD))
    producer.poll_once(id_line(NEW))
    assert producer.made[1].conf["sasl.password"] == "word"
    producer.poll_once(id_line(OLD))
    assert len(producer.made) == 3


async def test_a_real_client_takes_its_settings() -> None:
    letters = DeadLetterProducer({"bootstrap.servers": "127.0.0.1:1"}, "letters", asyncio.get_running_loop())
    assert letters.close(0.0) == 0


def test_a_letter_that_is_written_while_the_client_is_replaced_goes_to_the_next_one(
    producer: PolledProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old client is flushed for the last time then: of a letter produced to it later nobody would hear."""
    old = producer.made[0]
    begun, go_on = threading.Event(), threading.Event()
    reports: list[str | None] = []

    def slow(conf: dict[str, Any]) -> Client:
        begun.set()
        assert go_on.wait(20)
        return producer._make(conf)

    with ThreadPoolExecutor(2) as threads:  # before the patch: it needs threads that start
        monkeypatch.undo()
        monkeypatch.setattr(dead_letter_producer, "Producer", slow)
        replacing = threads.submit(producer.letters._replace, "a test")
        assert begun.wait(20)
        writing = threads.submit(producer.letters.write, LETTER, reports.append)
        sleep(0.05)
        go_on.set()
        replacing.result(20)
        writing.result(20)
    assert (len(old.reports), len(producer.made[-1].reports)) == (0, 1)


def test_where_no_other_client_can_be_made_it_is_tried_again_and_the_thread_goes_on(
    producer: PolledProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: dict[str, Any]) -> Client:
        raise KafkaException(KafkaError(KafkaError._INVALID_ARG, "no certificate"))

    producer.made[0].fatal = True
    monkeypatch.setattr(dead_letter_producer, "Producer", refuse)
    with capture_logs() as logs:
        producer.poll_once()
        producer.made[0].fatal = False  # a client raises its fatal error once
        producer.poll_once()
    assert [(entry["event"], entry["why"]) for entry in logs] == [
        ("the dead-letter producer cannot be replaced yet", "no certificate")
    ]
    assert len(producer.made) == 1
    monkeypatch.setattr(dead_letter_producer, "Producer", producer._make)
    producer.poll_once()
    assert len(producer.made) == 2
    producer.poll_once()
    assert len(producer.made) == 2


def test_the_death_of_its_thread_is_reported_to_the_loop(producer: PolledProducer) -> None:
    def crash() -> None:
        raise KeyError("a bug")

    producer.made[0].polled = crash
    with capture_logs():
        producer.letters._run()
    loop: Any = producer.letters._loop
    assert [context["message"] for context in loop.failures] == ["the dead-letter producer's thread has died"]
