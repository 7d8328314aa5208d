"""librdkafka's own log lines, through Python's logging under one name, each at most once a minute.

Only its log shows that a topic's id has changed, which means that the topic was deleted and created again: there is a
debug line of the context `metadata` before the client reads on at the old offset.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

REPEAT_SECONDS = 60.0
# How many different lines are remembered; where there are more, some are logged more often.
REMEMBERED = 100

_VARYING = re.compile(r"#\w+-\d+|\d+")
_CHANGED_ID = re.compile(r"Topic (\S+) changed id from \S+ to ([A-Za-z0-9+/]{22})")
# librdkafka's log levels are syslog's; its default for `log_level`.
_INFO = 6
_PYTHON_LEVEL_BY_SYSLOG = (logging.CRITICAL,) * 3 + (
    logging.ERROR,
    logging.WARNING,
    logging.INFO,
    logging.INFO,
    logging.DEBUG,
)


def without_numbers(line: str) -> str:
    """Return the line without what varies in it, so that two of a kind are equal."""
    return _VARYING.sub("", line)


class _RateLimit(logging.Filter):
    """Lets a line through that was not logged in the last minute, whatever its numbers: a client that cannot connect
    logs that twenty times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._logged_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line = without_numbers(record.getMessage())
        now = time.monotonic()
        if now - self._logged_at.get(line, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        if len(self._logged_at) >= REMEMBERED:
            self._logged_at.clear()
        self._logged_at[line] = now
        return True


def client_logger(role: str) -> logging.Logger:
    """Return the logger to give to a client; `role` is part of its name: consumer, producer, admin or reader."""
    logger = logging.getLogger(f"librdkafka.{role}")
    if not any(isinstance(each, _RateLimit) for each in logger.filters):
        logger.addFilter(_RateLimit())
    return logger


class ClientLog:
    """The log of a client (`role`: consumer or producer): passes on the lines that its operator wants to see, and
    reports topics whose id has changed.

    `on_topic_id(topic, id)` is called on the thread that polls; of a consumer, before that poll returns what was read
    from the topic under this id. The first id of a topic is reported, too.
    """

    def __init__(self, role: str, conf: Mapping[str, Any], on_topic_id: Callable[[str, str], None]) -> None:
        wanted = str(conf.get("debug", ""))
        level = min(max(int(conf.get("log_level", _INFO)), 0), len(_PYTHON_LEVEL_BY_SYSLOG) - 1)
        self.settings = {"debug": f"{wanted},metadata" if wanted else "metadata", "logger": self}
        self._lowest = logging.DEBUG if wanted else _PYTHON_LEVEL_BY_SYSLOG[level]
        self._logger = client_logger(role)
        self._on_topic_id = on_topic_id

    def log(self, level: int, form: str, *arguments: object) -> None:
        """Called by the client while it polls. `level` is Python's."""
        line = form % arguments if arguments else form
        changed = _CHANGED_ID.search(line)
        if changed is not None:
            self._on_topic_id(changed[1], changed[2])
        if level >= self._lowest:
            self._logger.log(level, "%s", line)
