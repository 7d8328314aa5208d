"""librdkafka's own log lines, through Python's logging under one name, each said once a minute.

One thing the consumer says in its log alone: that a topic's id has changed, which means that the topic was deleted and
made anew. It says so, as a debug line of its context `metadata`, before it reads on at the old offset.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

REPEAT_SECONDS = 60.0
# How many different lines are remembered; where there are more, some are said more often.
REMEMBERED = 100

_VARYING = re.compile(r"#\w+-\d+|\d+")
_CHANGED_ID = re.compile(r"Topic (\S+) changed id from \S+ to ([A-Za-z0-9+/]{22})")
# librdkafka's log levels are syslog's; so many of them are for people unless `log_level` says otherwise.
_INFO = 6
_PYTHONS_LEVELS = (logging.CRITICAL,) * 3 + (logging.ERROR, logging.WARNING, logging.INFO, logging.INFO, logging.DEBUG)


def without_numbers(line: str) -> str:
    """The line without what varies in it, so that two of a kind read the same."""
    return _VARYING.sub("", line)


class _Seldom(logging.Filter):
    """Lets a line through that was not said in the last minute, whatever its numbers: a client that cannot connect
    says so twenty times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line = without_numbers(record.getMessage())
        now = time.monotonic()
        if now - self._said.get(line, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        self._said[line] = now
        return True


def client_logger(role: str) -> logging.Logger:
    """The logger handed to a client; `role` is consumer or producer."""
    logger = logging.getLogger(f"librdkafka.{role}")
    if not any(isinstance(each, _Seldom) for each in logger.filters):
        logger.addFilter(_Seldom())
    return logger


class ClientLog:
    """What a client (`role`: consumer or producer) logs: passes on what its operator wants to see, and tells of topics
    whose id changed.

    `on_topic_id(topic, id)` is called on the thread that polls; of a consumer, before that poll returns what was read
    from the topic under this id. The first id of a topic is told, too.
    """

    def __init__(self, role: str, conf: Mapping[str, Any], on_topic_id: Callable[[str, str], None]) -> None:
        wanted = str(conf.get("debug", ""))
        level = min(max(int(conf.get("log_level", _INFO)), 0), len(_PYTHONS_LEVELS) - 1)
        self.settings = {"debug": f"{wanted},metadata" if wanted else "metadata", "logger": self}
        self._lowest = logging.DEBUG if wanted else _PYTHONS_LEVELS[level]
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
