"""A client's log: the lines that people see, and the ids of topics that are found in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from connector.kafka import logs
from connector.kafka.logs import REPEAT_SECONDS, ClientLog, client_logger

FORM = "%s [%s] %s"
ID, OTHER = "AbCdEfGhIjKlMnOpQrStUv", "0123456789+/abcdefghij"


def lines(level: int = logging.DEBUG) -> list[tuple[int, str]]:
    """A line of each level that the client has, as it hands them over, and one of debugging."""
    return [
        (logging.CRITICAL, "all brokers are gone"),
        (logging.ERROR, "a broker is gone"),
        (logging.WARNING, "a broker is slow"),
        (logging.INFO, "a broker is there"),
        (logging.DEBUG, "a broker was asked"),
    ]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What goes to the connector's log, each line as if nothing had been said before."""
    found: list[str] = []

    class Catcher(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    logger, catcher = client_logger("consumer"), Catcher()
    level = logger.level
    monkeypatch.setattr(logs, "REPEAT_SECONDS", 0.0)
    logger.addHandler(catcher)
    logger.setLevel(logging.DEBUG)
    yield found
    logger.removeHandler(catcher)
    logger.setLevel(level)


def say_all(log: ClientLog) -> None:
    for level, text in lines():
        log.log(level, FORM, "BROKER", "rdkafka#consumer-1", text)


def silent(_: str, __: str) -> None:
    """Nobody listens to ids of topics."""


@pytest.mark.parametrize(
    ("conf", "count"),
    [
        ({}, 4),
        ({"log_level": 7}, 5),
        ({"log_level": "7"}, 5),
        ({"log_level": 6}, 4),
        ({"log_level": 4}, 3),
        ({"log_level": 3}, 2),
        ({"log_level": 0}, 1),
        ({"log_level": -1}, 1),
        ({"log_level": 99}, 5),
        ({"debug": "broker"}, 5),
        ({"debug": "broker", "log_level": 3}, 5),
        ({"debug": "", "log_level": 3}, 2),
    ],
)
def test_people_see_what_the_operator_wants_to_see_and_not_our_debugging(
    shown: list[str], conf: dict[str, Any], count: int
) -> None:
    """The client takes any `debug` for a wish to see everything, whatever `log_level` says; so it was before."""
    say_all(ClientLog("consumer", conf, silent))
    assert shown == [f"BROKER [rdkafka#consumer-1] {text}" for _, text in lines()[:count]]


@pytest.mark.parametrize(
    ("conf", "debug"), [({}, "metadata"), ({"debug": ""}, "metadata"), ({"debug": "cgrp,fetch"}, "cgrp,fetch,metadata")]
)
def test_the_client_debugs_its_metadata_beside_what_the_operator_asks_for(conf: dict[str, Any], debug: str) -> None:
    log = ClientLog("consumer", conf, silent)
    assert log.settings == {"debug": debug, "logger": log}


def test_the_ids_of_topics_are_reported_first_and_later_ones_and_nothing_else(shown: list[str]) -> None:
    told: list[tuple[str, str]] = []
    log = ClientLog("consumer", {}, lambda topic, topic_id: told.append((topic, topic_id)))
    for line in (
        f"Topic shop.orders changed id from AAAAAAAAAAAAAAAAAAAAAA to {ID}",
        f"[thrd:main]: 127.0.0.1:9092/1: Topic users changed id from {ID} to {OTHER}",
        f"Topic users partition 0 Leader 1 Epoch 3, id {ID}",
        "Topic users changed id from x to short",
        "Topic users changed",
    ):
        log.log(logging.DEBUG, FORM, "METADATA", "rdkafka#consumer-1", line)
    line = f"Topic plain changed id from {OTHER} to {ID}"
    log.log(logging.DEBUG, line)  # without arguments
    assert told == [("shop.orders", ID), ("users", OTHER), ("plain", ID)]
    assert shown == []


def test_an_id_is_reported_where_the_operator_sees_next_to_nothing(shown: list[str]) -> None:
    told: list[tuple[str, str]] = []
    log = ClientLog("consumer", {"log_level": 0}, lambda topic, topic_id: told.append((topic, topic_id)))
    log.log(logging.DEBUG, "%s", f"Topic users changed id from {OTHER} to {ID}")
    assert (told, shown) == ([("users", ID)], [])


def test_a_line_without_arguments_may_hold_a_percent_sign(shown: list[str]) -> None:
    ClientLog("consumer", {}, silent).log(logging.ERROR, "100% of the brokers are gone")
    assert shown == ["100% of the brokers are gone"]


def test_a_line_that_differs_in_numbers_alone_is_logged_once_a_minute(
    shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "REPEAT_SECONDS", REPEAT_SECONDS)
    log = ClientLog("consumer", {}, silent)
    for number in range(20):
        log.log(logging.ERROR, FORM, "FAIL", "rdkafka#consumer-1", f"connect failed after {number} ms, for the test")
    assert len(shown) == 1
