"""What was written lately is read to its end, however long the brokers take, or it is said what is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connector.kafka import recent_records
from connector.kafka.recent_records import RecentRecords, read_since
from connector.model import Record

TIMED_OUT = KafkaException(KafkaError(KafkaError._TIMED_OUT))
REFUSED = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))


class SlowBrokers:
    """Brokers whose every answer takes `seconds`; the first `failures` questions for the topic fail."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seconds = 0.0
        self.failures: list[KafkaException] = []
        self.bounds_failures: list[KafkaException] = []
        self.ends_with: Exception | None = None
        self.records = 2_000
        self.exists = True
        self.closed = False
        self.renewed = 0
        self.consumer = SimpleNamespace(offsets_for_times=self._offsets_for_times, close=self._close)

    def _close(self) -> None:
        self.closed = True

    def _offsets_for_times(self, times: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        self.now += self.seconds
        if self.bounds_failures:
            raise self.bounds_failures.pop()
        return [TopicPartition(each.topic, each.partition, 0) for each in times]

    def partitions(self, _: str, timeout: float) -> list[int] | None:
        self.now += self.seconds
        if self.failures:
            raise self.failures.pop()
        return [0] if self.exists else None

    def watermarks(self, *_: Any) -> tuple[int, int]:
        return 0, self.records

    def renew_credentials(self) -> None:
        self.renewed += 1

    def why(self, error: KafkaException) -> str:
        return str(error.args[0].str())

    def read(self, starts: Sequence[TopicPartition], ends: Any, stop_requested: Callable[[], bool]) -> Any:
        for first in range(0, self.records if starts else 0, 500):
            self.now += self.seconds
            if stop_requested():
                return
            yield [Record("dead", 0, offset, 0, None, b"", ()) for offset in range(first, first + 500)]
        if self.ends_with is not None:
            raise self.ends_with


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> SlowBrokers:
    of = SlowBrokers()

    def sleep(seconds: float) -> None:
        of.now += seconds

    monkeypatch.setattr(recent_records, "ReaderClient", lambda *_: of)
    monkeypatch.setattr(time, "monotonic", lambda: of.now)
    monkeypatch.setattr(time, "sleep", sleep)
    return of


def read(stop_requested: Callable[[], bool] = lambda: False) -> RecentRecords[int]:
    return read_since({}, "dead", 0.0, lambda record: record.offset, stop_requested)


def test_what_takes_long_is_read_to_its_end(brokers: SlowBrokers) -> None:
    brokers.seconds = 1.5
    assert read() == RecentRecords(list(range(2_000)), "")
    assert brokers.now > 8
    assert brokers.closed


def test_brokers_that_do_not_answer_are_asked_again(brokers: SlowBrokers) -> None:
    brokers.seconds, brokers.failures = 2.0, [TIMED_OUT] * 200
    assert read() == RecentRecords(list(range(2_000)), "")
    assert brokers.renewed == 200  # the password may have been put right meanwhile


def test_brokers_that_answer_in_part_are_asked_again_for_a_minute(brokers: SlowBrokers) -> None:
    brokers.seconds, brokers.bounds_failures = 2.0, [TIMED_OUT] * 5
    assert read().missing == ""
    brokers.bounds_failures = [TIMED_OUT] * 200
    assert read() == RecentRecords([], TIMED_OUT.args[0].str())


def test_a_refusal_is_not_asked_about_again_and_is_said(brokers: SlowBrokers) -> None:
    brokers.failures = [REFUSED]
    assert read() == RecentRecords([], REFUSED.args[0].str())
    assert brokers.closed


def test_a_topic_that_does_not_exist_has_no_letters(brokers: SlowBrokers) -> None:
    brokers.exists = False
    assert read() == RecentRecords([], "")


@pytest.mark.parametrize("error", [TimeoutError(), TIMED_OUT])
def test_what_was_read_before_an_error_counts(brokers: SlowBrokers, error: Exception) -> None:
    brokers.ends_with = error
    found = read()
    assert (len(found.taken), bool(found.missing)) == (2_000, True)


def test_a_stop_ends_it(brokers: SlowBrokers) -> None:
    brokers.seconds, brokers.failures = 1.0, [TIMED_OUT] * 10**6
    assert read(lambda: brokers.now > 60).missing == "the process stops"
    brokers.failures, brokers.now = [], 0.0
    assert len(read(lambda: brokers.now > 4).taken) < 2_000
