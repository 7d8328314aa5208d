"""The process's lines on standard error: every line is one JSON object, and none shows a value."""

from __future__ import annotations

import asyncio
import json
import logging
from io import StringIO
from typing import Any

import pytest
import structlog

from connector.errors import ConnectorError
from connector.operations.logs import MAX_BYTES, configure_logs

pytestmark = pytest.mark.usefixtures("logging_restored")

CANARY = "canary-4f1d"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream() -> StringIO:
    stream = StringIO()
    configure_logs(stream=stream)
    return stream


def lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(value: str) -> None:
    payload = {"email": value}
    raise ValueError(f"cannot handle {payload}")


def test_a_line_has_time_level_and_event_and_is_json_where_no_terminal_is(stream: StringIO) -> None:
    structlog.get_logger().warning("a commit failed", sink="mytracker", seconds=1.5, why=None)
    (line,) = lines(stream)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert line["timestamp"].endswith("Z")
    assert (line["level"], line["event"], line["sink"], line["seconds"]) == (
        "warning", "a commit failed", "mytracker", 1.5,
    )  # fmt: skip


def test_loggers_made_before_the_set_up_follow_it() -> None:
    early = structlog.get_logger()
    stream = StringIO()
    configure_logs(stream=stream)
    early.info("started")
    assert lines(stream)[0]["event"] == "started"


def test_librdkafkas_lines_come_through_under_their_logger(stream: StringIO) -> None:
    logging.getLogger("librdkafka.consumer").warning("REBALANCE [%s]", "thrd:main")
    (line,) = lines(stream)
    assert (line["logger"], line["event"], line["level"]) == ("librdkafka.consumer", "REBALANCE [thrd:main]", "warning")


def test_http_clients_do_not_tell_of_every_request(stream: StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: POST /?token=%s", CANARY)
    logging.getLogger("aiohttp.access").info("GET /")
    assert stream.getvalue() == ""


def test_an_exception_shows_where_and_what_but_no_value(stream: StringIO) -> None:
    try:
        fail(CANARY)
    except ValueError:
        structlog.get_logger().exception("routing failed")
    (line,) = lines(stream)
    assert CANARY not in stream.getvalue()
    assert line["exception"].splitlines()[-1] == "builtins.ValueError"
    assert "test_logs.py:" in line["exception"]
    assert line["exception"].splitlines()[-2].endswith("in fail")


def test_an_exception_of_another_library_is_treated_alike(stream: StringIO) -> None:
    try:
        fail(CANARY)
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling request")
    (line,) = lines(stream)
    assert CANARY not in stream.getvalue()
    assert line["exception"].endswith("builtins.ValueError")


def test_a_task_whose_error_nobody_took_does_not_show_it(stream: StringIO) -> None:
    loop = asyncio.new_event_loop()
    loop.call_exception_handler({"message": "never retrieved", "future": CANARY, "exception": ValueError(CANARY)})
    loop.close()
    assert CANARY not in stream.getvalue()
    assert lines(stream)[0]["event"] == "never retrieved"


def test_an_error_given_as_a_value_is_treated_alike(stream: StringIO) -> None:
    structlog.get_logger().error("a bug", exc_info=KeyError(CANARY))
    assert CANARY not in stream.getvalue()
    assert lines(stream)[0]["exception"] == "builtins.KeyError"


def test_our_own_messages_and_the_systems_are_shown_with_their_causes(stream: StringIO) -> None:
    try:
        try:
            raise FileNotFoundError(2, "No such file or directory", CANARY)
        except OSError as error:
            raise ConnectorError("file token cannot be read") from error
    except ConnectorError:
        structlog.get_logger().exception("no secret")
    told = lines(stream)[0]["exception"].splitlines()
    assert "builtins.FileNotFoundError: No such file or directory" in told
    assert "which led to" in told
    assert told[-1] == "connector.errors.ConnectorError: file token cannot be read"
    assert CANARY not in stream.getvalue()


def test_the_vendors_words_are_masked(stream: StringIO) -> None:
    structlog.get_logger().error("refused", vendor='bad value "Ann" for ann@example.org', why="topic t: port 9092")
    (line,) = lines(stream)
    assert line["vendor"] == "bad value ••• for •••"
    assert line["why"] == "topic t: port 9092"


def test_texts_end_after_one_kilobyte_and_a_trace_keeps_its_end(stream: StringIO) -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        raise ConnectorError("at the end")

    try:
        deep(60)
    except ConnectorError:
        structlog.get_logger().exception("é" * 2000, sinks=["s" * 3000, "mytracker"], topics={"t" * 3000})
    (line,) = lines(stream)
    assert len(line["event"].encode()) <= MAX_BYTES + len("…".encode())
    assert [len(each) for each in line["sinks"]] == [MAX_BYTES + 1, len("mytracker")]
    assert line["topics"].endswith("…")
    assert line["exception"].endswith("at the end")


def test_a_terminal_gets_readable_lines() -> None:
    stream = Terminal()
    configure_logs(stream=stream)
    structlog.get_logger().info("started", sink="mytracker")
    assert "started" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


def test_a_terminals_exceptions_show_no_value_either() -> None:
    stream = Terminal()
    configure_logs(stream=stream)
    try:
        fail(CANARY)
    except ValueError:
        structlog.get_logger().exception("routing failed")
    assert CANARY not in stream.getvalue()
    assert "builtins.ValueError" in stream.getvalue()


def test_json_can_be_had_on_a_terminal_too() -> None:
    stream = Terminal()
    configure_logs(json=True, level="debug", stream=stream)
    structlog.get_logger().debug("seen")
    assert lines(stream)[0]["event"] == "seen"


def test_lines_below_the_level_are_not_written() -> None:
    stream = StringIO()
    configure_logs(level="error", stream=stream)
    structlog.get_logger().warning("quiet")
    assert stream.getvalue() == ""
